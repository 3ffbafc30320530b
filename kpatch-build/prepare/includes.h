/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which files of the source include which: the way from kernel/sched/rt.c to
 * kernel/sched/build_policy.o, and from include/linux/fs.h to some thousands of objects.
 */
#ifndef KPATCH_BUILD_INCLUDES_H
#define KPATCH_BUILD_INCLUDES_H

#include <stdbool.h>

#include "kpatch-build/build.h"
#include "lib/util/words.h"

struct includes;

/* Who reads a file. All paths are from the tree's root. */
struct includers {
	struct words sources;	/* .c and .S files that include it, directly or through others */
	struct words makefiles; /* that name the file itself: something may be generated from it */
	struct words
		programs; /* sources of programs run by the kernel's build that include the file itself */
};

/* Reads every source and makefile of @tree and writes the index to @entry. 0 or -errno with a diagnostic. */
int includes_index(struct build *b, const char *tree, const char *entry);

/* The index of build.kernel, read when it is asked. Closed by the caller. */
struct includes *includes_open(struct build *b);
void includes_close(struct includes *in);

/*
 * Adds to @out who reads the file @path. May name files too many: conditions are not looked at, and
 * an #include is taken to mean every file that it could mean. 0 or -errno.
 */
int includes_find(struct includes *in, const char *path, struct includers *out);

#endif
