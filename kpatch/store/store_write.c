/* SPDX-License-Identifier: GPL-2.0-only */
/* See store.h: what is put into the store, and taken out of it. */
#include "kpatch/store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch/file/patchfile.h"
#include "lib/kernel/files/decompress.h"
#include "lib/kernel/files/module.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"

/* The name of what is at @path reaches the disk. */
static int sync_above(const char *path)
{
	int fd = directory_open_above(path), err = fd < 0 ? fd : 0;

	if (!err && fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

static int make_one(const char *path)
{
	if (mkdir(path, 0755))
		return errno == EEXIST ? 0 : -errno;
	return sync_above(path);
}

static enum outcome make_directories(struct kpatch *k, const char *release)
{
	static const char *const parts[] = { "/var", "/var/lib", STORE, NULL };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		int err = parts[i] ? system_path(&k->system, path, "%s", parts[i]) :
				     system_path(&k->system, path, STORE "/%s", release);

		if (!err)
			err = make_one(path);
		if (err)
			return store_not_written(k, path, -err);
	}
	return OUTCOME_OK;
}

static const char *suffix_of(const struct patch_file *f)
{
	switch (compression_detect(f->bytes, f->n_bytes)) {
	case COMPRESSION_XZ:
		return ".xz";
	case COMPRESSION_ZSTD:
		return ".zst";
	case COMPRESSION_GZIP:
		return ".gz";
	default:
		return "";
	}
}

/* It is gone, also after a power failure. */
static int remove_file(int directory, const char *file)
{
	if (unlinkat(directory, file, 0) && errno != ENOENT)
		return -errno;
	return fsync(directory) ? -errno : 0;
}

/* All that are stored under that name: in more than one file if an install was interrupted. */
struct same_name {
	const struct stored *list;
	size_t n;
	const char *module;
};

/* The first from *i on; NULL: none. */
static const struct stored *next_of(const struct same_name *all, size_t *i)
{
	while (*i < all->n)
		if (!strcmp(all->list[(*i)++].module, all->module))
			return &all->list[*i - 1];
	return NULL;
}

/* Their files, but for the one called @keep. */
static int remove_files(int directory, const struct same_name *all, const char *keep)
{
	const struct stored *s;
	int err = 0;

	for (size_t i = 0; !err && (s = next_of(all, &i));)
		if (!keep || strcmp(s->file, keep))
			err = remove_file(directory, s->file);
	return err;
}

/*
 * What its boots need on the disk is there before the patch is. Of a patch of that name that was there the
 * administrator's word stays; what boots found out ends when the new file is in place: somebody means
 * this one to be loaded.
 */
static int write_patch(int directory, const char *file, const struct patch_file *f,
		       const struct same_name *before)
{
	struct boot_record r = { .boot = STORED_ENABLED, .boot_id = "-" };
	char record[RECORD_NAME_SIZE];
	const struct stored *old = next_of(before, &(size_t){ 0 });
	bool keep = old && old->recorded;
	int err = keep ? 0 : record_create(directory, f->module->name, &r);

	record_name(f->module->name, record);
	if (!err)
		err = file_write_atomic_at(directory, file, f->bytes, f->n_bytes, 0644);
	if (err && !old)
		unlinkat(directory, record, 0);
	/* The same patch under another spelling, or compressed otherwise. */
	if (!err)
		err = remove_files(directory, before, file);
	if (err || !keep)
		return err;
	r.boot = old->record.boot == STORED_DISABLED ? STORED_DISABLED : STORED_ENABLED;
	return record_write(directory, f->module->name, &r);
}

/* What a killed install left; @all: and what lies beside patches, when they are gone. */
static void sweep(DIR *d, bool all)
{
	struct dirent *e;

	rewinddir(d);
	while ((e = readdir(d)))
		if (*e->d_name == '.' && strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		    (all || new_file_is_temporary(e->d_name)))
			unlinkat(dirfd(d), e->d_name, 0);
}

enum outcome store_add(struct kpatch *k, const char *release, const struct patch_file *f, bool *replaced)
{
	struct same_name before = { .module = f->module->name };
	const struct stored *old;
	struct stored *list;
	const char *path = "", *file;
	enum outcome o;
	DIR *d = NULL;
	int err;

	o = make_directories(k, release);
	if (!o)
		o = store_list(k, release, &list, &before.n);
	if (!o)
		o = store_open(k, release, &path, &d);
	if (o)
		return o;
	if (!d)
		return store_not_written(k, path, ENOENT);
	before.list = list;
	old = next_of(&before, &(size_t){ 0 });
	if (old && old->record.boot == STORED_UNREADABLE) {
		diag_error(
			k->diags, "record-unreadable", diag_file(f->module->name),
			"Have the disk looked at; kpatch enable or disable writes a new record",
			"the record of the patch that is installed cannot be read: it may say that it is not to "
			"be loaded");
		closedir(d);
		return OUTCOME_SYSTEM;
	}
	sweep(d, false);
	file = arena_printf(k->arena, "%s.ko%s", f->module->name, suffix_of(f));
	err = write_patch(dirfd(d), file, f, &before);
	closedir(d);
	*replaced = old != NULL;
	return err ? store_not_written(k, path, -err) : OUTCOME_OK;
}

/* The record after the file: a power failure in between must not leave a disabled patch enabled. */
static int remove_patch(int directory, const struct same_name *all)
{
	char record[RECORD_NAME_SIZE];
	int err = remove_files(directory, all, NULL);

	record_name(all->module, record);
	return err ? err : remove_file(directory, record);
}

static bool is_last(const struct same_name *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->list[i].module, all->module))
			return false;
	return true;
}

enum outcome store_remove(struct kpatch *k, const char *release, const char *name)
{
	const struct stored *found = NULL;
	struct same_name all = { .n = 0 };
	const char *path = "";
	struct stored *list;
	DIR *d = NULL;
	enum outcome o;
	int err;

	o = store_search(k, release, name, &found);
	if (!o)
		o = store_list(k, release, &list, &all.n);
	if (!o)
		o = store_open(k, release, &path, &d);
	if (o)
		return o;
	if (!d)
		return store_not_written(k, path, ENOENT);
	all.list = list;
	all.module = found->module;
	err = remove_patch(dirfd(d), &all);
	sweep(d, !err && is_last(&all));
	closedir(d);
	if (!err && is_last(&all))
		rmdir(path); /* fails, as it should, unless it is empty */
	return err ? store_not_written(k, found->path, -err) : OUTCOME_OK;
}
