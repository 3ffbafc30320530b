/* SPDX-License-Identifier: GPL-2.0-only */
/* kpatch load, and kpatch check, which says what it would do. */
#include "kpatch/commands/load.h"

#include "kpatch/commands/boot.h"
#include "kpatch/live/lock.h"
#include "kpatch/store/config.h"

static enum outcome run_load(struct kpatch *k, int argc, char **argv)
{
	struct kpatch_config config;
	enum outcome o = k->options.dry_run ? OUTCOME_OK : need_root(k, "load");

	if (!o)
		o = config_apply(k, &config);
	if (!o && !k->options.dry_run)
		o = lock_take(k);
	if (o)
		return o;
	o = k->options.all ? installed_load(k) : load_argument(k, argv[0]);
	lock_release(k);
	return o;
}

const struct command load_command = {
	.name = "load",
	.arguments = "FILE|NAME",
	.summary = "load a patch and wait until it is in effect",
	.help = "FILE is a patch module; NAME one that is installed for the running kernel. --all loads\n"
		"all of those that are enabled, in the order of their names. The module is checked first: is it for the\n"
		"build of the kernel that runs, and of the modules that it patches? If the transition\n"
		"does not end in time, the tasks that hold it are named and the patch is taken back.\n",
	.options = OPT_TIMEOUT | OPT_DRY_RUN | OPT_UNCHECKED | OPT_ALL,
	.min = 1,
	.max = 1,
	.run = run_load,
};

static enum outcome run_check(struct kpatch *k, int argc, char **argv)
{
	struct kpatch_config config;
	enum outcome o;

	k->options.dry_run = true;
	o = config_apply(k, &config);
	return o ? o : load_argument(k, argv[0]);
}

const struct command check_command = {
	.name = "check",
	.arguments = "FILE|NAME",
	.summary = "say whether a patch could be loaded, and what it would change",
	.help = "Changes nothing. The exit code is that of the load that it stands for.\n",
	.options = OPT_UNCHECKED,
	.min = 1,
	.max = 1,
	.run = run_check,
};
