// SPDX-License-Identifier: GPL-2.0-only
/*
 * proof_field [--flip] OBJECT LINKED SYMBOLS FUNCTION [ADDRESS=WORD...]: the proof of a function of the object against a
 * linked file, whose symbols are given as nm -n prints them, after words of it have been overwritten (both in hexadecimal).
 * Prints "matched", or what is said against it. With --flip every bit of the function's installed code is then another,
 * one at a time: a line for each of which nothing is said, and how many there were.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/elf/object.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/kernel_elf.h"
#include "lib/kernel/proof/installed.h"
#include "lib/kernel/proof/proof.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/util/arena.h"
#include "lib/util/bytes.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"

struct test {
	const struct object *object;
	struct installed in;
	uint32_t atom;
};

static void fail(const char *what)
{
	fprintf(stderr, "proof_field: %s\n", what);
	exit(2);
}

/* What is said against the function, from @arena; NULL: nothing. */
static const char *verdict(const struct test *t, struct arena *arena)
{
	struct proof *p;
	const char *why;

	if (proof_make(t->object, &t->in, arena, &p))
		fail("no proof");
	why = p->atoms[t->atom].status == PROOF_MATCHED ? NULL : proof_explain(p, t->atom, arena);
	proof_free(p);
	return why;
}

static void poke(const struct test *t, const char *edit)
{
	uint64_t address;
	uint32_t word;
	uint8_t *at;

	if (sscanf(edit, "%" SCNx64 "=%" SCNx32, &address, &word) != 2)
		fail(edit);
	at = (uint8_t *)(uintptr_t)installed_bytes(&t->in, address, 4);
	if (!at)
		fail(edit);
	put_unsigned(at, 4, t->object->arch->big_endian, word);
}

static void flip(const struct test *t, const char *name)
{
	uint64_t address = installed_address(&t->in, installed_first(&t->in, name));
	uint64_t size = t->object->atoms[t->atom].size;
	uint8_t *code = (uint8_t *)(uintptr_t)installed_bytes(&t->in, address, size);

	if (!code)
		fail("the function is not in the linked file");
	for (uint64_t bit = 0; bit < 8 * size; bit++) {
		struct arena *arena = arena_new();

		code[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (!verdict(t, arena))
			printf("missed: bit %u of byte %" PRIu64 "\n", (unsigned int)(bit % 8), bit / 8);
		code[bit / 8] ^= (uint8_t)(1u << bit % 8);
		arena_free(arena);
	}
	printf("%" PRIu64 " bits\n", 8 * size);
}

static void open_linked(const char *file, const char *symbols, struct arena *arena, struct diags *d,
			struct kimage *k)
{
	struct elf_file f;
	char *data;
	size_t size;

	if (file_read(arena, file, &data, &size) ||
	    kernel_elf_open("linked", "test", (uint8_t *)data, size, arena, d, &f) ||
	    kallsyms_read_text(symbols, true, d, &k->kallsyms))
		fail("the linked file or its symbols cannot be read");
	k->n_sections = f.n_sections;
	k->sections = f.sections;
}

int main(int argc, char **argv)
{
	bool flips = argc > 1 && !strcmp(argv[1], "--flip");
	struct arena *arena = arena_new();
	struct diags *d = diags_new();
	struct kimage k = { 0 };
	struct test t = { .atom = NO_ATOM };
	struct object *o;
	const char *why;

	argv += flips;
	argc -= flips;
	if (argc < 5 || object_open(argv[1], d, &o))
		fail("no object");
	t.object = o;
	k.machine = o->arch->machine;
	open_linked(argv[2], argv[3], arena, d, &k);
	for (uint32_t i = 1; i < o->n_symbols; i++)
		if (!strcmp(o->symbols[i].name, argv[4]))
			t.atom = o->symbols[i].atom;
	if (t.atom == NO_ATOM || installed_image(&k, arena, &t.in))
		fail("no such function");
	for (int i = 5; i < argc; i++)
		poke(&t, argv[i]);
	why = verdict(&t, arena);
	puts(why ? why : "matched");
	if (flips)
		flip(&t, argv[4]);
	kallsyms_free(k.kallsyms);
	object_free(o);
	diags_free(d);
	arena_free(arena);
	return 0;
}
