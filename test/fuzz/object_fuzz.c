// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target of the object reader: any bytes give an object or an error with a diagnostic.
 * With clang: -fsanitize=fuzzer,address -DLIBFUZZER. Otherwise a program that reads the files it
 * is given, as a fuzzer like AFL runs it, and then, with "--mutate N SEED", N mutations of each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/object.h"
#include "lib/util/diag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diags *diags = diags_new();
	struct object *o = NULL;
	struct source_line line;

	if (object_read("fuzz.o", data, size, diags, &o) && !diags_errors(diags))
		abort();
	for (uint32_t i = 0; o && i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		for (uint32_t n = 0; n < a->n_refs; n++)
			if (o->refs[a->first_ref + n].target >= o->n_atoms ||
			    o->refs[a->first_ref + n].offset + o->refs[a->first_ref + n].width > a->size)
				abort();
		if (a->kind == ATOM_FUNC && i < 4)
			object_source_line(o, i, 0, &line);
	}
	object_free(o);
	diags_free(diags);
	return 0;
}

#ifndef LIBFUZZER
static void mutate(const uint8_t *data, size_t size, long n)
{
	uint8_t *copy = malloc(size);

	for (; copy && n > 0; n--) {
		memcpy(copy, data, size);
		for (int k = random() % 8; k >= 0; k--)
			copy[random() % size] = random() % 3 ? random() : random() % 2 ? 0xff : 0;
		LLVMFuzzerTestOneInput(copy, random() % 16 ? size : random() % size);
	}
	free(copy);
}

int main(int argc, char **argv)
{
	bool mutations = argc > 3 && !strcmp(argv[1], "--mutate");
	long n = mutations ? atol(argv[2]) : 0;

	if (mutations)
		srandom(strtoul(argv[3], NULL, 0));
	for (int i = mutations ? 4 : 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		uint8_t *data = malloc(16 << 20);
		size_t size = f && data ? fread(data, 1, 16 << 20, f) : 0;

		if (f)
			fclose(f);
		LLVMFuzzerTestOneInput(data, size);
		if (size)
			mutate(data, size, n);
		free(data);
	}
	return 0;
}
#endif
