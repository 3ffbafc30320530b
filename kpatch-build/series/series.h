/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The patches of a build, one by one, wherever they come from: files, quilt's series files, directories of git format-patch,
 * mboxes, standard input. Each is applied as a whole and keeps what it is called.
 */
#ifndef KPATCH_BUILD_SERIES_H
#define KPATCH_BUILD_SERIES_H

#include <stddef.h>

#include "kpatch-build/build.h"
#include "lib/util/words.h"

struct manifest_fix;

/* What becomes of a patch. */
enum series_fate {
	SERIES_IN,	  /* it is applied */
	SERIES_NO_EFFECT, /* nothing that runs on this machine changes with it */
	SERIES_LEFT_OUT,  /* it is refused, or needs one that is */
};

/* One patch: a file, or a message of one. */
struct series_patch {
	const char *file;     /* for messages: its path, or "standard input" */
	const char *name;     /* the file's name without its directory, as the manifest has it */
	size_t source;	      /* that file among those of the series */
	unsigned int message; /* in that file, counted from 1; 0: the file is one patch */
	unsigned int line;    /* of that file before the first of this patch */
	unsigned int strip;   /* components to be taken off paths */
	const char *data;
	size_t size;
	const struct manifest_fix *fix; /* what its mail says; NULL: it has no mail's header */
	struct words files;		/* the plan stage's: files of the kernel that it changes */
	struct words touches;		/* the plan stage's: all files that it names */
	/* with --leave-out (leave_out.c), and by the plan stage then: */
	enum series_fate fate;
	const char *why, *id;		    /* of those that are not in: the reason, the message's id */
	const struct series_patch *because; /* of those left out: another one that it needs */
	bool held;			    /* stays away while something is tried */
};

/* A file that patches were taken from. */
struct series_file {
	const char *name;   /* without its directory */
	const char *sha256; /* of its text, decompressed */
};

struct series {
	struct series_file *files;
	size_t n_files;
	struct series_patch *patches; /* in the order of applying */
	size_t n;
};

/* "fix.patch" or "fixes.mbox, message 3". */
const char *series_patch_called(struct arena *arena, const struct series_patch *p);

#endif
