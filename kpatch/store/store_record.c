/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record beside an installed patch, ".NAME.boot": whether it is loaded at boot, and how its boots
 * went. It is made when the patch is installed and written in place from then on, so that a full disk
 * keeps nothing from being noted. It is one line in each of two sectors, which are written in turn: if
 * one was torn by a power failure or does not read as it was written, the other one counts. See store.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kpatch/store/store_private.h"
#include "lib/util/file.h"

/* What disks write as a whole. */
#define SECTOR 512
#define SUM_DIGITS 16

static const char *const boot_names[] = {
	[STORED_ENABLED] = "enabled",
	[STORED_DISABLED] = "disabled",
	[STORED_HELD] = "held-back",
	[STORED_UNREADABLE] = "unreadable",
};

static const char *const run_names[] = {
	[RUN_IDLE] = "idle",
	[RUN_LOADING] = "loading",
	[RUN_LOADED] = "loaded",
};

const char *stored_boot_name(enum stored_boot boot)
{
	return boot_names[boot];
}

static int name_index(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

/*
 * The sum of a line: no proof against anybody, but against chance. A CRC, because libcrypto would take longer to load
 * than kpatch to run.
 */
static void sum_line(const char *line, size_t size, char out[SUM_DIGITS + 1])
{
	snprintf(out, SUM_DIGITS + 1, "%016" PRIx64, lzma_crc64((const uint8_t *)line, size, 0));
}

static void format_sector(const struct boot_record *r, char out[SECTOR + 1])
{
	int n = snprintf(out, SECTOR, "kpatch-boot 2 %" PRIu64 " %s %s %u %s", r->sequence,
			 boot_names[r->boot], run_names[r->run], r->crashes, r->boot_id);
	char sum[SUM_DIGITS + 1];

	sum_line(out, (size_t)n, sum);
	snprintf(out + n, SECTOR + 1 - (size_t)n, " %s%*s\n", sum, SECTOR - n - SUM_DIGITS - 2, "");
}

/* Read by reading, then written again and compared: nothing but what we write is a record. */
static bool parse_sector(const char *text, struct boot_record *r)
{
	char copy[SECTOR + 1], again[SECTOR + 1], boot[16], run[16];
	int which_boot, which_run;

	memcpy(copy, text, SECTOR);
	copy[SECTOR] = '\0';
	if (sscanf(copy, "kpatch-boot 2 %" SCNu64 " %15s %15s %u %36s", &r->sequence, boot, run, &r->crashes,
		   r->boot_id) != 5)
		return false;
	which_boot = name_index(boot_names, STORED_UNREADABLE, boot);
	which_run = name_index(run_names, RUN_LOADED + 1, run);
	if (which_boot < 0 || which_run < 0)
		return false;
	r->boot = (enum stored_boot)which_boot;
	r->run = (enum boot_run)which_run;
	format_sector(r, again);
	return !memcmp(copy, again, SECTOR);
}

static int read_sectors(int directory, const char *file, char text[2 * SECTOR])
{
	int fd = openat(directory, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err = 0;
	size_t n = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -errno;
	while (!err && got && n < 2 * SECTOR) {
		got = pread(fd, text + n, 2 * SECTOR - n, (off_t)n);
		if (got < 0 && errno != EINTR)
			err = -errno;
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	return err ? err : n == 2 * SECTOR ? 0 : -EBADMSG;
}

int record_read(int directory, const char *module, struct boot_record *out)
{
	char text[2 * SECTOR], file[RECORD_NAME_SIZE];
	struct boot_record r[2];
	bool good[2];
	int err;

	record_name(module, file);
	err = read_sectors(directory, file, text);
	if (err)
		return err;
	for (size_t i = 0; i < 2; i++)
		good[i] = parse_sector(text + i * SECTOR, &r[i]);
	if (!good[0] && !good[1])
		return -EBADMSG;
	*out = good[0] && (!good[1] || r[0].sequence > r[1].sequence) ? r[0] : r[1];
	return 0;
}

static int put_sectors(int fd, const char *text, size_t size, off_t at)
{
	int err = 0;

	while (!err && size) {
		ssize_t n = pwrite(fd, text, size, at);

		if (n < 0 && errno != EINTR)
			err = -errno;
		if (n <= 0)
			continue;
		text += n;
		at += n;
		size -= (size_t)n;
	}
	if (!err && fsync(fd))
		err = -errno;
	return err;
}

int record_create(int directory, const char *module, const struct boot_record *r)
{
	char text[2 * SECTOR + 1], file[RECORD_NAME_SIZE];
	struct boot_record fresh = *r;

	record_name(module, file);
	for (fresh.sequence = 0; fresh.sequence < 2; fresh.sequence++)
		format_sector(&fresh, text + fresh.sequence * SECTOR);
	return file_write_atomic_at(directory, file, text, 2 * SECTOR, 0644);
}

int record_write(int directory, const char *module, const struct boot_record *r)
{
	char text[SECTOR + 1], file[RECORD_NAME_SIZE];
	struct boot_record next = *r, old;
	int err = record_read(directory, module, &old), fd;

	if (err)
		return record_create(directory, module, r);
	next.sequence = old.sequence + 1;
	format_sector(&next, text);
	record_name(module, file);
	fd = openat(directory, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	err = put_sectors(fd, text, SECTOR, (off_t)(next.sequence % 2) * SECTOR);
	close(fd);
	return err;
}

void record_name(const char *module, char out[RECORD_NAME_SIZE])
{
	snprintf(out, RECORD_NAME_SIZE, ".%s.boot", module);
}
