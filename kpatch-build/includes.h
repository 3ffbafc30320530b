/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which source files include which .c files: the way from kernel/sched/rt.c to
 * kernel/sched/build_policy.o.
 */
#ifndef KPATCH_BUILD_INCLUDES_H
#define KPATCH_BUILD_INCLUDES_H

#include "kpatch-build/build.h"
#include "lib/util/words.h"

/* Reads every source of @tree and writes the index to @entry. 0 or -errno with a diagnostic. */
int includes_index(struct build *b, const char *tree, const char *entry);

/*
 * Adds the files (from the tree's root) that include the .c file @path, directly or through others,
 * to @out. May name a file too many, where an include could mean several files. 0 or -errno.
 */
int includes_find(struct build *b, const char *path, struct words *out);

#endif
