/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kpatch list and kpatch status: what sysfs says, and what is installed. Both read only, and work
 * as an ordinary user.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kpatch/commands/boot.h"
#include "kpatch/commands/cve.h"
#include "kpatch/commands/fixes.h"
#include "kpatch/commands/kept.h"
#include "kpatch/commands/kernels.h"
#include "kpatch/commands/loaded.h"
#include "kpatch/commands/metrics.h"
#include "kpatch/commands/targets.h"
#include "kpatch/kpatch.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/live/tasks.h"
#include "kpatch/live/transition.h"
#include "kpatch/report.h"
#include "kpatch/store/config.h"
#include "kpatch/store/store.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/text.h"

static enum outcome read_live(struct kpatch *k, struct live *live)
{
	int err = sysfs_read(&k->system, k->arena, live);

	if (!err)
		return OUTCOME_OK;
	if (err == -ENOENT) {
		diag_error(k->diags, "kernel-without-livepatch", NULL,
			   "Boot a kernel with CONFIG_LIVEPATCH; if this one has it, mount sysfs on /sys",
			   "/sys/kernel/livepatch is not there: the kernel has no live patching");
		return OUTCOME_KERNEL_REFUSED;
	}
	diag_error(k->diags, "sysfs-unreadable", NULL, NULL,
		   "the state in /sys/kernel/livepatch cannot be read: %s", strerror(-err));
	return OUTCOME_PERMISSION;
}

static void report_object(struct node *list, const struct live_object *o)
{
	struct node *n = report_map(list, NULL), *functions;

	report_string(n, "name", o->name);
	if (o->known)
		report_bool(n, "patched", o->patched);
	functions = report_list(n, "functions");
	for (size_t i = 0; i < o->n_functions; i++) {
		struct node *f = report_map(functions, NULL);

		report_string(f, "name", o->functions[i].name);
		report_number(f, "position", (int64_t)o->functions[i].position);
	}
}

/* Nothing where its manifest is not at hand, which is something else than none. */
static void report_fixes(struct node *in, const struct manifest *m)
{
	struct node *list = m ? report_list(in, "fixes") : NULL;

	if (m)
		report_number(in, "fix_count", (int64_t)manifest_count_fixes(m));
	for (size_t i = 0; m && i < m->n_fixes; i++)
		fix_report(list, &m->fixes[i]);
}

/* @manifests: of each of the patches, NULL: not at hand. @loads: what is known of how each was loaded. */
static void report_patches(struct kpatch *k, struct node *in, const struct live *live,
			   const struct manifest *const *manifests, const struct load_facts *loads)
{
	struct node *list = report_list(in, "patches");

	for (size_t i = 0; i < live->n_patches; i++) {
		const struct live_patch *p = &live->patches[i];
		struct node *n = report_map(list, NULL), *objects;

		report_string(n, "name", p->name);
		report_string(n, "state", patch_state_name(p->state));
		if (p->replace >= 0)
			report_bool(n, "replace", p->replace);
		report_bool(n, "unverified", module_is_unverified(&k->system, p->name));
		report_string(n, "version", manifests[i] ? manifests[i]->version : NULL);
		load_facts_report(k, n, &loads[i]);
		if (p->stack_order >= 0)
			report_number(n, "stack_order", p->stack_order);
		report_fixes(n, manifests[i]);
		objects = report_list(n, "objects");
		for (size_t j = 0; j < p->n_objects; j++)
			report_object(objects, &p->objects[j]);
	}
	list = report_list(in, "leftovers");
	for (size_t i = 0; i < live->n_leftovers; i++)
		report_string(list, NULL, live->leftovers[i]);
}

/* @facts: of each of @n. */
static void report_installed(struct node *in, const struct stored *stored,
			     const struct installed_facts *facts, size_t n)
{
	struct node *list = report_list(in, "installed");

	for (size_t i = 0; i < n; i++) {
		struct node *s = report_map(list, NULL);

		report_string(s, "name", stored[i].module);
		report_string(s, "file", stored[i].path);
		report_string(s, "boot", stored_boot_name(stored[i].record.boot));
		report_bool(s, "unverified", facts[i].unverified);
		report_bool(s, "other_build_loaded", facts[i].other_build);
	}
}

static void print_functions(struct kpatch *k, const struct live_patch *p)
{
	for (size_t i = 0; i < p->n_objects; i++)
		for (size_t j = 0; j < p->objects[i].n_functions; j++) {
			const struct live_function *f = &p->objects[i].functions[j];

			fprintf(k->out, "    %s: %s", p->objects[i].name, f->name);
			if (f->position > 1)
				fprintf(k->out, ",%" PRIu64, f->position);
			fputc('\n', k->out);
		}
}

/* Those of which nothing is known but the file have its name. */
static void print_fixes(struct kpatch *k, const struct manifest *m)
{
	if (!m) {
		fputs("    its manifest is not at hand\n", k->out);
		return;
	}
	for (size_t i = 0; i < m->n_fixes; i++) {
		fputs("    ", k->out);
		fix_print(k->out, &m->fixes[i]);
		fputc('\n', k->out);
	}
	for (size_t p = 0; p < m->n_patches; p++)
		if (!manifest_names(m, m->patches[p].name)) {
			fputs("    ", k->out);
			text_print(k->out, m->patches[p].name);
			fputc('\n', k->out);
		}
}

/* A line of the table; cells are texts of the arena. */
#define N_COLUMNS 7
#define COLUMN_FUNCTIONS 3 /* numbers, that stand below each other */

struct row {
	const char *cells[N_COLUMNS];
};

/* The CVE number where that says all: one fix, which has one. */
static const char *fixes_text(struct kpatch *k, const struct manifest *m)
{
	if (!m)
		return "-";
	if (m->n_fixes == 1 && m->fixes[0].n_cves == 1 && manifest_count_fixes(m) == 1)
		return m->fixes[0].cves[0];
	return arena_printf(k->arena, "%zu", manifest_count_fixes(m));
}

static const char *objects_text(struct kpatch *k, const struct live_patch *p)
{
	const char *text = "";

	for (size_t i = 0; i < p->n_objects; i++) {
		const struct live_object *o = &p->objects[i];

		text = arena_printf(k->arena, "%s%s%s%s", text, i ? ", " : "", o->name,
				    o->known && !o->patched ? " (waits)" : "");
	}
	return arena_printf(k->arena, "%s%s", text,
			    module_is_unverified(&k->system, p->name) ? "; not verified" : "");
}

static struct row patch_row(struct kpatch *k, const struct live_patch *p, const struct manifest *m,
			    const struct load_facts *load)
{
	return (struct row){ {
		p->name,
		m ? m->version : "-",
		patch_state_name(p->state),
		arena_printf(k->arena, "%zu", live_functions(p)),
		fixes_text(k, m),
		load->build_id ? load_time(k, load) : "-",
		objects_text(k, p),
	} };
}

static struct row leftover_row(struct kpatch *k, const char *name)
{
	return (struct row){ { name, "-", "off", "-", "-", "-",
			       module_is_kept(&k->system, name) ?
				       "its module stays in memory until the next boot" :
				       "its module is still loaded" } };
}

/* The last column is as long as it is. */
static void print_row(struct kpatch *k, const struct row *r, const int *widths)
{
	for (size_t i = 0; i < N_COLUMNS - 1; i++)
		fprintf(k->out, "%*s  ", i == COLUMN_FUNCTIONS ? widths[i] : -widths[i], r->cells[i]);
	fprintf(k->out, "%s\n", r->cells[N_COLUMNS - 1]);
}

static void print_patches(struct kpatch *k, const struct live *live, const struct manifest *const *manifests,
			  const struct load_facts *loads)
{
	size_t n = live->n_patches + live->n_leftovers;
	struct row *rows = arena_array(k->arena, n + 1, sizeof(*rows));
	int widths[N_COLUMNS] = { 0 };

	if (!n) {
		fprintf(k->out, "no patches are loaded\n");
		return;
	}
	rows[n] = (struct row){ { "PATCH", "VERSION", "STATE", "FUNCTIONS", "FIXES", "SINCE", "OBJECTS" } };
	for (size_t i = 0; i < n; i++)
		rows[i] = i < live->n_patches ? patch_row(k, &live->patches[i], manifests[i], &loads[i]) :
						leftover_row(k, live->leftovers[i - live->n_patches]);
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j < N_COLUMNS; j++)
			if ((int)strlen(rows[i].cells[j]) > widths[j])
				widths[j] = (int)strlen(rows[i].cells[j]);
	print_row(k, &rows[n], widths);
	for (size_t i = 0; i < n; i++) {
		print_row(k, &rows[i], widths);
		if (i < live->n_patches && k->options.fixes)
			print_fixes(k, manifests[i]);
		if (i < live->n_patches && k->options.verbose)
			print_functions(k, &live->patches[i]);
	}
}

static void print_installed(struct kpatch *k, const char *release, const struct stored *stored,
			    const struct installed_facts *facts, size_t n)
{
	static const char *const words[] = { "", " (disabled)", " (held back)",
					     " (its record cannot be read)" };

	if (n)
		fprintf(k->out, "installed for %s:\n", release);
	for (size_t i = 0; i < n; i++)
		fprintf(k->out, "  %s%s%s%s\n", stored[i].module, words[stored[i].record.boot],
			facts[i].unverified ? "; not verified" : "",
			facts[i].other_build ? "; another build of it is loaded" : "");
}

static enum outcome run_list(struct kpatch *k, int argc, char **argv)
{
	struct live live = { .n_patches = 0 };
	const struct manifest **manifests;
	struct installed_facts *facts;
	struct stored *stored = NULL;
	struct load_facts *loads;
	const char *release;
	enum outcome o;
	size_t n = 0;

	o = store_release(k, &release);
	if (!o)
		o = read_live(k, &live);
	if (!o)
		o = store_list(k, release, &stored, &n);
	facts = arena_array(k->arena, n, sizeof(*facts));
	manifests = manifests_of_loaded(k, &live, stored, n);
	for (size_t i = 0; i < n; i++)
		facts[i] = installed_look(k, &live, &stored[i]);
	loads = arena_array(k->arena, live.n_patches, sizeof(*loads));
	for (size_t i = 0; i < live.n_patches; i++)
		load_facts_of(k, live.patches[i].name, &loads[i]);
	report_patches(k, k->report, &live, manifests, loads);
	report_installed(k->report, stored, facts, n);
	if (!o && k->options.format == FORMAT_TEXT) {
		print_patches(k, &live, manifests, loads);
		print_installed(k, release, stored, facts, n);
	}
	for (size_t i = 0; k->options.verbose && i < live.n_patches; i++) {
		enum patch_state state = live.patches[i].state;

		/* none but root may count them */
		if ((state == PATCH_ENABLING || state == PATCH_DISABLING) && tasks_count(&k->system, 0) >= 0)
			report_blockers(k, live.patches[i].name, state == PATCH_ENABLING);
	}
	return o;
}

const struct command list_command = {
	.name = "list",
	.arguments = "",
	.summary = "list the patches that are loaded and those that are installed",
	.help = "With --verbose the functions that each of them replaces, and the tasks that a transition\n"
		"waits for. SINCE is when kpatch loaded it (UTC). An object that \"waits\" is a\n"
		"module that is not loaded; it is patched when it is. Patches are in stacking order, the\n"
		"oldest first. With --fixes the fixes in each, by the\n"
		"mails that they came in; \"-\": its manifest is not at hand.\n",
	.options = OPT_FIXES,
	.run = run_list,
};

/* What is wrong, as far as it is visible from outside. Root is told how many tasks are left. */
static void judge_patch(struct kpatch *k, struct node *in, const struct live_patch *p)
{
	bool enabling = p->state == PATCH_ENABLING;
	long left;

	if (p->state == PATCH_ENABLED || p->state == PATCH_DISABLED)
		return;
	left = tasks_count(&k->system, enabling ? 0 : 1);
	report_string(in, "transition", p->name);
	if (left >= 0) {
		report_number(in, "tasks_left", left);
		diag_warning(k->diags, "transition-going-on", diag_file(p->name),
			     "kpatch load or unload of it waits for the end",
			     "it is being %s, %ld task%s left", enabling ? "enabled" : "disabled", left,
			     left == 1 ? "" : "s");
	} else {
		diag_warning(k->diags, "transition-going-on", diag_file(p->name),
			     "kpatch load or unload of it waits for the end", "it is being %s",
			     enabling ? "enabled" : "disabled");
	}
	if (k->options.verbose && left >= 0)
		report_blockers(k, p->name, enabling);
}

/* Whether the next crash at boot would be known for one of this patch, and what is known of the last one. */
static void judge_record(struct kpatch *k, const struct stored *s)
{
	if (s->record.boot == STORED_ENABLED && !s->recorded)
		diag_warning(
			k->diags, "boot-unwatched", diag_file(s->module),
			"Make one with kpatch enable, when there is room on the disk",
			"it has no record of its boots: if it takes the machine down, it is not held back");
	else if (s->record.boot == STORED_ENABLED && s->record.crashes)
		diag_warning(
			k->diags, "went-down", diag_file(s->module),
			"See what happened; kpatch disable it if it may be the cause",
			"the machine went down after it was loaded at boot; after another time it is held "
			"back");
	else if (s->record.boot == STORED_UNREADABLE)
		diag_warning(
			k->diags, "record-unreadable", diag_file(s->module),
			"Have the disk looked at; kpatch enable or disable writes a new record",
			"not loaded at boot, because its record, which may say that it must not be, cannot "
			"be read");
	else if (s->record.boot == STORED_HELD)
		diag_warning(k->diags, "held-back", diag_file(s->module),
			     "See what happened, then kpatch enable it",
			     "not loaded at boot, because the machine went down with it");
}

/* CVE numbers named in a line of text. */
#define CVES_SHOWN 8

/* ": N fixes are not in effect (CVE-…, …)"; "" where nothing is known of them. */
static const char *missing_text(struct kpatch *k, const struct manifest *m)
{
	const char *cves = "";
	size_t n = 0, fixes;

	if (!m)
		return "";
	for (size_t i = 0; i < m->n_fixes; i++)
		for (size_t j = 0; j < m->fixes[i].n_cves; j++) {
			const char *cve = m->fixes[i].cves[j];

			/* each once, by the first fix that names it */
			if (manifest_find_cve(m, cve, NULL) == &m->fixes[i] && n++ < CVES_SHOWN)
				cves = arena_printf(k->arena, "%s%s%s", cves, n > 1 ? ", " : "", cve);
		}
	fixes = manifest_count_fixes(m);
	if (n > CVES_SHOWN)
		cves = arena_printf(k->arena, "%s and %zu more", cves, n - CVES_SHOWN);
	return arena_printf(k->arena, ": %zu fix%s not in effect%s%s%s", fixes, fixes == 1 ? " is" : "es are",
			    n ? " (" : "", cves, n ? ")" : "");
}

/* @not_live: list of the report, of the fixes that are installed and not in effect. */
static void judge_stored(struct kpatch *k, const struct live *live, const struct stored *list, size_t n,
			 size_t i, struct node *not_live)
{
	const struct stored *s = &list[i];
	struct installed_facts facts;

	judge_record(k, s);
	if (s->record.boot == STORED_DISABLED || live_find(live, s->module) ||
	    installed_superseded(k, live, list, n, i))
		return;
	facts = installed_look(k, live, s);
	for (size_t j = 0; facts.manifest && j < facts.manifest->n_fixes; j++)
		fix_report(not_live, &facts.manifest->fixes[j]);
	if (s->record.boot == STORED_ENABLED)
		diag_warning(k->diags, "installed-not-loaded", diag_file(s->module),
			     "Load it with kpatch load", "installed for this kernel, but not loaded%s",
			     missing_text(k, facts.manifest));
}

/* Everything that can be wrong with what is loaded and what is installed for the running kernel. Returns the number of notes. */
static size_t judge_running(struct kpatch *k, const char *release, const struct live *live,
			    const struct stored *stored, size_t n)
{
	struct node *not_live = report_list(k->report, "not_live");

	for (size_t i = 0; i < live->n_patches; i++)
		judge_patch(k, k->report, &live->patches[i]);
	for (size_t i = 0; i < live->n_patches; i++)
		targets_judge(k, release, &live->patches[i]);
	for (size_t i = 0; i < live->n_leftovers; i++)
		if (!module_is_kept(&k->system, live->leftovers[i]))
			diag_warning(k->diags, "module-left-over", diag_file(live->leftovers[i]),
				     "Remove it with kpatch unload", "its patch is gone, its module is not");
	for (size_t i = 0; i < n; i++)
		judge_stored(k, live, stored, n, i, not_live);
	if (n && store_is_read_only(k, release))
		diag_warning(
			k->diags, "boot-unwatched", NULL, "Mount /var/lib/kpatch so that it can be written",
			"the installed patches are on a file system that is read-only: if one of them takes "
			"the machine down at boot, it is not held back");
	return loaded_judge(k, live, stored, n);
}

static void say_others(struct kpatch *k, const struct kernels *kernels)
{
	for (size_t i = 0; i < kernels->n; i++) {
		const struct kernel *other = &kernels->list[i];

		if (other != kernels->running && other->hotfixes)
			say(k, "kernel %s%s: %zu installed", other->release,
			    other == kernels->next ? ", which the next boot takes" : "", other->hotfixes);
	}
}

static enum outcome run_status(struct kpatch *k, int argc, char **argv)
{
	struct kpatch_config config = { .newer_kernel = true };
	struct live live = { .n_patches = 0 };
	struct stored *stored = NULL;
	struct kernels kernels;
	const char *release;
	enum outcome o;
	size_t n = 0, notes;

	o = store_release(k, &release);
	if (!o)
		o = read_live(k, &live);
	if (!o)
		o = store_list(k, release, &stored, &n);
	if (o)
		return o;
	if (k->options.cve)
		return cve_answer(k, k->options.cve, &live, stored, n);
	report_string(k->report, "kernel", release);
	report_number(k->report, "loaded", (int64_t)live.n_patches);
	report_number(k->report, "installed", (int64_t)n);
	notes = judge_running(k, release, &live, stored, n);
	config_read(k, &config); /* its errors are among what is wrong */
	kernels_find(k, release, &kernels);
	if (config.newer_kernel)
		notes += kernels_judge(k, &kernels, live.n_patches || kernels.running->hotfixes);
	if (diags_count(k->diags) > notes)
		o = OUTCOME_INCOMPLETE;
	if (k->options.format == FORMAT_PROMETHEUS) {
		metrics_print(k, &live, stored, n);
		kernels_print_metrics(k, &kernels);
	}
	say(k, "kernel %s: %zu patch%s loaded, %zu installed%s", release, live.n_patches,
	    live.n_patches == 1 ? "" : "es", n,
	    o	  ? "" :
	    notes ? ", all as it should be, but see below" :
		    ", all is well");
	say_others(k, &kernels);
	return o;
}

const struct command status_command = {
	.name = "status",
	.arguments = "",
	.summary = "say whether everything is as it should be",
	.help = "Exit code 0: every enabled patch is loaded, no transition is going on, nothing is left\n"
		"over, and a newer kernel that the next boot takes has a hotfix as well. Exit code 11:\n"
		"something is not so, and is named.\n"
		"--format prometheus: the same as numbers, for node_exporter's textfile collector.\n"
		"With --cve only whether the fix of that number is in effect. Exit code 0: yes; 5: no, no\n"
		"loaded patch has it; 11: it waits for a module, or for the end of a transition; 1: the\n"
		"manifest of a loaded patch is not at hand, so that nobody knows.\n",
	.options = OPT_CVE,
	.run = run_status,
};
