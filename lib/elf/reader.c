/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What several passes of the reader do: report damage, make room, add atoms. Knows none of the passes.
 */
#include "lib/elf/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/util/diag.h"
#include "lib/util/xmalloc.h"

int damaged(struct reader *r, const struct section *section, uint64_t offset, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	diag_error(r->diags, "object-damaged",
		   (&(const struct diag_place){ .file = r->o->name,
						.function = section ? section->name : NULL,
						.offset = offset,
						.has_offset = section != NULL }),
		   "Compile the object again", "%s", what);
	return -EBADMSG;
}

void reader_grow(void **array, size_t *room, size_t n, size_t size)
{
	size_t want = *room ? *room * 2 : 256;

	if (n < *room)
		return;
	*array = xreallocarray(*array, want, size);
	*room = want;
}

int add_atom(struct reader *r, const struct section *section, enum atom_kind kind, uint64_t offset,
	     uint64_t size)
{
	struct object *o = r->o;

	if (o->n_atoms >= NO_ATOM - 1)
		return -EOVERFLOW;
	reader_grow((void **)&o->atoms, &r->room_atoms, o->n_atoms, sizeof(*o->atoms));
	o->atoms[o->n_atoms] = (struct atom){
		.id = o->n_atoms,
		.kind = kind,
		.section = section,
		.offset = offset,
		.size = size,
		.parent = NO_ATOM,
		.owner = NO_ATOM,
		.local = true,
	};
	o->n_atoms++;
	return 0;
}

int cut_fixed(struct reader *r, const struct section *s, uint64_t size, enum atom_kind kind)
{
	uint64_t at = 0;
	int err = 0;

	for (; !err && s->size - at >= size; at += size)
		err = add_atom(r, s, kind, at, size);
	if (!err && at < s->size)
		err = add_atom(r, s, ATOM_BYTES, at, s->size - at);
	return err;
}
