// SPDX-License-Identifier: GPL-2.0-only
/* See file.h. */
#include "lib/util/file.h"
#include "lib/util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/arena.h"
#include "lib/util/directory.h"

#define FILE_MAX ((off_t)1 << 30)

static int judge_type(const struct stat *st)
{
	return S_ISREG(st->st_mode) ? 0 : S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL;
}

int file_open_regular(const char *path, struct stat *st)
{
	struct stat before;
	int err, fd;

	if (stat(path, &before))
		return -errno;
	err = judge_type(&before);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, st))
		err = -errno;
	else if (st->st_dev != before.st_dev || st->st_ino != before.st_ino)
		err = -ESTALE;
	else
		err = judge_type(st);
	if (err)
		close(fd);
	return err ? err : fd;
}

int file_read(struct arena *a, const char *path, char **data, size_t *size)
{
	size_t room, used = 0;
	struct stat st = { .st_size = 0 };
	int fd = file_open_regular(path, &st), err = 0;
	char *p;

	if (fd < 0)
		return fd;
	if (st.st_size > FILE_MAX) {
		err = -EFBIG;
		goto out;
	}
	room = (size_t)st.st_size;
	p = arena_alloc(a, room + 1);
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

/* Another try is never needed, unless somebody can foresee what the kernel makes up. */
static int name_temporary(struct new_file *f)
{
	uint64_t random[2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	snprintf(f->temporary, sizeof(f->temporary), ".%.200s.%016" PRIx64 "%016" PRIx64, f->name, random[0],
		 random[1]);
	return 0;
}

bool new_file_is_temporary(const char *name)
{
	size_t n = strlen(name);

	return *name == '.' && n > 34 && name[n - 33] == '.' &&
	       strspn(name + n - 32, "0123456789abcdef") == 32;
}

/* @dir: the file's from now on, or -errno. */
static int open_in(struct new_file *f, int dir, const char *name)
{
	int err;

	*f = (struct new_file){ .dir = dir, .fd = -1, .name = name };
	err = dir < 0 ? dir : name_temporary(f);
	if (err)
		return err;
	f->fd = openat(f->dir, f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->fd >= 0)
		return 0;
	err = -errno;
	*f->temporary = '\0'; /* somebody else's, if it is there */
	return err;
}

int new_file_open(struct new_file *f, const char *path)
{
	return open_in(f, directory_open_above(path), path_base(path));
}

int new_file_open_at(struct new_file *f, int dir, const char *name)
{
	int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return open_in(f, own < 0 ? -errno : own, name);
}

int new_file_write(struct new_file *f, const void *data, size_t size)
{
	return write_all(f->fd, data, size);
}

int new_file_close(struct new_file *f, mode_t mode, bool sync)
{
	int err = 0;

	if (fchmod(f->fd, mode) || (sync && fsync(f->fd)))
		err = -errno;
	if (close(f->fd) && !err)
		err = -errno;
	f->fd = -1;
	return err;
}

int new_file_publish(struct new_file *f)
{
	int err = renameat(f->dir, f->temporary, f->dir, f->name) ? -errno : 0;

	if (err)
		return err;
	*f->temporary = '\0';
	f->published = true;
	/* some file systems cannot, and have nothing to write */
	if (fsync(f->dir) && errno != EINVAL)
		err = -errno;
	return err;
}

void new_file_withdraw(struct new_file *f)
{
	if (f->published)
		unlinkat(f->dir, f->name, 0);
}

void new_file_drop(struct new_file *f)
{
	if (f->dir >= 0 && *f->temporary)
		unlinkat(f->dir, f->temporary, 0);
	if (f->fd >= 0)
		close(f->fd);
	if (f->dir >= 0)
		close(f->dir);
	f->dir = f->fd = -1;
}

/* @err: of opening it. */
static int write_atomic(struct new_file *f, int err, const void *data, size_t size, mode_t mode)
{
	if (!err)
		err = new_file_write(f, data, size);
	if (!err)
		err = new_file_close(f, mode, true);
	if (!err)
		err = new_file_publish(f);
	new_file_drop(f);
	return err;
}

int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode)
{
	struct new_file f = { .dir = -1, .fd = -1 };

	return write_atomic(&f, new_file_open(&f, path), data, size, mode);
}

int file_write_atomic_at(int dir, const char *name, const void *data, size_t size, mode_t mode)
{
	struct new_file f = { .dir = -1, .fd = -1 };

	return write_atomic(&f, new_file_open_at(&f, dir, name), data, size, mode);
}

int file_copy(const char *from, const char *to, mode_t mode)
{
	struct arena *a = arena_new();
	size_t size = 0;
	char *data = NULL;
	int err;

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

/* What fails last says why best: a disk that was full when a part was written still is. */
int file_finish(FILE *f)
{
	bool failed = ferror(f);

	if (fclose(f))
		return -errno;
	return failed ? -EIO : 0;
}

bool error_is_full(int err)
{
	return err == -ENOSPC || err == -EDQUOT;
}

bool error_is_disks(int err)
{
	return error_is_full(err) || err == -EROFS || err == -EIO;
}
