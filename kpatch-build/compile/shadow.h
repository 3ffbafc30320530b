/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tree that looks like another one, made of symbolic links into it: real directories only on the
 * way to the files that differ or are made. What is written into it stays in it.
 */
#ifndef KPATCH_BUILD_SHADOW_H
#define KPATCH_BUILD_SHADOW_H

#include <stddef.h>

struct arena;

/* Makes @root, an absent directory, look like the directory @base. 0 or -errno. */
int shadow_make(struct arena *arena, const char *base, const char *root);
/*
 * Makes real every directory that @path (a file, from the tree's root, in the makefiles' spelling:
 * "a/b/../c/x.c" opens a, a/b and a/c) leads through. 0 or -errno.
 */
int shadow_open(struct arena *arena, const char *base, const char *root, const char *path);
/* Puts a file into the shadow instead of the one of the base. */
int shadow_put(struct arena *arena, const char *base, const char *root, const char *path, const void *data,
	       size_t size);

#endif
