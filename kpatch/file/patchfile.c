/* SPDX-License-Identifier: GPL-2.0-only */
/* See patchfile.h. */
#include "kpatch/file/patchfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmod/kpatch-abi.h"
#include "kpatch/store/store.h"
#include "lib/kernel/files/decompress.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/files/signature.h"
#include "lib/manifest/manifest.h"
#include "lib/manifest/schema.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/path.h"
#include "lib/util/xmalloc.h"

/* The kernel itself takes modules up to 2 GiB; a patch module is some hundred KiB. */
#define FILE_LIMIT (256U << 20)

static enum outcome cannot_open(struct kpatch *k, const char *path, int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		diag_error(k->diags, "file-not-found", diag_file(path), NULL, "no such file");
		return OUTCOME_NOT_FOUND;
	case ELOOP:
		diag_error(k->diags, "file-is-a-link", diag_file(path), "Give the file that it leads to",
			   "a symbolic link, not a module");
		return OUTCOME_BAD_FILE;
	case EACCES:
	case EPERM:
		diag_error(k->diags, "file-not-readable", diag_file(path), NULL, "not readable by this user");
		return OUTCOME_PERMISSION;
	default:
		diag_error(k->diags, "file-unreadable", diag_file(path), NULL, "cannot be opened: %s",
			   strerror(error));
		return OUTCOME_SYSTEM;
	}
}

/* Root, or whoever runs this and can do no more than that user may. */
static bool is_ours(struct kpatch *k, uid_t owner)
{
	return !owner || owner == k->system.calls->euid(&k->system);
}

/*
 * Who could have changed what we are about to read? With an access list, the group's bits are what
 * any entry of it may do at most.
 */
static enum outcome judge_file(struct kpatch *k, const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode)) {
		diag_error(k->diags, "file-not-regular", diag_file(path), NULL, "not a regular file");
		return OUTCOME_BAD_FILE;
	}
	if (k->options.look_only)
		return OUTCOME_OK;
	if (st->st_mode & (S_IWOTH | S_IWGRP)) {
		diag_error(k->diags, "file-writable-by-others", diag_file(path),
			   "Make sure that it is what it should be, then chmod go-w it",
			   "other users may write to it (mode %04o)", (unsigned int)st->st_mode & 07777);
		return OUTCOME_BAD_FILE;
	}
	if (!is_ours(k, st->st_uid)) {
		diag_error(k->diags, "file-not-roots", diag_file(path),
			   "Make sure that it is what it should be, then load a copy that belongs to root",
			   "it belongs to user %u, who may change it", (unsigned int)st->st_uid);
		return OUTCOME_BAD_FILE;
	}
	return OUTCOME_OK;
}

/* In a directory that others may write to, the file could be another one a moment later; sticky is enough. */
static enum outcome judge_way(struct kpatch *k, const char *path)
{
	uid_t user = k->system.calls->euid(&k->system);
	const char *directory = path_directory(k->arena, path);
	struct distrust why;
	int fd;

	fd = directory_open(directory, user, DIRECTORY_STICKY, &why);
	if (fd >= 0) {
		close(fd);
		return OUTCOME_OK;
	}
	if (!*why.path)
		return cannot_open(k, path, -fd);
	diag_error(
		k->diags, "directory-not-trusted", diag_file(path),
		"Copy it to a directory of root's, such as /root, and make sure that it is what it should be",
		"others than root may write to %s, and could exchange the file (%s)", why.path, why.what);
	return OUTCOME_BAD_FILE;
}

static enum outcome read_all(struct kpatch *k, struct patch_file *f, off_t size)
{
	size_t n = 0;

	if (size > FILE_LIMIT) {
		diag_error(k->diags, "file-too-big", diag_file(f->path), NULL,
			   "larger than %u MiB, no patch module", FILE_LIMIT >> 20);
		return OUTCOME_BAD_FILE;
	}
	f->bytes = xmalloc((size_t)size + 1);
	while (n < (size_t)size) {
		ssize_t got = pread(f->fd, f->bytes + n, (size_t)size - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			diag_error(k->diags, "file-unreadable", diag_file(f->path), NULL,
				   "cannot be read: %s", got ? strerror(errno) : "it became shorter");
			return OUTCOME_SYSTEM;
		}
		n += (size_t)got;
	}
	f->n_bytes = n;
	return OUTCOME_OK;
}

/*
 * Looked at before it is opened, because opening a device may do something; and it is what was looked at
 * that is opened, because another one may be there by now.
 */
static enum outcome open_file(struct kpatch *k, struct patch_file *f)
{
	int fd = open(f->path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	struct stat st, again;
	enum outcome o;

	if (fd < 0 || fstat(fd, &st)) {
		o = cannot_open(k, f->path, errno);
	} else if (S_ISLNK(st.st_mode)) {
		o = cannot_open(k, f->path, ELOOP);
	} else {
		o = judge_file(k, f->path, &st);
		if (!o && !k->options.look_only)
			o = judge_way(k, f->path);
	}
	if (!o) {
		f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
		if (f->fd < 0 || fstat(f->fd, &again))
			o = cannot_open(k, f->path, errno);
		else if (again.st_dev != st.st_dev || again.st_ino != st.st_ino)
			o = cannot_open(k, f->path, ESTALE);
	}
	if (fd >= 0)
		close(fd);
	return o ? o : read_all(k, f, st.st_size);
}

static enum outcome read_manifest(struct kpatch *k, struct patch_file *f)
{
	const struct elf_section *s = kmodule_section(f->module, KPATCH_MANIFEST_SECTION);
	int err;

	if (!s && k->options.unchecked)
		return OUTCOME_OK;
	if (!s || !s->data) {
		diag_error(k->diags, "manifest-missing", diag_file(f->path),
			   "Build it with kpatch-build, or say --unchecked if you know that it is for "
			   "this very kernel",
			   "a livepatch module without a manifest, so nothing tells which build of the "
			   "kernel it is for");
		return OUTCOME_BAD_FILE;
	}
	f->yaml = s->data;
	f->yaml_size = s->size;
	err = manifest_read(s->data, s->size, f->path, k->arena, k->diags, &f->manifest);
	return err ? OUTCOME_BAD_FILE : OUTCOME_OK;
}

/* One that cannot be read is no reason not to look at the module: check.c judges. */
static void read_signature(struct kpatch *k, struct patch_file *f)
{
	struct module_signature *s = arena_alloc(k->arena, sizeof(*s));
	int err = signature_read(f->image.data, f->image.size, k->arena, s);

	f->is_signed = err != -ENOENT;
	f->signature = err ? NULL : s;
}

static enum outcome read_module(struct kpatch *k, struct patch_file *f)
{
	int err = kmodule_read(f->path, f->bytes, f->n_bytes, k->diags, &f->module);

	if (err)
		return OUTCOME_BAD_FILE;
	f->image.data = f->module->data;
	f->image.size = f->module->size;
	read_signature(k, f);
	if (!schema_object.valid(f->module->name) || strchr(f->module->name, '-')) {
		diag_error(k->diags, "bad-module-name", diag_file(f->path), NULL,
			   "it calls itself '%s', which is no module's name", f->module->name);
		return OUTCOME_BAD_FILE;
	}
	if (!f->module->livepatch || strcmp(f->module->livepatch, "Y")) {
		diag_error(k->diags, "not-a-livepatch", diag_file(f->path),
			   "Load ordinary modules with modprobe", "a kernel module, but no live patch");
		return OUTCOME_BAD_FILE;
	}
	return read_manifest(k, f);
}

enum outcome patch_file_open(struct kpatch *k, const char *path, struct patch_file *out)
{
	enum outcome o;

	*out = (struct patch_file){ .path = path, .fd = -1 };
	o = open_file(k, out);
	return o ? o : read_module(k, out);
}

void patch_file_close(struct patch_file *f)
{
	kmodule_free(f->module);
	free(f->bytes);
	if (f->fd >= 0)
		close(f->fd);
	*f = (struct patch_file){ .fd = -1 };
}

static bool is_path(const char *argument)
{
	size_t n = strlen(argument);

	return strchr(argument, '/') || (n > 3 && !strcmp(argument + n - 3, ".ko")) ||
	       strstr(argument, ".ko.");
}

enum outcome patch_file_get(struct kpatch *k, const char *argument, struct patch_file *out)
{
	const char *path = argument;
	enum outcome o = is_path(argument) ? OUTCOME_OK : store_find(k, argument, &path);

	*out = (struct patch_file){ .fd = -1 };
	return o ? o : patch_file_open(k, path, out);
}
