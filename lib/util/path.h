/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths as text: nothing here looks at the file system. */
#ifndef KPATCH_UTIL_PATH_H
#define KPATCH_UTIL_PATH_H

struct arena;

/*
 * "a/./b/../c" → "a/c", by text alone. NULL for a path that leads above where it
 * starts ("../x", "/..").
 */
char *path_normal(struct arena *a, const char *path);
/* The part after the last '/'. */
const char *path_base(const char *path);
/* The part before the last '/', "." without one. */
char *path_directory(struct arena *a, const char *path);

#endif
