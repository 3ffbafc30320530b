/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See kept.h. /run/kpatch/NAME.yaml has the build ID in its first line, what else the load knew in the lines behind it, all of them
 * comments of YAML, and then the manifest as it is.
 */
#include "kpatch/commands/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kpatch/commands/loaded.h"
#include "kpatch/file/patchfile.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/report.h"
#include "kpatch/store/store.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/files/signature.h"
#include "lib/manifest/manifest.h"
#include "lib/manifest/schema.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"

#define KEPT "/run/kpatch"
/* Bytes of the lines before the manifest, at most. */
#define KEPT_HEAD_MAX 4096

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

#define KEY_SIGNER "# signer: "
#define KEY_USER "# user: "

/* A line of text that another one wrote: it stays one, of characters that can be shown. */
static const char *one_line(struct kpatch *k, const char *text)
{
	return schema_text.valid(text) ? text : arena_strdup(k->arena, "(not text)");
}

static const char *head_of(struct kpatch *k, const struct patch_file *f)
{
	const char *user = who_logged_in(k);

	return arena_printf(k->arena, "%s%s%s%s%s%s%s", first_line(k, &f->module->build_id),
			    f->signature ? KEY_SIGNER : "",
			    f->signature ? one_line(k, f->signature->signer) : "", f->signature ? "\n" : "",
			    user ? KEY_USER : "", user ? user : "", user ? "\n" : "");
}

void manifest_keep(struct kpatch *k, const struct patch_file *f)
{
	const char *line = head_of(k, f);
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

/* The text of a file that is kept, if it counts; *when: its date. NULL: there is none that does. */
static char *read_text(struct kpatch *k, const char *name, const char *line, size_t *size, int64_t *when)
{
	char path[PATH_MAX], directory[PATH_MAX], *text;
	struct stat st, above;
	size_t n = strlen(line);

	if (system_path(&k->system, directory, KEPT) ||
	    system_path(&k->system, path, KEPT "/%s.yaml", name) || lstat(directory, &above) ||
	    lstat(path, &st) || !S_ISDIR(above.st_mode) || !S_ISREG(st.st_mode) ||
	    !is_trusted(&k->system, &above) || !is_trusted(&k->system, &st) ||
	    st.st_size > (off_t)(MANIFEST_MAX_SIZE + KEPT_HEAD_MAX) ||
	    file_read(k->arena, path, &text, size) || *size < n || memcmp(text, line, n))
		return NULL;
	*when = st.st_mtime;
	return text;
}

static const struct manifest *read_kept(struct kpatch *k, const char *name, const char *line)
{
	const struct manifest *m = NULL;
	int64_t when;
	size_t size;
	char *text = read_text(k, name, line, &size, &when);

	/* the lines before the manifest are comments, and its messages are nobody's to read */
	return text && !manifest_read(text, size, name, k->arena, k->diags, &m) ? m : NULL;
}

/* The value behind @key, if @line begins with it. */
static const char *value_of(struct kpatch *k, const char *line, const char *key)
{
	size_t n = strlen(key);
	const char *value = strncmp(line, key, n) ? NULL : arena_strdup(k->arena, line + n);

	return value && schema_text.valid(value) ? value : NULL;
}

bool load_facts_of(struct kpatch *k, const char *name, struct load_facts *out)
{
	char *text = NULL, *line;
	struct buildid id;
	char id_text[BUILDID_TEXT];
	size_t size;

	*out = (struct load_facts){ .when = 0 };
	if (!module_build_id(&k->system, name, &id))
		text = read_text(k, name, first_line(k, &id), &size, &out->when);
	if (!text)
		return false;
	out->build_id = arena_strdup(k->arena, buildid_text(&id, id_text));
	while ((line = strsep(&text, "\n")) && *line == '#') {
		out->signer = out->signer ? out->signer : value_of(k, line, KEY_SIGNER);
		out->user = out->user ? out->user : value_of(k, line, KEY_USER);
	}
	return true;
}

const char *load_time(struct kpatch *k, const struct load_facts *facts)
{
	time_t when = facts->when;
	char text[32];
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "-";
	return arena_strdup(k->arena, text);
}

void load_facts_report(struct kpatch *k, struct node *in, const struct load_facts *facts)
{
	report_string(in, "loaded_at", facts->build_id ? load_time(k, facts) : NULL);
	report_string(in, "loaded_by", facts->user);
	report_string(in, "module_build_id", facts->build_id);
	report_string(in, "signer", facts->signer);
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
