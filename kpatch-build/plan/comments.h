/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is left of a file of the build, or of assembly, without its comments: two versions of which the rest is the
 * same make the same kernel.
 */
#ifndef KPATCH_BUILD_COMMENTS_H
#define KPATCH_BUILD_COMMENTS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* Whether the comments of such a file are known: Kconfig, makefiles, assembly and linker scripts. */
bool comments_are_known(const char *path);
/*
 * @size bytes of @text without comments, help texts, empty lines and blanks that mean nothing, from @arena. In
 * case of doubt something is taken for more than a comment. NULL: it cannot be told.
 */
const char *comments_removed(struct arena *arena, const char *path, const char *text, size_t size);

#endif
