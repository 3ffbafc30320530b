/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kpatch force and kpatch signal: help for a transition that does not end by itself. Both act on
 * the one transition that is going on.
 */
#include <errno.h>
#include <string.h>

#include "kpatch/kpatch.h"
#include "kpatch/live/lock.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/live/transition.h"
#include "kpatch/report.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

/* The patch in transition; NULL with a diagnostic where there is none. */
static const char *find_transition(struct kpatch *k)
{
	struct live live;

	if (!sysfs_read(&k->system, k->arena, &live))
		for (size_t i = 0; i < live.n_patches; i++)
			if (live.patches[i].state == PATCH_ENABLING ||
			    live.patches[i].state == PATCH_DISABLING) {
				report_string(k->report, "name", live.patches[i].name);
				return live.patches[i].name;
			}
	diag_error(k->diags, "no-transition", NULL, NULL, "no patch is in transition");
	return NULL;
}

static enum outcome force(struct kpatch *k, const char *name)
{
	int err = system_write(&k->system, "1", "/sys/kernel/livepatch/%s/force", name);

	if (err) {
		diag_error(k->diags, "kernel-refused-force", diag_file(name), NULL,
			   "the kernel refuses to force it: %s", strerror(-err));
		return OUTCOME_KERNEL_REFUSED;
	}
	say(k, "%s: its transition was forced; boot again at the next opportunity", name);
	return OUTCOME_OK;
}

static enum outcome run_force(struct kpatch *k, int argc, char **argv)
{
	enum outcome o = need_root(k, "force");
	const char *name;

	if (o)
		return o;
	name = find_transition(k);
	if (!name)
		return OUTCOME_NOT_FOUND;
	if (k->options.yes) {
		size_t n_diags = diags_count(k->diags);

		o = force(k, name);
		log_action(k, "force", name, n_diags, o);
		return o;
	}
	diag_error(k->diags, "force-needs-consent", diag_file(name),
		   "Say --yes if nothing that follows from it can hurt here",
		   "forcing switches tasks while they are inside the functions that change; old and new "
		   "code may then run mixed, which can corrupt data or crash the machine; and the module of "
		   "a patch that is taken back or replaced by it stays in memory until the next boot");
	return OUTCOME_USAGE;
}

static enum outcome run_signal(struct kpatch *k, int argc, char **argv)
{
	enum outcome o = need_root(k, "signal");
	const char *name;
	int err;

	if (o)
		return o;
	name = find_transition(k);
	if (!name)
		return OUTCOME_NOT_FOUND;
	err = system_write(&k->system, "1", "/sys/kernel/livepatch/%s/signal", name);
	if (err == -ENOENT) {
		say(k, "%s: this kernel wakes the tasks by itself every 15 s, nothing to do", name);
		return OUTCOME_OK;
	}
	if (!err)
		return OUTCOME_OK;
	diag_error(k->diags, "kernel-refused-signal", diag_file(name), NULL,
		   "the kernel refuses to wake the tasks: %s", strerror(-err));
	return OUTCOME_KERNEL_REFUSED;
}

const struct command force_command = {
	.name = "force",
	.arguments = "",
	.summary = "end a transition at any price",
	.help = "Dangerous: see the manual page. Needs --yes.\n",
	.options = OPT_YES,
	.run = run_force,
};

const struct command signal_command = {
	.name = "signal",
	.arguments = "",
	.summary = "wake the tasks that a transition waits for",
	.help = "Kernels since 5.1 do that by themselves every 15 s.\n",
	.options = 0,
	.run = run_signal,
};
