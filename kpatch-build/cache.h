/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache: a directory of the user's own, which no other user can change, and directories in it that concurrent runs
 * share, each complete or absent.
 */
#ifndef KPATCH_BUILD_CACHE_H
#define KPATCH_BUILD_CACHE_H

#include "kpatch-build/build.h"

/* Opens options.cache as build.cache, making it if it is not there. 0 or -errno with a diagnostic. */
int cache_open(struct build *b);
void cache_close(struct build *b);
/*
 * Enters the directory @name of the cache, making it with @make (which finds it empty, and gets its path) if it is not
 * complete. Only one run makes it, others wait for that one; @what says in messages what is being waited for.
 * On success *lock is a descriptor that keeps the directory from being removed until it is closed.
 * A directory that @make failed to complete, or died over, is removed: now, or by the next run.
 * 0, -EINTR, what @make returned, -errno with a diagnostic.
 */
int cache_enter(struct build *b, const char *name, const char *what,
		int (*make)(struct build *b, const char *path), int *lock);

#endif
