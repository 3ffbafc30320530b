/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The installed patches: /var/lib/kpatch/RELEASE/, one module file each, owned by root and
 * writable by nobody else. A file there is complete or absent.
 */
#ifndef KPATCH_STORE_H
#define KPATCH_STORE_H

#include "kpatch/kpatch.h"

struct patch_file;

struct stored {
	const char *path;
	const char *file;	/* "livepatch-fix.ko" */
	char module[64];	/* "livepatch_fix", from the file's name */
};

/* The release that --kernel names, or the running one. From the arena. */
enum outcome store_release(struct kpatch *k, const char **release);

/*
 * The patches installed for @release, in the order of their module names, which is the order of
 * loading. A directory that is not there holds none. OUTCOME_BAD_FILE ("store-not-trusted") if
 * others than root may write to it.
 */
enum outcome store_list(struct kpatch *k, const char *release, struct stored **list, size_t *n);

/* The path of the patch called @name ('-' and '_' are equal) for the running kernel. */
enum outcome store_find(struct kpatch *k, const char *name, const char **path);

/* Copies the file into the store. @replaced: whether one of that name was there. */
enum outcome store_add(struct kpatch *k, const char *release, const struct patch_file *f,
		       bool *replaced);
/* Removes the patch called @name, and the directory with the last one. */
enum outcome store_remove(struct kpatch *k, const char *release, const char *name);

#endif
