/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the store share: its directory, and writing into it. */
#ifndef KPATCH_STORE_PRIVATE_H
#define KPATCH_STORE_PRIVATE_H

#include <dirent.h>

#include "kpatch/store.h"

/*
 * Opens the directory for @release after judging who can write to it. *path from the arena, *d for
 * closedir(); NULL where there is none.
 */
enum outcome store_open(struct kpatch *k, const char *release, const char **path, DIR **d);

/* The patch called @name, or "not-installed". */
enum outcome store_search(struct kpatch *k, const char *release, const char *name, const struct stored **out);

/* One write to the store failed: "store-not-written". */
enum outcome store_not_written(struct kpatch *k, const char *path, int error);

/* The name of a mark, from the arena; NULL: no memory. */
const char *store_mark_name(struct kpatch *k, const char *module, enum stored_boot boot);

#endif
