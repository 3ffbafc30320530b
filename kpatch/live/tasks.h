/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tasks that a transition still waits for: /proc/PID/task/TID/patch_state (0 unpatched, 1
 * patched, -1 no transition; Documentation/livepatch/livepatch.rst). Only root may read it. Idle
 * tasks of processors, which the kernel waits for as well, are not in /proc.
 *
 * Looking at every task costs some 20 microseconds each, so callers do it rarely.
 */
#ifndef KPATCH_TASKS_H
#define KPATCH_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct arena;
struct live_patch;
struct system;

struct blocker {
	pid_t pid, tid;
	const char *comm;
	char state; /* R, S, D, … as in /proc/PID/stat; '?' */
	bool kernel_thread;
	const char *top;    /* innermost function of its kernel stack, or NULL */
	const char *holder; /* function on that stack that the patch is about, or NULL */
};

struct blockers {
	size_t n_tasks;	      /* all that have not switched */
	struct blocker *list; /* details of the first of them */
	size_t n_list;
};

/* Counts the tasks whose patch state is @state. -EACCES, -errno of reading /proc. */
long tasks_count(const struct system *s, int state);

/*
 * The same with details of up to @max of them. @patch (or NULL) tells which functions are of
 * interest on their stacks. -EACCES, -errno.
 */
int tasks_find(const struct system *s, struct arena *a, int state, const struct live_patch *patch, size_t max,
	       struct blockers *out);

#endif
