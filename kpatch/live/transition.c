/* SPDX-License-Identifier: GPL-2.0-only */
/* See transition.h. */
#include "kpatch/live/transition.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kpatch/live/sysfs.h"
#include "kpatch/live/tasks.h"
#include "kpatch/report.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

/*
 * How long a module may stay in use after its patch is gone: the kernel gives the reference back
 * from a work queue right after it has removed the patch from sysfs.
 */
#define RETIRE_MS 10000
/* Blocking tasks named one by one. */
#define BLOCKERS_SHOWN 10

/* A wait that is under way; times are milliseconds of the system's clock. */
struct wait {
	struct kpatch *k;
	uint64_t start, deadline, next_count, next_line;
	long left;	 /* tasks, when they were last counted; -1: not yet */
	char first[120]; /* of them, and where it is */
};

static struct wait wait_start(struct kpatch *k, uint64_t deadline)
{
	uint64_t now = k->system.calls->now(&k->system);

	return (struct wait){
		.k = k, .start = now, .deadline = deadline, .next_count = now + 1000, .left = -1
	};
}

/*
 * Sleeps a hundredth of the time waited so far, so that a short transition is noticed at once and a
 * long one costs nothing. WAIT_DONE: look again.
 */
static enum wait_result wait_more(struct wait *w)
{
	const struct system_calls *calls = w->k->system.calls;
	uint64_t now = calls->now(&w->k->system), pause = (now - w->start) / 100 + 1;

	if (calls->interrupted(&w->k->system))
		return WAIT_INTERRUPTED;
	if (now >= w->deadline)
		return WAIT_TIMEOUT;
	if (pause > 200)
		pause = 200;
	if (pause > w->deadline - now)
		pause = w->deadline - now;
	calls->sleep(&w->k->system, (unsigned int)pause);
	return WAIT_DONE;
}

/* Counts the tasks that are left, and looks at the first one. A wait can be long, so nothing of it is kept in k->arena. */
static long look_at_tasks(struct wait *w, bool enabling)
{
	struct arena *arena = arena_new();
	struct blockers found = { .n_tasks = 0 };
	int err = tasks_find(&w->k->system, arena, enabling ? 0 : 1, NULL, 1, &found);

	if (!err && found.n_list)
		snprintf(w->first, sizeof(w->first), "%s[%d]%s%s", found.list->comm, found.list->tid,
			 found.list->top ? " in " : "", found.list->top ? found.list->top : "");
	arena_free(arena);
	return err ? err : (long)found.n_tasks;
}

/* Counting takes its time with many tasks: never spend more than a twentieth on it. True: there is something new. */
static bool count_tasks(struct wait *w, bool enabling)
{
	const struct system_calls *calls = w->k->system.calls;
	uint64_t before = calls->now(&w->k->system), after;
	long n;

	if (before < w->next_count)
		return false;
	n = look_at_tasks(w, enabling);
	after = calls->now(&w->k->system);
	w->next_count = after + (after - before) * 20;
	if (w->next_count < after + 2000)
		w->next_count = after + 2000;
	if (n == w->left)
		return false;
	w->left = n;
	return true;
}

static void show_progress(struct wait *w, const char *patch, bool enabling)
{
	bool news = count_tasks(w, enabling);
	uint64_t now = w->k->system.calls->now(&w->k->system);
	/* of the time that was asked for: the clock is read a second time when the wait begins, and may have gone on */
	uint64_t waited = now + (uint64_t)w->k->options.timeout * 1000 - w->deadline;

	if (w->left <= 0 || (!news && (now < w->next_line || !progress_is_live(w->k))))
		return;
	w->next_line = now + 1000;
	say_progress(w->k, "%s: %s, %u s of %u s, %ld task%s left: %s", patch,
		     enabling ? "enabling" : "disabling", (unsigned int)(waited / 1000),
		     w->k->options.timeout, w->left, w->left == 1 ? "" : "s", w->first);
}

uint64_t transition_deadline(struct kpatch *k)
{
	return k->system.calls->now(&k->system) + (uint64_t)k->options.timeout * 1000;
}

static enum wait_result cannot_read(struct kpatch *k, const char *patch, int err)
{
	diag_error(k->diags, "sysfs-unreadable", diag_file(patch), NULL,
		   "its state in /sys/kernel/livepatch cannot be read: %s", strerror(-err));
	return WAIT_ERROR;
}

enum wait_result wait_enabled(struct kpatch *k, const char *patch, uint64_t deadline)
{
	struct wait w = wait_start(k, deadline);
	enum wait_result r;

	do {
		enum patch_state state;
		int err = sysfs_patch_state(&k->system, patch, &state);

		if (err == -ENOENT || (!err && state == PATCH_DISABLED))
			return WAIT_GONE;
		if (err)
			return cannot_read(k, patch, err);
		if (state == PATCH_ENABLED)
			return WAIT_DONE;
		show_progress(&w, patch, state == PATCH_ENABLING);
		r = wait_more(&w);
	} while (r == WAIT_DONE);
	return r;
}

enum wait_result wait_gone(struct kpatch *k, const char *patch, uint64_t deadline)
{
	struct wait w = wait_start(k, deadline);
	enum wait_result r;

	do {
		enum patch_state state;
		int err = sysfs_patch_state(&k->system, patch, &state);

		if (err == -ENOENT)
			return WAIT_DONE;
		if (err)
			return cannot_read(k, patch, err);
		show_progress(&w, patch, false);
		r = wait_more(&w);
	} while (r == WAIT_DONE);
	return r;
}

enum wait_result wait_quiet(struct kpatch *k, uint64_t deadline, const char **name)
{
	struct wait w = wait_start(k, deadline);
	enum wait_result r;

	do {
		struct live live;
		int err = sysfs_read(&k->system, k->arena, &live);
		size_t i = 0;

		if (err == -ENOENT)
			return WAIT_DONE;
		if (err)
			return cannot_read(k, "livepatch", err);
		while (i < live.n_patches &&
		       (live.patches[i].state == PATCH_ENABLED || live.patches[i].state == PATCH_DISABLED))
			i++;
		if (i == live.n_patches)
			return WAIT_DONE;
		*name = live.patches[i].name;
		show_progress(&w, *name, live.patches[i].state == PATCH_ENABLING);
		r = wait_more(&w);
	} while (r == WAIT_DONE);
	return r;
}

enum outcome wait_outcome(enum wait_result result)
{
	switch (result) {
	case WAIT_DONE:
		return OUTCOME_OK;
	case WAIT_TIMEOUT:
		return OUTCOME_STALLED;
	case WAIT_INTERRUPTED:
		return OUTCOME_INTERRUPTED;
	case WAIT_GONE:
		return OUTCOME_KERNEL_REFUSED;
	case WAIT_ERROR:
		break;
	}
	return OUTCOME_SYSTEM;
}

static void report_blocker(struct kpatch *k, struct node *list, const struct blocker *b)
{
	struct node *n = report_map(list, NULL);
	const char *kind = b->kernel_thread ? "kernel thread" : "task";

	report_number(n, "pid", b->pid);
	report_number(n, "tid", b->tid);
	report_string(n, "command", b->comm);
	report_bool(n, "kernel_thread", b->kernel_thread);
	report_string(n, "in", b->top);
	report_string(n, "held_by", b->holder);
	if (b->holder && b->top && strcmp(b->holder, b->top))
		diag_note(k->diags, "task-blocks", NULL, NULL,
			  "%s %d (%s) is in %s, called from %s, which is being switched", kind, b->tid,
			  b->comm, b->top, b->holder);
	else if (b->holder)
		diag_note(k->diags, "task-blocks", NULL, NULL, "%s %d (%s) is in %s, which is being switched",
			  kind, b->tid, b->comm, b->holder);
	else if (b->top)
		diag_note(k->diags, "task-blocks", NULL, NULL, "%s %d (%s) is in %s", kind, b->tid, b->comm,
			  b->top);
	else
		diag_note(k->diags, "task-blocks", NULL, NULL, "%s %d (%s) is %s", kind, b->tid, b->comm,
			  b->state == 'R' ? "running all the time" : "somewhere unknown");
}

static int find_blockers(struct kpatch *k, const char *patch, bool enabling, struct blockers *found)
{
	struct live live = { .n_patches = 0 };

	sysfs_read(&k->system, k->arena, &live);
	return tasks_find(&k->system, k->arena, enabling ? 0 : 1, live_find(&live, patch), BLOCKERS_SHOWN,
			  found);
}

static void report_found(struct kpatch *k, int err, const struct blockers *found)
{
	struct node *list = report_list(k->report, "blockers");

	if (err) {
		diag_note(k->diags, "tasks-unreadable", NULL, NULL,
			  "the tasks that it waits for cannot be read from /proc: %s", strerror(-err));
		return;
	}
	for (size_t i = 0; i < found->n_list; i++)
		report_blocker(k, list, &found->list[i]);
	if (found->n_tasks > found->n_list)
		diag_note(k->diags, "task-blocks", NULL, NULL, "and %zu tasks more",
			  found->n_tasks - found->n_list);
	if (!found->n_tasks)
		diag_note(k->diags, "task-blocks", NULL, NULL,
			  "no task in /proc holds it, so it is the idle task of a processor");
}

void report_blockers(struct kpatch *k, const char *patch, bool enabling)
{
	struct blockers found = { .n_tasks = 0 };
	int err = find_blockers(k, patch, enabling, &found);

	report_found(k, err, &found);
}

/* Nobody can restart a kernel thread. */
static bool are_kernel_threads(const struct blockers *found)
{
	for (size_t i = 0; i < found->n_list; i++)
		if (!found->list[i].kernel_thread)
			return false;
	return found->n_list;
}

void report_stalled(struct kpatch *k, const char *patch, bool enabling)
{
	struct blockers found = { .n_tasks = 0 };
	int err = find_blockers(k, patch, enabling, &found);

	diag_error(
		k->diags, "transition-stalled", diag_file(patch),
		!err && are_kernel_threads(&found) ?
			"Kernel threads cannot be restarted: bring about what they wait for, or try again with more "
			"time, such as --timeout 10m" :
			"Wait for these tasks or restart their services, then try again; or allow more time, such as "
			"--timeout 10m",
		"not %s within %u s, so it is %s", enabling ? "enabled" : "disabled", k->options.timeout,
		enabling ? "taken back" : "enabled again");
	report_found(k, err, &found);
}

/* What a refused write to "enabled" means. */
static enum outcome write_refused(struct kpatch *k, const char *patch, bool enabled, int err)
{
	switch (err) {
	case -ENOENT:
	case -ENODEV:
		if (!enabled)
			return OUTCOME_OK;
		diag_error(k->diags, "patch-gone", diag_file(patch), NULL, "it is not loaded any more");
		return OUTCOME_NOT_FOUND;
	case -EACCES:
	case -EPERM:
		diag_error(k->diags, "needs-root", diag_file(patch), "Run kpatch as root",
			   "only root may change it");
		return OUTCOME_PERMISSION;
	default:
		diag_error(k->diags, "kernel-refused-switch", diag_file(patch), NULL,
			   "the kernel refuses to %s it: %s", enabled ? "enable" : "disable", strerror(-err));
		return OUTCOME_KERNEL_REFUSED;
	}
}

static enum outcome too_busy(struct kpatch *k, const char *patch, enum wait_result r, const char *other)
{
	if (r == WAIT_TIMEOUT) {
		diag_error(k->diags, "transition-busy", diag_file(patch),
			   "Try again when it has ended, or unload that patch",
			   "the transition of %s is still going on, and there can be only one", other);
		return OUTCOME_BUSY;
	}
	return wait_outcome(r);
}

enum outcome patch_set_enabled(struct kpatch *k, const char *patch, bool enabled, uint64_t deadline)
{
	for (;;) {
		int err = system_write(&k->system, enabled ? "1" : "0", "/sys/kernel/livepatch/%s/enabled",
				       patch);
		const char *other = patch;
		enum wait_result r;

		if (!err)
			return OUTCOME_OK;
		if (err != -EBUSY)
			return write_refused(k, patch, enabled, err);
		r = wait_quiet(k, deadline, &other);
		if (r == WAIT_DONE) { /* over, or not what it was about: not without a pause */
			struct wait w = wait_start(k, deadline);

			r = wait_more(&w);
		}
		if (r != WAIT_DONE)
			return too_busy(k, patch, r, other);
	}
}

static bool is_used(int err)
{
	return err == -EAGAIN || err == -EBUSY;
}

enum outcome module_retire(struct kpatch *k, const char *module)
{
	struct wait w = wait_start(k, k->system.calls->now(&k->system) + RETIRE_MS);
	enum wait_result r = WAIT_DONE;
	int err = 0;

	if (module_is_kept(&k->system, module)) {
		diag_warning(
			k->diags, "module-kept", diag_file(module), NULL,
			"its patch is gone, but the module stays in memory until the next boot: the kernel "
			"may have pointers to what is in it");
		return OUTCOME_OK;
	}

	do {
		long used = module_references(&k->system, module);

		if (used == -ENOENT && !module_is_loaded(&k->system, module))
			return OUTCOME_OK;
		err = used > 0 ? -EAGAIN : k->system.calls->remove(&k->system, module);
		if (!err || err == -ENOENT)
			return OUTCOME_OK;
		if (!is_used(err))
			break;
		r = wait_more(&w);
	} while (r == WAIT_DONE);
	if (is_used(err))
		diag_error(k->diags, "module-still-used", diag_file(module),
			   "Remove it with rmmod when it is not used any more; after a forced transition "
			   "it stays until the next boot",
			   "its patch is gone, but the kernel still holds the module");
	else
		diag_error(k->diags, "module-not-removed", diag_file(module), NULL,
			   "the module cannot be removed: %s", strerror(-err));
	return r == WAIT_INTERRUPTED ? OUTCOME_INTERRUPTED : OUTCOME_INCOMPLETE;
}
