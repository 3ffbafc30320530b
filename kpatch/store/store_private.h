/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the store share: its directory, and writing into it. */
#ifndef KPATCH_STORE_PRIVATE_H
#define KPATCH_STORE_PRIVATE_H

#include <dirent.h>
#include <sys/stat.h>

#include "kpatch/store/store.h"

#define STORE "/var/lib/kpatch"

/*
 * Opens the directory for @release after judging who can write to it. *path from the arena, *d for
 * closedir(); NULL where there is none.
 */
enum outcome store_open(struct kpatch *k, const char *release, const char **path, DIR **d);

/*
 * Whether nobody but root can write to @st, of @path. Who is not root, and who works on another root directory than "/", takes
 * it from its owner.
 */
bool store_is_roots(struct kpatch *k, const char *path, const struct stat *st);

/* The patch called @name, or "not-installed". */
enum outcome store_search(struct kpatch *k, const char *release, const char *name, const struct stored **out);

/* One write to the store failed: "store-not-written". */
enum outcome store_not_written(struct kpatch *k, const char *path, int error);

/* ".NAME.boot" */
#define RECORD_NAME_SIZE (64 + 8)
void record_name(const char *module, char out[RECORD_NAME_SIZE]);

/* 0, -ENOENT (there is none), -EBADMSG (it is damaged) or -errno. */
int record_read(int directory, const char *module, struct boot_record *out);
/*
 * Both are on the disk when they return 0. Writing in place of one that is there takes no space; one that is
 * missing or damaged is made anew.
 */
int record_create(int directory, const char *module, const struct boot_record *r);
int record_write(int directory, const char *module, const struct boot_record *r);

#endif
