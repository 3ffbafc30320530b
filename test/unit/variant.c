/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For variant.bats: variant REFERENCE ORIGINAL compares two objects as the proof does. One line a named
 * function or data object of the original, "NAME: why", "why" being "same" where nothing differs.
 */
#include <stdio.h>

#include "lib/elf/object.h"
#include "lib/kernel/proof/variant.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

static int compare(const char *reference, const char *original, struct diags *d)
{
	struct object *r = NULL, *o = NULL;
	struct arena *arena = arena_new();
	struct variant v;
	int err = arena ? object_open(reference, d, &r) : -1;

	if (!err)
		err = object_open(original, d, &o);
	if (!err)
		err = variant_compare(r, o, arena, &v);
	for (uint32_t i = 0; !err && i < o->n_atoms; i++)
		if (o->atoms[i].symbol && o->atoms[i].section)
			printf("%s: %s\n", o->atoms[i].name, v.why[i] ? v.why[i] : "same");
	object_free(r);
	object_free(o);
	arena_free(arena);
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct diags *d = diags_new();
	int status = argc == 3 && d ? compare(argv[1], argv[2], d) : 2;

	for (size_t i = 0; d && i < diags_count(d); i++)
		diag_print(stderr, diags_get(d, i));
	diags_free(d);
	return status;
}
