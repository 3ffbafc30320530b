// SPDX-License-Identifier: GPL-2.0-only
/*
 * Diff stage: create-diff-object on each unit, several at a time in threads. Reads the original and
 * the patched objects, writes one object a unit with what changed. What one needs of the others is
 * looked at when all are known.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/compile/compile.h"
#include "kpatch-build/diff/diff_siblings.h"
#include "lib/elf/object.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/process.h"
#include "lib/util/vmlinux.h"

void diff_release(struct unit *u)
{
	object_free(u->original_object);
	object_free(u->patched_object);
	arena_free(u->arena);
	u->original_object = u->patched_object = NULL;
	u->arena = NULL;
	u->report = (struct diff_report){ 0 };
}

/* The work of one unit, done by one thread. */
struct task {
	struct unit *unit;
	struct siblings siblings;
	struct diags *diags; /* its own, so that a refusal can be looked at again */
	uint8_t *data;
	size_t size;
	int err;
};

struct pool {
	struct task *tasks;
	size_t n;
	atomic_size_t next;
	int (*run)(struct task *t);
	struct build *b;
	pthread_t caller; /* the thread that may say how far it is */
};

static int open_unit(struct task *t)
{
	struct unit *u = t->unit;
	int err;

	diff_release(u);
	u->arena = arena_new();
	err = object_open(u->original, t->diags, &u->original_object);
	return err ? err : object_open(u->patched, t->diags, &u->patched_object);
}

static int diff_unit(struct task *t)
{
	struct unit *u = t->unit;
	struct ksym_source ksyms = siblings_source(&t->siblings);
	struct diff_input input = { .name = u->object,
				    .owner = u->owner,
				    .original = u->original_object,
				    .patched = u->patched_object,
				    .ksyms = &ksyms,
				    .stacked = !t->siblings.build->options.replace,
				    .init_stays = t->siblings.build->init_stays };

	return diff_objects(&input, u->arena, t->diags, &u->report, &t->data, &t->size);
}

static void *worker(void *context)
{
	struct pool *p = context;
	size_t i;

	while ((i = atomic_fetch_add(&p->next, 1)) < p->n) {
		if (pthread_equal(pthread_self(), p->caller))
			build_progress(p->b, i, p->n, p->tasks[i].unit->object);
		if (!p->tasks[i].err)
			p->tasks[i].err = p->run(&p->tasks[i]);
	}
	return NULL;
}

/* The calling thread works too, so a thread that cannot be started is no error. */
static void run_tasks(struct pool *p, unsigned int jobs, int (*run)(struct task *t))
{
	pthread_t threads[64];
	size_t n = 0;

	p->run = run;
	atomic_store(&p->next, 0);
	while (n + 1 < jobs && n + 1 < p->n && n < sizeof(threads) / sizeof(threads[0]) &&
	       pthread_create(&threads[n], NULL, worker, p) == 0)
		n++;
	worker(p);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

/* Only when all have been diffed: one that was refused might have provided it. */
static void check_siblings(const struct build *b, struct pool *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->tasks[i].err)
			return;
	for (size_t i = 0; i < p->n; i++)
		p->tasks[i].err = siblings_check(b, p->tasks[i].unit, p->tasks[i].diags);
}

/* Real lines: the patched object has the numbers that line markers gave. */

static bool has_line(const struct diags *diags)
{
	for (size_t i = 0; i < diags_count(diags); i++)
		if (diags_get(diags, i)->place.line)
			return true;
	return false;
}

static bool same_text(const char *x, const char *y)
{
	return !x == !y && (!x || !strcmp(x, y));
}

static bool same_diag(const struct diag *x, const struct diag *y)
{
	return !strcmp(x->id, y->id) && same_text(x->what, y->what) &&
	       same_text(x->place.function, y->place.function) && x->place.offset == y->place.offset;
}

/* The diagnostic @d with the line that the same one of @plain has, or none if there is no such. */
static struct diag_place real_place(const struct diag *d, const struct diags *plain)
{
	struct diag_place place = d->place;

	place.line = 0;
	for (size_t i = 0; i < diags_count(plain) && !place.line; i++)
		if (same_diag(d, diags_get(plain, i)))
			place.line = diags_get(plain, i)->place.line;
	return place;
}

/* Compares once more, with the object from the text without markers in the place of the patched one. */
static int diff_plain(struct task *t, struct diags *plain)
{
	struct unit u = *t->unit;
	struct task again = { .unit = &u, .siblings = t->siblings, .diags = plain };
	int err;

	u.patched = u.job->plain;
	u.arena = NULL;
	u.original_object = u.patched_object = NULL;
	err = open_unit(&again);
	if (!err && !diff_unit(&again))
		siblings_check(t->siblings.build, &u, plain);
	diff_release(&u);
	free(again.data);
	return err;
}

static int take_real_lines(struct task *t)
{
	struct diags *plain = diags_new(), *real = diags_new();
	int err = diff_plain(t, plain);

	for (size_t i = 0; i < diags_count(t->diags) && !err; i++) {
		const struct diag *d = diags_get(t->diags, i);
		struct diag_place place = real_place(d, plain);

		diag_add(real, d->severity, d->id, &place, d->remedy, "%s", d->what);
	}
	diags_free(plain);
	diags_free(err ? real : t->diags);
	if (!err)
		t->diags = real;
	return err;
}

/* Its place in the list, which it is added to if it is not there: the owners of an object share one. */
static size_t job_index(struct compile_job **jobs, size_t *n, struct compile_job *job)
{
	size_t i = 0;

	while (i < *n && jobs[i] != job)
		i++;
	if (i == *n)
		jobs[(*n)++] = job;
	return i;
}

/* What has a message with a line is compiled and compared once more. */
static int find_real_lines(struct build *b, struct pool *p)
{
	struct compile_job **jobs = arena_array(b->arena, p->n, sizeof(*jobs));
	struct command *commands = arena_array(b->arena, p->n, sizeof(*commands));
	size_t n = 0;
	int err;

	if (!compile_has_markers(b))
		return 0;
	for (size_t i = 0; i < p->n; i++)
		if (has_line(p->tasks[i].diags))
			job_index(jobs, &n, p->tasks[i].unit->job);
	err = compile_plain(b, b->arena, jobs, n, true, commands);
	for (size_t i = 0; i < p->n && !err; i++)
		if (has_line(p->tasks[i].diags) &&
		    !commands[job_index(jobs, &n, p->tasks[i].unit->job)].status)
			err = take_real_lines(&p->tasks[i]);
	return err;
}

/* What makes the module stay in memory. The manifest has all of it. */
static void warn_of_kept(struct build *b, const struct unit *u)
{
	const struct diff_kept *k = u->report.kept;
	char others[64] = "";

	if (!u->report.n_kept)
		return;
	if (u->report.n_kept > 1)
		snprintf(others, sizeof(others), " (and %zu more of this kind)", u->report.n_kept - 1);
	diag_warning(b->diags, "address-kept",
		     &(struct diag_place){ .file = u->object, .function = k->place.function },
		     "Use what the kernel has; or, if nothing uses it when the patch is gone, say "
		     "KPATCH_REMOVABLE() (doc/authors.md)",
		     "%s: %s%s, so that the module stays in memory when the patch is replaced or unloaded",
		     k->what, k->how, others);
}

static int finish_task(struct build *b, struct task *t, size_t index)
{
	struct unit *u = t->unit;
	char *path;
	int err;

	diags_append(b->diags, t->diags);
	if (t->err == -EINVAL && u->through)
		diag_note(b->diags, "header-included", diag_file(u->object), NULL,
			  "this is in the patch because it includes %s", u->through);
	if (diags_has(t->diags, "code-not-verified"))
		build_fails_as(b, EXIT_VERIFY);
	if (t->err || !t->data)
		return t->err;
	path = build_work_path(b, "objects/diff-%zu.o", index);
	if (!path)
		return -EIO;
	err = file_write(path, t->data, t->size, 0666);
	if (!err)
		warn_of_kept(b, u);
	if (!err)
		u->diff = path;
	else
		build_not_written(b, "work-directory", path, err);
	return err;
}

static int no_change(struct build *b)
{
	build_fails_as(b, EXIT_NO_CHANGE);
	diag_error(b->diags, "no-change", diag_file(b->options.patches[0]), NULL,
		   "the compiled code of kernel %s is the same with and without the patch",
		   b->kernel.release);
	return -EINVAL;
}

/* What is new is reached through a function that is replaced, or through a callback. */
static bool patches_anything(const struct build *b)
{
	for (size_t i = 0; i < b->n_units; i++)
		if (b->units[i].diff && (b->units[i].report.n_changed || b->units[i].report.n_callbacks))
			return true;
	return false;
}

static int only_additions(struct build *b)
{
	const struct unit *u = b->units;

	while (!u->diff)
		u++;
	build_fails_as(b, EXIT_NO_CHANGE);
	diag_error(b->diags, "no-change", diag_file(u->object), "Add the change that uses it to the patch",
		   "the patch only adds to the code of kernel %s (%s), and nothing that is in it changes to "
		   "use that",
		   b->kernel.release, u->report.n_provided ? u->report.provided[0] : "a name");
	return -EINVAL;
}

/* Where a header has brought in more than the patch's author sees. */
static void summarize(struct build *b, size_t changed)
{
	size_t modules = 0;
	bool through = false, vmlinux = false;

	for (size_t i = 0; i < b->n_units; i++) {
		const struct unit *u = &b->units[i];
		size_t j = 0;

		if (!u->diff)
			continue;
		through |= u->through != NULL;
		while (j < i && (!b->units[j].diff || strcmp(b->units[j].owner, u->owner)))
			j++;
		if (is_vmlinux(u->owner))
			vmlinux = true;
		else if (j == i)
			modules++;
	}
	if (through)
		build_say(b, "%zu object%s, in %s%zu module%s", changed,
			  changed == 1 ? " changes" : "s change", vmlinux ? "vmlinux and " : "", modules,
			  modules == 1 ? "" : "s");
}

int stage_diff(struct build *b)
{
	struct pool p = { .tasks = arena_array(b->arena, b->n_units, sizeof(*p.tasks)),
			  .n = b->n_units,
			  .b = b,
			  .caller = pthread_self() };
	size_t changed = 0;
	int err;

	for (size_t i = 0; i < p.n; i++) {
		p.tasks[i].unit = &b->units[i];
		p.tasks[i].siblings = (struct siblings){ b, &b->units[i] };
		p.tasks[i].diags = diags_new();
	}
	run_tasks(&p, b->options.jobs, open_unit);
	run_tasks(&p, b->options.jobs, diff_unit);
	check_siblings(b, &p);
	err = find_real_lines(b, &p);
	for (size_t i = 0; i < p.n; i++) {
		int one = err ? err : finish_task(b, &p.tasks[i], i);

		if (one && (!err || one != -EINVAL))
			err = one;
		changed += b->units[i].diff != NULL;
		diags_free(p.tasks[i].diags);
		free(p.tasks[i].data);
	}
	if (err)
		return err;
	if (!changed)
		return no_change(b);
	if (!patches_anything(b))
		return only_additions(b);
	summarize(b, changed);
	return 0;
}
