/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole files. Nothing here leaves half a file behind under its final name.
 */
#ifndef KPATCH_UTIL_FILE_H
#define KPATCH_UTIL_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

struct arena;

/*
 * Opens a regular file to be read; a symbolic link is followed. What it is, is known before it is opened: a device may do
 * something, and a FIFO waits for ever. Returns a descriptor or -errno: -EISDIR, -EINVAL (something else), -ESTALE (it was
 * exchanged meanwhile). @st: of what was opened.
 */
int file_open_regular(const char *path, struct stat *st);

/*
 * The contents of a regular file, with a NUL behind them that *size does not count. @size may be NULL.
 * 0, -errno, -EFBIG (more than 1 GiB).
 */
int file_read(struct arena *a, const char *path, char **data, size_t *size);
/* Writes a file, replacing one of that name. On failure nothing is left. 0 or -errno. */
int file_write(const char *path, const void *data, size_t size, mode_t mode);
/* The same so that @path is at every moment, power cuts included, the old file or the whole new one. */
int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode);
int file_write_atomic_at(int dir, const char *name, const void *data, size_t size, mode_t mode);
/* Copies a regular file's contents; @to is replaced. 0 or -errno. */
int file_copy(const char *from, const char *to, mode_t mode);

/*
 * A file that gets its name when it is whole. Until then it has one that nobody can foresee, and no other file has
 * that: it is made, not opened. The steps in their order; each returns 0 or -errno, and after a failure
 * new_file_drop() leaves nothing behind.
 */
struct new_file {
	int dir, fd;	  /* the directory, the file until it is closed */
	const char *name; /* the caller's: the last part of the path */
	char temporary[NAME_MAX + 1];
	bool published;
};
/* @path stays the caller's, and must live as long as @f. */
int new_file_open(struct new_file *f, const char *path);
/* The same for @name in the directory @dir, whose descriptor stays the caller's. */
int new_file_open_at(struct new_file *f, int dir, const char *name);
int new_file_write(struct new_file *f, const void *data, size_t size);
/* Its contents are on the disk after this, if @sync. */
int new_file_close(struct new_file *f, mode_t mode, bool sync);
/* It replaces a file of its name. Only new_file_withdraw() and new_file_drop() may follow. */
int new_file_publish(struct new_file *f);
/* Removes it again if it has its name: it is of no use without what was to come after it. */
void new_file_withdraw(struct new_file *f);
void new_file_drop(struct new_file *f);
/* Whether @name is one that a file has until then: nobody's, where only one program writes at a time. */
bool new_file_is_temporary(const char *name);

bool file_is_regular(const char *path); /* following symbolic links */

/* Closes what was written to. 0 or -errno: everything has reached the file, or not. */
int file_finish(FILE *f);

/* What -errno @err says of the disk: no room, or none left of what this user may have; that, or read-only, or broken. */
bool error_is_full(int err);
bool error_is_disks(int err);

#endif
