/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading a patch: everything that can be known is checked before the kernel is asked; the transition
 * is watched to its end; and if it does not end, the patch is taken back.
 */
#include "kpatch/commands/kept.h"
#include "kpatch/commands/load.h"

#include <errno.h>
#include <string.h>

#include "kpatch/commands/loaded.h"
#include "kpatch/file/check.h"
#include "kpatch/file/patchfile.h"
#include "kpatch/file/states.h"
#include "kpatch/live/kmsg.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/live/transition.h"
#include "kpatch/report.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/files/signature.h"
#include "lib/manifest/manifest.h"
#include "lib/util/diag.h"
#include "lib/util/text.h"

const char *insert_error(int err)
{
	switch (err) {
	case -EPERM:
		return "not permitted: loading modules takes root's capability CAP_SYS_MODULE, and may "
		       "be switched off or locked down";
	case -EKEYREJECTED:
		return "it takes only modules signed with a key that it trusts";
	case -EBADMSG:
		return "its signature is damaged";
	case -ENOPKG:
		return "its signature uses an algorithm that this kernel does not have";
	case -ENOEXEC:
		return "the kernel does not accept its format, its version magic, the checksum of an "
		       "imported symbol or a relocation";
	case -ENOENT:
		return "a symbol that it refers to is not in the kernel";
	case -EEXIST:
		return "a module of that name is loaded";
	case -EBUSY:
		return "another transition is going on, or a function is in the way of being traced "
		       "(a kprobe with a post handler, another tracer that changes its flow)";
	case -EINVAL:
		return "the kernel cannot patch it in: a function or symbol is not there or not unique, "
		       "or it cannot be patched";
	case -ENOMEM:
		return "the kernel has no memory for it";
	case -ENODEV:
		return "a callback of the patch refused";
	case -ETXTBSY:
		return "the file is being written to";
	case -ENOSYS:
		return "this kernel has no modules";
	default:
		return strerror(-err);
	}
}

/* The kernel says only that it does not like the signature; who made it says more. */
static void note_signature(struct kpatch *k, const struct patch_file *f)
{
	const struct module_signature *s = f->signature;

	if (!s)
		diag_note(k->diags, "not-signed", diag_file(f->path),
			  "Sign it with kpatch-build --sign-key and --sign-cert",
			  "this module is not signed");
	else
		diag_note(k->diags, "signer-not-trusted", diag_file(f->path),
			  "If it should be, enroll the signer's certificate (mokutil --import, then boot "
			  "again); keyctl list %:.builtin_trusted_keys and %:.secondary_trusted_keys show "
			  "those that are",
			  "this module is signed by %s (key %s, %s), which is not among the kernel's "
			  "trusted keys, or the module was changed afterwards",
			  *s->signer ? s->signer : "a key without a name", s->key, s->hash);
}

static enum outcome insert_failed(struct kpatch *k, const struct patch_file *f, int err)
{
	diag_error(k->diags, "kernel-refused-module", diag_file(f->path), NULL,
		   "the kernel refuses the module: %s (%s)", insert_error(err), strerrorname_np(-err));
	if (err == -EKEYREJECTED)
		note_signature(k, f);
	switch (err) {
	case -EPERM:
		return OUTCOME_PERMISSION;
	case -EBUSY:
		return OUTCOME_BUSY;
	case -ENOMEM:
		return OUTCOME_SYSTEM;
	default:
		return OUTCOME_KERNEL_REFUSED;
	}
}

static enum outcome insert(struct kpatch *k, const struct patch_file *f)
{
	int log = kmsg_open(&k->system), err;

	err = k->system.calls->insert(&k->system, &f->image);
	if (!err && system_exists(&k->system, "/sys/kernel/livepatch/%s", f->module->name)) {
		kmsg_close(log);
		return OUTCOME_OK;
	}
	kmsg_report(k, log, f->module->name);
	if (err)
		return insert_failed(k, f, err);
	diag_error(k->diags, "no-patch-registered", diag_file(f->path), NULL,
		   "its module was loaded, but registered no live patch called %s", f->module->name);
	k->system.calls->remove(&k->system, f->module->name);
	return OUTCOME_KERNEL_REFUSED;
}

/* The transition did not end: back to how it was, and say how far that went. */
static enum outcome take_back(struct kpatch *k, const char *name, enum wait_result why)
{
	enum outcome o, result = wait_outcome(why);
	uint64_t deadline = transition_deadline(k);

	if (why == WAIT_GONE) {
		diag_error(k->diags, "patch-gone", diag_file(name), NULL,
			   "it was disabled while it was being enabled; somebody else did that");
		return worse(module_retire(k, name), result);
	}
	if (why == WAIT_TIMEOUT) {
		report_stalled(k, name, true);
	} else if (why == WAIT_INTERRUPTED) {
		diag_error(k->diags, "interrupted", diag_file(name), NULL,
			   "interrupted before it was enabled, so it is taken back");
	}
	o = patch_set_enabled(k, name, false, deadline);
	if (!o && wait_gone(k, name, deadline) == WAIT_DONE)
		o = module_retire(k, name);
	else
		o = OUTCOME_INCOMPLETE;
	if (o)
		diag_error(k->diags, "not-taken-back", diag_file(name),
			   "See kpatch status; kpatch unload finishes it",
			   "taking it back did not come to an end either");
	return o ? OUTCOME_INCOMPLETE : result;
}

/*
 * The modules of the patches that it replaced are of no use any more. Their patches go away right
 * after the transition.
 */
static enum outcome retire_replaced(struct kpatch *k, const char *name, const struct live *before)
{
	uint64_t deadline = transition_deadline(k);
	struct node *list = report_list(k->report, "removed"), *stay = report_list(k->report, "kept");
	enum outcome o = OUTCOME_OK;

	for (size_t i = 0; i < before->n_patches; i++) {
		const char *old = before->patches[i].name;
		enum outcome one;

		if (!strcmp(old, name))
			continue;
		one = wait_outcome(wait_gone(k, old, deadline));
		if (!one)
			one = module_retire(k, old);
		if (one == OUTCOME_STALLED)
			diag_error(k->diags, "replaced-patch-stays", diag_file(old), NULL,
				   "it should have been replaced, but is still there");
		if (!one) {
			bool kept = module_is_kept(&k->system, old);

			manifest_forget(k, old);
			report_string(kept ? stay : list, NULL, old);
			say(k, kept ? "%s: replaced" : "%s: replaced and removed", old);
		}
		o = worse(o, one);
	}
	return o ? OUTCOME_INCOMPLETE : OUTCOME_OK;
}

/* Waits for the end of the transition and looks after what it leaves behind. */
static enum outcome finish(struct kpatch *k, const struct patch_file *f, const struct live *before)
{
	const char *name = f->module->name;
	enum wait_result r = wait_enabled(k, name, transition_deadline(k));
	const struct live_patch *p = NULL;
	struct live now;

	if (r != WAIT_DONE)
		return take_back(k, name, r);
	report_string(k->report, "state", "enabled");
	if (!sysfs_read(&k->system, k->arena, &now) && (p = live_find(&now, name)))
		say(k, "%s: enabled, %zu function%s replaced", name, live_functions(p),
		    live_functions(p) == 1 ? "" : "s");
	if (p && p->replace == 0)
		return OUTCOME_OK;
	return f->manifest && f->manifest->replace ? retire_replaced(k, name, before) : OUTCOME_OK;
}

/* An unload of it has been begun, perhaps by a kpatch that was killed: brought to its end. */
static enum outcome wait_for_leaving(struct kpatch *k, const char *name)
{
	enum wait_result r;

	say(k, "%s: is being disabled, waiting", name);
	r = wait_gone(k, name, transition_deadline(k));
	if (r == WAIT_TIMEOUT)
		diag_error(k->diags, "transition-stalled", diag_file(name), NULL,
			   "an earlier unload of it has not come to its end");
	return r == WAIT_DONE ? module_retire(k, name) : wait_outcome(r);
}

/* It is there already, perhaps in the middle of a transition, because an earlier kpatch was killed. */
static enum outcome go_on_with(struct kpatch *k, const struct patch_file *f, const struct live *live)
{
	const struct live_patch *p = live_find(live, f->module->name);

	if (p->state == PATCH_ENABLING)
		return finish(k, f, live);
	say(k, "%s: already loaded", p->name);
	report_string(k->report, "state", "enabled");
	report_bool(k->report, "already_loaded", true);
	return OUTCOME_OK;
}

static enum outcome insert_when_quiet(struct kpatch *k, const struct patch_file *f)
{
	uint64_t deadline = transition_deadline(k);
	const char *other = "";
	enum wait_result r = wait_quiet(k, deadline, &other);

	if (r == WAIT_TIMEOUT) {
		diag_error(k->diags, "transition-busy", diag_file(f->path),
			   "Try again when it has ended, or unload that patch",
			   "the transition of %s is still going on, and there can be only one", other);
		return OUTCOME_BUSY;
	}
	return r == WAIT_DONE ? insert(k, f) : wait_outcome(r);
}

/* Functions named one by one. */
#define TAKEN_SHOWN 10

/*
 * In a stack the newest version counts, and it has the older one's fix only if it was made from a source
 * that had it, which nobody can see here.
 */
static void warn_of_taken(struct kpatch *k, const struct patch_file *f, const struct changes *c)
{
	size_t n = 0;

	if (!f->manifest || f->manifest->replace)
		return;
	for (size_t i = 0; i < c->n; i++) {
		const struct change *one = &c->list[i];

		if (one->kind != CHANGE_AGAIN || !strcmp(one->patch, f->module->name) || n++ >= TAKEN_SHOWN)
			continue;
		diag_warning(
			k->diags, "function-taken-over",
			&(struct diag_place){ .file = f->path, .function = one->function },
			"Make sure that this patch was made from a source that has the other's fix, or build one "
			"patch of both that replaces them",
			"%s has replaced it already: its version is not in effect any more", one->patch);
	}
	if (n > TAKEN_SHOWN)
		diag_warning(k->diags, "function-taken-over", diag_file(f->path), NULL,
			     "and %zu functions more, see kpatch check", n - TAKEN_SHOWN);
}

static void note_callbacks(struct kpatch *k, const char *replaced, const struct manifest_object *o)
{
	for (size_t i = 0; i < o->n_callbacks; i++)
		if (text_ends_in(o->callbacks[i].kind, "unpatch"))
			diag_note(
				k->diags, "callback-never-runs", diag_file(replaced), NULL,
				"it is replaced without its %s callback %s of %s: of all patches the kernel calls "
				"that of the newest alone",
				o->callbacks[i].kind, o->callbacks[i].function, o->name);
}

/* What a replaced patch has to do when it goes is not done (struct klp_callbacks of <linux/livepatch.h>). */
static void warn_of_callbacks(struct kpatch *k, const struct changes *c)
{
	for (size_t i = 0; i < c->n_replaced; i++) {
		const struct manifest *m = manifest_of_loaded(k, c->replaced[i], NULL, 0);

		for (size_t j = 0; m && j < m->n_objects; j++)
			note_callbacks(k, c->replaced[i], &m->objects[j]);
	}
}

/* What is loaded, and what would change. */
static enum outcome look(struct kpatch *k, const struct patch_file *f, struct live *live, struct changes *c)
{
	int err = sysfs_read(&k->system, k->arena, live);

	if (!err)
		check_changes(k, f, live, c);
	if (!err)
		return OUTCOME_OK;
	diag_error(k->diags, "sysfs-unreadable", NULL, NULL,
		   "the state in /sys/kernel/livepatch cannot be read: %s", strerror(-err));
	return OUTCOME_SYSTEM;
}

enum outcome patch_load(struct kpatch *k, const struct patch_file *f)
{
	const char *name = f->module->name;
	enum meeting meeting = MEET_NOTHING;
	struct changes changes;
	struct live live;
	enum outcome o = look(k, f, &live, &changes);

	if (!o)
		o = meet_name(k, f, &live, &meeting);
	if (!o && meeting == MEET_SAME)
		return go_on_with(k, f, &live);
	if (!o)
		o = check_states(k, f, &live);
	if (!o && meeting == MEET_LEAVING)
		o = wait_for_leaving(k, name);
	if (!o && meeting == MEET_LEFTOVER) {
		say(k, "%s: removing its module, left over from before", name);
		o = module_retire(k, name);
	}
	if (o)
		return o;
	report_changes(k, &changes);
	warn_of_taken(k, f, &changes);
	warn_of_callbacks(k, &changes);
	/* before it can be in effect: nothing that is in effect is without it */
	manifest_keep(k, f);
	o = insert_when_quiet(k, f);
	if (!o)
		o = finish(k, f, &live);
	if (!module_is_loaded(&k->system, name))
		manifest_forget(k, name);
	return o;
}

/* What a load would have to wait for, which may last for longer than it has the patience for. */
static void warn_of_waiting(struct kpatch *k, const struct patch_file *f, const struct live *live,
			    enum meeting meeting)
{
	for (size_t i = 0; i < live->n_patches; i++) {
		const struct live_patch *p = &live->patches[i];

		if (p->state == PATCH_ENABLING || p->state == PATCH_DISABLING)
			diag_warning(k->diags, "transition-going-on", diag_file(p->name), NULL,
				     "it is being %s, and a load waits for the end",
				     p->state == PATCH_ENABLING ? "enabled" : "disabled");
	}
	if (meeting == MEET_LEFTOVER && module_references(&k->system, f->module->name) > 0)
		diag_warning(k->diags, "module-still-used", diag_file(f->module->name),
			     "After a forced transition it stays until the next boot",
			     "its patch is gone, but the kernel still holds the module, which a load has to "
			     "remove first");
}

static void show_changes(struct kpatch *k, const struct changes *c)
{
	static const char *const words[] = { "newly patched", "patched again", "back to the original" };

	for (size_t i = 0; i < c->n; i++)
		say(k, "  %s: %s: %s%s%s", c->list[i].object, c->list[i].function, words[c->list[i].kind],
		    c->list[i].patch ? ", now " : "", c->list[i].patch ? c->list[i].patch : "");
	for (size_t i = 0; i < c->n_replaced; i++)
		say(k, "  replaces %s", c->replaced[i]);
}

/* What would happen, for --dry-run and kpatch check: whatever patch_load() refuses, in the same order. */
static enum outcome show_plan(struct kpatch *k, const struct patch_file *f)
{
	enum meeting meeting = MEET_NOTHING;
	struct changes c = { .n = 0 };
	struct live live = { .n_patches = 0 };
	enum outcome o = look(k, f, &live, &c);

	if (!o)
		report_changes(k, &c);
	if (!o)
		o = meet_name(k, f, &live, &meeting);
	if (!o && meeting != MEET_SAME)
		o = check_states(k, f, &live);
	if (o)
		return o;
	if (meeting == MEET_SAME) {
		say(k, "%s: loaded already", f->module->name);
		return OUTCOME_OK;
	}
	warn_of_taken(k, f, &c);
	warn_of_callbacks(k, &c);
	warn_of_waiting(k, f, &live, meeting);
	say(k, "%s: can be loaded", f->module->name);
	show_changes(k, &c);
	return OUTCOME_OK;
}

static enum outcome examine(struct kpatch *k, const struct patch_file *f)
{
	enum outcome o = check_fits(k, f);

	o = worse(o, check_policy(k, f));
	if (!o)
		warn_unverified(k, f);
	return o;
}

enum outcome load_argument(struct kpatch *k, const char *argument)
{
	size_t n_diags = diags_count(k->diags);
	const char *name = argument;
	struct patch_file f;
	enum outcome o = patch_file_get(k, argument, &f);

	if (!o) {
		name = f.module->name;
		report_string(k->report, "name", name);
		o = examine(k, &f);
	}
	if (!o && k->options.dry_run)
		o = show_plan(k, &f);
	else if (!o)
		o = patch_load(k, &f);
	if (!k->options.dry_run)
		log_action(k, "load", name, n_diags, o);
	patch_file_close(&f);
	return o;
}
