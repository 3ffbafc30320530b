/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects that were compiled once, kept in the cache: CACHE/objects-KEY, where KEY is that of the kernel's prepared tree
 * (prepare.c). Those of the unpatched source are what all patches of a kernel have in common. Patched ones are found again by
 * the next build of the same patch, of one that has it among others, and by the next round with --leave-out. What is kept depends
 * on nothing but that tree, the texts of the patched files that it is made from, the command and the compiler; an object that
 * was made from anything else is not kept.
 *
 * A file of the store is whole or does not count (it ends with a digest), so nothing waits for the disk. What has not been used for longest goes
 * when there is too much. The store is a convenience: what cannot be kept or read is compiled.
 */
#ifndef KPATCH_BUILD_OBJECT_STORE_H
#define KPATCH_BUILD_OBJECT_STORE_H

#include <stdbool.h>

#include "kpatch-build/compile/compile.h"

struct object_store;

/* Opens the store of the kernel, making it. NULL if there is none to be had: the functions below then do nothing. */
struct object_store *object_store_open(struct build *b);
/* Removes what is too much. NULL is allowed. */
void object_store_close(struct object_store *s);
/*
 * Puts what @c, the command for @object of @job, would make into its place: object, dependency files and the compiler's words.
 * REFERENCE: as objtool leaves it. False: it is not there, run the command.
 */
bool object_store_get(struct object_store *s, const struct compile_job *job, const struct command *c,
		      enum variant variant, const char *object);
/* Keeps what @c has made. */
void object_store_put(struct object_store *s, const struct compile_job *job, const struct command *c,
		      enum variant variant, const char *object);

#endif
