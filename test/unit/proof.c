/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The proof on a small linked "kernel" and a small module, made by proof.bats from proof/a.c and b.c:
 * everything is found where the linker put it, and no changed byte goes unnoticed.
 *
 * Arguments: a.o, the linked file, its symbols as nm -n prints them, the module, and the symbols with a second
 * shared_counter four bytes behind the first.
 */
#include <errno.h>

#include "lib/elf/object.h"
#include "lib/kernel/files/kernel_elf.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/proof/installed.h"
#include "lib/kernel/proof/proof.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "test/unit/fake_kernel.h"
#include "test/unit/tap.h"

static uint8_t *load(const char *file, size_t *size)
{
	uint8_t *data = malloc(1 << 20);
	FILE *f = fopen(file, "r");

	if (!f || !data)
		exit(99);
	*size = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

/* An image without the banner and the table that kimage_open() wants. */
static void make_image(struct kimage *k, struct arena *arena, uint8_t *data, size_t size, const char *symbols,
		       struct diags *d)
{
	struct elf_file f;

	if (kernel_elf_open("linked", "test", data, size, arena, d, &f) ||
	    kallsyms_read_text(symbols, true, d, &k->kallsyms))
		exit(99);
	k->n_sections = f.n_sections;
	k->sections = f.sections;
}

static uint32_t atom_of(const struct object *o, const char *name)
{
	for (uint32_t i = 1; i < o->n_symbols; i++)
		if (!strcmp(o->symbols[i].name, name))
			return o->symbols[i].atom;
	return NO_ATOM;
}

static const struct symbol *symbol_of(const struct object *o, const char *name)
{
	for (uint32_t i = 1; i < o->n_symbols; i++)
		if (!strcmp(o->symbols[i].name, name))
			return &o->symbols[i];
	return NULL;
}

/* The string of the object with these contents. */
static uint32_t string_of(const struct object *o, const char *text)
{
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (o->atoms[i].kind == ATOM_STRING && o->atoms[i].size == strlen(text) + 1 &&
		    !memcmp(atom_bytes(&o->atoms[i]), text, o->atoms[i].size))
			return i;
	exit(99);
}

/* Strings that code or matched data lead to have a place; where the contents differ nothing is said. */
static void check_literals(const struct object *o, const struct installed *in)
{
	static const char *const texts[] = { "no such item", "first item", "a string by its middle",
					     "second item" };
	struct arena *arena = arena_new();
	struct proof *p;
	uint8_t *there;

	if (proof_make(o, in, arena, &p))
		exit(99);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		uint64_t at = proof_literal(p, string_of(o, texts[i]));

		there = at == PROOF_NOWHERE ? NULL : (uint8_t *)installed_bytes(in, at, strlen(texts[i]) + 1);
		ok(there && !strcmp((char *)there, texts[i]), "\"%s\" has a place, and is there", texts[i]);
	}
	ok_number((long long)proof_literal(p, atom_of(o, "table")), (long long)PROOF_NOWHERE,
		  "a table with a name is no such string");
	proof_free(p);
	if (there) {
		there[1] ^= 1;
		if (proof_make(o, in, arena, &p))
			exit(99);
		ok(proof_literal(p, string_of(o, texts[3])) == PROOF_NOWHERE &&
			   proof_literal(p, string_of(o, texts[0])) != PROOF_NOWHERE,
		   "of a string that is another there the place is not known");
		proof_free(p);
		there[1] ^= 1;
	}
	arena_free(arena);
}

/* Every symbol of the object is where the linker put it: at an address that has its name. */
static void check_places(const struct object *o, const struct proof *p, const struct installed *in)
{
	static const char *const names[] = {
		"dup",		 "rare", "twice",     "items",	   "table",
		"describe",	 "work", "counter_a", "counter_b", "never_used_in_code",
		"never_used_bss"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct symbol *s = symbol_of(o, names[i]);
		uint64_t base = p->base[s->section];

		ok(base != PROOF_NOWHERE && installed_at(in, names[i], base + s->value) != INSTALLED_NONE,
		   "%s has its place", names[i]);
		ok_number(p->atoms[s->atom].status, PROOF_MATCHED, names[i]);
	}
	/* the first object in the link: its dup and counters are the first of their names */
	ok_number((long long)installed_address(in, installed_first(in, "dup")),
		  (long long)(p->base[symbol_of(o, "dup")->section] + symbol_of(o, "dup")->value),
		  "and not the other object's of the same name");
	ok_number(p->matched, p->functions, "all functions match");
	ok_number(p->atoms[atom_of(o, "weak_one")].status, PROOF_MATCHED,
		  "an overridden weak function is still there");
}

static uint32_t count_bad(const struct proof *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->object->n_atoms; i++)
		n += p->atoms[i].status != PROOF_MATCHED && p->atoms[i].status != PROOF_SKIPPED;
	return n;
}

/* Changes every byte of an atom in the installed code, one after the other. */
static void flip_atom(const struct object *o, const struct installed *in, uint64_t address, uint64_t size,
		      uint32_t user, const char *name, bool in_place)
{
	uint8_t *bytes = (uint8_t *)installed_bytes(in, address, size);
	uint32_t missed = 0, unexplained = 0;

	for (uint64_t at = 0; bytes && at < size; at++) {
		struct arena *arena = arena_new();
		struct proof *p;

		bytes[at] ^= 0x01;
		if (proof_make(o, in, arena, &p))
			exit(99);
		if (p->atoms[user].status == PROOF_MATCHED)
			missed++, printf("# missed +%#x\n", (unsigned int)at);
		else if (!proof_explain(p, user, arena))
			unexplained++;
		else if (in_place && p->atoms[user].status == PROOF_DIFFERS &&
			 (p->atoms[user].offset > at || !strstr(proof_explain(p, user, arena), "'")))
			unexplained++;
		proof_free(p);
		arena_free(arena);
		bytes[at] ^= 0x01;
	}
	ok(bytes && !missed && !unexplained, "%s: each of %u changed bytes is noticed", name,
	   (unsigned int)size);
}

static void test_flips(const struct object *o, const struct installed *in, const struct proof *p)
{
	static const char *const functions[] = { "dup", "rare", "twice", "describe", "limited", "work" };
	static const char *const data[] = { "items", "table" };

	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		uint32_t atom = atom_of(o, functions[i]);
		const struct atom *a = &o->atoms[atom];

		flip_atom(o, in, p->base[a->section->index] + a->offset, a->size, atom, functions[i], true);
	}
	for (size_t i = 0; i < 2; i++) {
		const struct atom *a = &o->atoms[atom_of(o, data[i])];

		flip_atom(o, in, p->base[a->section->index] + a->offset, a->size, atom_of(o, "work"), data[i],
			  false);
	}
}

/* The contents of strings, reached through a field, and through read-only data. */
static void test_strings(const struct object *o, const struct installed *in, uint8_t *data, size_t size)
{
	static const char *const strings[] = { "no such item", "first item" };

	for (size_t i = 0; i < 2; i++) {
		uint8_t *at = memmem(data, size, strings[i], strlen(strings[i]) + 1);
		struct arena *arena = arena_new();
		struct proof *p;

		at[2] ^= 1;
		proof_make(o, in, arena, &p);
		ok(p->atoms[atom_of(o, "describe")].status != PROOF_MATCHED,
		   "a changed string \"%s\" is noticed", strings[i]);
		ok_number(p->atoms[atom_of(o, "twice")].status, PROOF_MATCHED,
			  "and does not touch who does not use it");
		proof_free(p);
		at[2] ^= 1;
		arena_free(arena);
	}
}

/*
 * The proof of one function; *why (from @arena): what is said against it. The image is looked at anew,
 * because what its tables list is kept and a test may have changed them.
 */
static enum proof_status status_of(const struct object *o, const struct installed *in, const char *name,
				   struct arena *arena, const char **why)
{
	enum proof_status status;
	struct installed again;
	struct proof *p;

	if (installed_image(in->image, arena, &again) || proof_make(o, &again, arena, &p))
		exit(99);
	status = p->atoms[atom_of(o, name)].status;
	*why = proof_explain(p, atom_of(o, name), arena);
	proof_free(p);
	return status;
}

/* Changes each byte of the object's part of a table, which is the first, as it is linked first. */
static void flip_entry(const struct object *o, const struct installed *in, const char *table,
		       const char *what)
{
	const struct section *s = object_section(o, table);
	uint64_t address, size;
	uint32_t missed = 0;
	uint8_t *bytes;

	if (!installed_section(in, table, &address, &size))
		exit(99);
	bytes = (uint8_t *)installed_bytes(in, address, s->size);
	for (uint64_t at = 0; at < s->size; at++) {
		bool is_line = !strcmp(table, "__bug_table") && (at == 8 || at == 9);
		struct arena *arena = arena_new();
		enum proof_status status;
		const char *why;

		bytes[at] ^= 0x01;
		status = status_of(o, in, "with_tables", arena, &why);
		if (is_line ? status != PROOF_MATCHED :
			      status == PROOF_MATCHED || !why || !(strstr(why, what) || strstr(why, table)))
			missed++, printf("# +%u: %s\n", (unsigned int)at, why ? why : "missed");
		bytes[at] ^= 0x01;
		arena_free(arena);
	}
	ok(s->size && !missed, "%s: each of %u changed bytes is noticed, but for line numbers", table,
	   (unsigned int)s->size);
}

static void test_tables(const struct object *o, const struct installed *in)
{
	struct arena *arena = arena_new();
	uint64_t address, size, function;
	int32_t *second;
	const char *why;
	int32_t kept;

	flip_entry(o, in, ".smp_locks", "lock prefix");
	flip_entry(o, in, ".altinstructions", "alternative");
	flip_entry(o, in, ".altinstr_replacement", "alternative");
	flip_entry(o, in, "__ex_table", "exception table entry");
	flip_entry(o, in, "__bug_table", "bug table entry");

	/* the other object's entry is made to describe this one's function as well */
	installed_section(in, ".smp_locks", &address, &size);
	function = installed_address(in, installed_first(in, "with_tables"));
	second = (int32_t *)installed_bytes(in, address + 4, 4);
	kept = *second;
	*second = (int32_t)(function + 1 - (address + 4));
	ok_number(status_of(o, in, "with_tables", arena, &why), PROOF_OTHER_TABLE,
		  "an entry that only the installed code has");
	ok_string(why, "vmlinux has another number of entries in .smp_locks for it", "and its message");
	*second = kept;
	ok_number(status_of(o, in, "with_tables", arena, &why), PROOF_MATCHED, "and without it");
	arena_free(arena);
}

static void test_linked(const char *reference, const char *linked, const char *symbols)
{
	struct diags *d = diags_new();
	struct arena *arena = arena_new();
	struct installed in;
	struct kimage k = { .machine = EM_X86_64 };
	struct object *o;
	struct proof *p;
	uint64_t address;
	uint8_t *data;
	size_t size;

	data = load(linked, &size);
	if (object_open(reference, d, &o))
		exit(99);
	make_image(&k, arena, data, size, symbols, d);
	installed_image(&k, arena, &in);
	if (proof_make(o, &in, arena, &p))
		exit(99);
	check_places(o, p, &in);
	check_literals(o, &in);
	ok_number(count_bad(p), 0, "nothing else differs");
	ok(!proof_extern(p, "elsewhere", &address) &&
		   address == installed_address(&in, installed_first(&in, "elsewhere")),
	   "where an undefined symbol is");
	ok(!proof_extern(p, "weak_one", &address) &&
		   address == installed_address(&in, installed_first(&in, "weak_one")),
	   "where an overridden weak symbol is");
	ok_number(proof_extern(p, "never_named", &address), -ENOENT, "what nobody refers to");
	test_flips(o, &in, p);
	test_strings(o, &in, data, size);
	test_tables(o, &in);
	proof_free(p);
	kallsyms_free(k.kallsyms);
	object_free(o);
	free(data);
	arena_free(arena);
	diags_free(d);
}

/* The field of @function, relative to the code, that leads to @target; in the installed code. */
static uint8_t *field_to(const struct object *o, const struct installed *in, const struct proof *p,
			 const char *function, const char *target)
{
	const struct atom *a = &o->atoms[atom_of(o, function)];
	uint64_t address = p->base[a->section->index] + a->offset;

	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++)
		if (o->refs[i].pc_relative && !strcmp(o->atoms[o->refs[i].target].name, target))
			return (uint8_t *)(uintptr_t)installed_bytes(in, address + o->refs[i].offset, 4);
	exit(99);
}

/* Two symbols of a name that the object does not define, and code that leads to the one and to the other. */
static void test_conflict(const char *reference, const char *linked, const char *symbols)
{
	struct diags *d = diags_new();
	struct arena *arena = arena_new();
	struct kimage k = { .machine = EM_X86_64 };
	struct installed in;
	struct object *o;
	struct proof *p;
	uint64_t address;
	uint8_t *data, *field;
	int32_t distance;
	size_t size;

	data = load(linked, &size);
	if (object_open(reference, d, &o))
		exit(99);
	make_image(&k, arena, data, size, symbols, d);
	if (installed_image(&k, arena, &in) || proof_make(o, &in, arena, &p))
		exit(99);
	ok(!proof_extern(p, "shared_counter", &address) &&
		   address == installed_address(&in, installed_first(&in, "shared_counter")),
	   "of two symbols of a name the one that the code leads to");
	field = field_to(o, &in, p, "work", "shared_counter");
	proof_free(p);
	memcpy(&distance, field, sizeof(distance));
	distance += 4;
	memcpy(field, &distance, sizeof(distance));
	if (proof_make(o, &in, arena, &p))
		exit(99);
	ok_number(p->atoms[atom_of(o, "work")].status, PROOF_MATCHED, "a field may lead to either");
	ok_number(proof_extern(p, "shared_counter", &address), -ENOTUNIQ, "but then it is no answer");
	proof_free(p);
	kallsyms_free(k.kallsyms);
	object_free(o);
	free(data);
	arena_free(arena);
	diags_free(d);
}

/* In a module fields are relocations: each of them changed in turn. */
static void flip_relas(const struct object *o, const char *name, uint8_t *data, size_t size)
{
	struct diags *d = diags_new();
	struct kmodule *m = NULL;
	unsigned int tried = 0, missed = 0;

	if (kmodule_read(name, data, size, d, &m))
		exit(99);
	for (uint32_t i = 1; i < m->n_sections; i++) {
		if (m->sections[i].type != SHT_RELA || strcmp(m->sections[i].name, ".rela.text"))
			continue;
		/* this object is the first in the link: the first relocations are its own */
		for (size_t n = 0; n < 6; n++) {
			uint8_t *addend = (uint8_t *)m->sections[i].data + n * 24 + 16;
			struct arena *arena = arena_new();
			struct installed in;
			struct proof *p;

			*addend ^= 0x40;
			if (installed_module(m, arena, &in) || proof_make(o, &in, arena, &p))
				exit(99);
			missed += p->matched == p->functions;
			tried++;
			proof_free(p);
			arena_free(arena);
			*addend ^= 0x40;
		}
	}
	ok(tried && !missed, "each of %u changed relocations is noticed", tried);
	kmodule_free(m);
	diags_free(d);
}

/* A relocation of the module where the object has none: the bytes in the file do not show it. */
static void move_rela(const struct object *o, const char *name, uint8_t *data, size_t size)
{
	const struct atom *dup = &o->atoms[atom_of(o, "dup")];
	struct diags *d = diags_new();
	struct arena *arena = arena_new();
	const struct elf_section *relas;
	struct kmodule *m = NULL;
	struct installed in;
	struct proof *p;
	Elf64_Rela *last;
	uint64_t kept;

	if (kmodule_read(name, data, size, d, &m) || !(relas = kmodule_section(m, ".rela.text")))
		exit(99);
	/* the last one is of the other object in the link */
	last = (Elf64_Rela *)(uintptr_t)(relas->data + relas->size - sizeof(*last));
	kept = last->r_offset;
	last->r_offset = dup->offset + dup->entry;
	if (installed_module(m, arena, &in) || proof_make(o, &in, arena, &p))
		exit(99);
	ok_number(p->atoms[dup->id].status, PROOF_DIFFERS,
		  "a relocation that only the module has is noticed");
	proof_free(p);
	last->r_offset = kept;
	kmodule_free(m);
	arena_free(arena);
	diags_free(d);
}

static void test_module(const char *reference, const char *ko)
{
	struct diags *d = diags_new();
	struct arena *arena = arena_new();
	struct kmodule *m = NULL;
	struct installed in;
	struct object *o;
	struct proof *p;
	uint8_t *data;
	size_t size;

	data = load(ko, &size);
	if (object_open(reference, d, &o) || kmodule_read(ko, data, size, d, &m) ||
	    installed_module(m, arena, &in) || proof_make(o, &in, arena, &p))
		exit(99);
	check_places(o, p, &in);
	ok_number(count_bad(p), 0, "nothing else differs");
	proof_free(p);
	kmodule_free(m);
	flip_relas(o, ko, data, size);
	move_rela(o, ko, data, size);
	object_free(o);
	free(data);
	arena_free(arena);
	diags_free(d);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 99;
	test_linked(argv[1], argv[2], argv[3]);
	test_module(argv[1], argv[4]);
	test_conflict(argv[1], argv[2], argv[5]);
	return tap_done();
}
