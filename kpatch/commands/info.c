/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kpatch info: the manifest of a module, for people or as it is, whether or not the patch is loaded and whatever kernel it
 * is for; and of a patch that is loaded and not installed, which kpatch keeps.
 */
#include <inttypes.h>
#include <string.h>

#include "kpatch/commands/fixes.h"
#include "kpatch/commands/kept.h"
#include "kpatch/commands/loaded.h"
#include "kpatch/file/patchfile.h"
#include "kpatch/kpatch.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/report.h"
#include "kpatch/store/store.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/files/signature.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/text.h"

static void line(struct kpatch *k, const char *key, const char *value)
{
	if (!value)
		return;
	fprintf(k->out, "%-13s ", key);
	text_print(k->out, value);
	fputc('\n', k->out);
}

static void print_object(struct kpatch *k, const struct manifest_object *o)
{
	fprintf(k->out, "object        %s (build ID %.12s", o->name, o->build_id);
	if (o->compared)
		fprintf(k->out, "; %" PRIu64 " of %" PRIu64 " functions verified", o->matched, o->compared);
	fputs(")\n", k->out);
	for (size_t i = 0; i < o->n_functions; i++) {
		const struct manifest_function *f = &o->functions[i];

		fprintf(k->out, "  replaces    %s", f->name);
		if (f->position)
			fprintf(k->out, ",%" PRIu64, f->position);
		fprintf(k->out, " (%s, %" PRIu64 " bytes, were %" PRIu64 "): %s\n", f->source, f->new_size,
			f->old_size, f->reason);
	}
	for (size_t i = 0; i < o->n_new_functions; i++)
		fprintf(k->out, "  adds        %s (%s, %" PRIu64 " bytes)\n", o->new_functions[i].name,
			o->new_functions[i].source, o->new_functions[i].size);
	for (size_t i = 0; i < o->n_new_data; i++)
		fprintf(k->out, "  adds data   %s\n", o->new_data[i]);
	for (size_t i = 0; i < o->n_callbacks; i++)
		fprintf(k->out, "  callback    %s: %s\n", o->callbacks[i].kind, o->callbacks[i].function);
	for (size_t i = 0; k->options.verbose && i < o->n_references; i++) {
		const struct manifest_reference *r = &o->references[i];

		fprintf(k->out, "  refers to   %s of %s", r->name, r->object);
		if (r->position)
			fprintf(k->out, ", position %" PRIu64, r->position);
		fprintf(k->out, " (%" PRIu64 " times)\n", r->uses);
	}
}

static void print_fix(struct kpatch *k, const struct manifest_fix *f)
{
	fputs("fix           ", k->out);
	fix_print(k->out, f);
	fputc('\n', k->out);
	if (k->options.verbose && f->author)
		line(k, "  by", f->author);
	for (size_t i = 0; k->options.verbose && i < f->n_fixes; i++)
		line(k, "  fault of", f->fixes[i]);
	if (k->options.verbose && f->message)
		line(k, "  from", arena_printf(k->arena, "%s, message %" PRIu64, f->patch, f->message));
}

static void print_manifest(struct kpatch *k, const struct manifest *m)
{
	line(k, "patch", m->name);
	line(k, "version", m->version);
	line(k, "kernel", m->kernel.release);
	line(k, "build ID", m->kernel.build_id);
	line(k, "compiler", m->kernel.compiler);
	line(k, "built by", m->builder);
	line(k, "replaces", m->replace ? "all patches loaded before" : "nothing, it is added");
	line(k, "verified", m->verified ? "yes, against the installed kernel" : "no, built with --no-verify");
	for (size_t i = 0; i < m->n_patches; i++)
		fprintf(k->out, "source        %s (sha256 %.12s)\n", m->patches[i].name,
			m->patches[i].sha256);
	for (size_t i = 0; i < m->n_fixes; i++)
		print_fix(k, &m->fixes[i]);
	for (size_t i = 0; i < m->n_objects; i++)
		print_object(k, &m->objects[i]);
	for (size_t i = 0; i < m->n_states; i++)
		fprintf(k->out, "state         %" PRIu64 ", version %" PRIu64 "\n", m->states[i].id,
			m->states[i].version);
	if (m->n_kept)
		line(k, "removable", "no, the kernel may keep pointers to what is in it");
	for (size_t i = 0; i < m->n_kept; i++)
		fprintf(k->out, "kept          %s: %s (%s)\n", m->kept[i].what, m->kept[i].how,
			m->kept[i].source);
	for (size_t i = 0; i < m->n_warnings; i++)
		line(k, "warning", m->warnings[i]);
}

/* *other: it is another build of it that is loaded. */
static const char *loaded_state(struct kpatch *k, const struct patch_file *f, bool *other)
{
	enum patch_state state;

	*other = false;
	if (sysfs_patch_state(&k->system, f->module->name, &state))
		return "no";
	*other = !is_same_build(k, f);
	return patch_state_name(state);
}

static void report_strings(struct node *in, const char *key, const char *const *list, size_t n)
{
	struct node *l = report_list(in, key);

	for (size_t i = 0; i < n; i++)
		report_string(l, NULL, list[i]);
}

static void report_functions(struct node *in, const struct manifest_object *o)
{
	struct node *list = report_list(in, "functions");

	for (size_t i = 0; i < o->n_functions; i++) {
		const struct manifest_function *f = &o->functions[i];
		struct node *n = report_map(list, NULL);

		report_string(n, "name", f->name);
		report_string(n, "source", f->source);
		report_number(n, "position", (int64_t)f->position);
		report_number(n, "old_size", (int64_t)f->old_size);
		report_number(n, "new_size", (int64_t)f->new_size);
		report_string(n, "reason", f->reason);
	}
	list = report_list(in, "new_functions");
	for (size_t i = 0; i < o->n_new_functions; i++) {
		struct node *n = report_map(list, NULL);

		report_string(n, "name", o->new_functions[i].name);
		report_string(n, "source", o->new_functions[i].source);
		report_number(n, "size", (int64_t)o->new_functions[i].size);
	}
}

static void report_object(struct node *list, const struct manifest_object *o)
{
	struct node *n = report_map(list, NULL), *l;

	report_string(n, "name", o->name);
	report_string(n, "build_id", o->build_id);
	report_number(n, "compared", (int64_t)o->compared);
	report_number(n, "matched", (int64_t)o->matched);
	report_functions(n, o);
	report_strings(n, "new_data", o->new_data, o->n_new_data);
	l = report_list(n, "callbacks");
	for (size_t i = 0; i < o->n_callbacks; i++) {
		struct node *c = report_map(l, NULL);

		report_string(c, "kind", o->callbacks[i].kind);
		report_string(c, "function", o->callbacks[i].function);
	}
	l = report_list(n, "references");
	for (size_t i = 0; i < o->n_references; i++) {
		struct node *r = report_map(l, NULL);

		report_string(r, "object", o->references[i].object);
		report_string(r, "name", o->references[i].name);
		report_number(r, "position", (int64_t)o->references[i].position);
		report_number(r, "uses", (int64_t)o->references[i].uses);
	}
}

static void report_manifest(struct node *in, const struct manifest *m)
{
	struct node *n = report_map(in, "kernel"), *list;

	report_string(n, "release", m->kernel.release);
	report_string(n, "machine", m->kernel.machine);
	report_string(n, "build_id", m->kernel.build_id);
	report_string(n, "compiler", m->kernel.compiler);
	report_string(in, "name", m->name);
	report_string(in, "module", m->module);
	report_string(in, "version", m->version);
	report_string(in, "builder", m->builder);
	report_bool(in, "replace", m->replace);
	report_bool(in, "verified", m->verified);
	list = report_list(in, "patches");
	for (size_t i = 0; i < m->n_patches; i++) {
		struct node *p = report_map(list, NULL);

		report_string(p, "name", m->patches[i].name);
		report_string(p, "sha256", m->patches[i].sha256);
	}
	list = report_list(in, "fixes");
	for (size_t i = 0; i < m->n_fixes; i++)
		fix_report(list, &m->fixes[i]);
	list = report_list(in, "objects");
	for (size_t i = 0; i < m->n_objects; i++)
		report_object(list, &m->objects[i]);
	report_bool(in, "removable", !m->n_kept);
	list = report_list(in, "kept");
	for (size_t i = 0; i < m->n_kept; i++) {
		struct node *one = report_map(list, NULL);

		report_string(one, "what", m->kept[i].what);
		report_string(one, "how", m->kept[i].how);
		report_string(one, "source", m->kept[i].source);
	}
	list = report_list(in, "states");
	for (size_t i = 0; i < m->n_states; i++) {
		struct node *one = report_map(list, NULL);

		report_number(one, "id", (int64_t)m->states[i].id);
		report_number(one, "version", (int64_t)m->states[i].version);
	}
	report_strings(in, "warnings", m->warnings, m->n_warnings);
}

static void print_signature(struct kpatch *k, const struct patch_file *f)
{
	const struct module_signature *s = f->signature;

	if (!s)
		line(k, "signed", f->is_signed ? "yes, but the signature is damaged" : "no");
	else
		line(k, "signed",
		     arena_printf(k->arena, "by %s (key %s, %s)",
				  *s->signer ? s->signer : "a key without a name", s->key, s->hash));
}

static void report_signature(struct kpatch *k, const struct patch_file *f)
{
	struct node *n;

	report_bool(k->report, "signed", f->is_signed);
	if (!f->signature)
		return;
	n = report_map(k->report, "signature");
	report_string(n, "signer", f->signature->signer);
	report_string(n, "key", f->signature->key);
	report_string(n, "hash", f->signature->hash);
}

/* What the load knew: of a patch that is loaded, in this very build. */
static void print_load(struct kpatch *k, const struct load_facts *facts)
{
	if (!facts->build_id)
		return;
	line(k, "since", load_time(k, facts));
	if (facts->user)
		line(k, "loaded by", arena_printf(k->arena, "user %s", facts->user));
	line(k, "module", arena_printf(k->arena, "build ID %s", facts->build_id));
}

/* Whether NAME is a patch that is loaded, and no file nor an installed one. @name: as the kernel spells it. */
static bool is_loaded_only(struct kpatch *k, const char *argument, char name[MODULE_NAME_SIZE])
{
	struct kpatch quiet = *k;
	enum patch_state state;
	const char *path;
	bool only;

	if (strchr(argument, '/') || strstr(argument, ".ko") || module_name(argument, name) ||
	    sysfs_patch_state(&k->system, name, &state))
		return false;
	quiet.diags = diags_new();
	only = store_find(&quiet, argument, &path) == OUTCOME_NOT_FOUND;
	diags_free(quiet.diags);
	return only;
}

static enum outcome show_loaded(struct kpatch *k, const char *name)
{
	const struct manifest *m = manifest_of_loaded(k, name, NULL, 0);
	struct load_facts facts;
	enum patch_state state;

	if (!m || sysfs_patch_state(&k->system, name, &state)) {
		diag_error(k->diags, "manifest-not-at-hand", diag_file(name),
			   "Give the file that it was loaded from",
			   "this patch is loaded, but its manifest is not at hand");
		return OUTCOME_NOT_FOUND;
	}
	report_manifest(k->report, m);
	report_string(k->report, "loaded", patch_state_name(state));
	report_bool(k->report, "other_build_loaded", false);
	load_facts_of(k, name, &facts);
	load_facts_report(k, k->report, &facts);
	if (k->options.format != FORMAT_TEXT)
		return OUTCOME_OK;
	print_manifest(k, m);
	if (facts.build_id)
		line(k, "signed", facts.signer ? arena_printf(k->arena, "by %s", facts.signer) : "no");
	line(k, "loaded", patch_state_name(state));
	print_load(k, &facts);
	return OUTCOME_OK;
}

static void show_file(struct kpatch *k, const struct patch_file *f)
{
	bool text = k->options.format == FORMAT_TEXT, other;
	const char *state = loaded_state(k, f, &other);
	bool same = strcmp(state, "no") && !other;
	struct load_facts facts;

	if (f->manifest)
		report_manifest(k->report, f->manifest);
	report_signature(k, f);
	report_string(k->report, "loaded", state);
	report_bool(k->report, "other_build_loaded", other);
	if (same) {
		load_facts_of(k, f->module->name, &facts);
		load_facts_report(k, k->report, &facts);
	}
	if (!text)
		return;
	if (f->manifest) {
		print_manifest(k, f->manifest);
	} else {
		line(k, "patch", f->module->name);
		line(k, "manifest", "none, not made by kpatch-build");
	}
	print_signature(k, f);
	line(k, "loaded", other ? arena_printf(k->arena, "another build of it is %s", state) : state);
	if (same)
		print_load(k, &facts);
}

static enum outcome run_info(struct kpatch *k, int argc, char **argv)
{
	char name[MODULE_NAME_SIZE];
	struct patch_file f;
	enum outcome o;

	if (is_loaded_only(k, argv[0], name))
		return show_loaded(k, name);
	k->options.unchecked = true; /* it is not going to be loaded */
	k->options.look_only = true;
	o = patch_file_get(k, argv[0], &f);
	if (!o)
		show_file(k, &f);
	patch_file_close(&f);
	return o;
}

const struct command info_command = {
	.name = "info",
	.arguments = "FILE|NAME",
	.summary = "show what a patch module is for and what it changes",
	.help = "FILE is a patch module; NAME one that is installed for the running kernel, or loaded. With --verbose\n"
		"also the symbols of the kernel that the patch refers to.\n",
	.options = 0,
	.min = 1,
	.max = 1,
	.run = run_info,
};
