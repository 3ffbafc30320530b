/* SPDX-License-Identifier: GPL-2.0-only */
/* See kept.h. /run/kpatch/NAME.yaml has the build ID in its first line, as a comment, and the manifest as it is behind it. */
#include "kpatch/commands/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch/commands/loaded.h"
#include "kpatch/file/patchfile.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/store/store.h"
#include "lib/kernel/files/module.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"

#define KEPT "/run/kpatch"

static const char *first_line(struct kpatch *k, const struct buildid *id)
{
	char text[BUILDID_TEXT];

	return arena_printf(k->arena, "# %s\n", buildid_text(id, text));
}

static int make_directory(const struct system *s)
{
	char path[PATH_MAX];
	struct stat st;

	if (system_path(s, path, KEPT))
		return -ENAMETOOLONG;
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	if (lstat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : -EPERM;
}

void manifest_keep(struct kpatch *k, const struct patch_file *f)
{
	const char *line = first_line(k, &f->module->build_id);
	size_t n = strlen(line);
	char path[PATH_MAX], *text = arena_alloc(k->arena, n + f->yaml_size + 1);
	int err = f->manifest ? make_directory(&k->system) : 0;

	if (!f->manifest)
		return;
	if (!err && system_path(&k->system, path, KEPT "/%s.yaml", f->module->name))
		err = -ENAMETOOLONG;
	if (!err) {
		memcpy(text, line, n + 1);
		memcpy(text + n, f->yaml, f->yaml_size);
		err = file_write_atomic(path, text, n + f->yaml_size, 0644);
	}
	if (err)
		diag_warning(k->diags, "manifest-not-kept", diag_file(f->path), NULL,
			     "its manifest cannot be kept in " KEPT
			     " (%s): kpatch list and status --cve know its "
			     "fixes only while it is installed",
			     strerror(-err));
}

void manifest_forget(struct kpatch *k, const char *name)
{
	char path[PATH_MAX];

	if (!system_path(&k->system, path, KEPT "/%s.yaml", name))
		unlink(path);
}

/* Whether nobody but root can have written it; for tests, root is who runs them. */
static bool is_trusted(const struct system *s, const struct stat *st)
{
	return (!st->st_uid || (*s->root && st->st_uid == geteuid())) && !(st->st_mode & 022);
}

static const struct manifest *read_kept(struct kpatch *k, const char *name, const char *line)
{
	const struct manifest *m = NULL;
	char path[PATH_MAX], directory[PATH_MAX], *text;
	struct stat st, above;
	size_t size, n = strlen(line);

	if (system_path(&k->system, directory, KEPT) ||
	    system_path(&k->system, path, KEPT "/%s.yaml", name) || lstat(directory, &above) ||
	    lstat(path, &st) || !S_ISDIR(above.st_mode) || !S_ISREG(st.st_mode) ||
	    !is_trusted(&k->system, &above) || !is_trusted(&k->system, &st) ||
	    st.st_size > (off_t)(MANIFEST_MAX_SIZE + n) || file_read(k->arena, path, &text, &size) ||
	    size < n || memcmp(text, line, n) ||
	    manifest_read(text + n, size - n, path, k->arena, k->diags, &m))
		return NULL;
	return m;
}

static const struct manifest *read_installed(struct kpatch *k, const char *path)
{
	const struct manifest *m = NULL;
	struct patch_file f;

	if (!patch_file_open(k, path, &f) && f.manifest && is_same_build(k, &f) &&
	    manifest_read(f.yaml, f.yaml_size, path, k->arena, k->diags, &m))
		m = NULL;
	patch_file_close(&f);
	return m;
}

const struct manifest *manifest_of_loaded(struct kpatch *k, const char *name, const struct stored *list,
					  size_t n)
{
	const struct manifest *m = NULL;
	struct kpatch quiet = *k;
	struct buildid id;
	const char *line;

	if (module_build_id(&k->system, name, &id))
		return NULL;
	quiet.diags = diags_new();
	line = first_line(k, &id);
	m = read_kept(&quiet, name, line);
	for (size_t i = 0; i < n && !m; i++)
		if (!strcmp(list[i].module, name))
			m = read_installed(&quiet, list[i].path);
	diags_free(quiet.diags);
	/* a kept file that says that it is another patch's is nobody's */
	return m && !strcmp(m->module, name) ? m : NULL;
}

const struct manifest **manifests_of_loaded(struct kpatch *k, const struct live *live,
					    const struct stored *list, size_t n)
{
	const struct manifest **all = arena_array(k->arena, live->n_patches, sizeof(*all));

	for (size_t i = 0; i < live->n_patches; i++)
		all[i] = manifest_of_loaded(k, live->patches[i].name, list, n);
	return all;
}
