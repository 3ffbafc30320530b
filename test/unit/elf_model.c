// SPDX-License-Identifier: GPL-2.0-only
/*
 * The object model on objects made by hand: how sections are cut, where references lead, what is
 * refused. Also damage: every truncation of a small object, and random corruption from a seed
 * (argument; printed), which must give an object or an error and never a crash.
 */
#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/elf/object.h"
#include "lib/elf/write/builder.h"
#include "lib/util/diag.h"
#include "test/unit/tap.h"

#define TEXT (SHF_ALLOC | SHF_EXECINSTR)
#define DATA (SHF_ALLOC | SHF_WRITE)

/* An object under test with all that belongs to it. */
struct fixture {
	struct builder *b;
	uint8_t *data;
	size_t size;
	struct diags *diags;
	struct object *o;
};

static int finish(struct fixture *f)
{
	if (builder_finish(f->b, &f->data, &f->size))
		abort();
	builder_free(f->b);
	f->b = NULL;
	f->diags = diags_new();
	return object_read("test.o", f->data, f->size, f->diags, &f->o);
}

static void release(struct fixture *f)
{
	object_free(f->o);
	diags_free(f->diags);
	free(f->data);
	*f = (struct fixture){ 0 };
}

static struct builder_section *add(struct fixture *f, const char *name, uint64_t flags, const void *bytes,
				   size_t size)
{
	struct builder_section *s = builder_section(f->b, name, SHT_PROGBITS, flags, 1, 0);

	builder_append(f->b, s, bytes, size, 1);
	return s;
}

static struct builder_symbol *func(struct fixture *f, const char *name, struct builder_section *s,
				   uint64_t value, uint64_t size)
{
	return builder_symbol(f->b, name, STB_LOCAL, STT_FUNC, s, 0, value, size);
}

static struct builder_symbol *obj(struct fixture *f, const char *name, struct builder_section *s,
				  uint64_t value, uint64_t size)
{
	return builder_symbol(f->b, name, STB_LOCAL, STT_OBJECT, s, 0, value, size);
}

static struct builder_symbol *label(struct fixture *f, const char *name, struct builder_section *s,
				    uint64_t value)
{
	return builder_symbol(f->b, name, STB_LOCAL, STT_NOTYPE, s, 0, value, 0);
}

static const struct atom *by_name(const struct object *o, const char *name)
{
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (!strcmp(o->atoms[i].name, name))
			return &o->atoms[i];
	return NULL;
}

/* "name offset size" of each atom of a section, joined: what a section was cut into. */
static const char *cut_of(const struct object *o, const char *section)
{
	static char text[4096];
	const struct section *s = object_section(o, section);
	size_t n = 0;

	text[0] = 0;
	for (uint32_t i = 0; s && i < s->n_atoms && n < sizeof(text); i++) {
		const struct atom *a = &o->atoms[s->first_atom + i];

		n += snprintf(text + n, sizeof(text) - n, "%s%s@%llu+%llu", i ? " " : "",
			      a->symbol ? a->name : "-", (unsigned long long)a->offset,
			      (unsigned long long)a->size);
	}
	return text;
}

/* "atom+0xoffset->target+addend/bias" of each reference of a section. */
static const char *refs_of(const struct object *o, const char *section)
{
	static char text[4096];
	const struct section *s = object_section(o, section);
	size_t n = 0;

	text[0] = 0;
	for (uint32_t i = 0; s && i < s->n_atoms; i++) {
		const struct atom *a = &o->atoms[s->first_atom + i];

		for (uint32_t k = 0; k < a->n_refs && n < sizeof(text); k++) {
			const struct ref *r = &o->refs[a->first_ref + k];

			n += snprintf(text + n, sizeof(text) - n, "%s%s+%u->%s%+lld/%lld%s", n ? " " : "",
				      a->name, r->offset, o->atoms[r->target].name, (long long)r->addend,
				      (long long)r->bias, r->decoded ? "d" : "");
		}
	}
	return text;
}

static void test_cut_data(void)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	uint8_t bytes[64] = { [40] = 1 };
	struct builder_section *s = add(&f, ".data", DATA, bytes, 64);

	obj(&f, "first", s, 4, 8);
	obj(&f, "inside", s, 6, 2);
	obj(&f, "alias", s, 4, 8);
	builder_symbol(f.b, "a_label", STB_GLOBAL, STT_NOTYPE, s, 0, 4, 0);
	obj(&f, "key", s, 16, 0); /* shares the address of what follows, and is not it */
	obj(&f, "second", s, 16, 8);
	obj(&f, "overlap", s, 20, 8);
	obj(&f, "lone_key", s, 32, 0); /* nothing but zeroes up to the next symbol */
	obj(&f, "sizeless", s, 36, 0); /* bytes that only it can name */
	label(&f, "label", s, 48);
	label(&f, "label2", s, 48);
	label(&f, ".L5", s, 50);
	label(&f, "end", s, 64);
	ok_number(finish(&f), 0, "data: read");
	ok_string(cut_of(f.o, ".data"),
		  "-@0+4 alias@4+8 -@12+4 key@16+0 second@16+12 -@28+4 lone_key@32+0 -@32+4 sizeless@36+12 "
		  "label@48+16 end@64+0",
		  "data: every byte goes to one atom");
	ok_number(by_name(f.o, "alias")->n_symbols, 4, "data: aliases and symbols inside");
	ok(object_atom_at(f.o, object_section(f.o, ".data")->index, 64) == by_name(f.o, "label")->id,
	   "the end of a section is in its last atom with bytes");
	ok(object_atom_at(f.o, object_section(f.o, ".data")->index, 16) == by_name(f.o, "second")->id,
	   "a byte is in the atom that has bytes");
	ok(object_atom_at(f.o, object_section(f.o, ".data")->index, 65) == NO_ATOM, "beyond a section");
	release(&f);
}

static void test_cut_strings(void)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	struct builder_section *one = builder_section(f.b, ".rodata.str1.1", SHT_PROGBITS,
						      SHF_ALLOC | SHF_MERGE | SHF_STRINGS, 1, 1);
	struct builder_section *eight = builder_section(f.b, ".rodata.str1.8", SHT_PROGBITS,
							SHF_ALLOC | SHF_MERGE | SHF_STRINGS, 8, 1);
	struct builder_section *cst =
		builder_section(f.b, ".rodata.cst4", SHT_PROGBITS, SHF_ALLOC | SHF_MERGE, 4, 4);
	struct builder_section *data = add(&f, ".data", DATA, NULL, 32);
	struct builder_symbol *lc = label(&f, ".LC1", one, 4);

	builder_append(f.b, one, "abc\0\0de", 8, 1);
	builder_append(f.b, eight, "12345\0\0\0\0\0\0\0\0\0\0\0x\0\0y", 20, 8);
	builder_append(f.b, cst, "\1\2\3\4\5\6\7\10\11", 9, 4);
	builder_reloc(f.b, data, 0, R_X86_64_64, builder_section_symbol(f.b, one), 2);
	builder_reloc(f.b, data, 8, R_X86_64_64, lc, 1);
	builder_reloc(f.b, data, 16, R_X86_64_64, builder_section_symbol(f.b, eight), 16);
	builder_reloc(f.b, data, 24, R_X86_64_64, builder_section_symbol(f.b, cst), 4);
	ok_number(finish(&f), 0, "strings: read");
	ok_string(cut_of(f.o, ".rodata.str1.1"), "-@0+4 -@4+1 -@5+3",
		  "strings: one atom each, the empty one too");
	ok_string(cut_of(f.o, ".rodata.str1.8"), "-@0+6 -@6+2 -@8+1 -@9+7 -@16+2 -@18+1 -@19+1",
		  "aligned strings: padding is no string");
	ok_number(f.o->atoms[object_atom_at(f.o, object_section(f.o, ".rodata.str1.8")->index, 19)].kind,
		  ATOM_BYTES, "bytes without a terminator are no string");
	ok_string(cut_of(f.o, ".rodata.cst4"), "-@0+4 -@4+4 -@8+1", "constants: by entry size");
	ok_string(refs_of(f.o, ".data"),
		  ".data+0x0+0->.rodata.str1.1+0x0+2/0 .data+0x0+8->.rodata.str1.1+0x4+1/0 "
		  ".data+0x0+16->.rodata.str1.8+0x10+0/0 .data+0x0+24->.rodata.cst4+0x4+0/0",
		  "references to strings and constants");
	release(&f);
}

/* nop; (two bytes of no-operation padding); f: nop, call g (resolved); int3; g: jmp f; lea f(%rip) */
static const uint8_t code[] = {
	0x66, 0x90,				  /* 0: padding */
	0x90,					  /* 2: f */
	0xe8, 0x01, 0x00, 0x00, 0x00,		  /* 3: call g */
	0xcc,					  /* 8: covered by nobody */
	0xeb, 0xf7,				  /* 9: g: jmp f */
	0x48, 0x8d, 0x05, 0xf0, 0xff, 0xff, 0xff, /* 11: lea f(%rip), %rax */
	0x83, 0x3d, 0x00, 0x00, 0x00, 0x00, 0x07, /* 18: cmpl $7, x(%rip) */
	0x74, 0xee,				  /* 25: je g */
	0xe8, 0x00, 0x00, 0x00, 0x00,		  /* 27: call, relocated */
};

static void test_code(void)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	struct builder_section *s = add(&f, ".noinstr.text", TEXT, code, sizeof(code));
	struct builder_section *data = add(&f, ".data", DATA, NULL, 16);

	func(&f, "f", s, 2, 6);
	builder_symbol(f.b, "g", STB_GLOBAL, STT_FUNC, s, 0, 9, 23);
	label(&f, "inside_g", s, 18); /* branches across it stay in g */
	obj(&f, "x", data, 0, 8);
	obj(&f, "y", data, 8, 8);
	builder_reloc(f.b, s, 28, R_X86_64_PLT32, builder_section_symbol(f.b, s), 2 - 4);
	builder_reloc(f.b, s, 20, R_X86_64_PC32, builder_section_symbol(f.b, data), 8 - 5);
	ok_number(finish(&f), 0, "code: read");
	ok_string(cut_of(f.o, ".noinstr.text"), "f@0+8 -@8+1 g@9+23",
		  "padding goes to the function that it precedes");
	ok_number(by_name(f.o, "f")->entry, 2, "its entry is behind the padding");
	ok(by_name(f.o, "f")->local && !by_name(f.o, "g")->local, "local and global");
	ok_string(refs_of(f.o, ".noinstr.text"),
		  "f+4->g+0/-4d g+1->f+2/-1d g+5->f+2/-4d g+11->y+0/-5 g+19->f+2/-4",
		  "branches that leave their function, and fields before the end of an instruction");
	release(&f);
}

static void test_prefix_symbols(void)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	uint8_t bytes[64];
	struct builder_section *s, *pads;

	memset(bytes, 0x90, sizeof(bytes));
	s = add(&f, ".text", TEXT, bytes, 64);
	pads = add(&f, "__patchable_function_entries", DATA, NULL, 16);
	func(&f, "a", s, 4, 8); /* nothing but no-operations before it in the section */
	func(&f, "__pfx_b", s, 16, 4);
	func(&f, "b", s, 20, 8);
	func(&f, "__pfx_other", s, 28, 4); /* names nothing that follows */
	func(&f, "c", s, 32, 8);
	func(&f, "d", s, 48, 8);
	func(&f, "e", s, 60, 4);
	builder_reloc(f.b, pads, 0, R_X86_64_64, builder_section_symbol(f.b, s), 44);
	builder_reloc(f.b, pads, 8, R_X86_64_64, builder_section_symbol(f.b, s), 60);
	ok_number(finish(&f), 0, "prefixes: read");
	ok_string(cut_of(f.o, ".text"),
		  "a@0+12 -@12+4 b@16+12 __pfx_other@28+4 c@32+8 -@40+4 d@44+12 -@56+4 e@60+4",
		  "prefixes: by __pfx_ symbol, by table, and at the start of a section");
	ok(by_name(f.o, "a")->entry == 4 && by_name(f.o, "b")->entry == 4 && by_name(f.o, "d")->entry == 4 &&
		   by_name(f.o, "c")->entry == 0 && by_name(f.o, "e")->entry == 0,
	   "prefixes: entries");
	ok_number(by_name(f.o, "b")->n_symbols, 2, "the prefix symbol is one of the function's");
	ok_string(refs_of(f.o, "__patchable_function_entries"),
		  "__patchable_function_entries+0x0+0->d+0/0 __patchable_function_entries+0x8+0->e+0/0",
		  "entries lead to the padding's start");
	release(&f);
}

static void test_outside_pointers(void)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	struct builder_section *s = add(&f, ".data.rel", DATA, NULL, 60), *bss, *split;
	struct builder_symbol *a, *abs, *undefined, *livepatch;

	bss = builder_section(f.b, ".bss", SHT_NOBITS, DATA, 8, 0);
	split = builder_section(f.b, ".bss.split", SHT_NOBITS, DATA, 8, 0);
	builder_append(f.b, bss, NULL, 32, 8);
	builder_append(f.b, split, NULL, 16, 8);
	a = obj(&f, "a", bss, 0, 16);
	obj(&f, "b", bss, 16, 16);
	obj(&f, "split", split, 0, 16);
	abs = builder_symbol(f.b, "abs", STB_GLOBAL, STT_NOTYPE, NULL, SHN_ABS, 64, 0);
	undefined = builder_symbol(f.b, "undefined", STB_GLOBAL, STT_NOTYPE, NULL, SHN_UNDEF, 0, 0);
	livepatch = builder_symbol(f.b, ".klp.sym.vmlinux.x,0", STB_GLOBAL, STT_NOTYPE, NULL, 0xff20, 0, 0);
	builder_reloc(f.b, s, 0, R_X86_64_64, a, 16); /* one past a: still about a */
	builder_reloc(f.b, s, 8, R_X86_64_32, a, -8);
	builder_reloc(f.b, s, 12, R_X86_64_64, builder_section_symbol(f.b, split), -8);
	builder_reloc(f.b, s, 20, R_X86_64_64, builder_section_symbol(f.b, split), 24);
	builder_reloc(f.b, s, 28, R_X86_64_64, abs, 1);
	builder_reloc(f.b, s, 36, R_X86_64_64, undefined, 2);
	builder_reloc(f.b, s, 44, R_X86_64_32S, NULL, 3);
	builder_reloc(f.b, s, 48, R_X86_64_64, livepatch, 4);
	builder_reloc(f.b, s, 56, R_X86_64_PC32, builder_section_symbol(f.b, bss), 16);
	builder_reloc(f.b, s, 60, R_X86_64_NONE, undefined, 0);
	ok_number(finish(&f), 0, "pointers: read");
	ok_string(
		refs_of(f.o, ".data.rel"),
		".data.rel+0x0+0->a+16/0 .data.rel+0x0+8->a-8/0 .data.rel+0x0+12->split-8/0 "
		".data.rel+0x0+20->split+24/0 .data.rel+0x0+28->abs+1/0 .data.rel+0x0+36->undefined+2/0 "
		".data.rel+0x0+44->*ABS*+3/0 .data.rel+0x0+48->.klp.sym.vmlinux.x,0+4/0 .data.rel+0x0+56->b+0/0 "
		".data.rel+0x0+60->undefined+0/0",
		"pointers outside of what they are about");
	ok(by_name(f.o, "abs")->kind == ATOM_ABS && by_name(f.o, "undefined")->kind == ATOM_EXTERN &&
		   by_name(f.o, ".klp.sym.vmlinux.x,0")->kind == ATOM_EXTERN,
	   "atoms of symbols without a section");
	ok(by_name(f.o, "a")->kind == ATOM_OBJECT && !atom_bytes(by_name(f.o, "a")), "bss has no bytes");
	release(&f);
}

/* What a section-relative reference means where an object of size 0 stands. */
static void test_empty_objects(void)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	struct builder_section *s = add(&f, ".data.rel", DATA, NULL, 32);
	struct builder_section *bss = builder_section(f.b, ".bss", SHT_NOBITS, DATA, 8, 0);

	builder_append(f.b, bss, NULL, 32, 8);
	obj(&f, "real", bss, 0, 8);
	obj(&f, "key1", bss, 0, 0);
	obj(&f, "key2", bss, 8, 0);
	obj(&f, "key3", bss, 32, 0);
	for (int i = 0; i < 4; i++)
		builder_reloc(f.b, s, 8 * i, R_X86_64_64, builder_section_symbol(f.b, bss),
			      i == 3 ? 32 : 8 * i);
	ok_number(finish(&f), 0, "empty objects: read");
	ok_string(cut_of(f.o, ".bss"), "key1@0+0 real@0+8 key2@8+0 -@8+24 key3@32+0", "empty objects: atoms");
	ok_string(refs_of(f.o, ".data.rel"),
		  ".data.rel+0x0+0->real+0/0 .data.rel+0x0+8->key2+0/0 .data.rel+0x0+16->.bss+0x8+8/0 "
		  ".data.rel+0x0+24->key3+0/0",
		  "empty objects: meant where nothing else can be");
	release(&f);
}

/* Two alternatives, the first without a replacement; 12 bytes an entry as in 6.1, or 14 as in 6.12. */
static void test_alternatives(int size)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	struct builder_section *text = add(&f, ".text.foo", TEXT, "\x90\x90\x90\x90\x90\x90", 6);
	struct builder_section *bar = add(&f, ".text.bar", TEXT, "\xe9\0\0\0\0\xc3", 6);
	struct builder_section *repl =
		add(&f, ".altinstr_replacement", TEXT, "\x90\x90\x0f\x01\xca\xe8\0\0\0\0", 10);
	struct builder_section *aux = add(&f, ".altinstr_aux", TEXT, "\xe9\0\0\0\0", 5);
	struct builder_section *alt = builder_section(f.b, ".altinstructions", SHT_PROGBITS, SHF_ALLOC, 1, 0);
	struct builder_section *jump = add(&f, "__jump_table", DATA, NULL, 16);
	struct builder_section *safe = add(&f, ".discard.retpoline_safe", 0, NULL, 8);
	struct builder_symbol *t = func(&f, "foo", text, 0, 6), *u;
	static const struct {
		uint8_t code, repl, length;
	} entries[] = {
		{ 0, 2, 0 }, { 1, 0, 2 }, { 2, 2, 3 }, { 3, 5, 5 }, { 4, 10, 0 },
	};

	func(&f, "bar", bar, 0, 6);
	u = builder_symbol(f.b, "key", STB_GLOBAL, STT_NOTYPE, NULL, SHN_UNDEF, 0, 0);
	for (int i = 0; i < 5; i++) {
		uint8_t entry[14] = { 0 };

		entry[size - 2] = 3;
		entry[size - 1] = entries[i].length;

		builder_append(f.b, alt, entry, size, 1);
		builder_reloc(f.b, alt, i * size, R_X86_64_PC32, t, entries[i].code);
		builder_reloc(f.b, alt, i * size + 4, R_X86_64_PC32, builder_section_symbol(f.b, repl),
			      entries[i].repl);
	}
	builder_reloc(f.b, repl, 6, R_X86_64_PLT32, u, -4);
	builder_reloc(f.b, bar, 1, R_X86_64_PC32, builder_section_symbol(f.b, aux), -4);
	builder_reloc(f.b, aux, 1, R_X86_64_PC32, builder_section_symbol(f.b, bar), 5 - 4);
	builder_reloc(f.b, jump, 0, R_X86_64_PC32, builder_section_symbol(f.b, text), 2);
	builder_reloc(f.b, jump, 4, R_X86_64_PC32, builder_section_symbol(f.b, text), 4);
	builder_reloc(f.b, jump, 8, R_X86_64_PC64, u, 1);
	builder_reloc(f.b, safe, 0, R_X86_64_64, builder_section_symbol(f.b, repl), 5);
	ok_number(finish(&f), 0, "alternatives: read");
	ok_number(diags_count(f.diags), 0, "alternatives: no warning");
	ok_number(object_section(f.o, ".altinstructions")->special->entry_size, size,
		  "alternatives: entry size");
	ok_string(cut_of(f.o, ".altinstr_replacement"), "-@0+2 -@2+0 -@2+3 -@5+5 -@10+0",
		  "replacements: a piece each, empty ones apart");
	ok_string(refs_of(f.o, ".altinstr_replacement"), ".altinstr_replacement+0x5+1->key+0/-4",
		  "a call in a replacement");
	for (int i = 0; i < 5; i++) {
		const struct section *s = object_section(f.o, ".altinstructions");
		const struct atom *a = &f.o->atoms[s->first_atom + i];
		const struct ref *r = &f.o->refs[a->first_ref];
		const struct atom *piece = &f.o->atoms[r[1].target];

		ok(a->kind == ATOM_ENTRY && a->n_refs == 2 && r[0].addend == entries[i].code &&
			   r[1].addend == 0 && piece->offset == entries[i].repl &&
			   piece->size == entries[i].length && a->owner == by_name(f.o, "foo")->id &&
			   piece->owner == a->owner,
		   "alternative %d", i);
	}
	ok(f.o->atoms[object_section(f.o, "__jump_table")->first_atom].owner == by_name(f.o, "foo")->id,
	   "jump label's owner");
	ok_string(refs_of(f.o, "__jump_table"),
		  "__jump_table+0x0+0->foo+2/0 __jump_table+0x0+4->foo+4/0 "
		  "__jump_table+0x0+8->key+1/0",
		  "jump label's fields");
	ok(f.o->atoms[object_section(f.o, ".discard.retpoline_safe")->first_atom].owner ==
		   by_name(f.o, "foo")->id,
	   "an annotation in a replacement belongs to the function around it");
	ok(f.o->atoms[object_section(f.o, ".altinstr_aux")->first_atom].owner == by_name(f.o, "bar")->id,
	   "early code belongs to the function that jumps to it");
	release(&f);
}

static void test_misfits(void)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	struct builder_section *text = add(&f, ".text", TEXT, "\xc3\xc3\xc3\xc3", 4);
	struct builder_section *ex = add(&f, "__ex_table", SHF_ALLOC, NULL, 16);
	struct builder_section *bug = add(&f, "__bug_table", SHF_ALLOC, NULL, 24);
	struct builder_section *mcount = add(&f, "__mcount_loc", SHF_ALLOC, NULL, 16);
	struct builder_section *para = add(&f, ".parainstructions", SHF_ALLOC, NULL, 26);
	struct builder_symbol *t = func(&f, "foo", text, 0, 4);

	add(&f, "something_new", SHF_ALLOC, NULL, 4);
	builder_reloc(f.b, ex, 0, R_X86_64_PC32, t, 0);	 /* 16 bytes are no multiple of 12 */
	builder_reloc(f.b, bug, 0, R_X86_64_PC32, t, 0); /* the second entry has no owner */
	builder_reloc(f.b, mcount, 0, R_X86_64_64, t, 0);
	builder_reloc(f.b, mcount, 12, R_X86_64_32, t, 1); /* not a field */
	builder_reloc(f.b, para, 0, R_X86_64_64, t, 0);
	builder_reloc(f.b, para, 16, R_X86_64_64, t, 2);
	ok_number(finish(&f), 0, "misfits: read");
	ok_number(object_section(f.o, "__ex_table")->kind, SECTION_UNKNOWN, "misfits: size");
	ok_number(object_section(f.o, "__bug_table")->kind, SECTION_UNKNOWN,
		  "misfits: an entry without an owner");
	ok_number(object_section(f.o, "__mcount_loc")->kind, SECTION_UNKNOWN,
		  "misfits: a relocation beside the fields");
	ok_number(object_section(f.o, "something_new")->kind, SECTION_UNKNOWN, "an unknown section");
	ok(diags_count(f.diags) == 3 && diags_has(f.diags, "section-layout-unknown") &&
		   !diags_errors(f.diags),
	   "misfits: a warning each");
	ok_string(cut_of(f.o, ".parainstructions"), "-@0+16 -@16+10", "paravirt sites: padded entries");
	ok_number(object_section(f.o, ".parainstructions")->kind, SECTION_SPECIAL,
		  "paravirt sites are known");
	release(&f);
}

static void test_parts(void)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	struct builder_section *s = add(&f, ".text", TEXT, NULL, 128);
	struct builder_symbol *cold;
	static const char *const names[] = {
		"dup",
		"dup",
		"foo",
		"foo.part.0",
		"foo.part.0.cold",
		"foo.isra.0",
		"foo.isra.0.cold",
		"bar.cold",
		"foo.coldest",
		"foo.cold.12",
		"lone.part.1",
		".cold",
	};

	for (int i = 0; i < 12; i++)
		func(&f, names[i], s, 8 * i, 8);
	cold = func(&f, "dup.cold", s, 96, 8);
	for (int i = 0; i < 12; i++)
		builder_patch(f.b, s, 8 * i, "\xe9\0\0\0\0\x90\x90\x90", 8);
	builder_reloc(f.b, s, 8 + 1, R_X86_64_PLT32, cold, -4); /* the second dup */
	for (int i = 0; i < 12; i++)
		if (i != 1)
			builder_reloc(f.b, s, 8 * i + 1, R_X86_64_PLT32,
				      builder_symbol(f.b, "x", STB_GLOBAL, STT_NOTYPE, NULL, 0, 0, 0), -4);
	ok_number(finish(&f), 0, "parts: read");
#define PARENT(part) f.o->atoms[by_name(f.o, part)->parent].name
	ok_number(by_name(f.o, "foo")->parent, NO_ATOM, "a function is no part");
	ok_string(PARENT("foo.part.0"), "foo", "foo.part.0");
	ok_string(PARENT("foo.part.0.cold"), "foo.part.0", "foo.part.0.cold");
	ok_string(PARENT("foo.isra.0.cold"), "foo.isra.0", "foo.isra.0.cold");
	ok_string(PARENT("foo.cold.12"), "foo", "foo.cold.12");
	ok_number(by_name(f.o, "foo.isra.0")->parent, NO_ATOM, "a clone is a function of its own");
	ok_number(by_name(f.o, "foo.coldest")->parent, NO_ATOM, "foo.coldest");
	ok_number(by_name(f.o, "bar.cold")->parent, NO_ATOM, "a part without its function");
	ok_number(by_name(f.o, ".cold")->parent, NO_ATOM, ".cold");
	ok_number(f.o->atoms[by_name(f.o, "dup.cold")->parent].offset, 8,
		  "of two, the one that refers to the part");
	release(&f);
}

static void test_traced(void)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	struct builder_section *s = add(&f, ".text", TEXT, NULL, 96);
	struct builder_section *mcount = add(&f, "__mcount_loc", SHF_ALLOC, NULL, 8);
	struct builder_symbol *fentry =
		builder_symbol(f.b, "__fentry__", STB_GLOBAL, STT_NOTYPE, NULL, 0, 0, 0);
	struct builder_symbol *nop;

	builder_patch(f.b, s, 0, "\xe8\0\0\0\0\xc3", 6);
	func(&f, "direct", s, 0, 6);
	builder_reloc(f.b, s, 1, R_X86_64_PLT32, fentry, -4);
	builder_patch(f.b, s, 16, "\xf3\x0f\x1e\xfa\xe8\0\0\0\0\xc3", 10);
	func(&f, "after_endbr", s, 16, 10);
	builder_reloc(f.b, s, 21, R_X86_64_PLT32, fentry, -4);
	builder_patch(f.b, s, 32, "\xff\x15\0\0\0\0\xc3", 7);
	func(&f, "through_got", s, 32, 7);
	builder_reloc(f.b, s, 34, R_X86_64_GOTPCRELX, fentry, -4);
	builder_patch(f.b, s, 48, "\x90\xc3\x90\x90\xe8\0\0\0\0\xc3", 10);
	func(&f, "late", s, 48, 10);
	builder_reloc(f.b, s, 53, R_X86_64_PLT32, fentry, -4);
	builder_patch(f.b, s, 64, "\x0f\x1f\x44\0\0\xc3", 6);
	nop = func(&f, "nop_site", s, 64, 6);
	builder_reloc(f.b, mcount, 0, R_X86_64_64, nop, 0);
	builder_patch(f.b, s, 80, "\xc3", 1);
	func(&f, "untraced", s, 80, 1);
	ok_number(finish(&f), 0, "traced: read");
	ok(by_name(f.o, "direct")->traced, "traced: a call at the entry");
	ok(by_name(f.o, "after_endbr")->traced, "traced: a call after endbr64");
	ok(by_name(f.o, "through_got")->traced, "traced: a call through the GOT");
	ok(by_name(f.o, "nop_site")->traced, "traced: a no-operation that is recorded");
	ok(!by_name(f.o, "late")->traced, "not traced: a call later on");
	ok(!by_name(f.o, "untraced")->traced, "not traced: none");
	release(&f);
}

static void test_kinds(void)
{
	static const struct {
		const char *name;
		uint64_t flags;
		enum section_kind kind;
	} cases[] = {
		{ ".text", TEXT, SECTION_TEXT },
		{ ".text.unlikely.foo", TEXT, SECTION_TEXT },
		{ ".sched.text", TEXT, SECTION_TEXT },
		{ ".meminit.text", TEXT, SECTION_TEXT },
		{ ".init.text", TEXT, SECTION_INIT },
		{ ".exit.data", DATA, SECTION_INIT },
		{ ".initcall6.init", SHF_ALLOC, SECTION_INIT },
		{ ".con_initcall.init", SHF_ALLOC, SECTION_INIT },
		{ ".data..percpu..read_mostly", DATA, SECTION_DATA },
		{ ".data..once", DATA, SECTION_DATA },
		{ ".ref.data", DATA, SECTION_DATA },
		{ ".data..ro_after_init", DATA, SECTION_DATA },
		{ ".data.rel.ro.local", DATA, SECTION_RODATA },
		{ ".rodata.foo", SHF_ALLOC, SECTION_RODATA },
		{ "___ksymtab_gpl+foo", SHF_ALLOC, SECTION_EXPORT },
		{ ".export_symbol", SHF_ALLOC, SECTION_EXPORT },
		{ ".orc_unwind", SHF_ALLOC, SECTION_TOOL },
		{ ".discard.reachable", 0, SECTION_DISCARD },
		{ ".discard.later", 0, SECTION_DISCARD },
		{ ".debug_info", 0, SECTION_DEBUG },
		{ ".eh_frame", SHF_ALLOC, SECTION_DEBUG },
		{ ".modinfo", SHF_ALLOC, SECTION_SPECIAL },
		{ "__tracepoints", DATA, SECTION_SPECIAL },
		{ "runtime_ptr_dentry_hashtable", SHF_ALLOC, SECTION_SPECIAL },
		{ "__fair_sched_class", SHF_ALLOC, SECTION_RODATA },
		{ ".note.GNU-stack", 0, SECTION_META },
		{ ".textual", TEXT, SECTION_UNKNOWN },
		{ ".text.data", DATA, SECTION_UNKNOWN },
	};
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		builder_section(f.b, cases[i].name, SHT_PROGBITS, cases[i].flags, 1, 0);
	ok_number(finish(&f), 0, "kinds: read");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok_number(object_section(f.o, cases[i].name)->kind, cases[i].kind, cases[i].name);
	ok(object_section(f.o, ".data..percpu..read_mostly")->per_cpu &&
		   !object_section(f.o, ".data..once")->per_cpu,
	   "per-CPU data is marked");
	ok(object_section(f.o, ".data..once")->once && !object_section(f.o, ".ref.data")->once,
	   "once data is marked");
	release(&f);
}

/* Reads an object of one function of 8 bytes and one relocation with one thing wrong. */
static int refusal(int which, const char *id)
{
	struct fixture f = { .b = builder_new(which == 0 ? EM_AARCH64 : EM_X86_64, 0) };
	struct builder_section *s = add(&f, ".text", TEXT, "\xe8\0\0\0\0\x90\x90\x90", 8);
	struct builder_symbol *x;
	int err;

	x = builder_symbol(f.b, "x", STB_GLOBAL, STT_NOTYPE, NULL, which == 1 ? SHN_COMMON : 0, 8, 8);
	func(&f, "f", s, 0, which == 2 ? 9 : which == 8 ? 3 : 8);
	if (which == 8)
		func(&f, "g", s, 3, 5);
	builder_reloc(f.b, s, which == 3 ? 5 : which == 7 ? 2 : 1, which == 4 ? 999 : R_X86_64_PLT32, x, -4);
	if (which == 9)
		builder_reloc(f.b, s, 4, R_X86_64_32S, x, 0);
	if (which == 10)
		builder_reloc(f.b, s, 5, R_X86_64_8, x, INT64_MAX - 8);
	if (which == 11)
		builder_append(f.b, builder_section(f.b, ".bss", SHT_NOBITS, DATA, 8, 0), NULL, 1ull << 49,
			       8);
	if (which == 12)
		builder_reloc(f.b, s, 5, R_X86_64_8, x, -(1ll << 49));
	if (which == 5)
		builder_rela_section(f.b, ".rela.text", s, 0);
	if (which == 6)
		builder_append(f.b, builder_section(f.b, "x", SHT_REL, 0, 8, 16), NULL, 16, 8);
	err = finish(&f);
	if (!diags_has(f.diags, id) || f.o)
		err = 1;
	release(&f);
	return err;
}

static void test_refusals(void)
{
	struct fixture f = { 0 };

	ok_number(refusal(0, "object-not-supported"), -ENOTSUP, "another machine");
	ok_number(refusal(1, "object-not-supported"), -ENOTSUP, "a common symbol");
	ok_number(refusal(2, "object-damaged"), -EBADMSG, "a symbol beyond its section");
	ok_number(refusal(3, "object-damaged"), -EBADMSG, "a relocation beyond its section");
	ok_number(refusal(4, "object-damaged"), -EBADMSG, "a relocation of unknown type");
	ok_number(refusal(5, "object-damaged"), -EBADMSG, "two relocation sections");
	ok_number(refusal(6, "object-damaged"), -EBADMSG, "relocations without addends");
	ok_number(refusal(9, "object-damaged"), -EBADMSG, "two relocations of the same bytes");
	ok_number(refusal(10, "object-damaged"), -EBADMSG, "an addend that no sum can hold");
	ok_number(refusal(11, "object-damaged"), -EBADMSG, "a section larger than any memory");
	ok_number(refusal(12, "object-damaged"), -EBADMSG, "a relocation that leads out of any memory");
	ok_number(refusal(7, "relocation-outside-instruction"), -ENOTSUP, "a field of no instruction");
	ok_number(refusal(8, "relocation-outside-instruction"), -ENOTSUP,
		  "a symbol inside of an instruction");

	f.b = builder_new(EM_AARCH64, 0);
	finish(&f);
	ok_string(diags_get(f.diags, 0)->what, "aarch64 object", "the machine is named");
	release(&f);
	f.diags = diags_new();
	ok_number(object_read("t", (const uint8_t *)"#!/bin/sh\n", 10, f.diags, &f.o), -EBADMSG, "a script");
	ok_number(object_read("t", NULL, 0, f.diags, &f.o), -EBADMSG, "an empty file");
	ok_number(object_open("/nonexistent.o", f.diags, &f.o), -ENOENT, "no file");
	ok_number(object_open("/", f.diags, &f.o), -EISDIR, "a directory");
	release(&f);
}

/* A small object with something of everything. */
static uint8_t *sample(size_t *size)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	struct builder_section *s = add(&f, ".text", TEXT, code, sizeof(code));
	struct builder_section *data = add(&f, ".data", DATA, NULL, 16);
	struct builder_section *str = builder_section(f.b, ".rodata.str1.8", SHT_PROGBITS,
						      SHF_ALLOC | SHF_MERGE | SHF_STRINGS, 8, 1);
	struct builder_section *alt = add(&f, ".altinstructions", SHF_ALLOC, NULL, 12);
	struct builder_section *repl = add(&f, ".altinstr_replacement", TEXT, "\x90\x90", 2);
	struct builder_section *group = builder_section(f.b, ".group", SHT_GROUP, 0, 4, 4);
	uint8_t *bytes;

	builder_append(f.b, str, "a\0\0\0\0\0\0\0b", 10, 8);
	builder_append(f.b, group, "\1\0\0\0\1\0\0\0", 8, 4);
	func(&f, "f", s, 2, 6);
	func(&f, "f.cold", s, 9, 23);
	obj(&f, "x", data, 0, 8);
	builder_reloc(f.b, s, 20, R_X86_64_PC32, builder_section_symbol(f.b, data), 3);
	builder_reloc(f.b, data, 0, R_X86_64_64, builder_section_symbol(f.b, str), 8);
	builder_reloc(f.b, alt, 0, R_X86_64_PC32, builder_section_symbol(f.b, s), 2);
	builder_reloc(f.b, alt, 4, R_X86_64_PC32, builder_section_symbol(f.b, repl), 0);
	if (builder_finish(f.b, &bytes, size))
		abort();
	builder_free(f.b);
	return bytes;
}

/* Looks at everything that an object promises. */
static bool consistent(const struct object *o)
{
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		if (a->id != i || !a->name || (a->section && a->offset + a->size > a->section->size))
			return false;
		if (a->parent != NO_ATOM && a->parent >= o->n_atoms)
			return false;
		if (a->owner != NO_ATOM && a->owner >= o->n_atoms)
			return false;
		for (uint32_t k = 0; k < a->n_refs; k++) {
			const struct ref *r = &o->refs[a->first_ref + k];

			if (r->target >= o->n_atoms || r->offset + r->width > a->size ||
			    r->symbol >= o->n_symbols + !o->n_symbols)
				return false;
		}
		for (uint32_t k = 0; k < a->n_symbols; k++)
			if (o->symbols[o->atom_symbols[a->first_symbol + k]].atom != i)
				return false;
	}
	for (uint32_t i = 0; i < o->n_sections; i++) {
		const struct section *s = &o->sections[i];
		uint64_t at = 0;

		for (uint32_t k = 0; k < s->n_atoms; k++) {
			if (o->atoms[s->first_atom + k].offset != at)
				return false;
			at += o->atoms[s->first_atom + k].size;
		}
		if (s->n_atoms && at != s->size)
			return false;
	}
	return true;
}

/* 0: an object that keeps its promises, or an error with a diagnostic. */
static int try_read(const uint8_t *data, size_t size, int *readable)
{
	struct diags *diags = diags_new();
	struct object *o = NULL;
	/* a copy of its own size, so that a read beyond it is seen */
	uint8_t *copy = malloc(size ? size : 1);
	int err, bad;

	if (size)
		memcpy(copy, data, size);
	err = object_read("damaged.o", copy, size, diags, &o);
	bad = err ? o || !diags_errors(diags) : !consistent(o);
	*readable += !err;
	object_free(o);
	diags_free(diags);
	free(copy);
	return bad;
}

static void test_truncation(void)
{
	size_t size;
	uint8_t *data = sample(&size);
	int bad = 0, readable = 0;

	for (size_t n = 0; n < size; n++)
		bad += try_read(data, n, &readable);
	ok_number(bad, 0, "truncated at every byte: an object or an error");
	ok_number(readable, 0, "section headers are last, so no truncated file is an object");
	bad = try_read(data, size, &readable);
	ok(!bad && readable == 1, "the whole one is");
	free(data);
}

static void test_corruption(unsigned int seed)
{
	size_t size;
	uint8_t *data = sample(&size), *copy = malloc(size);
	int bad = 0, readable = 0;

	printf("# seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 20000; i++) {
		memcpy(copy, data, size);
		for (int k = random() % 4; k >= 0; k--)
			copy[random() % size] = random() % 3 ? random() : random() % 2 ? 0xff : 0;
		bad += try_read(copy, size, &readable);
	}
	ok_number(bad, 0, "random corruption: an object that keeps its promises, or an error");
	ok(readable > 1000 && readable < 19000, "some can be read (%d of 20,000)", readable);
	free(copy);
	free(data);
}

/* 20,000 functions in one section, each with a call that the assembler resolved and a name. */
static void test_cost(void)
{
	struct fixture f = { .b = builder_new(EM_X86_64, 0) };
	static uint8_t bytes[20000 * 16];
	struct timespec from, to;
	struct builder_section *s;
	char name[32];
	double ms;

	for (size_t i = 0; i < 20000; i++) {
		int32_t back = i ? -16 - 5 : -5;

		memset(bytes + 16 * i, 0x90, 16);
		bytes[16 * i] = 0xe8;
		memcpy(bytes + 16 * i + 1, &back, 4);
		bytes[16 * i + 5] = 0xe8;
		memset(bytes + 16 * i + 6, 0, 4);
	}
	s = add(&f, ".text", TEXT, bytes, sizeof(bytes));
	for (size_t i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), i % 2 ? "f%zu.cold" : "f%zu", i - i % 2);
		builder_reloc(f.b, s, 16 * i + 6, R_X86_64_PLT32, func(&f, name, s, 16 * i, 16), -4);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	ok_number(finish(&f), 0, "20,000 functions: read");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	ms = (to.tv_sec - from.tv_sec) * 1e3 + (to.tv_nsec - from.tv_nsec) / 1e6;
	printf("# %.0f ms\n", ms);
	ok(ms < 1000, "20,000 functions: in less than a second of processor time");
	ok_number(f.o->n_refs, 39999, "20,000 functions: references");
	ok_string(f.o->atoms[by_name(f.o, "f777.cold") ? 0 : by_name(f.o, "f776.cold")->parent].name, "f776",
		  "20,000 functions: parents");
	release(&f);
}

int main(int argc, char **argv)
{
	test_kinds();
	test_cut_data();
	test_cut_strings();
	test_code();
	test_prefix_symbols();
	test_outside_pointers();
	test_empty_objects();
	test_alternatives(12);
	test_alternatives(14);
	test_misfits();
	test_parts();
	test_traced();
	test_refusals();
	test_truncation();
	test_corruption(argc > 1 ? strtoul(argv[1], NULL, 0) : 20240607);
	test_cost();
	return tap_done();
}
