// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plan stage: what do the patches change, which objects are made from that, and which kernel objects
 * are those linked into. Reads the patches and the prepared tree, applies the patches in memory,
 * fills in build.patched, build.units and build.bystanders. Everything that cannot be patched is refused here, before
 * anything is compiled.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "kpatch-build/build.h"
#include "kpatch-build/kernel/oot.h"
#include "kpatch-build/plan/additions.h"
#include "kpatch-build/plan/affected.h"
#include "kpatch-build/plan/comments.h"
#include "kpatch-build/plan/patchfile.h"
#include "kpatch-build/series/series.h"
#include "lib/arch/arch.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/text.h"

/* Whether a makefile at or above the file names it: a table of opcodes becomes one of vmlinux. */
static bool is_read_by_build(struct build *b, const char *path)
{
	const char *base = path_base(path), *dir = path;

	do {
		char *text;

		dir = path_directory(b->arena, dir);
		if (!file_read(b->arena, arena_printf(b->arena, "%s/%s/Makefile", b->kernel.tree, dir), &text,
			       NULL) &&
		    strstr(text, base))
			return true;
		if (!file_read(b->arena, arena_printf(b->arena, "%s/%s/Kbuild", b->kernel.tree, dir), &text,
			       NULL) &&
		    strstr(text, base))
			return true;
	} while (strcmp(dir, "."));
	return false;
}

/* Files that no part of a kernel is made from, but that often come in the same patch. */
static bool is_beside_the_kernel(struct build *b, const char *path)
{
	if (text_starts_with(path, "Documentation/") || text_starts_with(path, "tools/") ||
	    text_starts_with(path, "samples/") || !strcmp(path, "MAINTAINERS") || !strcmp(path, "CREDITS"))
		return true;
	return (text_ends_in(path, ".rst") || text_ends_in(path, ".txt") || text_ends_in(path, ".yaml")) &&
	       !is_read_by_build(b, path);
}

/* Files for other machines, and those that the tools of whoever works on the source read. */
static bool is_elsewhere(const struct build *b, const char *path)
{
	const char *own = b->kernel.arch->source.directory;
	const char *not_its = b->kernel.arch->source.not_its;
	bool ours = text_starts_with(path, own) && path[strlen(own)] == '/' &&
		    !(not_its && text_starts_with(path, not_its));

	return (text_starts_with(path, "arch/") && strchr(path + 5, '/') && !ours) ||
	       path_base(path)[0] == '.';
}

/* Why a path cannot be patched; NULL for a C source or a header. */
static const char *why_not(const char *path, const char **id, const char **remedy)
{
	const char *base = path_base(path);

	*remedy = "Leave it out of the patch";
	if (text_ends_in(path, ".c") || text_ends_in(path, ".h"))
		return NULL;
	if (text_ends_in(path, ".lds.S") || text_ends_in(path, ".lds")) {
		*id = "patch-build-file";
		return "says how the kernel is linked, and that is done";
	}
	if (text_ends_in(path, ".S") || text_ends_in(path, ".s")) {
		*id = "patch-assembly";
		return "is assembly, of which functions cannot be replaced";
	}
	if (text_starts_with(base, "Kconfig") || text_starts_with(base, "Makefile") ||
	    !strcmp(base, "Kbuild") || text_starts_with(base, "Kbuild.")) {
		*id = "patch-build-file";
		return "decides what is built, which a running kernel cannot follow";
	}
	*id = "patch-not-c";
	return "is not a C source";
}

static int refuse(struct build *b, const struct patch_file *p, const struct patch_entry *e, const char *id,
		  const char *remedy, const char *what)
{
	struct diag_place place = { .file = p->path, .line = e->line };

	diag_error(b->diags, id, &place, remedy, "%s %s", e->path, what);
	return -EINVAL;
}

/* Only regular files that are reached without a symbolic link. */
static bool is_plain_file(struct build *b, const char *path)
{
	struct stat st;

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *dir =
			arena_printf(b->arena, "%s/%.*s", b->kernel.tree, (int)(slash - path), path);

		if (!dir || lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
			return false;
	}
	return lstat(arena_printf(b->arena, "%s/%s", b->kernel.tree, path), &st) == 0 && S_ISREG(st.st_mode);
}

static const char *describe(enum patch_change change)
{
	switch (change) {
	case PATCH_DELETE:
		return "is deleted, and code cannot be taken out of a running kernel";
	case PATCH_RENAME:
		return "is renamed or copied, which a running kernel cannot follow";
	case PATCH_BINARY:
		return "is a binary change";
	default:
		return NULL;
	}
}

static bool is_directory_of(struct build *b, const char *path)
{
	struct stat st;
	const char *dir = path_directory(b->arena, path);

	dir = arena_printf(b->arena, "%s/%s", b->kernel.tree, dir);
	return stat(dir, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Whether the path means something in the tree only as it was given: it had no a/ or b/ in front of it. */
static bool lacks_component(struct build *b, const struct patch_entry *e)
{
	const char *given = e->given ? path_normal(b->arena, e->given) : NULL;

	if (!given || given[0] == '/' || !strncmp(given, "..", 2))
		return false;
	if (e->change == PATCH_CREATE)
		return strchr(given, '/') && is_directory_of(b, given) && !is_directory_of(b, e->path);
	return is_plain_file(b, given);
}

static int refuse_missing(struct build *b, const struct patch_file *p, const struct patch_entry *e)
{
	struct diag_place place = { .file = p->path, .line = e->line };

	if (!lacks_component(b, e))
		return refuse(b, p, e, "patch-file-missing",
			      "Make the patch against the source of the kernel that is to be patched",
			      "is no file of this kernel's source");
	diag_error(b->diags, "patch-path", &place,
		   "Make it with git diff (without --no-prefix) or with diff -up a/ b/",
		   "the paths of the patch have no first component to be taken off: of %s, %s is left",
		   e->given, e->path);
	return -EINVAL;
}

/* 0: to be applied; 1: nothing to do with the kernel; -EINVAL: refused. */
static int judge(struct build *b, const struct patch_file *p, const struct patch_entry *e)
{
	struct diag_place place = { .file = p->path, .line = e->line };
	const char *id = NULL, *remedy, *why;

	if (is_beside_the_kernel(b, e->path) || e->change == PATCH_MODE) {
		diag_note(b->diags, "patch-part-ignored", &place, NULL, "%s %s", e->path,
			  e->change == PATCH_MODE ? "changes only its mode, which is ignored" :
						    "is no part of the kernel's code and is ignored");
		return 1;
	}
	if (is_elsewhere(b, e->path)) {
		left_out_add(b, e->path);
		return 1;
	}
	why = why_not(e->path, &id, &remedy);
	if (why && (e->change != PATCH_MODIFY || !comments_are_known(e->path)))
		return refuse(b, p, e, id, remedy, why);
	if (e->change == PATCH_CREATE && !why) {
		if (!is_plain_file(b, e->path) && lacks_component(b, e))
			return refuse_missing(b, p, e);
		if (!is_plain_file(b, e->path) && !build_patched(b, e->path))
			return 0;
		return refuse(b, p, e, "patch-file-change",
			      "Make the patch against the source of the kernel that is to be patched",
			      "is to be made new, and is there already");
	}
	if (describe(e->change))
		return refuse(b, p, e, "patch-file-change", "Patch the functions where they are",
			      describe(e->change));
	if (!is_plain_file(b, e->path) && !build_patched(b, e->path))
		return refuse_missing(b, p, e);
	return 0;
}

/* The entry of build.patched for @path, made from the tree's file unless the patch makes the file. */
static int patched_file(struct build *b, const char *path, bool created, struct patched_file **out)
{
	struct patched_file *grown, *f;
	char *text = NULL;
	size_t size = 0;
	int err = 0;

	for (size_t i = 0; i < b->n_patched; i++) {
		*out = &b->patched[i];
		if (!strcmp((*out)->path, path))
			return 0;
	}
	grown = arena_array(b->arena, b->n_patched + 1, sizeof(*grown));
	if (b->n_patched)
		memcpy(grown, b->patched, b->n_patched * sizeof(*grown));
	f = &grown[b->n_patched];
	f->path = path;
	f->created = created;
	if (!created)
		err = file_read(b->arena, arena_printf(b->arena, "%s/%s", b->kernel.tree, path), &text,
				&size);
	if (err) {
		diag_error(b->diags, "patch-file-missing", diag_file(path), NULL, "cannot be read: %s",
			   strerror(-err));
		return err;
	}
	patch_text_new(b->arena, text ? text : "", size, &f->now);
	b->patched = grown;
	b->n_patched++;
	*out = f;
	return 0;
}

/*
 * The entry as what it is in this tree. A diff without git's lines and without dates has only the hunk to say
 * that a file is new, and that may as well be an insertion above the first line.
 */
static struct patch_entry settled(struct build *b, const struct patch_entry *given)
{
	struct patch_entry e = *given;

	if (e.change == PATCH_MODIFY && e.from_nothing && !is_plain_file(b, e.path) &&
	    !build_patched(b, e.path) && is_directory_of(b, e.path))
		e.change = PATCH_CREATE;
	return e;
}

static bool is_makefile(const char *path)
{
	return !strcmp(path_base(path), "Makefile") || !strcmp(path_base(path), "Kbuild");
}

/*
 * A file that no change of may reach the kernel: it is left alone if only its comments are other ones. A makefile may
 * add objects.
 */
static int judge_comments(struct build *b, const struct patch_file *p, const struct patch_entry *e,
			  struct patched_file *f)
{
	struct diag_place place = { .file = p->path, .line = e->line };
	const char *id = NULL, *remedy, *why = why_not(e->path, &id, &remedy), *was, *is;
	size_t size;
	char *text;

	if (!why)
		return 0;
	if (file_read(b->arena, arena_printf(b->arena, "%s/%s", b->kernel.tree, e->path), &text, &size))
		return refuse(b, p, e, id, remedy, why);
	was = comments_removed(b->arena, e->path, text, size);
	is = comments_removed(b->arena, e->path, f->now.text, f->now.size);
	f->adds = (struct words){ 0 };
	/* behind a NUL, text is not looked at here, and make would */
	if (memchr(f->now.text, '\0', f->now.size))
		is = NULL;
	if (was && is && strcmp(was, is) && is_makefile(e->path)) {
		int err = additions_read(b->arena, e->path, was, is, &f->adds);

		if (err != -EINVAL)
			return err;
		why = "does more than add objects to lists, and decides what is built, which a running "
		      "kernel cannot follow";
	}
	if (!was || !is || strcmp(was, is))
		return refuse(b, p, e, id, remedy, why);
	diag_note(b->diags, "patch-part-ignored", &place, NULL,
		  "of %s, only comments, help texts or blanks change, which is ignored", e->path);
	return 0;
}

static int apply_entry(struct build *b, struct series_patch *from, const struct patch_file *p,
		       const struct patch_entry *given)
{
	struct patch_entry entry = settled(b, given), *e = &entry;
	struct patched_file *f;
	int err = judge(b, p, e);

	if (err)
		return err > 0 ? 0 : err;
	err = patched_file(b, e->path, e->change == PATCH_CREATE, &f);
	if (!err)
		err = patch_apply(p, e, b->arena, b->diags, &f->now);
	if (!err)
		err = judge_comments(b, p, e, f);
	if (!err)
		words_add(b->arena, &from->files, f->path);
	return err;
}

/* A patch of a module that is not part of the kernel's source has paths from that module's. */
static struct patch_source source_of(const struct build *b, const struct series_patch *p)
{
	return (struct patch_source){ p->file, p->line, p->strip,
				      p->data, p->size, b->oot ? OOT_DIRECTORY : NULL };
}

/* The patch as it is read; .touches is filled in. */
static int read_patch(struct build *b, struct series_patch *from, struct patch_file *out)
{
	struct patch_source source = source_of(b, from);
	int err = patch_parse(&source, b->arena, b->diags, out);

	from->files.n = from->touches.n = 0;
	for (size_t i = 0; !err && i < out->n_entries; i++)
		words_add(b->arena, &from->touches, out->entries[i].path);
	return err;
}

/* Problems of all entries are reported together. */
static int apply_patch(struct build *b, struct series_patch *from)
{
	size_t errors = diags_errors(b->diags);
	struct patch_file p;
	int err = read_patch(b, from, &p);

	for (size_t i = 0; !err && i < p.n_entries; i++)
		apply_entry(b, from, &p, &p.entries[i]);
	if (!err && diags_errors(b->diags) == errors)
		additions_check(b, &p);
	return !err && diags_errors(b->diags) > errors ? -EINVAL : err;
}

/*
 * --leave-out: the files as the whole series would leave them, had nothing been left out. What does not apply to what there is
 * and applies to these needs something that is left out.
 */
struct whole {
	struct patched_file *files;
	size_t n;
};

static struct patch_text *whole_file(struct build *b, struct whole *w, const char *path)
{
	struct patched_file *grown;
	char *text = NULL;
	size_t size = 0;

	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->files[i].path, path))
			return &w->files[i].now;
	grown = arena_array(b->arena, w->n + 1, sizeof(*grown));
	if (w->n)
		memcpy(grown, w->files, w->n * sizeof(*grown));
	w->files = grown;
	if (is_plain_file(b, path) &&
	    file_read(b->arena, arena_printf(b->arena, "%s/%s", b->kernel.tree, path), &text, &size))
		return NULL;
	grown[w->n].path = path;
	patch_text_new(b->arena, text ? text : "", size, &grown[w->n].now);
	return &grown[w->n++].now;
}

/* Whether all of the patch applies to the whole, in which it is afterwards as far as it does. */
static bool apply_to_whole(struct build *b, struct whole *w, const struct series_patch *from)
{
	struct patch_source source = source_of(b, from);
	struct diags *unheard = diags_new();
	struct patch_file p = { .n_entries = 0 };
	bool all = !patch_parse(&source, b->arena, unheard, &p);

	for (size_t i = 0; i < p.n_entries; i++) {
		struct patch_text *text = p.entries[i].n_hunks ? whole_file(b, w, p.entries[i].path) : NULL;

		if (p.entries[i].n_hunks &&
		    (!text || patch_apply(&p, &p.entries[i], b->arena, unheard, text)))
			all = false;
	}
	diags_free(unheard);
	return all;
}

static bool share_file(const struct words *x, const struct words *y)
{
	for (size_t i = 0; i < x->n; i++)
		for (size_t j = 0; j < y->n; j++)
			if (!strcmp(x->word[i], y->word[j]))
				return true;
	return false;
}

/* The last one before @p that is away and changes a file that @p changes. */
static const struct series_patch *needed(const struct build *b, const struct series_patch *p)
{
	for (const struct series_patch *q = p; q-- > b->series->patches;)
		if ((q->fate != SERIES_IN || q->held) && share_file(&q->touches, &p->touches))
			return q;
	return NULL;
}

static bool is_about_text(const char *id)
{
	return !strcmp(id, "patch-does-not-apply") || !strcmp(id, "patch-ambiguous") ||
	       !strcmp(id, "patch-file-missing");
}

/* Leaves the patch out for the first of @diags. */
static int leave_out(struct build *b, struct series_patch *p, const struct diags *diags,
		     bool applies_to_whole)
{
	const struct diag *d = NULL;

	for (size_t i = 0; i < diags_count(diags) && !d; i++)
		if (diags_get(diags, i)->severity == DIAG_ERROR)
			d = diags_get(diags, i);
	p->fate = SERIES_LEFT_OUT;
	p->id = d ? d->id : NULL;
	p->why = arena_strdup(b->arena, d ? d->what : "it cannot be read");
	p->because = d && applies_to_whole && is_about_text(d->id) ? needed(b, p) : NULL;
	return 0;
}

/* The patch is applied as a whole, or everything is as it was and it is left out. */
static int try_patch(struct build *b, struct series_patch *p, struct whole *w)
{
	struct patched_file *before = arena_memdup(b->arena, b->patched, b->n_patched * sizeof(*before));
	struct diags *outer = b->diags, *own = diags_new();
	size_t n = b->n_patched, away = b->n_left_out;
	bool applies;
	int err;

	b->diags = own;
	err = apply_patch(b, p);
	b->diags = outer;
	applies = apply_to_whole(b, w, p);
	if (err == -EINVAL) {
		b->patched = before;
		b->n_patched = n;
		b->n_left_out = away;
		err = leave_out(b, p, own, applies);
	} else if (!err) {
		diags_append(b->diags, own);
	}
	if (!err && p->fate == SERIES_IN && !p->files.n) {
		p->fate = SERIES_NO_EFFECT;
		p->why = b->n_left_out > away ?
				 "it is for other machines" :
				 "it changes documentation, tools or files that no code is made from";
	}
	diags_free(own);
	return err;
}

static int apply_series(struct build *b)
{
	struct whole whole = { .n = 0 };
	int err = 0;

	for (size_t i = 0; i < b->series->n; i++) {
		struct series_patch *p = &b->series->patches[i];
		int one = 0;

		if (!b->options.leave_out)
			one = apply_patch(b, p);
		else if (p->fate == SERIES_IN && !p->held)
			one = try_patch(b, p, &whole);
		else
			apply_to_whole(b, &whole, p);
		err = err ? err : one;
	}
	return err;
}

/* Whether the patches have left the file as it was, or nothing but its comments has changed. */
static bool is_unchanged(struct build *b, const struct patched_file *f)
{
	const char *id, *remedy;
	size_t size;
	char *text;

	if (why_not(f->path, &id, &remedy))
		return true;
	return file_read(b->arena, arena_printf(b->arena, "%s/%s", b->kernel.tree, f->path), &text, &size) ==
		       0 &&
	       size == f->now.size && !memcmp(text, f->now.text, size);
}

static bool is_away(const struct build *b, const char *path)
{
	for (size_t i = 0; i < b->n_left_out; i++)
		if (!strcmp(b->left_out[i], path))
			return true;
	return false;
}

/* --leave-out: whether each patch that changes the file changes nothing else: the report says so of it. */
static bool is_reported(const struct build *b, const char *path)
{
	for (size_t i = 0; b->options.leave_out && i < b->series->n; i++) {
		const struct series_patch *p = &b->series->patches[i];

		for (size_t k = 0; k < p->files.n && words_has(&p->touches, path); k++)
			if (!is_away(b, p->files.word[k]))
				return false;
	}
	return b->options.leave_out;
}

/* What stays away is said where the patch is more than that. */
static int say_left_out(struct build *b)
{
	for (size_t i = 0; i < b->n_left_out; i++)
		if (is_reported(b, b->left_out[i]))
			continue;
		else if (b->n_units)
			diag_warning(
				b->diags, "patch-part-left-out", diag_file(b->left_out[i]), NULL,
				"%s is no part of kernel %s, with its machine and configuration: its change is left out",
				b->left_out[i], b->kernel.release);
		else if (!b->options.leave_out)
			diag_error(
				b->diags, "patch-not-built", diag_file(b->left_out[i]), NULL,
				"no part of kernel %s is built from this file, with its machine and configuration",
				b->kernel.release);
	return b->n_left_out && !b->n_units && !b->options.leave_out ? -EINVAL : 0;
}

static void say_unit(struct build *b, const struct unit *u)
{
	if (u->through)
		build_say(b, "plan     %s in %s (includes %s)", u->object, u->owner, u->through);
	else
		build_say(b, "plan     %s in %s", u->object, u->owner);
}

int stage_plan(struct build *b)
{
	bool *changed;
	int err = apply_series(b);

	if (err)
		return err;
	changed = arena_array(b->arena, b->n_patched, sizeof(*changed));
	for (size_t i = 0; i < b->n_patched; i++)
		changed[i] = !is_unchanged(b, &b->patched[i]);
	err = affected_find(b, changed);
	if (!err)
		err = say_left_out(b);
	if (err)
		return err;
	if (!b->n_units && !b->n_bystanders) {
		build_fails_as(b, EXIT_NO_CHANGE);
		diag_error(b->diags, "no-change", diag_file(b->options.patches[0]), NULL,
			   "nothing in the code of kernel %s changes", b->kernel.release);
		return -EINVAL;
	}
	for (size_t i = 0; i < b->n_units && b->options.verbose; i++)
		say_unit(b, &b->units[i]);
	for (size_t i = 0; i < b->n_bystanders && b->options.verbose; i++)
		build_say(b, "watched  %s (includes %s)", b->bystanders[i].source, b->bystanders[i].through);
	return 0;
}
