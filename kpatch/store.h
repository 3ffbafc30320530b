/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The installed patches: /var/lib/kpatch/RELEASE/, one module file each, owned by root and
 * writable by nobody else. A file there is complete or absent.
 */
#ifndef KPATCH_STORE_H
#define KPATCH_STORE_H

#include "kpatch/kpatch.h"

struct patch_file;

/* Whether it is loaded with all the others, as at boot. */
enum stored_boot {
	STORED_ENABLED,
	STORED_DISABLED, /* kpatch disable */
	STORED_HELD,	 /* the machine went down while it was being loaded at boot */
};

struct stored {
	const char *path;
	const char *file; /* "livepatch-fix.ko" */
	char module[64];  /* "livepatch_fix", from the file's name */
	enum stored_boot boot;
};

/* The release that --kernel names, or the running one. From the arena. */
enum outcome store_release(struct kpatch *k, const char **release);

/*
 * The patches installed for @release, in the order of loading: by module name, numbers in it by
 * their value, so that fix_10 comes after fix_9. A directory that is not there holds none. OUTCOME_BAD_FILE ("store-not-trusted") if
 * others than root may write to it.
 */
enum outcome store_list(struct kpatch *k, const char *release, struct stored **list, size_t *n);

/* The path of the patch called @name ('-' and '_' are equal) for the running kernel. */
enum outcome store_find(struct kpatch *k, const char *name, const char **path);

/* Copies the file into the store. @replaced: whether one of that name was there. */
enum outcome store_add(struct kpatch *k, const char *release, const struct patch_file *f, bool *replaced);
/* Removes the patch called @name, and the directory with the last one. */
enum outcome store_remove(struct kpatch *k, const char *release, const char *name);

/*
 * Marks the patch called @name ('-' and '_' are equal), if it is not so already. The marks are
 * empty files beside it, ".NAME.disabled" and ".NAME.held".
 */
enum outcome store_mark(struct kpatch *k, const char *release, const char *name, enum stored_boot boot);
/* "enabled", "disabled" or "held-back". */
const char *stored_boot_name(enum stored_boot boot);

/*
 * The journal of a boot, ".boot" in the store: what was loaded, on the disk before it is loaded, so
 * that the next boot knows what took the machine down. @what: "loading", "loaded" or "failed".
 */
enum outcome bootlog_note(struct kpatch *k, const char *release, const char *what, const char *module);
/*
 * At the start of a boot: a journal that is still there was never closed, so the machine went down.
 * Holds back the patch that was being loaded, or if all had been loaded, all of them; diagnostics
 * "held-back". Removes the journal.
 */
enum outcome bootlog_judge(struct kpatch *k, const char *release);
/* The machine is up: removes the journal. */
enum outcome bootlog_close(struct kpatch *k, const char *release);

#endif
