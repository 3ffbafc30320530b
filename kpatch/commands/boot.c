/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kpatch load --all and kpatch boot: what is installed for the running kernel is loaded, in a fixed
 * order. At boot a journal is kept, so that a patch that takes the machine down does so once.
 */
#include "kpatch/commands/boot.h"

#include <string.h>

#include "kpatch/commands/load.h"
#include "kpatch/file/patchfile.h"
#include "kpatch/live/lock.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/report.h"
#include "kpatch/store/config.h"
#include "kpatch/store/store.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

/* Kernels before 6.11 do not tell; then its file does. */
static bool replaces_all(struct kpatch *k, const struct live_patch *p, const struct stored *s)
{
	struct kpatch quiet = *k;
	struct patch_file f;
	bool replaces;

	if (p->replace >= 0)
		return p->replace;
	quiet.diags = diags_new(); /* what is wrong with it is not the question here */
	replaces = !patch_file_open(&quiet, s->path, &f) && f.manifest && f.manifest->replace;
	patch_file_close(&f);
	diags_free(quiet.diags);
	return replaces;
}

const char *installed_superseded(struct kpatch *k, const struct live *live, const struct stored *list,
				 size_t n, size_t i)
{
	while (++i < n) {
		const struct live_patch *p = live_find(live, list[i].module);

		if (p && (p->state == PATCH_ENABLED || p->state == PATCH_ENABLING) &&
		    replaces_all(k, p, &list[i]))
			return p->name;
	}
	return NULL;
}

/* Why it is left out; NULL: it is not. */
static const char *reason_to_skip(struct kpatch *k, const struct stored *list, size_t n, size_t i)
{
	static const char *const words[] = { [STORED_DISABLED] = "disabled",
					     [STORED_HELD] = "held back",
					     [STORED_UNREADABLE] = "its record cannot be read" };
	struct live live = { .n_patches = 0 };
	const char *by;

	if (list[i].record.boot != STORED_ENABLED)
		return words[list[i].record.boot];
	if (sysfs_read(&k->system, k->arena, &live))
		return NULL; /* loading will say what is wrong */
	by = installed_superseded(k, &live, list, n, i);
	return by ? arena_printf(k->arena, "replaced by %s", by) : NULL;
}

/* Left out. One that nobody meant to leave out is an error. */
static enum outcome skip(struct kpatch *k, const struct stored *s, const char *why)
{
	say(k, "%s: %s, left out", s->module, why);
	report_string(k->report, "name", s->module);
	report_string(k->report, "left_out", why);
	if (s->record.boot != STORED_UNREADABLE)
		return OUTCOME_OK;
	diag_error(k->diags, "record-unreadable", diag_file(s->module),
		   "Have the disk looked at; kpatch enable writes a new record, kpatch load loads it",
		   "left out, because its record, which may say that it must not be loaded, cannot be read");
	return OUTCOME_INCOMPLETE;
}

/*
 * It is in the kernel, and no boot is to be judged by it: the service was restarted after the boot was confirmed. Noting
 * it down again would put whatever takes the machine down later down to it, since nobody confirms a boot twice.
 */
static bool is_settled(struct kpatch *k, const struct stored *s)
{
	struct live live = { .n_patches = 0 };
	const struct live_patch *p;

	if (s->record.run != RUN_IDLE || sysfs_read(&k->system, k->arena, &live))
		return false;
	p = live_find(&live, s->module);
	return p && p->state == PATCH_ENABLED;
}

/* What cannot be noted down is loaded nevertheless: a disk that is full or read-only keeps no fix out. */
static enum outcome load_journaled(struct kpatch *k, const char *release, struct stored *s)
{
	enum outcome noted, o;

	if (is_settled(k, s))
		return load_argument(k, s->module);
	noted = bootlog_note(k, release, s, RUN_LOADING);
	o = load_argument(k, s->module);
	if (!noted)
		noted = bootlog_note(k, release, s, o ? RUN_IDLE : RUN_LOADED);
	return worse(o, noted);
}

static enum outcome load_list(struct kpatch *k, const char *release, struct stored *list, size_t n, bool boot)
{
	struct node *root = k->report, *reports = report_list(root, "patches");
	enum outcome o = OUTCOME_OK;

	for (size_t i = 0; i < n && o != OUTCOME_INTERRUPTED; i++) {
		const char *why = reason_to_skip(k, list, n, i);
		enum outcome one;

		k->report = report_map(reports, NULL);
		if (why)
			one = skip(k, &list[i], why);
		else if (boot && !k->options.dry_run)
			one = load_journaled(k, release, &list[i]);
		else
			one = load_argument(k, list[i].module);
		o = one == OUTCOME_INTERRUPTED ? one : worse(o, one);
	}
	k->report = root;
	if (!n)
		say(k, "no patches are installed for %s", release);
	return o;
}

enum outcome installed_load(struct kpatch *k)
{
	struct stored *list;
	const char *release;
	enum outcome o;
	size_t n;

	o = store_release(k, &release);
	if (!o)
		o = store_list(k, release, &list, &n);
	return o ? o : load_list(k, release, list, n, false);
}

/* The last "kpatch.enable=" on the kernel's command line, which may be longer than we read. */
static bool is_off_on_command_line(struct kpatch *k)
{
	static const char parameter[] = "kpatch.enable=";
	char text[8192], *rest = text, *word;
	bool off = false;

	if (system_read(&k->system, text, sizeof(text), "/proc/cmdline") <= 0)
		return false;
	while ((word = strsep(&rest, " \n")))
		if (!strncmp(word, parameter, sizeof(parameter) - 1))
			off = !strcmp(word + sizeof(parameter) - 1, "0");
	return off;
}

static enum outcome skip_boot(struct kpatch *k, const char *why)
{
	say(k, "nothing is loaded: %s", why);
	report_string(k->report, "skipped", why);
	return OUTCOME_OK;
}

static enum outcome load_at_boot(struct kpatch *k, const char *release, struct stored *list, size_t n)
{
	struct kpatch_config config;
	enum outcome o;

	if (is_off_on_command_line(k))
		return skip_boot(k, "kpatch.enable=0 is on the kernel's command line");
	o = config_read(k, &config);
	if (o)
		return o;
	if (!config.boot)
		return skip_boot(k, "/etc/kpatch.yaml says boot: false");
	if (!k->options.timeout_given)
		k->options.timeout = (unsigned int)config.boot_timeout;
	return load_list(k, release, list, n, true);
}

/* What the last boot left is judged even if nothing is to be loaded now: --done will forget it. */
static enum outcome boot(struct kpatch *k)
{
	enum outcome o, judged = OUTCOME_OK;
	struct stored *list;
	const char *release;
	size_t n;

	o = store_release(k, &release);
	if (!o && (k->options.done || k->options.down))
		return bootlog_close(k, release, k->options.done);
	if (!o)
		o = store_list(k, release, &list, &n);
	if (o)
		return o;
	if (!k->options.dry_run)
		judged = bootlog_judge(k, release, list, n);
	o = load_at_boot(k, release, list, n);
	return worse(o, judged);
}

static enum outcome run_boot(struct kpatch *k, int argc, char **argv)
{
	enum outcome o = need_root(k, "load");

	if (!o)
		o = lock_take(k);
	if (o)
		return o;
	o = boot(k);
	lock_release(k);
	return o;
}

const struct command boot_command = {
	.name = "boot",
	.arguments = "",
	.summary = "load what is installed, while the system boots",
	.help = "For kpatch.service. Like load --all, but keeps a journal: if the machine goes down before\n"
		"boot --done says that it is up, what was being loaded is held back at the next boot, and\n"
		"what had been loaded if that happens twice in a row. boot --down says that the machine\n"
		"goes down in order. Does nothing with kpatch.enable=0 on the kernel's command line, or\n"
		"boot: false in /etc/kpatch.yaml.\n",
	.options = OPT_TIMEOUT | OPT_DRY_RUN | OPT_DONE | OPT_DOWN,
	.run = run_boot,
};
