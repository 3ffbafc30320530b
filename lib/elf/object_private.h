/* SPDX-License-Identifier: GPL-2.0-only */
/* What an object owns besides what object.h shows. Not for other rooms. */
#ifndef KPATCH_ELF_OBJECT_PRIVATE_H
#define KPATCH_ELF_OBJECT_PRIVATE_H

#include <stddef.h>

#include "lib/elf/object.h"

struct lines;

struct object_private {
	struct object o;
	void *mapping;	     /* of object_open(); NULL with borrowed bytes */
	struct lines *lines; /* line information, opened at first use (lines.c) */
};

static inline struct object_private *object_private(struct object *o)
{
	return (struct object_private *)((char *)o - offsetof(struct object_private, o));
}

/* Releases the line information, if any. */
void object_lines_free(struct object_private *p);

#endif
