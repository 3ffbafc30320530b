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
	STORED_HELD,	 /* the machine went down with it at boot */
	/* its record is there, but cannot be read: it may say that the patch must not be loaded */
	STORED_UNREADABLE,
};

/* How far the boot came that is going on, or that was the last one. */
enum boot_run {
	RUN_IDLE, /* nothing was tried, or it has come to a good end */
	RUN_LOADING,
	RUN_LOADED, /* and the machine is not up yet */
};

#define BOOT_ID_SIZE 37

struct boot_record {
	uint64_t sequence; /* store_marks.c's */
	enum stored_boot boot;
	enum boot_run run;
	unsigned int crashes;	    /* boots in a row in which the machine went down after it was loaded */
	char boot_id[BOOT_ID_SIZE]; /* the kernel's name for the boot that @run is about; "-": none */
};

struct stored {
	const char *path;
	const char *file; /* "livepatch-fix.ko" */
	char module[64];  /* "livepatch_fix", from the file's name */
	bool recorded;	  /* there is a record of it */
	struct boot_record record;
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
 * Marks the patch called @name ('-' and '_' are equal), and forgets crashes. In its record, which takes no
 * new space.
 */
enum outcome store_mark(struct kpatch *k, const char *release, const char *name, enum stored_boot boot);
/* Whether nothing can be noted there, because it is mounted so. */
bool store_is_read_only(struct kpatch *k, const char *release);
/* "enabled", "disabled", "held-back" or "unreadable". */
const char *stored_boot_name(enum stored_boot boot);

/*
 * At the start of a boot: what the records say of an earlier boot that came to no end, in which the
 * machine went down. Holds back the patch that was being loaded then; or if all had been loaded, those
 * with which that happened twice in a row. Diagnostics "held-back", "went-down". @list is changed; and
 * so are the records, unless they cannot be written ("boot-unwatched"), in which case whatever the
 * machine went down with is left out of this boot.
 */
enum outcome bootlog_judge(struct kpatch *k, const char *release, struct stored *list, size_t n);
/*
 * Notes on the disk what is going on with the patch in this boot. One whose record cannot be written is
 * reported: "boot-unwatched", OUTCOME_INCOMPLETE.
 */
enum outcome bootlog_note(struct kpatch *k, const char *release, struct stored *s, enum boot_run run);
/*
 * The end of the boot. @up: the machine is up, and what is loaded is good; else it goes down in order,
 * which proves nothing about its patches.
 */
enum outcome bootlog_close(struct kpatch *k, const char *release, bool up);

#endif
