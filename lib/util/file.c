// SPDX-License-Identifier: GPL-2.0-only
/* See file.h. */
#include "lib/util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/arena.h"

#define FILE_MAX ((off_t)1 << 30)

int file_read(struct arena *a, const char *path, char **data, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	size_t room, used = 0;
	struct stat st;
	char *p;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (st.st_size > FILE_MAX)
		err = -EFBIG;
	if (err)
		goto out;
	room = (size_t)st.st_size;
	p = arena_alloc(a, room + 1);
	if (!p) {
		err = -ENOMEM;
		goto out;
	}
	while (used < room) {
		ssize_t n = read(fd, p + used, room - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	if (!err) {
		*data = p;
		if (size)
			*size = used;
	}
out:
	close(fd);
	return err;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

int file_write(const char *path, const void *data, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode), err;

	if (fd < 0)
		return -errno;
	err = write_all(fd, data, size);
	if (close(fd) < 0 && !err)
		err = -errno;
	if (err)
		unlink(path);
	return err;
}

int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode)
{
	const char *base = path_base(path);
	char *temporary;
	int fd, err;

	if (asprintf(&temporary, "%.*s.%s.XXXXXX", (int)(base - path), path, base) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		free(temporary);
		return err;
	}
	err = write_all(fd, data, size);
	if (!err && fchmod(fd, mode) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err && rename(temporary, path) < 0)
		err = -errno;
	if (err)
		unlink(temporary);
	free(temporary);
	return err;
}

int file_copy(const char *from, const char *to, mode_t mode)
{
	struct arena *a = arena_new();
	size_t size = 0;
	char *data = NULL;
	int err;

	if (!a)
		return -ENOMEM;
	err = file_read(a, from, &data, &size);
	if (!err)
		err = file_write(to, data, size, mode);
	arena_free(a);
	return err;
}

bool file_is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool file_is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int directory_make_above(const char *path, mode_t mode)
{
	char *copy = strdup(path);
	int err = 0;

	if (!copy)
		return -ENOMEM;
	for (char *p = copy + 1; *copy && *p && !err; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			err = -errno;
		*p = '/';
	}
	free(copy);
	return err;
}

int directory_make(const char *path, mode_t mode)
{
	int err = directory_make_above(path, mode);

	if (!err && mkdir(path, mode) < 0 && errno != EEXIST)
		err = -errno;
	if (!err && !file_is_directory(path))
		err = -ENOTDIR;
	return err;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	int err = flag == FTW_DP ? rmdir(path) : unlink(path);

	if (err < 0 && errno == EACCES && flag != FTW_DP) {
		/* a read-only directory of ours */
		char *dir = strndup(path, (size_t)(path_base(path) - path));

		if (dir && chmod(dir, 0700) == 0)
			err = unlink(path);
		free(dir);
	}
	return err < 0 && errno != ENOENT ? errno : 0;
}

int directory_remove(const char *path)
{
	struct stat st;
	int err;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	err = nftw(path, remove_one, 64, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return err < 0 ? -errno : -err;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_directory(struct arena *a, const char *path)
{
	const char *base = path_base(path);

	return base == path ? arena_strdup(a, ".") :
			      arena_strndup(a, path, base - path > 1 ? (size_t)(base - path - 1) : 1);
}

char *path_normal(struct arena *a, const char *path)
{
	char *out = path ? arena_alloc(a, strlen(path) + 2) : NULL, *end = out, *start;

	if (!out)
		return NULL;
	if (*path == '/')
		*end++ = '/';
	start = end;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !strncmp(path, "..", 2)) {
			if (end == start)
				return NULL;
			while (end > start && end[-1] != '/')
				end--;
			if (end > start)
				end--;
		} else if (n && !(n == 1 && *path == '.')) {
			if (end > start)
				*end++ = '/';
			memcpy(end, path, n);
			end += n;
		}
		path += n;
		path += strspn(path, "/");
	}
	if (end == out)
		*end++ = '.';
	*end = '\0';
	return out;
}
