// SPDX-License-Identifier: GPL-2.0-only
/*
 * See leave_out.h. A round is plan to diff with the patches that are still in. What does not apply is found by the plan,
 * patch by patch. A refusal names an object (or a file that it is made from); the patches that it is made from are
 * those that may have brought it. If that is one, it is left out. If there are several, the shortest beginning of
 * their list that is refused, too, is searched for by halves, and its last one is left out. Each
 * step depends on nothing but the input, so the same input leaves out the same.
 *
 * What an earlier round has compiled from the same texts is not compiled again (compile/object_store.h).
 */
#include "kpatch-build/leave_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/compile/compile.h"
#include "kpatch-build/leave_out_message.h"
#include "kpatch-build/series/series.h"
#include "kpatch-build/verify/verify.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/process.h"
#include "lib/util/text.h"

static const struct {
	const char *name;
	int (*run)(struct build *b);
	enum exit_kind fails_as;
} stages[] = {
	{ "plan", stage_plan, EXIT_PATCH },
	{ "compile", stage_compile, EXIT_COMPILE },
	{ "verify", stage_verify, EXIT_VERIFY },
	{ "diff", stage_diff, EXIT_REFUSED },
};

#define N_STAGES (sizeof(stages) / sizeof(stages[0]))

/* What a round is told, and what came of it. */
struct round {
	const struct words *without; /* objects that are not looked at, NULL: all are */
	bool init_stays;	     /* changes of __init code are no refusal, and not carried */
	struct diags *diags;	     /* its own; the caller's to free */
	enum exit_kind failed_as;    /* of the stage that failed */
};

static void forget(struct build *b, const char *directory)
{
	const char *path = arena_printf(b->arena, "%s/%s", b->work, directory);

	directory_remove(path);
}

/* As before the plan. */
static void reset(struct build *b)
{
	for (size_t i = 0; i < b->n_units; i++) {
		diff_release(&b->units[i]);
		verify_release(&b->units[i]);
	}
	b->units = b->bystanders = NULL;
	b->patched = NULL;
	b->left_out = NULL;
	b->n_units = b->n_bystanders = b->n_patched = b->n_left_out = 0;
	b->fails_as = EXIT_OK;
	forget(b, "tree.original");
	forget(b, "tree.patched");
	forget(b, "objects");
}

static void drop(struct unit *units, size_t *n, const struct words *without)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++)
		if (!without || !words_has(without, units[i].object))
			units[kept++] = units[i];
	*n = kept;
}

/* 0, or -errno as the stage that failed. */
static int run_round(struct build *b, struct round *r)
{
	struct diags *outer = b->diags;
	int err = 0;

	reset(b);
	r->diags = diags_new();
	b->diags = r->diags;
	b->init_stays = r->init_stays;
	for (size_t i = 0; i < N_STAGES && !err; i++) {
		build_stage(b, stages[i].name, true);
		err = stages[i].run(b);
		if (!err && diags_errors(b->diags))
			err = -EINVAL;
		if (monitor_stopped(b->monitor))
			err = -EINTR;
		r->failed_as = b->fails_as ? b->fails_as : stages[i].fails_as;
		if (!err && stages[i].run == stage_plan) {
			drop(b->units, &b->n_units, r->without);
			drop(b->bystanders, &b->n_bystanders, r->without);
			if (!b->n_units) {
				r->failed_as = EXIT_NO_CHANGE;
				err = b->n_bystanders ? 0 : -EINVAL;
			}
		}
	}
	b->diags = outer;
	b->init_stays = false;
	return err;
}

/* Whether the round failed for a reason that no patch is the cause of. */
static bool is_fatal(const struct round *r, int err)
{
	return err == -EINTR || err == -EMFILE || error_is_disks(err) || r->failed_as == EXIT_KERNEL ||
	       r->failed_as == EXIT_COMPILER || r->failed_as == EXIT_INTERNAL;
}

static bool concerns(const struct unit *u, const struct diag *d)
{
	return d->severity == DIAG_ERROR && d->place.file &&
	       (!strcmp(d->place.file, u->object) || !strcmp(d->place.file, u->source));
}

/* The unit or bystander that the diagnostic is about, NULL: none. */
static struct unit *unit_of(struct build *b, const struct diag *d)
{
	for (size_t i = 0; i < b->n_units; i++)
		if (concerns(&b->units[i], d))
			return &b->units[i];
	for (size_t i = 0; i < b->n_bystanders; i++)
		if (concerns(&b->bystanders[i], d))
			return &b->bystanders[i];
	return NULL;
}

/* Whether the unit is made from a file that the patch changes; where the compiler did not come to say so, may be. */
static int is_made_from(struct build *b, const struct unit *u, const struct series_patch *p, bool *out)
{
	int err = 0;

	*out = false;
	for (size_t i = 0; i < p->files.n && !*out && (!err || err == -ENOENT); i++) {
		const char *path = p->files.word[i];

		*out = !strcmp(path, u->source) || (u->through && !strcmp(path, u->through));
		if (*out || !u->job)
			continue;
		err = compile_reads_file(b, u->job, path, out);
		if (err == -ENOENT)
			*out = text_ends_in(path, ".h");
	}
	return err == -ENOENT ? 0 : err;
}

static bool is_in(const struct series_patch *p)
{
	return p->fate == SERIES_IN && !p->held;
}

/* Those of the series that are in and that the unit is made from. */
static int find_candidates(struct build *b, const struct unit *u, struct series_patch **out, size_t *n)
{
	int err = 0;

	*n = 0;
	for (size_t i = 0; i < b->series->n && !err; i++) {
		struct series_patch *p = &b->series->patches[i];
		bool made = false;

		if (is_in(p))
			err = is_made_from(b, u, p, &made);
		if (made)
			out[(*n)++] = p;
	}
	return err;
}

static int leave(struct build *b, struct series_patch *p, const struct diag *d)
{
	p->because = message_introducer(b, p, d);
	p->fate = SERIES_LEFT_OUT;
	p->id = d->id;
	p->why = message_in_short(b->arena, d);
	if (b->options.verbose)
		build_say(b, "left out %s: %s", series_patch_called(b->arena, p), p->why);
	return 0;
}

/* Fates as they are, while something is tried. */
static struct series_patch *save(struct build *b)
{
	return arena_memdup(b->arena, b->series->patches, b->series->n * sizeof(*b->series->patches));
}

static void restore(struct build *b, const struct series_patch *saved)
{
	memcpy(b->series->patches, saved, b->series->n * sizeof(*saved));
}

/* Notes the other objects that are refused; whether any is new. */
static void note_others(struct build *b, const struct round *r, const char *object, struct words *others,
			bool *any)
{
	*any = false;
	for (size_t i = 0; i < diags_count(r->diags); i++) {
		const struct diag *d = diags_get(r->diags, i);
		const struct unit *u = d->severity == DIAG_ERROR ? unit_of(b, d) : NULL;

		if (!u || !strcmp(u->object, object) || words_has(others, u->object))
			continue;
		words_add(b->arena, others, u->object);
		*any = true;
	}
}

/* Whether the object is refused: for the reason @why, NULL: for any. */
static bool is_refused(struct build *b, const struct round *r, const char *object, const struct diag *why)
{
	for (size_t i = 0; i < diags_count(r->diags); i++) {
		const struct diag *d = diags_get(r->diags, i);
		const struct unit *u = d->severity == DIAG_ERROR ? unit_of(b, d) : NULL;

		if (u && !strcmp(u->object, object) && (!why || message_same(d, why)))
			return true;
	}
	return false;
}

/*
 * A round for the sake of one object: is it refused, for the reason @why? NULL: for any but changes of __init code, which
 * are passed over. Others that are refused stand in the way of a stage that this
 * one would reach, and are left alone. *others: which those are.
 */
static int try_object(struct build *b, const char *object, const struct diag *why, struct words *others,
		      bool *refused)
{
	bool again = true, failed;

	*refused = false;
	while (again) {
		struct round r = { .without = others, .init_stays = !why };
		int err = run_round(b, &r);

		again = false;
		if (err && is_fatal(&r, err)) {
			diags_append(b->diags, r.diags);
			build_fails_as(b, r.failed_as);
			diags_free(r.diags);
			return err;
		}
		if (err)
			*refused = is_refused(b, &r, object, why);
		failed = err && !*refused && r.failed_as != EXIT_NO_CHANGE;
		if (err && !*refused)
			note_others(b, &r, object, others, &again);
		diags_free(r.diags);
		/* it was to be shown that nothing is refused */
		*refused = *refused || (!why && failed && !again);
	}
	return 0;
}

/* Of several patches, the one with which the object is refused for that reason for the first time. */
static int search(struct build *b, const char *object, const struct diag *why,
		  struct series_patch *const *list, size_t n, struct series_patch **out)
{
	size_t passes = 0, fails = n;
	struct series_patch *saved = save(b);
	int err = 0;

	while (!err && fails - passes > 1) {
		size_t middle = passes + (fails - passes) / 2;
		struct words others = { 0 };
		bool refused = false;

		for (size_t i = middle; i < n; i++)
			list[i]->held = true;
		err = try_object(b, object, why, &others, &refused);
		if (refused)
			fails = middle;
		else
			passes = middle;
		restore(b, saved);
	}
	*out = list[fails - 1];
	return err;
}

/*
 * Whether all that the patch changes is __init code: then no object that it is made from has anything to carry but for that.
 */
static int is_init_only(struct build *b, struct series_patch *p, const char *object, bool *out)
{
	struct series_patch *saved = save(b);
	struct words others = { 0 };
	bool refused = false, made = false;
	int err = try_object(b, object, NULL, &others, &refused);

	*out = !err && !refused && !others.n;
	for (size_t i = 0; i < b->n_units && *out && !err; i++) {
		err = b->units[i].diff ? is_made_from(b, &b->units[i], p, &made) : 0;
		*out = !made;
	}
	restore(b, saved);
	return err;
}

/* What is wrong with the object, as the round said it; a copy that outlives that. */
static int first_about(struct build *b, const struct round *r, const char *object, struct diag *out,
		       bool *all_init)
{
	bool found = false;

	*all_init = true;
	for (size_t i = 0; i < diags_count(r->diags); i++) {
		const struct diag *d = diags_get(r->diags, i);
		const struct unit *u = d->severity == DIAG_ERROR ? unit_of(b, d) : NULL;

		if (!u || strcmp(u->object, object))
			continue;
		*all_init = *all_init && !strcmp(d->id, "init-changed");
		if (found)
			continue;
		found = true;
		*out = *d;
		out->what = arena_strdup(b->arena, d->what);
		out->place.file = arena_strdup(b->arena, d->place.file);
		out->place.source = d->place.source ? arena_strdup(b->arena, d->place.source) : NULL;
		out->place.function = d->place.function ? arena_strdup(b->arena, d->place.function) : NULL;
	}
	return found ? 0 : -EINVAL;
}

/* One object that was refused, and what may have brought it. */
struct refused {
	const char *object;
	struct series_patch **candidates;
	size_t n;
	struct diag about;
	bool all_init;
};

static int judge(struct build *b, struct refused *f)
{
	struct series_patch *p = f->candidates[0]; /* collect() leaves none without */
	bool init = false;
	int err = f->n > 1 ? search(b, f->object, &f->about, f->candidates, f->n, &p) : 0;

	if (!err && f->all_init)
		err = is_init_only(b, p, f->object, &init);
	if (err)
		return err;
	if (!init)
		return leave(b, p, &f->about);
	p->fate = SERIES_NO_EFFECT;
	p->why = "it changes __init or __exit code, which the running kernel does not run any more";
	return 0;
}

/* Files that no object is made from: every patch that changes one is left out. */
static int leave_by_file(struct build *b, const struct diag *d, bool *any)
{
	int err = 0;

	for (size_t i = 0; i < b->series->n && !err && d->place.file; i++) {
		struct series_patch *p = &b->series->patches[i];

		if (!is_in(p) || !words_has(&p->files, d->place.file))
			continue;
		err = leave(b, p, d);
		*any = true;
	}
	return err;
}

/* The objects that the round refused, each once. */
static int collect(struct build *b, const struct round *r, struct refused **out, size_t *n, bool *any)
{
	struct refused *list = arena_array(b->arena, diags_count(r->diags), sizeof(*list));
	int err = 0;

	*n = 0;
	for (size_t i = 0; i < diags_count(r->diags) && !err; i++) {
		const struct diag *d = diags_get(r->diags, i);
		const struct unit *u = d->severity == DIAG_ERROR ? unit_of(b, d) : NULL;
		struct refused *f = &list[*n];
		bool known = false;

		if (d->severity == DIAG_ERROR && !u)
			err = leave_by_file(b, d, any);
		for (size_t k = 0; u && k < *n && !known; k++)
			known = !strcmp(list[k].object, u->object);
		if (!u || known || err)
			continue;
		*f = (struct refused){ .object = u->object,
				       .candidates = arena_array(b->arena, b->series->n,
								 sizeof(struct series_patch *)) };
		err = find_candidates(b, u, f->candidates, &f->n);
		if (!err)
			err = first_about(b, r, u->object, &f->about, &f->all_init);
		*n += !err && f->n;
	}
	*out = list;
	return err;
}

/* Finds out which patches a failed round is to go on without. *any: there are some. */
static int attribute(struct build *b, const struct round *r, bool *any)
{
	struct refused *list = NULL;
	size_t n = 0;
	int err = collect(b, r, &list, &n, any);

	/* where it is plain which patch it is, others may be done with by that; and nothing was compiled for it */
	for (size_t i = 0; i < n && !err; i++) {
		if (list[i].n != 1 || !is_in(list[i].candidates[0]))
			continue;
		err = judge(b, &list[i]);
		*any = true;
	}
	if (!err && !*any && n) {
		err = judge(b, &list[0]);
		*any = true;
	}
	return err;
}

/* What is in changes something, or it is said that it does not. */
static int classify(struct build *b)
{
	int err = 0;

	for (size_t i = 0; i < b->series->n && !err; i++) {
		struct series_patch *p = &b->series->patches[i];
		bool made = false, built = false;

		if (!is_in(p))
			continue;
		for (size_t k = 0; k < b->n_units && !made && !err; k++)
			if (b->units[k].diff)
				err = is_made_from(b, &b->units[k], p, &made);
		if (made)
			continue;
		for (size_t k = 0; k < p->files.n; k++) {
			bool away = false;

			for (size_t j = 0; j < b->n_left_out; j++)
				away |= !strcmp(b->left_out[j], p->files.word[k]);
			built |= !away;
		}
		p->fate = SERIES_NO_EFFECT;
		p->why = built ? "the compiled code of this kernel is the same with and without it" :
				 "no part of this kernel is built from the files that it changes";
	}
	return err;
}

int leave_out_run(struct build *b)
{
	for (;;) {
		struct round r = { .without = NULL };
		int err = run_round(b, &r);
		bool any = false;

		if (!err) {
			diags_append(b->diags, r.diags);
			diags_free(r.diags);
			return classify(b);
		}
		if (!is_fatal(&r, err) && r.failed_as != EXIT_NO_CHANGE) {
			int failed = attribute(b, &r, &any);

			if (failed) {
				diags_free(r.diags);
				return failed;
			}
		}
		if (!any) {
			if (r.failed_as == EXIT_NO_CHANGE)
				classify(b);
			diags_append(b->diags, r.diags);
			build_fails_as(b, r.failed_as);
			diags_free(r.diags);
			return err;
		}
		diags_free(r.diags);
	}
}
