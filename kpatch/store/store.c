/* SPDX-License-Identifier: GPL-2.0-only */
/* See store.h. */
#include "kpatch/store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch/live/sysfs.h"
#include "lib/manifest/schema.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"

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
	*release = arena_strdup(k->arena, err ? "" : u.release);
	if (!schema_release.valid(*release)) {
		diag_error(k->diags, "bad-release", NULL, NULL, "the running kernel's release is not %s",
			   schema_release.expected);
		return OUTCOME_WRONG_KERNEL;
	}
	return OUTCOME_OK;
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

bool store_is_roots(struct kpatch *k, const char *path, const struct stat *st)
{
	bool for_root = !k->system.calls->euid(&k->system) && !*k->system.root;
	struct distrust why;

	return !file_judge(path, st, for_root ? 0 : st->st_uid, &why);
}

/* Root's alone: what lies in it is loaded into the kernel. */
static enum outcome judge_directory(struct kpatch *k, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st))
		return OUTCOME_SYSTEM;
	if (store_is_roots(k, path, &st))
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
		return path_too_long(k);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return OUTCOME_OK; /* the caller finds out why */
	o = judge_directory(k, fd, path);
	close(fd);
	return o;
}

static enum outcome unreadable(struct kpatch *k, const char *path, int error)
{
	diag_error(k->diags, "store-unreadable", diag_file(path), NULL, "cannot be read: %s",
		   strerror(error));
	return error == EACCES ? OUTCOME_PERMISSION : OUTCOME_SYSTEM;
}

enum outcome store_open(struct kpatch *k, const char *release, const char **path, DIR **d)
{
	char full[PATH_MAX];
	enum outcome o;
	int fd, err;

	if (system_path(&k->system, full, STORE "/%s", release))
		return path_too_long(k);
	*path = arena_strdup(k->arena, full);
	*d = NULL;
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return OUTCOME_OK;
	if (fd < 0)
		return unreadable(k, full, errno);
	o = judge_parent(k);
	if (!o)
		o = judge_directory(k, fd, *path);
	if (!o)
		*d = fdopendir(fd);
	err = errno;
	if (!*d)
		close(fd);
	return o || *d ? o : unreadable(k, *path, err);
}

static void read_record(DIR *d, struct stored *s)
{
	int err = record_read(dirfd(d), s->module, &s->record);

	s->recorded = err != -ENOENT;
	if (err)
		s->record = (struct boot_record){
			.boot = s->recorded ? STORED_UNREADABLE : STORED_ENABLED,
			.boot_id = "-",
		};
}

static void add_stored(struct kpatch *k, struct stored **list, size_t *n, const char *directory, DIR *d,
		       const char *file)
{
	struct stored s = { .path = NULL }, *grown;

	if (!module_of(file, s.module))
		return;
	s.path = arena_printf(k->arena, "%s/%s", directory, file);
	s.file = arena_strdup(k->arena, file);
	read_record(d, &s);
	grown = arena_array(k->arena, *n + 1, sizeof(s));
	if (*n)
		memcpy(grown, *list, *n * sizeof(s));
	grown[*n] = s;
	*list = grown;
	++*n;
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
	while ((errno = 0, e = readdir(d)))
		if (e->d_name[0] != '.')
			add_stored(k, list, n, path, d, e->d_name);
	if (!o && errno)
		o = unreadable(k, path, errno);
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

	if (module_name_said(name, wanted)) {
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
