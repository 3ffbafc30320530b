/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kpatch unload: disables a patch, waits until every task has left its code, and removes the
 * module. A patch that is in the middle of something, perhaps because an earlier kpatch was killed,
 * is brought to its end.
 */
#include <string.h>

#include "kpatch/commands/kept.h"
#include "kpatch/commands/load.h"
#include "kpatch/live/lock.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/live/transition.h"
#include "kpatch/report.h"
#include "kpatch/store/config.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

/* The tasks do not leave the patch: enabled again, it is at least in one state everywhere. */
static enum outcome give_up(struct kpatch *k, const char *name, enum wait_result why)
{
	enum outcome result = wait_outcome(why), o;
	uint64_t deadline = transition_deadline(k);

	if (why == WAIT_TIMEOUT) {
		report_stalled(k, name, false);
	} else if (why == WAIT_INTERRUPTED) {
		diag_error(k->diags, "interrupted", diag_file(name), NULL,
			   "interrupted before it was disabled, so it is enabled again");
	} else {
		return result;
	}
	o = patch_set_enabled(k, name, true, deadline);
	if (o == OUTCOME_NOT_FOUND) { /* it came to its end after all */
		o = module_retire(k, name);
		return o ? o : result;
	}
	if (!o && wait_enabled(k, name, deadline) == WAIT_DONE)
		return result;
	diag_error(k->diags, "not-taken-back", diag_file(name),
		   "See kpatch status; kpatch unload tries again",
		   "enabling it again did not come to an end either");
	return OUTCOME_INCOMPLETE;
}

static enum outcome unload(struct kpatch *k, const char *name)
{
	uint64_t deadline = transition_deadline(k);
	enum outcome o = OUTCOME_OK;
	enum patch_state state;
	enum wait_result r;

	if (!sysfs_patch_state(&k->system, name, &state)) {
		if (state == PATCH_ENABLED || state == PATCH_ENABLING)
			o = patch_set_enabled(k, name, false, deadline);
		if (o)
			return o;
		r = wait_gone(k, name, deadline);
		if (r != WAIT_DONE)
			return give_up(k, name, r);
	}
	o = module_retire(k, name);
	if (!o)
		manifest_forget(k, name);
	if (!o)
		say(k, module_is_kept(&k->system, name) ? "%s: disabled" : "%s: unloaded", name);
	return o;
}

enum outcome patch_unload(struct kpatch *k, const char *name)
{
	size_t n_diags = diags_count(k->diags);
	enum outcome o = unload(k, name);

	log_action(k, "unload", name, n_diags, o);
	return o;
}

static enum outcome not_loaded(struct kpatch *k, const char *name)
{
	bool ordinary = module_is_loaded(&k->system, name);

	diag_error(k->diags, "not-loaded", diag_file(name), "See kpatch list",
		   ordinary ? "a module, but no live patch" : "no live patch of that name is loaded");
	return OUTCOME_NOT_FOUND;
}

static enum outcome unload_one(struct kpatch *k, const struct live *live, const char *argument)
{
	char name[MODULE_NAME_SIZE];

	if (module_name_said(argument, name)) {
		diag_error(k->diags, "bad-name", NULL, "See kpatch list",
			   "an argument is not the name of a patch");
		return OUTCOME_USAGE;
	}
	report_string(k->report, "name", name);
	if (!live_find(live, name) && !live_leftover(live, name))
		return not_loaded(k, name);
	return patch_unload(k, name);
}

/* The newest first where the order is known. */
static enum outcome unload_all(struct kpatch *k, const struct live *live)
{
	struct node *root = k->report, *list = report_list(root, "patches");
	enum outcome o = OUTCOME_OK;

	for (size_t i = live->n_patches; i-- > 0 && o != OUTCOME_INTERRUPTED;) {
		k->report = report_map(list, NULL);
		o = worse(o, unload_one(k, live, live->patches[i].name));
	}
	for (size_t i = 0; i < live->n_leftovers && o != OUTCOME_INTERRUPTED; i++) {
		k->report = report_map(list, NULL);
		o = worse(o, unload_one(k, live, live->leftovers[i]));
	}
	k->report = root;
	if (!live->n_patches && !live->n_leftovers)
		say(k, "no patches are loaded");
	return o;
}

static enum outcome run_unload(struct kpatch *k, int argc, char **argv)
{
	enum outcome o = need_root(k, "unload");
	struct live live = { .n_patches = 0 };
	struct kpatch_config config;
	int err;

	if (!o)
		o = config_apply(k, &config);
	if (!o)
		o = lock_take(k);
	if (o)
		return o;
	err = sysfs_read(&k->system, k->arena, &live);
	if (err && sysfs_capable(&k->system)) {
		diag_error(k->diags, "sysfs-unreadable", NULL, NULL,
			   "the state in /sys/kernel/livepatch cannot be read: %s", strerror(-err));
		o = OUTCOME_SYSTEM;
	} else {
		o = k->options.all ? unload_all(k, &live) : unload_one(k, &live, argv[0]);
	}
	lock_release(k);
	return o;
}

const struct command unload_command = {
	.name = "unload",
	.arguments = "NAME",
	.summary = "take a patch back and remove its module",
	.help = "NAME may be given with - or _, and as the file that was loaded (NAME.ko). --all unloads every live patch. If the tasks do not leave\n"
		"the patch in time, those that hold it are named and the patch stays enabled.\n",
	.options = OPT_TIMEOUT | OPT_ALL,
	.min = 1,
	.max = 1,
	.run = run_unload,
};
