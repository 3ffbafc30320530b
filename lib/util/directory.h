/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Directories: making and removing them, and opening one so that nobody else can put another in its place.
 *
 * A place is trusted if it and every directory on the way to it belong to root or to the user that is given, and
 * nobody else may write to them. The user's private group (lib/util/group.h) is nobody else, unless an access list
 * comes with it. One that others may write to is good enough on the way if it is sticky, like
 * /tmp, because there nobody can rename or remove what is another's. Symbolic links are followed if they, too,
 * belong to root or the user; where they lead is looked at like the rest. A user whom this user namespace does not know is
 * another one, even under the number of the user that is given. So what has been opened keeps its name,
 * and the name leads to it, whatever others do.
 */
#ifndef KPATCH_UTIL_DIRECTORY_H
#define KPATCH_UTIL_DIRECTORY_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What is wrong with a place. */
struct distrust {
	char path[PATH_MAX]; /* the directory, link or file that is at fault; empty: none is */
	char what[80];	     /* "it belongs to user 1000" */
	bool hidden; /* it belongs to a user whom this user namespace does not know (lib/util/userns.h) */
};

enum directory_flags {
	DIRECTORY_MAKE = 1,   /* makes what is missing, for others to read */
	DIRECTORY_STICKY = 2, /* the directory itself may be like /tmp, too */
};

/*
 * Opens a directory for reading, as above. Returns a descriptor or -errno; -EPERM with why->path set if it is not
 * trusted. @why is written to in any case.
 */
int directory_open(const char *path, uid_t user, unsigned int flags, struct distrust *why);

/* Whether @st, of the file @path, is root's or the user's, and nobody else may write to it. 0 or -EPERM with @why set. */
int file_judge(const char *path, const struct stat *st, uid_t user, struct distrust *why);
/*
 * The same of everything in the directory @fd, whose name is @path, at any depth. The descriptor stays the
 * caller's. 0, -EPERM with @why set, -errno.
 */
int directory_judge_all(int fd, const char *path, uid_t user, struct distrust *why);

bool file_is_directory(const char *path); /* following symbolic links */

/* Makes a directory and those above it. 0 (also if it is there) or -errno. */
int directory_make(const char *path, mode_t mode);
/* Opens the directory that @path is in, which is not looked at. Returns a descriptor or -errno. */
int directory_open_above(const char *path);
/* Makes the directories above @path. */
int directory_make_above(const char *path, mode_t mode);

/*
 * Removes @name in the directory @dir with everything in it. Goes from descriptor to descriptor, so that nothing
 * else is removed whatever others rename meanwhile: never what a symbolic link leads to, what is on another file system,
 * or what belongs to another user (-EPERM; the rest is removed nevertheless). Directories without write permission are
 * made writable first. 0 (also if it was absent) or the first -errno.
 */
int directory_remove_at(int dir, const char *name);
/* The same for a path, of which only the last part is not followed. */
int directory_remove(const char *path);

#endif
