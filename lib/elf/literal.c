/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the linker goes by when it merges strings and constants: their contents, and the properties of
 * their sections. Equal ones of one kind are at one address in what is linked.
 */
#include <errno.h>

#include "lib/elf/object.h"
#include "lib/util/arena.h"

int literal_key(struct arena *arena, const struct atom *a, const char **out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = atom_bytes(a);
	const char *kind;
	char *key, *p;

	if ((a->kind != ATOM_STRING && a->kind != ATOM_CONSTANT) || !bytes || a->n_refs)
		return -ENOENT;
	kind = arena_printf(arena, "%d/%llu/%llu/", a->kind, (unsigned long long)a->section->align,
			    (unsigned long long)a->section->entsize);
	key = arena_alloc(arena, 2 * a->size + 1);
	p = key;
	for (uint64_t i = 0; i < a->size; i++) {
		*p++ = digits[bytes[i] >> 4];
		*p++ = digits[bytes[i] & 15];
	}
	key = arena_printf(arena, "%s%s", kind, key);
	*out = key;
	return 0;
}
