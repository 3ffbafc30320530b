/* SPDX-License-Identifier: GPL-2.0-only */
/* See input.h. */
#include "lib/kernel/files/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/kernel/files/decompress.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/xmalloc.h"

#define FIRST_ROOM (64u << 10)

/* Reads until the end: the size that stat gives is only a hint (0 for pseudo files). */
static int read_all(int fd, size_t hint, size_t limit, uint8_t **data, size_t *size)
{
	size_t room = hint + 1, used = 0;
	uint8_t *p;

	if (hint > limit)
		return -EFBIG;
	p = xmalloc(room + 1);
	for (;;) {
		ssize_t n;

		if (used == room) {
			room *= 2;
			p = xreallocarray(p, room + 1, 1);
		}
		n = read(fd, p + used, room - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || used + (size_t)n > limit) {
			int err = n < 0 ? -errno : -EFBIG;

			free(p);
			return err;
		}
		if (!n) {
			p[used] = 0;
			*data = p;
			*size = used;
			return 0;
		}
		used += (size_t)n;
	}
}

int input_read(const char *path, size_t limit, uint8_t **data, size_t *size)
{
	struct stat st;
	int fd = file_open_regular(path, &st), err;

	if (fd < 0)
		return fd;
	err = (uint64_t)st.st_size > limit ?
		      -EFBIG :
		      read_all(fd, st.st_size ? (size_t)st.st_size : FIRST_ROOM, limit, data, size);
	close(fd);
	return err;
}

/* What is wrong with reading @path, if anything is. Returns @err. */
static int explain(const char *path, const char *kind, struct diags *diags, int err)
{
	if (err == -EFBIG)
		diag_error(diags, "file-too-large", diag_file(path), NULL, "this is larger than any %s",
			   kind);
	else if (err)
		diag_error(diags, "file-unreadable", diag_file(path), NULL, "cannot read the %s: %s", kind,
			   strerror(-err));
	return err;
}

int input_read_diag(const char *path, const char *kind, size_t limit, struct diags *diags, uint8_t **data,
		    size_t *size)
{
	return explain(path, kind, diags, input_read(path, limit, data, size));
}

/* @packed, which is released, as text, whatever compressed it. */
static int unpack(const char *path, const char *kind, size_t limit, struct diags *diags, uint8_t *packed,
		  size_t n, uint8_t **data, size_t *size)
{
	enum compression c = compression_detect(packed, n);
	uint8_t *plain = NULL;
	int err;

	*data = packed;
	*size = n;
	if (c == COMPRESSION_NONE)
		return 0;
	err = decompress(c, packed, n, limit - 1, 0, &plain, &n);
	free(packed);
	*data = err ? NULL : xreallocarray(plain, n + 1, 1);
	if (err) {
		diag_error(diags, "text-damaged", diag_file(path), NULL, "cannot decompress this %s (%s): %s",
			   kind, compression_name(c), err == -EBADMSG ? "it is damaged" : strerror(-err));
	} else {
		(*data)[n] = 0;
		*size = n;
	}
	return err;
}

int input_read_text(const char *path, const char *kind, size_t limit, struct diags *diags, uint8_t **data,
		    size_t *size)
{
	uint8_t *packed = NULL;
	size_t n = 0;
	int err = input_read_diag(path, kind, limit, diags, &packed, &n);

	return err ? err : unpack(path, kind, limit, diags, packed, n, data, size);
}

int input_read_text_of(int fd, const char *name, const char *kind, size_t limit, struct diags *diags,
		       uint8_t **data, size_t *size)
{
	uint8_t *packed = NULL;
	size_t n = 0;
	int err = explain(name, kind, diags, read_all(fd, FIRST_ROOM, limit, &packed, &n));

	return err ? err : unpack(name, kind, limit, diags, packed, n, data, size);
}
