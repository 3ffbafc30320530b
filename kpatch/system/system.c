/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths and small files of the machine; see system.h. */
#include "kpatch/system/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int format_path(const struct system *s, char out[PATH_MAX], const char *fmt, va_list ap)
{
	int root = snprintf(out, PATH_MAX, "%s", s->root), rest;

	if (root < 0 || root >= PATH_MAX)
		return -ENAMETOOLONG;
	rest = vsnprintf(out + root, (size_t)(PATH_MAX - root), fmt, ap);
	return rest < 0 || rest >= PATH_MAX - root ? -ENAMETOOLONG : 0;
}

int system_path(const struct system *s, char out[PATH_MAX], const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = format_path(s, out, fmt, ap);
	va_end(ap);
	return err;
}

static ssize_t read_start(int fd, char *out, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, out + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static ssize_t read_at(const struct system *s, void *out, size_t size, const char *fmt, va_list ap)
{
	char path[PATH_MAX];
	ssize_t n = format_path(s, path, fmt, ap);
	int fd;

	if (n)
		return n;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	n = read_start(fd, out, size);
	close(fd);
	return n;
}

ssize_t system_read_bytes(const struct system *s, void *out, size_t size, const char *fmt, ...)
{
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	n = read_at(s, out, size, fmt, ap);
	va_end(ap);
	return n;
}

ssize_t system_read(const struct system *s, char *out, size_t size, const char *fmt, ...)
{
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	n = read_at(s, out, size - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return n;
	while (n && out[n - 1] == '\n')
		n--;
	out[n] = '\0';
	return n;
}

bool system_exists(const struct system *s, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = format_path(s, path, fmt, ap);
	va_end(ap);
	return !err && !access(path, F_OK);
}

int system_write(struct system *s, const char *value, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = format_path(s, path, fmt, ap);
	va_end(ap);
	return err ? err : s->calls->write(s, path, value);
}
