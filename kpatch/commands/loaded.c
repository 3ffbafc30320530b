/* SPDX-License-Identifier: GPL-2.0-only */
/* See loaded.h. */
#include "kpatch/commands/loaded.h"

#include <string.h>

#include "kpatch/file/patchfile.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/store/store.h"
#include "lib/kernel/files/module.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

bool is_same_build(struct kpatch *k, const struct patch_file *f)
{
	struct buildid loaded;

	return !module_build_id(&k->system, f->module->name, &loaded) &&
	       buildid_equal(&loaded, &f->module->build_id);
}

static enum outcome conflict(struct kpatch *k, const struct patch_file *f)
{
	diag_error(k->diags, "name-taken", diag_file(f->path),
		   "Unload that one first, or build this one under another name with kpatch-build --name",
		   "another build of a patch called %s is loaded", f->module->name);
	return OUTCOME_CONFLICT;
}

/* Of the same name, but no live patch: not ours to remove. */
static enum outcome not_a_patch(struct kpatch *k, const struct patch_file *f)
{
	diag_error(k->diags, "name-taken", diag_file(f->path),
		   "Build this one under another name with kpatch-build --name",
		   "a module called %s is loaded that is no live patch", f->module->name);
	return OUTCOME_CONFLICT;
}

static enum outcome in_memory(struct kpatch *k, const struct patch_file *f)
{
	diag_error(k->diags, "module-in-memory", diag_file(f->path),
		   "Boot the machine, or build the patch under another name with kpatch-build --name",
		   "a patch called %s was loaded before, and its module stays in memory until the next boot",
		   f->module->name);
	return OUTCOME_CONFLICT;
}

static enum outcome meet_patch(struct kpatch *k, const struct patch_file *f, const struct live_patch *p,
			       enum meeting *out)
{
	if (p->state == PATCH_DISABLING || p->state == PATCH_DISABLED) {
		if (module_is_kept(&k->system, p->name))
			return in_memory(k, f);
		*out = MEET_LEAVING;
		return OUTCOME_OK;
	}
	if (!is_same_build(k, f))
		return conflict(k, f);
	*out = MEET_SAME;
	return OUTCOME_OK;
}

enum outcome meet_name(struct kpatch *k, const struct patch_file *f, const struct live *live,
		       enum meeting *out)
{
	const char *name = f->module->name;
	const struct live_patch *p = live_find(live, name);

	if (p)
		return meet_patch(k, f, p, out);
	if (!module_is_loaded(&k->system, name)) {
		*out = MEET_NOTHING;
		return OUTCOME_OK;
	}
	if (!live_leftover(live, name))
		return not_a_patch(k, f);
	if (module_is_kept(&k->system, name))
		return in_memory(k, f);
	*out = MEET_LEFTOVER;
	return OUTCOME_OK;
}

/* The first thing that is wrong with the file. */
static const char *first_error(struct kpatch *k, const struct diags *d)
{
	for (size_t i = 0; i < diags_count(d); i++)
		if (diags_get(d, i)->severity == DIAG_ERROR)
			return arena_strdup(k->arena, diags_get(d, i)->what);
	return "it cannot be read";
}

struct installed_facts installed_look(struct kpatch *k, const struct live *live, const struct stored *s)
{
	struct installed_facts facts = { .unusable = NULL };
	struct kpatch quiet = *k;
	struct patch_file f;

	quiet.diags = diags_new();
	if (patch_file_open(&quiet, s->path, &f)) {
		facts.unusable = first_error(k, quiet.diags);
	} else {
		facts.manifest = f.manifest;
		facts.unverified = f.manifest && !f.manifest->verified;
		facts.other_build = live_find(live, s->module) && !is_same_build(k, &f);
	}
	patch_file_close(&f);
	diags_free(quiet.diags);
	return facts;
}

static void judge_installed(struct kpatch *k, const struct live *live, const struct stored *s)
{
	struct installed_facts facts = installed_look(k, live, s);

	if (facts.unusable)
		diag_warning(k->diags, "installed-unusable", diag_file(s->path),
			     "Install it again; kpatch check says more",
			     "it is installed, but cannot be loaded: %s", facts.unusable);
	if (facts.other_build)
		diag_warning(k->diags, "other-build-loaded", diag_file(s->module),
			     "To change over, kpatch unload it and load it again, or boot",
			     "another build of it is in effect than the one that is installed");
}

size_t loaded_judge(struct kpatch *k, const struct live *live, const struct stored *list, size_t n)
{
	size_t notes = 0;

	for (size_t i = 0; i < n; i++)
		judge_installed(k, live, &list[i]);
	for (size_t i = 0; i < live->n_patches; i++) {
		if (!module_is_unverified(&k->system, live->patches[i].name))
			continue;
		notes++;
		diag_note(k->diags, "patch-unverified", diag_file(live->patches[i].name), NULL,
			  "in effect, but built with --no-verify: nothing has shown that the code that it "
			  "replaces is what this kernel runs");
	}
	return notes;
}

void warn_unverified(struct kpatch *k, const struct patch_file *f)
{
	if (!f->manifest || f->manifest->verified)
		return;
	diag_warning(k->diags, "patch-unverified", diag_file(f->path), "Build it without --no-verify",
		     "nothing has shown that the code that it replaces is what this kernel runs");
}
