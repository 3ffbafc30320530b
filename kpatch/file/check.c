/* SPDX-License-Identifier: GPL-2.0-only */
/* See check.h. */
#include "kpatch/file/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch/file/contents.h"
#include "kpatch/file/patchfile.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/report.h"
#include "lib/kernel/files/module.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/vmlinux.h"

enum outcome check_vermagic(struct kpatch *k, const struct patch_file *f)
{
	const char *vermagic = f->module->vermagic ? f->module->vermagic : "";
	const char *built_for = f->manifest ? f->manifest->kernel.release : NULL;

	if (!built_for || kmodule_is_for(f->module, built_for))
		return OUTCOME_OK;
	diag_error(k->diags, "manifest-lies", diag_file(f->path), "Build it again",
		   "the manifest says kernel %s, the module %.*s", built_for, (int)strcspn(vermagic, " "),
		   vermagic);
	return OUTCOME_BAD_FILE;
}

static enum outcome check_release(struct kpatch *k, const struct patch_file *f, const char *release)
{
	const char *vermagic = f->module->vermagic ? f->module->vermagic : "";
	enum outcome o = check_vermagic(k, f);

	if (o || kmodule_is_for(f->module, release))
		return o;
	diag_error(k->diags, "other-release", diag_file(f->path),
		   "Build it for the running kernel, or boot the kernel that it is for",
		   "made for kernel %.*s, but %s is running", (int)strcspn(vermagic, " "), vermagic, release);
	return OUTCOME_WRONG_KERNEL;
}

static enum outcome check_kernel_build(struct kpatch *k, const struct patch_file *f)
{
	char text[BUILDID_TEXT];
	struct buildid running;
	int err = kernel_build_id(&k->system, &running);

	if (err) {
		diag_error(k->diags, "build-id-unknown", diag_file("/sys/kernel/notes"), NULL,
			   "the running kernel does not tell its build ID: %s", strerror(-err));
		return OUTCOME_WRONG_KERNEL;
	}
	buildid_text(&running, text);
	if (!strcmp(text, f->manifest->kernel.build_id))
		return OUTCOME_OK;
	diag_error(k->diags, "other-kernel-build", diag_file(f->path),
		   "Build it for the kernel that is running",
		   "made for another build of the kernel: expected build ID %s, found %s",
		   f->manifest->kernel.build_id, text);
	return OUTCOME_WRONG_KERNEL;
}

int installed_build_id(struct kpatch *k, const char *release, const char *name, struct buildid *out)
{
	struct diags *ignored = diags_new();
	struct kmodule *m = NULL;
	char directory[PATH_MAX];
	char *path = NULL;
	int err;

	err = system_path(&k->system, directory, "/lib/modules/%s", release);
	if (!err)
		err = kmodule_find(directory, name, &path);
	if (!err)
		err = kmodule_open(path, ignored, &m);
	if (!err)
		*out = m->build_id;
	kmodule_free(m);
	free(path);
	diags_free(ignored);
	return err;
}

static enum outcome check_module_build(struct kpatch *k, const struct patch_file *f, const char *release,
				       const struct manifest_object *o)
{
	bool loaded = module_is_loaded(&k->system, o->name);
	char text[BUILDID_TEXT];
	struct buildid id;
	int err;

	err = loaded ? module_build_id(&k->system, o->name, &id) :
		       installed_build_id(k, release, o->name, &id);
	if (err && !loaded)
		return OUTCOME_OK; /* not on this machine: it cannot be patched, nor go wrong */
	if (err) {
		diag_error(k->diags, "build-id-unknown", diag_file(f->path), NULL,
			   "module %s is loaded, but its build ID cannot be read: %s", o->name,
			   strerror(-err));
		return OUTCOME_WRONG_KERNEL;
	}
	buildid_text(&id, text);
	if (!strcmp(text, o->build_id))
		return OUTCOME_OK;
	diag_error(k->diags, "other-module-build", diag_file(f->path),
		   "Build it for the modules of this machine",
		   "made for another build of module %s: expected build ID %s, %s %s", o->name, o->build_id,
		   loaded ? "loaded is" : "installed is", text);
	return OUTCOME_WRONG_KERNEL;
}

enum outcome check_fits(struct kpatch *k, const struct patch_file *f)
{
	const struct manifest *m = f->manifest;
	struct utsname u;
	enum outcome o;
	int err = k->system.calls->uname(&k->system, &u);

	if (err)
		return OUTCOME_SYSTEM;
	o = check_release(k, f, u.release);
	if (!m)
		return o;
	o = worse(o, check_contents(k, f));
	if (o) /* build IDs of other kernels say nothing new */
		return o;
	o = check_kernel_build(k, f);
	for (size_t i = 0; i < m->n_objects; i++)
		if (!is_vmlinux(m->objects[i].name))
			o = worse(o, check_module_build(k, f, u.release, &m->objects[i]));
	return o;
}

static enum outcome refused(struct kpatch *k, const struct patch_file *f, const char *id, const char *remedy,
			    const char *what)
{
	diag_error(k->diags, id, diag_file(f->path), remedy, "%s", what);
	return OUTCOME_KERNEL_REFUSED;
}

static bool reads(const struct system *s, const char *path, const char *value)
{
	char text[16];

	return system_read(s, text, sizeof(text), "%s", path) > 0 && !strcmp(text, value);
}

/* Lockdown (integrity or confidentiality) takes signed modules only. */
static bool is_locked_down(const struct system *s)
{
	char text[128];

	return system_read(s, text, sizeof(text), "/sys/kernel/security/lockdown") > 0 &&
	       (strstr(text, "[integrity]") || strstr(text, "[confidentiality]"));
}

enum outcome check_policy(struct kpatch *k, const struct patch_file *f)
{
	const struct system *s = &k->system;
	bool enforced = reads(s, "/sys/module/module/parameters/sig_enforce", "Y");
	enum outcome o = OUTCOME_OK;

	if (!sysfs_capable(s))
		o = worse(o, refused(k, f, "kernel-without-livepatch", "Boot a kernel with CONFIG_LIVEPATCH",
				     "the running kernel has no live patching"));
	if (reads(s, "/proc/sys/kernel/ftrace_enabled", "0"))
		o = worse(o, refused(k, f, "ftrace-disabled", "Set the sysctl kernel.ftrace_enabled to 1",
				     "function tracing is switched off, and live patching works "
				     "through it"));
	if (reads(s, "/proc/sys/kernel/modules_disabled", "1"))
		o = worse(o, refused(k, f, "modules-disabled", "Boot again",
				     "loading of modules was switched off (kernel.modules_disabled)"));
	if ((enforced || is_locked_down(s)) && !f->is_signed)
		o = worse(o, refused(k, f, "signature-required", "Sign it with a key that this kernel trusts",
				     enforced ? "not signed, but this kernel takes signed modules only" :
						"not signed, but this kernel is locked down and takes "
						"signed modules only"));
	if (f->is_signed && !f->signature)
		o = worse(o, refused(k, f, "signature-damaged", "Get the module again, or sign it again",
				     "its signature is damaged, and the kernel would not load it"));
	return o;
}

static void add_change(struct kpatch *k, struct changes *c, size_t *room, const struct change *new)
{
	if (c->n == *room) {
		size_t more = *room ? *room * 2 : 16;
		struct change *list = arena_array(k->arena, more, sizeof(*list));

		if (c->n)
			memcpy(list, c->list, c->n * sizeof(*list));
		c->list = list;
		*room = more;
	}
	c->list[c->n++] = *new;
	c->count[new->kind]++;
}

static bool manifest_has(const struct manifest *m, const char *object, const char *function,
			 uint64_t position)
{
	const struct manifest_object *o = manifest_find_object(m, object);

	for (size_t i = 0; o && i < o->n_functions; i++) {
		uint64_t p = o->functions[i].position;

		if (!strcmp(o->functions[i].name, function) && (p == position || (p <= 1 && position <= 1)))
			return true;
	}
	return false;
}

/* What the new patch has. */
static void add_patched(struct kpatch *k, const struct manifest *m, const struct live *live,
			struct changes *c, size_t *room)
{
	for (size_t i = 0; i < m->n_objects; i++)
		for (size_t j = 0; j < m->objects[i].n_functions; j++) {
			const struct manifest_function *f = &m->objects[i].functions[j];
			const struct live_patch *owner =
				live_owner(live, m->objects[i].name, f->name, f->position);
			struct change new = { .kind = owner ? CHANGE_AGAIN : CHANGE_NEW,
					      .object = m->objects[i].name,
					      .function = f->name,
					      .position = f->position,
					      .patch = owner ? owner->name : NULL };

			add_change(k, c, room, &new);
		}
}

/* What only a patch that it replaces has; a function that several have is listed once. */
static void add_reverted(struct kpatch *k, const struct manifest *m, const struct live *live,
			 struct changes *c, size_t *room)
{
	for (size_t p = 0; p < live->n_patches; p++)
		for (size_t i = 0; i < live->patches[p].n_objects; i++) {
			const struct live_object *o = &live->patches[p].objects[i];

			for (size_t j = 0; j < o->n_functions; j++) {
				const struct live_function *f = &o->functions[j];
				struct change new = { .kind = CHANGE_BACK,
						      .object = o->name,
						      .function = f->name,
						      .position = f->position,
						      .patch = live->patches[p].name };

				if (!manifest_has(m, o->name, f->name, f->position) &&
				    live_owner(live, o->name, f->name, f->position) == &live->patches[p])
					add_change(k, c, room, &new);
			}
		}
}

void check_changes(struct kpatch *k, const struct patch_file *f, const struct live *live, struct changes *out)
{
	struct changes c = { .n = 0 };
	size_t room = 0;

	if (!f->manifest) {
		*out = c;
		return;
	}
	add_patched(k, f->manifest, live, &c, &room);
	if (f->manifest->replace && live->n_patches) {
		add_reverted(k, f->manifest, live, &c, &room);
		c.replaced = arena_array(k->arena, live->n_patches, sizeof(*c.replaced));
		for (size_t i = 0; i < live->n_patches; i++)
			if (strcmp(live->patches[i].name, f->module->name))
				c.replaced[c.n_replaced++] = live->patches[i].name;
	}
	*out = c;
}

void report_changes(struct kpatch *k, const struct changes *c)
{
	static const char *const kinds[] = { "newly-patched", "patched-again", "back-to-original" };
	struct node *functions = report_list(k->report, "functions");
	struct node *replaces = report_list(k->report, "replaces");

	for (size_t i = 0; i < c->n; i++) {
		struct node *n = report_map(functions, NULL);

		report_string(n, "object", c->list[i].object);
		report_string(n, "name", c->list[i].function);
		report_number(n, "position", (int64_t)c->list[i].position);
		report_string(n, "change", kinds[c->list[i].kind]);
		report_string(n, "patch", c->list[i].patch);
	}
	for (size_t i = 0; i < c->n_replaced; i++)
		report_string(replaces, NULL, c->replaced[i]);
}
