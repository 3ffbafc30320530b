/* SPDX-License-Identifier: GPL-2.0-only */
/* See store.h. */
#include "kpatch/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch/patchfile.h"
#include "kpatch/sysfs.h"
#include "lib/kernel/decompress.h"
#include "lib/kernel/module.h"
#include "lib/manifest/schema.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

#define STORE "/var/lib/kpatch"

enum outcome store_release(struct kpatch *k, const char **release)
{
	struct utsname u;
	int err;

	if (k->options.kernel) {
		*release = k->options.kernel;
		if (schema_release.valid(*release))
			return OUTCOME_OK;
		diag_error(k->diags, "bad-release", NULL, NULL, "--kernel must be given %s",
			   schema_release.expected);
		return OUTCOME_USAGE;
	}
	err = k->system.calls->uname(&k->system, &u);
	*release = err ? NULL : arena_strdup(k->arena, u.release);
	if (*release && !schema_release.valid(*release)) {
		diag_error(k->diags, "bad-release", NULL, NULL, "the running kernel's release is not %s",
			   schema_release.expected);
		return OUTCOME_WRONG_KERNEL;
	}
	return *release ? OUTCOME_OK : no_memory(k);
}

/* "livepatch-fix.ko.xz" → "livepatch_fix"; false if it is no module's file. */
static bool module_of(const char *file, char out[64])
{
	const char *end = strstr(file, ".ko");
	char name[64];

	if (!end || end == file || (size_t)(end - file) >= sizeof(name) || (end[3] && end[3] != '.'))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(end - file), file);
	return !module_name(name, out);
}

static int compare_stored(const void *a, const void *b)
{
	return strverscmp(((const struct stored *)a)->module, ((const struct stored *)b)->module);
}

/* Root's alone: what lies in it is loaded into the kernel. */
static enum outcome judge_directory(struct kpatch *k, int fd, const char *path)
{
	struct stat st;
	bool as_root = k->system.calls->euid(&k->system) == 0;

	if (fstat(fd, &st))
		return OUTCOME_SYSTEM;
	if (!(st.st_mode & (S_IWGRP | S_IWOTH)) && (!st.st_uid || !as_root || *k->system.root))
		return OUTCOME_OK;
	diag_error(k->diags, "store-not-trusted", diag_file(path),
		   "Look at what is in it, then chown it to root and chmod go-w it",
		   "users other than root may write to this directory");
	return OUTCOME_BAD_FILE;
}

/* The directory above, with those of all kernels: whoever can write there can swap ours. */
static enum outcome judge_parent(struct kpatch *k)
{
	char path[PATH_MAX];
	enum outcome o;
	int fd;

	if (system_path(&k->system, path, STORE))
		return no_memory(k);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return OUTCOME_OK; /* the caller finds out why */
	o = judge_directory(k, fd, path);
	close(fd);
	return o;
}

enum outcome store_open(struct kpatch *k, const char *release, const char **path, DIR **d)
{
	char full[PATH_MAX];
	enum outcome o;
	int fd;

	if (system_path(&k->system, full, STORE "/%s", release))
		return no_memory(k);
	*path = arena_strdup(k->arena, full);
	if (!*path)
		return no_memory(k);
	*d = NULL;
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return OUTCOME_OK;
	if (fd < 0) {
		diag_error(k->diags, "store-unreadable", diag_file(full), NULL, "cannot be read: %s",
			   strerror(errno));
		return errno == EACCES ? OUTCOME_PERMISSION : OUTCOME_SYSTEM;
	}
	o = judge_parent(k);
	if (!o)
		o = judge_directory(k, fd, *path);
	if (!o)
		*d = fdopendir(fd);
	if (!*d)
		close(fd);
	return o || *d ? o : no_memory(k);
}

const char *store_mark_name(struct kpatch *k, const char *module, enum stored_boot boot)
{
	return arena_printf(k->arena, ".%s.%s", module, boot == STORED_HELD ? "held" : "disabled");
}

/* What the administrator said counts more than what a boot found out. */
static enum stored_boot read_mark(struct kpatch *k, DIR *d, const char *module)
{
	static const enum stored_boot marks[] = { STORED_DISABLED, STORED_HELD };

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		const char *mark = store_mark_name(k, module, marks[i]);

		if (mark && !faccessat(dirfd(d), mark, F_OK, 0))
			return marks[i];
	}
	return STORED_ENABLED;
}

static bool add_stored(struct kpatch *k, struct stored **list, size_t *n, const char *directory, DIR *d,
		       const char *file)
{
	struct stored s = { .path = NULL }, *grown;

	if (!module_of(file, s.module))
		return true;
	s.path = arena_printf(k->arena, "%s/%s", directory, file);
	s.file = arena_strdup(k->arena, file);
	s.boot = read_mark(k, d, s.module);
	grown = arena_array(k->arena, *n + 1, sizeof(s));
	if (!s.path || !s.file || !grown)
		return false;
	if (*n)
		memcpy(grown, *list, *n * sizeof(s));
	grown[*n] = s;
	*list = grown;
	++*n;
	return true;
}

enum outcome store_list(struct kpatch *k, const char *release, struct stored **list, size_t *n)
{
	const char *path;
	struct dirent *e;
	enum outcome o;
	DIR *d = NULL;

	*list = NULL;
	*n = 0;
	o = store_open(k, release, &path, &d);
	if (o || !d)
		return o;
	while (!o && (e = readdir(d)))
		if (e->d_name[0] != '.' && !add_stored(k, list, n, path, d, e->d_name))
			o = no_memory(k);
	closedir(d);
	if (*n)
		qsort(*list, *n, sizeof(**list), compare_stored);
	return o;
}

enum outcome store_search(struct kpatch *k, const char *release, const char *name, const struct stored **out)
{
	char wanted[MODULE_NAME_SIZE];
	struct stored *list;
	enum outcome o;
	size_t n;

	if (module_name(name, wanted)) {
		diag_error(k->diags, "bad-name", NULL, NULL, "an argument is not %s", schema_object.expected);
		return OUTCOME_USAGE;
	}
	o = store_list(k, release, &list, &n);
	for (size_t i = 0; !o && i < n; i++)
		if (!strcmp(list[i].module, wanted)) {
			*out = &list[i];
			return OUTCOME_OK;
		}
	if (o)
		return o;
	diag_error(k->diags, "not-installed", diag_file(name),
		   "Give the path of the module, or see kpatch list",
		   "no patch of that name is installed for %s", release);
	return OUTCOME_NOT_FOUND;
}

enum outcome store_find(struct kpatch *k, const char *name, const char **path)
{
	const struct stored *found = NULL;
	const char *release;
	enum outcome o = store_release(k, &release);

	if (!o)
		o = store_search(k, release, name, &found);
	if (!o)
		*path = found->path;
	return o;
}

enum outcome store_not_written(struct kpatch *k, const char *path, int error)
{
	diag_error(k->diags, "store-not-written", diag_file(path), NULL, "cannot be written: %s",
		   strerror(error));
	return error == EACCES || error == EPERM ? OUTCOME_PERMISSION : OUTCOME_SYSTEM;
}

static enum outcome make_directories(struct kpatch *k, const char *release)
{
	static const char *const parts[] = { "/var", "/var/lib", STORE, NULL };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		int err = parts[i] ? system_path(&k->system, path, "%s", parts[i]) :
				     system_path(&k->system, path, STORE "/%s", release);

		if (err || (mkdir(path, 0755) && errno != EEXIST))
			return store_not_written(k, path, err ? -err : errno);
	}
	return OUTCOME_OK;
}

/* Everything reaches the disk before the name does. */
static int write_file(int directory, const char *temporary, const char *name, const uint8_t *data,
		      size_t size)
{
	int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	size_t n = 0;
	int err = 0;

	if (fd < 0)
		return -errno;
	while (!err && n < size) {
		ssize_t put = write(fd, data + n, size - n);

		if (put < 0 && errno != EINTR)
			err = -errno;
		else if (put > 0)
			n += (size_t)put;
	}
	if (!err && (fchmod(fd, 0644) || fsync(fd)))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(directory, temporary, directory, name))
		err = -errno;
	if (err)
		unlinkat(directory, temporary, 0);
	else
		fsync(directory);
	return err;
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

static enum outcome write_into(struct kpatch *k, DIR *d, const char *directory, const struct patch_file *f,
			       const struct stored *old)
{
	const char *file = arena_printf(k->arena, "%s.ko%s", f->module->name, suffix_of(f));
	const char *temporary = arena_printf(k->arena, ".%s.new", f->module->name);
	const char *held = store_mark_name(k, f->module->name, STORED_HELD);
	int err;

	if (!file || !temporary || !held)
		return no_memory(k);
	err = write_file(dirfd(d), temporary, file, f->bytes, f->n_bytes);
	if (err)
		return store_not_written(k, directory, -err);
	/* The same patch under another spelling, or compressed otherwise. */
	if (old && strcmp(old->file, file))
		unlinkat(dirfd(d), old->file, 0);
	unlinkat(dirfd(d), held, 0); /* somebody means this one to be loaded */
	return OUTCOME_OK;
}

/* What a killed install left, and marks and journals of patches that are gone. */
static void sweep(DIR *d, bool all)
{
	struct dirent *e;

	rewinddir(d);
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name);
		bool new = n > 4 && !strcmp(e->d_name + n - 4, ".new");

		if (*e->d_name == '.' && strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && (new || all))
			unlinkat(dirfd(d), e->d_name, 0);
	}
}

enum outcome store_add(struct kpatch *k, const char *release, const struct patch_file *f, bool *replaced)
{
	const struct stored *old = NULL;
	struct stored *list;
	const char *path = "";
	enum outcome o;
	size_t n = 0;
	DIR *d = NULL;

	o = make_directories(k, release);
	if (!o)
		o = store_list(k, release, &list, &n);
	for (size_t i = 0; !o && i < n; i++)
		if (!strcmp(list[i].module, f->module->name))
			old = &list[i];
	if (!o)
		o = store_open(k, release, &path, &d);
	if (o)
		return o;
	if (!d)
		return store_not_written(k, path, ENOENT);
	sweep(d, false);
	o = write_into(k, d, path, f, old);
	closedir(d);
	*replaced = old != NULL;
	return o;
}

static enum outcome remove_from(struct kpatch *k, DIR *d, const char *directory, const struct stored *s,
				bool last)
{
	const char *disabled = store_mark_name(k, s->module, STORED_DISABLED);
	const char *held = store_mark_name(k, s->module, STORED_HELD);

	if (!disabled || !held)
		return no_memory(k);
	if (unlinkat(dirfd(d), s->file, 0))
		return store_not_written(k, s->path, errno);
	unlinkat(dirfd(d), disabled, 0);
	unlinkat(dirfd(d), held, 0);
	sweep(d, last);
	fsync(dirfd(d));
	if (last)
		rmdir(directory); /* fails, as it should, unless it is empty */
	return OUTCOME_OK;
}

enum outcome store_remove(struct kpatch *k, const char *release, const char *name)
{
	const struct stored *found = NULL;
	const char *path = "";
	struct stored *list;
	DIR *d = NULL;
	enum outcome o;
	size_t n = 0;

	o = store_search(k, release, name, &found);
	if (!o)
		o = store_list(k, release, &list, &n);
	if (!o)
		o = store_open(k, release, &path, &d);
	if (o)
		return o;
	if (!d)
		return store_not_written(k, path, ENOENT);
	o = remove_from(k, d, path, found, n == 1);
	closedir(d);
	return o;
}
