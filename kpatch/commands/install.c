/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kpatch install and uninstall: keep a patch below /var/lib/kpatch for the kernel that it is for.
 * Neither loads nor unloads anything.
 */
#include <string.h>

#include "kpatch/commands/loaded.h"
#include "kpatch/file/check.h"
#include "kpatch/file/contents.h"
#include "kpatch/file/patchfile.h"
#include "kpatch/kpatch.h"
#include "kpatch/live/lock.h"
#include "kpatch/report.h"
#include "kpatch/store/store.h"
#include "lib/kernel/files/module.h"
#include "lib/manifest/manifest.h"
#include "lib/util/diag.h"

static enum outcome install_file(struct kpatch *k, const struct patch_file *f)
{
	const char *release = f->manifest->kernel.release;
	bool replaced = false;
	enum outcome o;

	if (k->options.kernel && strcmp(k->options.kernel, release)) {
		diag_error(k->diags, "other-release", diag_file(f->path), NULL,
			   "made for kernel %s, not for %s", release, k->options.kernel);
		return OUTCOME_WRONG_KERNEL;
	}
	o = worse(check_vermagic(k, f), check_contents(k, f));
	if (!o)
		o = store_add(k, release, f, &replaced);
	if (o)
		return o;
	warn_unverified(k, f);
	report_string(k->report, "name", f->module->name);
	report_string(k->report, "kernel", release);
	report_bool(k->report, "verified", f->manifest->verified);
	report_bool(k->report, "replaced", replaced);
	say(k, "%s: %s for %s", f->module->name, replaced ? "installed over an older one" : "installed",
	    release);
	return OUTCOME_OK;
}

static enum outcome run_install(struct kpatch *k, int argc, char **argv)
{
	enum outcome o = need_root(k, "install");
	struct patch_file f;

	if (!o)
		o = lock_take(k);
	if (o)
		return o;
	o = patch_file_open(k, argv[0], &f);
	if (!o)
		o = install_file(k, &f);
	patch_file_close(&f);
	lock_release(k);
	return o;
}

static enum outcome uninstall_one(struct kpatch *k, struct node *list, const char *release, const char *name)
{
	enum outcome o = store_remove(k, release, name);
	struct node *n;

	if (o)
		return o;
	n = report_map(list, NULL);
	report_string(n, "name", name);
	report_string(n, "kernel", release);
	say(k, "%s: uninstalled for %s", name, release);
	return OUTCOME_OK;
}

static enum outcome uninstall_all(struct kpatch *k, struct node *list, const char *release)
{
	struct stored *stored;
	size_t n;
	enum outcome o = store_list(k, release, &stored, &n);

	for (size_t i = 0; !o && i < n; i++)
		o = uninstall_one(k, list, release, stored[i].module);
	return o;
}

static enum outcome run_uninstall(struct kpatch *k, int argc, char **argv)
{
	enum outcome o = need_root(k, "uninstall");
	struct node *list = report_list(k->report, "patches");
	const char *release;

	if (!o)
		o = lock_take(k);
	if (o)
		return o;
	o = store_release(k, &release);
	if (!o)
		o = k->options.all ? uninstall_all(k, list, release) :
				     uninstall_one(k, list, release, argv[0]);
	lock_release(k);
	return o;
}

const struct command install_command = {
	.name = "install",
	.arguments = "FILE",
	.summary = "keep a patch for the kernel that it is for",
	.help = "Copies it to /var/lib/kpatch/RELEASE/, where kpatch load NAME and kpatch load --all find\n"
		"it, and boots of that kernel. It is not loaded now.\n",
	.options = OPT_KERNEL,
	.min = 1,
	.max = 1,
	.run = run_install,
};

const struct command uninstall_command = {
	.name = "uninstall",
	.arguments = "NAME",
	.summary = "remove a patch that was installed",
	.help = "It is not unloaded. --kernel RELEASE removes it for another kernel than the running one.\n",
	.options = OPT_KERNEL | OPT_ALL,
	.min = 1,
	.max = 1,
	.run = run_uninstall,
};
