// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that some task has on its stack for ever. The livepatch core lets a task go over to the patch when no
 * replaced function is on its stack, or when it goes back to user mode, which a kernel thread never does. So a
 * transition does not end while a kernel thread is in a function that is replaced: in the one that it was
 * made to run, or in one that all of them go through. The signal that the core sends wakes a thread; it
 * does not make it leave its loop.
 */
#include "create-diff-object/forever.h"

#include <string.h>

#include "create-diff-object/guards.h"
#include "create-diff-object/passes.h"
#include "lib/util/vmlinux.h"

#define REMEDY                                                                                               \
	"Change a function that is called from it and returns; else the transition may have to be forced"

/* Where vmlinux's threads are; what other objects hand to a creator is not seen in the object that has it. */
static const struct {
	const char *name, *what;
} known[] = {
	{ "schedule", "kernel threads that sleep are in it" },
	{ "kthread", "every kernel thread is in it as long as it lives" },
	{ "ret_from_fork", "every kernel thread is in it as long as it lives" },
	{ "kthreadd", "the thread that makes all others is in it" },
	{ "kthread_worker_fn", "the threads of kthread_create_worker() are in it as long as they live" },
};

static const char *const creators[] = { "kthread_create_on_node", "kthread_create_on_cpu",
					"kernel_thread",	  "user_mode_thread",
					"create_io_thread",	  "kthread_run_on_cpu" };

static bool creates_thread(const struct atom *a)
{
	for (size_t i = 0; a->symbol && i < sizeof(creators) / sizeof(creators[0]); i++)
		if (!strcmp(a->name, creators[i]))
			return true;
	return false;
}

static bool any_creator(const struct object *o)
{
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (creates_thread(&o->atoms[i]))
			return true;
	return false;
}

static void warn_of_known(struct diff *d, uint32_t f)
{
	for (size_t i = 0; is_vmlinux(d->input->owner) && i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(new_atom(d, f)->name, known[i].name))
			diff_warn(d, "transition-stalls", &d->new, f, -1, REMEDY,
				  "%s, and the transition to the patch does not end while one is",
				  known[i].what);
}

/* The threads that run are those which the original's code has made. */
static void warn_of_thread(struct diff *d, const struct guards *g, uint32_t f)
{
	const struct object *o = d->orig.object;

	for (uint32_t r = 0; r < o->n_refs; r++) {
		uint32_t callee = g->callee[r];

		/* all of them take it first; in a register of its own it may be on its way there */
		if (o->refs[r].target != d->pairs.twin[f] || callee == NO_ATOM || g->argument[r] > 1 ||
		    !creates_thread(&o->atoms[callee]))
			continue;
		diff_warn(d, "transition-stalls", &d->new, f, -1, REMEDY,
			  "it is given to %s(): the thread is in it until it ends, and the transition to the "
			  "patch does not end before",
			  o->atoms[callee].name);
		return;
	}
}

int changes_forever(struct diff *d)
{
	bool search = d->n_replaced && any_creator(d->orig.object);
	struct guards g;
	int err = search ? guards_find(d, &d->orig, GUARDS_ALL, &g) : 0;

	for (uint32_t i = 0; i < d->new.object->n_atoms && !err; i++) {
		if (!d->replaced[i])
			continue;
		warn_of_known(d, i);
		if (search)
			warn_of_thread(d, &g, i);
	}
	return err;
}
