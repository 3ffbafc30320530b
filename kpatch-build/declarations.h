/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a patch can change a type at all: whether it changes more than the bodies of functions. */
#ifndef KPATCH_BUILD_DECLARATIONS_H
#define KPATCH_BUILD_DECLARATIONS_H

#include <stdbool.h>
#include <stddef.h>

struct build;

/*
 * Whether two versions of a C file have the same declarations: all that is outside of the definitions of functions,
 * and every directive. False where that cannot be told for certain, or there is no memory.
 */
bool declarations_same(const char *before, size_t before_size, const char *after, size_t after_size);

/* The same for all files that the patches change, against those of the prepared tree. */
bool build_declarations_same(struct build *b);

#endif
