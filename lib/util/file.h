/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole files and directories. Nothing here follows a path into a place that the caller did not
 * name; nothing leaves half a file behind under its final name.
 */
#ifndef KPATCH_UTIL_FILE_H
#define KPATCH_UTIL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct arena;

/*
 * The contents of a file, with a NUL behind them that *size does not count. @size may be NULL.
 * 0, -errno, -EFBIG (more than 1 GiB).
 */
int file_read(struct arena *a, const char *path, char **data, size_t *size);
/* Writes a file, replacing one of that name. On failure nothing is left. 0 or -errno. */
int file_write(const char *path, const void *data, size_t size, mode_t mode);
/* The same so that @path is at every moment the old file, or the whole new one. */
int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode);
/* Copies a regular file's contents; @to is replaced. 0 or -errno. */
int file_copy(const char *from, const char *to, mode_t mode);

bool file_is_regular(const char *path); /* following symbolic links */
bool file_is_directory(const char *path);

/* Makes a directory and those above it. 0 (also if it is there) or -errno. */
int directory_make(const char *path, mode_t mode);
/* Makes the directories above @path. */
int directory_make_above(const char *path, mode_t mode);
/*
 * Removes @path and everything in it, without following symbolic links or crossing file systems.
 * Directories without write permission are made writable first. 0 (also if it was absent) or the
 * first -errno.
 */
int directory_remove(const char *path);

/*
 * "a/./b/../c" → "a/c", by text alone. NULL without memory, or for a path that leads above where it
 * starts ("../x", "/..").
 */
char *path_normal(struct arena *a, const char *path);
/* The part after the last '/'. */
const char *path_base(const char *path);
/* The part before the last '/', "." without one. */
char *path_directory(struct arena *a, const char *path);

#endif
