/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See image_cache.h. A cache file: a header, the decompressed ELF file, the kallsyms block; both
 * aligned to a page. Its name is made from the image's identity, which the header repeats; a
 * checksum over everything tells a damaged file. Files and the way to them belong to the
 * user who runs the tool, or to root; those that it makes are not readable by others.
 */
#include "lib/kernel/files/image_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/util/directory.h"
#include "lib/util/file.h"

#define MAGIC "kpimage2"
#define ALIGNMENT 4096u
#define ENTRY_PREFIX "image-"
#define ENTRY_NAME 32
#define ENTRIES_KEPT 8u /* of 70 MB; more kernels than one works with in a day */

struct header {
	char magic[8];
	uint64_t device, inode, file_size;
	int64_t mtime, mtime_ns, ctime, ctime_ns;
	uint64_t elf_size, kallsyms_size, checksum;
};

static size_t aligned(size_t n)
{
	return (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static void identify(const struct stat *st, struct header *h)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, MAGIC, sizeof(h->magic));
	h->device = st->st_dev;
	h->inode = st->st_ino;
	h->file_size = (uint64_t)st->st_size;
	h->mtime = st->st_mtim.tv_sec;
	h->mtime_ns = st->st_mtim.tv_nsec;
	h->ctime = st->st_ctim.tv_sec;
	h->ctime_ns = st->st_ctim.tv_nsec;
}

static void entry_name(const struct header *identity, char name[ENTRY_NAME])
{
	uint64_t key = lzma_crc64((const uint8_t *)identity, sizeof(*identity), 0);

	snprintf(name, ENTRY_NAME, ENTRY_PREFIX "%016llx", (unsigned long long)key);
}

static uint64_t checksum(const uint8_t *elf, size_t elf_size, const void *kallsyms, size_t size)
{
	return lzma_crc64(kallsyms, size, lzma_crc64(elf, elf_size, 0));
}

/* Adds @size bytes of the file from @offset to a checksum. */
static bool checksum_range(int fd, size_t offset, size_t size, uint64_t *sum)
{
	uint8_t buffer[65536];

	while (size) {
		ssize_t n = pread(fd, buffer, size < sizeof(buffer) ? size : sizeof(buffer), (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		*sum = lzma_crc64(buffer, (size_t)n, *sum);
		offset += (size_t)n;
		size -= (size_t)n;
	}
	return true;
}

/*
 * The same over the file. Read in pieces rather than through the mapping: whoever needs only the
 * symbols then never has the image's 60 MB in memory.
 */
static bool checksum_matches(int fd, const struct header *h)
{
	size_t elf = aligned(sizeof(*h));
	uint64_t sum = 0;

	return checksum_range(fd, elf, h->elf_size, &sum) &&
	       checksum_range(fd, elf + aligned(h->elf_size), h->kallsyms_size, &sum) && sum == h->checksum;
}

/* Whether the mapped file is a complete entry of this identity; sets the parts. */
static bool entry_is_sound(struct image_cache *c, int fd, const struct header *identity)
{
	const struct header *h = c->map;
	struct header same = *identity;
	size_t at = aligned(sizeof(*h));

	if (c->map_size < at)
		return false;
	same.elf_size = h->elf_size;
	same.kallsyms_size = h->kallsyms_size;
	same.checksum = h->checksum;
	if (memcmp(h, &same, sizeof(same)) || h->elf_size > c->map_size || h->kallsyms_size > c->map_size ||
	    at + aligned(h->elf_size) + h->kallsyms_size != c->map_size)
		return false;
	c->elf = (const uint8_t *)c->map + at;
	c->elf_size = h->elf_size;
	c->kallsyms = c->elf + aligned(h->elf_size);
	c->kallsyms_size = h->kallsyms_size;
	return checksum_matches(fd, h);
}

/*
 * The entry @name of @dir, a descriptor or -ENOENT. What another user made or can change is not trusted: it could
 * say anything about the running code.
 */
static int open_entry(const char *dir, const char *name, struct stat *st)
{
	struct distrust why;
	int at = directory_open(dir, geteuid(), 0, &why), fd;

	if (at < 0)
		return -ENOENT;
	fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	close(at);
	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, st) || !S_ISREG(st->st_mode) || file_judge(name, st, geteuid(), &why) || !st->st_size) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

int image_cache_open(const char *dir, const struct stat *st, struct image_cache *out)
{
	struct image_cache c = { 0 };
	struct header identity;
	char name[ENTRY_NAME];
	struct stat own;
	int fd, err;

	identify(st, &identity);
	entry_name(&identity, name);
	fd = open_entry(dir, name, &own);
	if (fd < 0)
		return fd;
	c.map_size = (size_t)own.st_size;
	c.map = mmap(NULL, c.map_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (c.map == MAP_FAILED) {
		close(fd);
		return -ENOENT;
	}
	err = entry_is_sound(&c, fd, &identity) ? 0 : -ENOENT;
	if (err)
		image_cache_close(&c);
	else
		*out = c;
	(void)futimens(fd, NULL); /* used now: see remove_old() */
	close(fd);
	return err;
}

void image_cache_close(struct image_cache *c)
{
	if (c->map)
		munmap(c->map, c->map_size);
	c->map = NULL;
}

/* Zeros up to where the next part begins. */
static int write_padding(struct new_file *f, size_t written)
{
	static const char zeros[ALIGNMENT];

	return new_file_write(f, zeros, aligned(written) - written);
}

static int write_entry(struct new_file *f, const struct header *h, const uint8_t *elf, const void *kallsyms)
{
	int err = new_file_write(f, h, sizeof(*h));

	if (!err)
		err = write_padding(f, sizeof(*h));
	if (!err)
		err = new_file_write(f, elf, h->elf_size);
	if (!err)
		err = write_padding(f, h->elf_size);
	return err ? err : new_file_write(f, kallsyms, h->kallsyms_size);
}

static bool older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* The entry (or what a killed writer left) that was not used for the longest time, if there are too many. */
static bool one_too_many(DIR *d, char name[NAME_MAX + 1])
{
	struct timespec oldest = { 0 };
	struct dirent *e;
	struct stat st;
	unsigned int n = 0;

	rewinddir(d);
	while ((e = readdir(d))) {
		if (strncmp(e->d_name + (*e->d_name == '.'), ENTRY_PREFIX, sizeof(ENTRY_PREFIX) - 1) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
			continue;
		if (n++ && !older(&st.st_mtim, &oldest))
			continue;
		oldest = st.st_mtim;
		strcpy(name, e->d_name);
	}
	return n > ENTRIES_KEPT;
}

/* Whoever has an entry mapped keeps it; the others decode their image again. */
static void remove_old(int dir)
{
	DIR *d = fdopendir(dir);
	char name[NAME_MAX + 1];

	while (d && one_too_many(d, name) && !unlinkat(dirfd(d), name, 0))
		;
	if (d)
		closedir(d);
	else
		close(dir);
}

int image_cache_write(const char *dir, const struct stat *st, const uint8_t *elf, size_t elf_size,
		      const void *kallsyms, size_t kallsyms_size)
{
	char name[ENTRY_NAME];
	struct distrust why;
	struct new_file f;
	struct header h;
	int at = directory_open(dir, geteuid(), DIRECTORY_MAKE, &why), err;

	if (at < 0)
		return at;
	identify(st, &h);
	entry_name(&h, name);
	h.elf_size = elf_size;
	h.kallsyms_size = kallsyms_size;
	h.checksum = checksum(elf, elf_size, kallsyms, kallsyms_size);
	err = new_file_open_at(&f, at, name);
	if (!err)
		err = write_entry(&f, &h, elf, kallsyms);
	if (!err)
		err = new_file_close(&f, 0600, true);
	if (!err)
		err = new_file_publish(&f);
	new_file_drop(&f);
	remove_old(at);
	return err;
}
