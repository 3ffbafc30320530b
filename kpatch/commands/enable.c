/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kpatch enable and kpatch disable: whether an installed patch is loaded with the others, as at
 * boot. Neither loads nor unloads anything.
 */
#include "kpatch/kpatch.h"
#include "kpatch/live/lock.h"
#include "kpatch/report.h"
#include "kpatch/store/store.h"

static enum outcome mark_one(struct kpatch *k, struct node *list, const char *release, const char *name,
			     enum stored_boot boot)
{
	enum outcome o = store_mark(k, release, name, boot);
	struct node *n;

	if (o)
		return o;
	n = report_map(list, NULL);
	report_string(n, "name", name);
	report_string(n, "boot", stored_boot_name(boot));
	say(k, "%s: %s for %s", name,
	    boot == STORED_ENABLED ? "loaded at boot" : "not loaded at boot any more", release);
	return OUTCOME_OK;
}

static enum outcome mark_all(struct kpatch *k, struct node *list, const char *release, enum stored_boot boot)
{
	struct stored *stored;
	size_t n;
	enum outcome o = store_list(k, release, &stored, &n);

	for (size_t i = 0; !o && i < n; i++)
		o = mark_one(k, list, release, stored[i].module, boot);
	return o;
}

static enum outcome mark(struct kpatch *k, int argc, char **argv, enum stored_boot boot)
{
	enum outcome o = need_root(k, boot == STORED_ENABLED ? "enable" : "disable");
	struct node *list = report_list(k->report, "patches");
	const char *release;

	if (!o)
		o = lock_take(k);
	if (o)
		return o;
	o = store_release(k, &release);
	if (!o)
		o = k->options.all ? mark_all(k, list, release, boot) :
				     mark_one(k, list, release, argv[0], boot);
	lock_release(k);
	return o;
}

static enum outcome run_enable(struct kpatch *k, int argc, char **argv)
{
	return mark(k, argc, argv, STORED_ENABLED);
}

static enum outcome run_disable(struct kpatch *k, int argc, char **argv)
{
	return mark(k, argc, argv, STORED_DISABLED);
}

const struct command enable_command = {
	.name = "enable",
	.arguments = "NAME",
	.summary = "load an installed patch at boot",
	.help = "That is how it is after kpatch install. Also for one that was held back because the\n"
		"machine went down with it.\n",
	.options = OPT_ALL | OPT_KERNEL,
	.min = 1,
	.max = 1,
	.run = run_enable,
};

const struct command disable_command = {
	.name = "disable",
	.arguments = "NAME",
	.summary = "keep an installed patch, but do not load it at boot",
	.help = "load --all leaves it out as well; load NAME loads it. It is not unloaded.\n",
	.options = OPT_ALL | OPT_KERNEL,
	.min = 1,
	.max = 1,
	.run = run_disable,
};
