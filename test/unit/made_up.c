// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adding a machine is adding a folder: here is one that nobody built. It is big-endian, all its instructions have four
 * bytes, its branches count words from their own place, and an address takes two instructions, for its halves. Objects
 * of it are written, read, compared by the whole differ, and what comes out is read again.
 */
#define arch_x86_64 made_up /* in the place of a machine that arch.c knows */
#include "lib/arch/arch.c"

int differ_main(int argc, char **argv);
#define main differ_main
#include "create-diff-object/main.c"
#undef main

#include <fcntl.h>
#include <unistd.h>

#include "lib/arch/dataflow.h"
#include "lib/elf/write/builder.h"
#include "lib/util/bytes.h"
#include "test/unit/tap.h"

enum { R_64 = 1, R_REL32, R_CALL, R_HIGH, R_LOW, R_SPLIT, N_RELOCS };

static const struct reloc_type made_up_relocs[] = {
	[R_NONE] = { .name = "R_NONE" },
	[R_64] = { .name = "R_64", .width = 8, .loaded = true },
	[R_REL32] = { .name = "R_REL32", .width = 4, .pc_relative = true, .is_signed = true, .loaded = true },
	[R_CALL] = { .name = "R_CALL",
		     .width = 4,
		     .pc_relative = true,
		     .is_signed = true,
		     .loaded = true,
		     .parts = { { 24, 2, 0 } } },
	[R_HIGH] = { .name = "R_HIGH",
		     .width = 4,
		     .is_signed = true,
		     .loaded = true,
		     .drops_low = true,
		     .rounds = true,
		     .parts = { { 16, 16, 0 } } },
	[R_LOW] = { .name = "R_LOW",
		    .width = 4,
		    .is_signed = true,
		    .loaded = true,
		    .drops_high = true,
		    .parts = { { 16, 0, 0 } } },
	/* the value's bits 12 and 13 at the top, those from 14 on at the bottom */
	[R_SPLIT] = { .name = "R_SPLIT",
		      .width = 4,
		      .is_signed = true,
		      .drops_low = true,
		      .parts = { { 2, 12, 22 }, { 19, 14, 0 } } },
};

/* Instructions, by their first byte. */
enum {
	ADD = 0x10,
	CALL = 0x20,
	JUMP = 0x21,
	BRANCH = 0x22,
	HIGH = 0x30,
	LOW = 0x31,
	RETURN = 0x40,
	TRAP = 0x50
};

static void made_up_decode_init(void *state)
{
	(void)state;
}

static void made_up_decode(const void *state, const uint8_t *code, size_t size, struct insn *out)
{
	(void)state;
	*out = (struct insn){ .length = 1 };
	if (size < 4)
		return;
	*out = (struct insn){ .length = 4, .valid = true, .condition = OTHER_CONDITION };
	switch (code[0]) {
	case CALL:
	case JUMP:
	case BRANCH:
		out->flow = code[0] == CALL ? FLOW_CALL : code[0] == JUMP ? FLOW_JUMP : FLOW_BRANCH;
		out->condition = 1;
		out->relative = true;
		out->width = 4;
		out->type = R_CALL;
		out->distance = reloc_get(&made_up_relocs[R_CALL], true, code);
		break;
	case RETURN:
		out->flow = FLOW_AWAY;
	}
}

static void made_up_read(const uint8_t *code, size_t size, uint64_t field, struct insn_flow *out)
{
	struct insn insn;

	made_up_decode(NULL, code, size, &insn);
	*out = (struct insn_flow){ .length = insn.length,
				   .flow = (uint8_t)insn.flow,
				   .distance = insn.distance };
	if (field < insn.length)
		out->access = ACCESS_ADDRESS;
}

static void made_up_dataflow(const uint8_t *code, size_t size, uint32_t offset, struct dataflow_insn *out)
{
	struct insn insn;

	made_up_decode(NULL, code + offset, size - offset, &insn);
	*out = (struct dataflow_insn){ .offset = offset,
				       .length = insn.valid ? 4 : 0,
				       .kind = insn.flow == FLOW_AWAY ? GO_RETURN :
					       insn.flow == FLOW_CALL ? GO_CALL :
									GO_ON,
				       .values = UINT32_MAX,
				       .strange = true };
}

static bool is_op(const struct code_field *f, uint8_t one, uint8_t other)
{
	uint8_t op = f->offset + 4 <= f->size ? f->code[f->offset] : 0;

	return op == one || op == other;
}

static bool made_up_is_branch(const struct code_field *f)
{
	return is_op(f, CALL, JUMP);
}
static bool made_up_is_call(const struct code_field *f)
{
	return is_op(f, CALL, CALL);
}
static bool made_up_is_stored(const struct code_field *f)
{
	return false;
}
static bool made_up_is_compared(const struct code_field *f, uint64_t *start)
{
	*start = f->offset;
	return false;
}

static bool made_up_only_lines(const uint8_t *was, const uint8_t *is, size_t size,
			       const struct line_questions *ask, struct line_arguments *found)
{
	return false;
}

static bool made_up_trace_site(const uint8_t *code, size_t size, uint64_t entry, uint64_t offset)
{
	return offset == entry;
}

static int made_up_traced_at(const uint8_t *code, size_t size)
{
	return size >= 4 && code[0] == CALL ? 0 : -1;
}
static enum call_kind made_up_call_kind(const char *callee)
{
	return CALL_C;
}

static const struct special_section made_up_specials[] = { { .special = { .name = NULL } } };

const struct arch made_up = {
	.machine = 0xbead,
	.name = "made-up",
	.deb = "madeup",
	.big_endian = true,
	.follows_values = true,
	.source = { .directory = "arch/made-up" },
	.specials = made_up_specials,
	.relocs = made_up_relocs,
	.n_relocs = N_RELOCS,
	.pointer_type = R_64,
	.relative_type = R_REL32,
	.call_type = R_CALL,
	.decode_init = made_up_decode_init,
	.decode = made_up_decode,
	.read_insn = made_up_read,
	.dataflow = made_up_dataflow,
	.is_branch = made_up_is_branch,
	.is_call = made_up_is_call,
	.is_compared = made_up_is_compared,
	.is_stored = made_up_is_stored,
	.only_lines = made_up_only_lines,
	.trace_symbol = "_trace",
	.trace_site = made_up_trace_site,
	.traced_at = made_up_traced_at,
	.stack_pointer = 1,
	.return_size = 8,
	.call_kind = made_up_call_kind,
};

/* Fields */

static bool unit_is(const uint8_t *unit, uint32_t want)
{
	return get_unsigned(unit, 4, true) == want;
}

static void test_fields(void)
{
	const struct reloc_type *call = &made_up_relocs[R_CALL], *high = &made_up_relocs[R_HIGH],
				*low = &made_up_relocs[R_LOW], *split = &made_up_relocs[R_SPLIT];
	uint8_t a[4] = { CALL, 0, 0, 0 }, b[4] = { HIGH, 0, 0, 0 }, c[4] = { LOW, 0, 0, 0 };
	static const int64_t values[] = { 0, 0x7fff, 0x8000, 0x12345678, -0x12348000, -1 };

	ok(reloc_put(call, true, a, -8) && unit_is(a, 0x20fffffe), "a distance in words, its sign included");
	ok_number(reloc_get(call, true, a), -8, "and read again");
	ok(reloc_put(call, true, a, 0x1fffffc) && unit_is(a, 0x207fffff), "the longest one forward");
	ok(!reloc_put(call, true, a, 0x2000000) && unit_is(a, 0x207fffff), "a longer one does not fit");
	ok(reloc_put(call, true, a, -0x2000000) && !reloc_put(call, true, a, -0x2000004), "nor backward");
	ok(!reloc_put(call, true, a, 6), "half a word has no place");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		ok(reloc_put(high, true, b, values[i]) && reloc_put(low, true, c, values[i]) &&
			   reloc_get(high, true, b) + reloc_get(low, true, c) == values[i],
		   "the halves of %#llx add up", (unsigned long long)values[i]);
	ok(b[0] == HIGH && c[0] == LOW, "what the instructions are stays");
	ok(!reloc_put(high, true, b, 0x7fff8000), "a high half beyond its bits, by rounding");
	memset(a, 0xff, 4);
	ok(reloc_put(split, true, a, 0x5fff) && unit_is(a, 0xff780001), "a value in two parts");
	ok_number(reloc_get(split, true, a), 0x5000, "and read again, without what was dropped");
	ok(reloc_put(split, true, a, -0x1000) && reloc_get(split, true, a) == -0x1000, "a negative one");
	reloc_clear(split, true, a);
	ok(unit_is(a, 0xff380000), "only the field becomes zero");
	ok(reloc_byte(call, true, 0) == 0 && reloc_byte(call, true, 3) == 0xff &&
		   reloc_byte(call, false, 3) == 0 && reloc_byte(split, true, 1) == 0xc7,
	   "the bits of each byte, in either order");
	ok_number((long long)reloc_differs_around(call, true, (const uint8_t *)"\x20\1\2\3",
						  (const uint8_t *)"\x20\4\5\6"),
		  4, "only the field differs");
	ok_number((long long)reloc_differs_around(split, true, (const uint8_t *)"\0\xff\0\0",
						  (const uint8_t *)"\0\xef\0\0"),
		  1, "a bit beside the field differs");
}

/* Objects */

static struct builder_section *text(struct builder *b, const char *name, const uint32_t *code, size_t n)
{
	char section[64];
	uint8_t bytes[64];
	struct builder_section *s;

	snprintf(section, sizeof(section), ".text.%s", name);
	for (size_t i = 0; i < n; i++)
		put_unsigned(bytes + 4 * i, 4, true, code[i]);
	s = builder_section(b, section, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 4, 0);
	builder_append(b, s, bytes, 4 * n, 4);
	return s;
}

/*
 * f() counts and calls ext(), g() jumps or calls to it, h() is the same whatever the linker's fields held before. A bug
 * table has a line for each of f() and g().
 */
static bool write_object(const char *path, uint32_t add, uint32_t go, uint32_t junk, unsigned int line)
{
	struct builder *b = builder_new(0xbead, 0);
	const uint32_t f[] = { CALL << 24, HIGH << 24, LOW << 24,   ADD << 24 | add,
			       TRAP << 24, CALL << 24, RETURN << 24 },
		       g[] = { CALL << 24, TRAP << 24, go << 24, RETURN << 24 },
		       h[] = { CALL << 24, CALL << 24 | junk, RETURN << 24 };
	struct builder_section *sf = text(b, "f", f, 7), *sg = text(b, "g", g, 4), *sh = text(b, "h", h, 3),
			       *data, *bugs, *strings;
	struct builder_symbol *file, *count, *ext, *trace;
	uint8_t entries[24] = { 0 };
	bool written;

	put_unsigned(entries + 8, 2, true, line);
	put_unsigned(entries + 12 + 8, 2, true, line + 10);
	data = builder_section(b, ".data.count", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 8, 0);
	builder_append(b, data, NULL, 8, 8);
	bugs = builder_section(b, "__bug_table", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 4, 0);
	builder_append(b, bugs, entries, sizeof(entries), 4);
	strings =
		builder_section(b, ".rodata.str1.1", SHT_PROGBITS, SHF_ALLOC | SHF_MERGE | SHF_STRINGS, 1, 1);
	builder_append(b, strings, "file.c", 7, 1);
	file = builder_section_symbol(b, strings);
	builder_symbol(b, "file.c", STB_LOCAL, STT_FILE, NULL, SHN_ABS, 0, 0);
	count = builder_symbol(b, "count", STB_LOCAL, STT_OBJECT, data, 0, 0, 8);
	builder_symbol(b, "f", STB_GLOBAL, STT_FUNC, sf, 0, 0, 28);
	builder_symbol(b, "g", STB_GLOBAL, STT_FUNC, sg, 0, 0, 16);
	builder_symbol(b, "h", STB_GLOBAL, STT_FUNC, sh, 0, 0, 12);
	ext = builder_symbol(b, "ext", STB_GLOBAL, STT_NOTYPE, NULL, 0, 0, 0);
	trace = builder_symbol(b, "_trace", STB_GLOBAL, STT_NOTYPE, NULL, 0, 0, 0);
	builder_reloc(b, sf, 0, R_CALL, trace, 0);
	builder_reloc(b, sf, 4, R_HIGH, count, 4);
	builder_reloc(b, sf, 8, R_LOW, count, 4);
	builder_reloc(b, sf, 20, R_CALL, ext, 0);
	builder_reloc(b, sg, 0, R_CALL, trace, 0);
	builder_reloc(b, sg, 8, R_CALL, ext, 0);
	builder_reloc(b, sh, 0, R_CALL, trace, 0);
	builder_reloc(b, sh, 4, R_CALL, ext, 0);
	builder_reloc(b, bugs, 0, R_REL32, builder_section_symbol(b, sf), 16);
	builder_reloc(b, bugs, 4, R_REL32, file, 0);
	builder_reloc(b, bugs, 12, R_REL32, builder_section_symbol(b, sg), 4);
	builder_reloc(b, bugs, 16, R_REL32, file, 0);
	written = builder_write(b, path) == 0;
	builder_free(b);
	return written;
}

static void write_text(const char *path, const char *s)
{
	FILE *f = fopen(path, "w");

	if (f && fputs(s, f) >= 0)
		fclose(f);
}

static int differ(void)
{
#define WORD(s)                                                                                              \
	(char[])                                                                                             \
	{                                                                                                    \
		s                                                                                            \
	}
	char *argv[] = { WORD("create-diff-object"), WORD("--kallsyms"),     WORD("kallsyms"),
			 WORD("--symvers"),	     WORD("Module.symvers"), WORD("original.o"),
			 WORD("patched.o"),	     WORD("out.o"),	     NULL };

	unlink("out.o");
	optind = 0;
	return differ_main(8, argv);
}

static uint32_t word(const struct object *o, const char *section, uint64_t at)
{
	const struct section *s = object_section(o, section);

	return s && s->data && at + 4 <= s->size ? (uint32_t)get_unsigned(s->data + at, 4, true) : UINT32_MAX;
}

/* The reference at @at of the section's first atom: its type, the name that it leads to and its addend. */
static bool has_ref(const struct object *o, const char *section, uint64_t at, uint32_t type, const char *name,
		    int64_t addend)
{
	const struct section *s = object_section(o, section);
	const struct atom *a = s && s->n_atoms ? &o->atoms[s->first_atom] : NULL;

	for (uint32_t i = 0; a && i < a->n_refs; i++) {
		const struct ref *r = &o->refs[a->first_ref + i];

		if (r->offset != at)
			continue;
		ok_string(o->atoms[r->target].name, name, section);
		return ok(r->type == type && r->addend == addend, "%s+%llu: type and addend", section,
			  (unsigned long long)at);
	}
	return ok(false, "%s+%llu has no reference", section, (unsigned long long)at);
}

static const struct atom *named(const struct object *o, const char *name)
{
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (!strcmp(o->atoms[i].name, name))
			return &o->atoms[i];
	return NULL;
}

static struct object *read_again(const char *path)
{
	struct diags *diags = diags_new();
	struct object *o = NULL;

	ok_number(object_open(path, diags, &o), 0, path);
	diags_free(diags);
	return o;
}

static void test_reading(void)
{
	struct object *o = read_again("original.o");
	const struct atom *f = o ? named(o, "f") : NULL;
	const struct section *bugs = o ? object_section(o, "__bug_table") : NULL;

	if (!ok(f && bugs, "a big-endian object is read"))
		return;
	ok(f->traced && f->size == 28, "f() is traced");
	has_ref(o, ".text.f", 4, R_HIGH, "count", 4);
	has_ref(o, ".text.f", 20, R_CALL, "ext", 0);
	ok(bugs->n_atoms == 2 && o->atoms[bugs->first_atom].owner == f->id &&
		   !strcmp(o->atoms[o->atoms[bugs->first_atom + 1].owner].name, "g"),
	   "each bug table entry has its owner");
	object_free(o);
}

static void test_differ(void)
{
	struct object *o;

	ok_number(differ(), EXIT_NO_CHANGE, "lines and what a field held change nothing");
	write_object("patched.o", 2, JUMP, 0x123456, 100);
	ok_number(differ(), EXIT_WRITTEN, "a constant and what a relocated instruction does");
	o = read_again("out.o");
	if (!o)
		return;
	ok(o->data[EI_DATA] == ELFDATA2MSB && o->arch == &made_up, "the result is an object of the machine");
	ok(named(o, "f") && named(o, "g") && !object_section(o, ".text.h"),
	   "f() and g() are in it, h() is not");
	ok_number(word(o, ".text.f", 12), ADD << 24 | 2, "f()'s new constant");
	ok_number(word(o, ".text.g", 8), (uint32_t)JUMP << 24, "g()'s new instruction, its field empty");
	has_ref(o, ".text.f", 0, R_CALL, "_trace", 0);
	has_ref(o, ".text.g", 8, R_CALL, ".klp.ref.vmlinux.vmlinux.ext,0", 0);
	ok_number(word(o, "__bug_table", 8), 100u << 16, "f()'s line, in the machine's order");
	object_free(o);
}

static void test_other_order(void)
{
	FILE *f = fopen("original.o", "r+b");

	if (!f)
		return;
	fseek(f, EI_DATA, SEEK_SET);
	fputc(ELFDATA2LSB, f);
	fclose(f);
	ok_number(differ(), EXIT_ERROR, "an object of the other byte order is refused");
}

int main(int argc, char **argv)
{
	if (argc != 2 || chdir(argv[1]))
		return 2;
	write_text(
		"kallsyms",
		"0000000081000000 T _stext\n0000000081000100 T f\n0000000081000200 T g\n0000000081000300 T h\n"
		"0000000081000400 T ext\n0000000082000000 d count\n");
	write_text("Module.symvers", "0x00000001\t_trace\tvmlinux\tEXPORT_SYMBOL\t\n");
	test_fields();
	ok(write_object("original.o", 1, CALL, 0, 50) && write_object("patched.o", 1, CALL, 0x123456, 60),
	   "objects are written");
	test_reading();
	test_differ();
	test_other_order();
	return tap_done();
}
