/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Directories in the cache that concurrent runs share: each is complete or absent.
 */
#ifndef KPATCH_BUILD_CACHE_H
#define KPATCH_BUILD_CACHE_H

#include "kpatch-build/build.h"

/*
 * Enters the directory @path, making it with @make (which finds it empty) if it is not complete.
 * Only one run makes it, others wait for that one; @what says in messages what is being waited for.
 * On success *lock is a descriptor that keeps the directory from being removed until it is closed.
 * A directory that @make failed to complete, or died over, is removed: now, or by the next run.
 * 0, -EINTR, what @make returned, -errno with a diagnostic.
 */
int cache_enter(struct build *b, const char *path, const char *what,
		int (*make)(struct build *b, const char *path), int *lock);

#endif
