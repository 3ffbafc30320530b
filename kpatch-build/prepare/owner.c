// SPDX-License-Identifier: GPL-2.0-only
/*
 * See owner.h. An object can be named by the makefile of its own directory, of one above it
 * (xfs-y += libxfs/xfs_alloc.o), or of one elsewhere that reaches it by ../; the last kind is rare,
 * so those makefiles are evaluated once at prepare. Being listed is not enough: the directory
 * must be entered on the way from the root, and a module must be installed.
 */
#include "kpatch-build/prepare/owner.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/kernel/oot.h"
#include "kpatch-build/prepare/kbuild.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/module.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/text.h"
#include "lib/util/vmlinux.h"

#define INDEX "foreign"

/* Whether a makefile can name objects outside of its directory. */
static bool reaches_out(const char *text)
{
	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		size_t blank = strspn(p, " \t-");

		if (!strncmp(p + blank, "include ", 8))
			return true;
	}
	return text && strstr(text, "../");
}

static int index_list(struct build *b, FILE *f, const struct words *list, const char *dir)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strstr(list->word[i], "/../")) {
			const char *normal = path_normal(b->arena, list->word[i]);

			if (normal)
				fprintf(f, "%s %s\n", normal, dir);
		}
	}
	return ferror(f) ? -EIO : 0;
}

static int index_directory(struct build *b, FILE *f, const char *dir)
{
	const struct kbuild_directory *d;
	int err = kbuild_read_directory(b, dir, &d);

	if (err || !d)
		return err;
	err = index_list(b, f, &d->builtin, dir);
	if (!err)
		err = index_list(b, f, &d->library, dir);
	for (size_t i = 0; i < d->n_modules && !err; i++)
		err = index_list(b, f, &d->modules[i].parts, dir);
	return err;
}

/* Directories of the tree that this kernel is not made of. */
static bool is_outside(struct build *b, const char *path, size_t level)
{
	static const char *const dirs[] = { "Documentation", "tools", "scripts", "samples", "usr", ".git" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (level == 1 && !strcmp(path, dirs[i]))
			return true;
	return level == 2 && text_starts_with(path, "arch/") &&
	       strcmp(path, b->kernel.arch->source.directory) != 0;
}

int owners_index(struct build *b, const char *entry)
{
	char *roots[] = { (char *)b->kernel.tree, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOSTAT | FTS_NOCHDIR, NULL);
	FILE *f = fopen(arena_printf(b->arena, "%s/" INDEX, entry), "we");
	size_t skip = strlen(b->kernel.tree) + 1;
	int err = fts && f ? 0 : -errno, written;
	FTSENT *e;
	char *text;

	while (!err && (e = fts_read(fts))) {
		if (e->fts_info == FTS_D && e->fts_level > 0 &&
		    is_outside(b, e->fts_path + skip, (size_t)e->fts_level))
			fts_set(fts, e, FTS_SKIP);
		if ((e->fts_info != FTS_F && e->fts_info != FTS_NSOK) || e->fts_level < 2 ||
		    (strcmp(e->fts_name, "Makefile") && strcmp(e->fts_name, "Kbuild")))
			continue;
		err = file_read(b->arena, e->fts_path, &text, NULL);
		if (!err && reaches_out(text))
			err = index_directory(b, f, path_directory(b->arena, e->fts_path + skip));
	}
	if (fts)
		fts_close(fts);
	written = f ? file_finish(f) : 0;
	err = err ? err : written;
	return err && !diags_errors(b->diags) ? build_not_written(b, "cache", entry, err) : err;
}

/* Whether @list has @path in any spelling; *spelled is the list's own. */
static bool list_has(struct build *b, const struct words *list, const char *path, const char **spelled)
{
	const char *base = path_base(path);

	for (size_t i = 0; i < list->n; i++) {
		const char *normal;

		if (strcmp(path_base(list->word[i]), base))
			continue;
		normal = path_normal(b->arena, list->word[i]);
		if (normal && !strcmp(normal, path)) {
			*spelled = list->word[i];
			return true;
		}
	}
	return false;
}

/* Whether the top Makefile links @archive itself: before 6.1 it, and not the Kbuild beside it, had the list. */
static bool is_linked_at_top(struct build *b, const char *archive)
{
	static const char variable[] = "KBUILD_VMLINUX_OBJS=";
	struct words list = { 0 };
	const char *spelled;

	for (const char *const *env = b->kernel.env; env && *env; env++)
		if (text_starts_with(*env, variable)) {
			words_add_list(b->arena, &list, *env + sizeof(variable) - 1);
			return list_has(b, &list, archive, &spelled);
		}
	return false;
}

/* Whether dir/built-in.a is linked into vmlinux: some directory above has it in its list. */
static int is_entered(struct build *b, const char *dir, bool *entered)
{
	const char *archive = arena_printf(b->arena, "%s/built-in.a", dir), *spelled;
	const char *above = dir;
	int err = 0;

	*entered = !strcmp(dir, ".") || is_linked_at_top(b, archive);
	while (!err && !*entered && strcmp(above, ".")) {
		const struct kbuild_directory *d;

		above = path_directory(b->arena, above);
		err = kbuild_read_directory(b, above, &d);
		if (!err && d && list_has(b, &d->builtin, archive, &spelled))
			return is_entered(b, above, entered);
	}
	return err;
}

static int add(struct build *b, struct owners *out, struct owner owner)
{
	struct owner *grown;

	for (size_t i = 0; i < out->n; i++)
		if (!strcmp(out->owner[i].name, owner.name))
			return 0;
	grown = arena_array(b->arena, out->n + 1, sizeof(*grown));
	if (out->n)
		memcpy(grown, out->owner, out->n * sizeof(*grown));
	grown[out->n++] = owner;
	out->owner = grown;
	return 0;
}

/* The installed file of the module whose object is @object, or NULL. */
static const char *installed_module(struct build *b, const char *object)
{
	static const char *const endings[] = { ".ko", ".ko.xz", ".ko.zst", ".ko.gz" };
	const char *path;

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		path = arena_printf(b->arena, "%s/kernel/%.*s%s", b->kernel.modules,
				    (int)(strlen(object) - 2), object, endings[i]);
		if (file_is_regular(path))
			return path;
	}
	return NULL;
}

static int add_module(struct build *b, struct owners *out, const char *dir, const char *spelled,
		      const struct kbuild_module *m)
{
	struct owner owner = { .dir = dir, .object = spelled };
	char name[64], *found = NULL;

	if (kmodule_name_from_path(arena_printf(b->arena, "%.*s.ko", (int)(strlen(m->object) - 2), m->object),
				   name, sizeof(name)))
		return -ENAMETOOLONG;
	owner.name = arena_strdup(b->arena, name);
	if (b->oot && !strcmp(name, b->oot->name))
		owner.module_path = b->oot->file;
	else
		owner.module_path = installed_module(b, m->object);
	if (!owner.module_path && kmodule_find(b->kernel.modules, name, &found) == 0) {
		owner.module_path = arena_strdup(b->arena, found);
		free(found);
	}
	if (!owner.module_path) {
		diag_note(b->diags, "module-not-installed", diag_file(m->object), NULL,
			  "module %s is not installed and is not patched", name);
		return 0;
	}
	return add(b, out, owner);
}

int owners_in(struct build *b, const struct kbuild_directory *d, const char *object, struct owners *out)
{
	const char *spelled;
	bool entered = false;
	int err = 0;

	if (list_has(b, &d->builtin, object, &spelled) || list_has(b, &d->library, object, &spelled)) {
		err = is_entered(b, d->dir, &entered);
		if (!err && entered)
			err = add(b, out,
				  (struct owner){ .dir = d->dir, .object = spelled, .name = VMLINUX });
	}
	for (size_t i = 0; i < d->n_modules && !err; i++)
		if (list_has(b, &d->modules[i].parts, object, &spelled))
			err = add_module(b, out, d->dir, spelled, &d->modules[i]);
	return err;
}

/* Owners that the makefile of @dir names. */
static int find_in(struct build *b, const char *dir, const char *object, struct owners *out)
{
	const struct kbuild_directory *d;
	int err = kbuild_read_directory(b, dir, &d);

	return err || !d ? err : owners_in(b, d, object, out);
}

/* The index of what makefiles reach elsewhere; read once. */
static int read_foreign(struct build *b)
{
	char *text;
	int err;

	if (b->foreign)
		return 0;
	err = file_read(b->arena, arena_printf(b->arena, "%s/" INDEX, b->kernel.entry), &text, NULL);
	if (!err)
		b->foreign = text;
	return err;
}

bool owners_elsewhere(struct build *b, const char *dir)
{
	size_t n = strlen(dir);

	if (read_foreign(b))
		return true;
	for (const char *line = b->foreign; *line;) {
		size_t length = strcspn(line, "\n");

		if (length > n && line[length - n - 1] == ' ' && !memcmp(line + length - n, dir, n))
			return true;
		line += length + (line[length] == '\n');
	}
	return false;
}

/* Directories elsewhere whose makefiles reach @object. */
static int find_foreign(struct build *b, const char *object, struct owners *out)
{
	size_t n = strlen(object);
	int err = read_foreign(b);

	for (const char *line = b->foreign; !err && *line;) {
		size_t length = strcspn(line, "\n");

		if (length > n && line[n] == ' ' && !memcmp(line, object, n))
			err = find_in(b, arena_strndup(b->arena, line + n + 1, length - n - 1), object, out);
		line += length + (line[length] == '\n');
	}
	return err;
}

int owners_find(struct build *b, const char *object, struct owners *out)
{
	const char *dir = object;
	int err = 0;

	*out = (struct owners){ 0 };
	do {
		dir = path_directory(b->arena, dir);
		err = find_in(b, dir, object, out);
	} while (!err && strcmp(dir, "."));
	return err ? err : find_foreign(b, object, out);
}
