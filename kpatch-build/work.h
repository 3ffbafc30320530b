/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The work directory of one run.
 */
#ifndef KPATCH_BUILD_WORK_H
#define KPATCH_BUILD_WORK_H

#include "kpatch-build/build.h"

/*
 * Makes build.work, private to this run, and removes what killed runs have left in the cache.
 * 0 or -errno with a diagnostic.
 */
int work_make(struct build *b);
/* Removes it, or with --keep says where it is. */
void work_remove(struct build *b);
/* Removes what runs that are over have left in the cache, a directory that is open. */
void work_sweep(int cache);

#endif
