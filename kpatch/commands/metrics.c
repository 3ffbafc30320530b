/* SPDX-License-Identifier: GPL-2.0-only */
/* See metrics.h. */
#include "kpatch/commands/metrics.h"

#include <string.h>

#include "kpatch/commands/kept.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/live/tasks.h"
#include "kpatch/store/store.h"
#include "lib/manifest/manifest.h"
#include "lib/util/diag.h"
#include "lib/util/text.h"

void metrics_head(FILE *f, const char *name, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* Quotes, backslashes and ends of lines are escaped. */
void metrics_label(FILE *f, const char *name, const char *value)
{
	fprintf(f, "%s=\"", name);
	while (*value) {
		unsigned int len = text_printable(value);

		if (*value == '"' || *value == '\\')
			fputc('\\', f);
		if (len)
			fwrite(value, 1, len, f);
		else
			fputc('?', f);
		value += len ? len : 1;
	}
	fputc('"', f);
}

static void print_patch(FILE *f, const char *metric, const char *patch, long value)
{
	fprintf(f, "%s{", metric);
	metrics_label(f, "patch", patch);
	fprintf(f, "} %ld\n", value);
}

/* @manifests: of each patch, NULL: not at hand. */
static void print_infos(struct kpatch *k, const struct live *live, const struct manifest *const *manifests)
{
	metrics_head(k->out, "kpatch_patch_info", "A loaded live patch.");
	for (size_t i = 0; i < live->n_patches; i++) {
		const struct live_patch *p = &live->patches[i];
		const struct manifest *m = manifests[i];

		fputs("kpatch_patch_info{", k->out);
		metrics_label(k->out, "patch", p->name);
		fputc(',', k->out);
		metrics_label(k->out, "state", patch_state_name(p->state));
		fputc(',', k->out);
		metrics_label(k->out, "version", m && m->version ? m->version : "");
		fputs("} 1\n", k->out);
	}
}

static void print_fixes(struct kpatch *k, const struct live *live, const struct manifest *const *manifests)
{
	metrics_head(k->out, "kpatch_patch_fixes",
		     "Fixes in a loaded live patch, where its manifest is at hand.");
	for (size_t i = 0; i < live->n_patches; i++)
		if (manifests[i])
			print_patch(k->out, "kpatch_patch_fixes", live->patches[i].name,
				    (long)manifest_count_fixes(manifests[i]));
}

/* Nothing for a patch whose transition is over, nor where the tasks may not be looked at. */
static void print_tasks(struct kpatch *k, const struct live *live)
{
	metrics_head(k->out, "kpatch_transition_tasks", "Tasks that a transition waits for.");
	for (size_t i = 0; i < live->n_patches; i++) {
		const struct live_patch *p = &live->patches[i];
		long left = -1;

		if (p->state == PATCH_ENABLING || p->state == PATCH_DISABLING)
			left = tasks_count(&k->system, p->state == PATCH_ENABLING ? 0 : 1);
		if (left >= 0)
			print_patch(k->out, "kpatch_transition_tasks", p->name, left);
	}
}

void metrics_print(struct kpatch *k, const struct live *live, const struct stored *list, size_t n)
{
	const struct manifest **manifests = manifests_of_loaded(k, live, list, n);
	size_t held = 0;

	for (size_t i = 0; i < n; i++)
		held += list[i].record.boot == STORED_HELD;
	if (manifests) {
		print_infos(k, live, manifests);
		print_fixes(k, live, manifests);
	}
	print_tasks(k, live);
	metrics_head(k->out, "kpatch_installed", "Live patches that are installed for the running kernel.");
	fprintf(k->out, "kpatch_installed %zu\n", n);
	metrics_head(k->out, "kpatch_held_back",
		     "Those of them that are held back, since the machine went down with them.");
	fprintf(k->out, "kpatch_held_back %zu\n", held);
}

/* How many diagnostics have the id of number @i; 0 if an earlier one has it. */
static size_t count_of(const struct diags *diags, size_t i)
{
	const char *id = diags_get(diags, i)->id;
	size_t count = 0;

	for (size_t j = 0; j < diags_count(diags); j++) {
		if (strcmp(diags_get(diags, j)->id, id))
			continue;
		if (j < i)
			return 0;
		count++;
	}
	return count;
}

void metrics_print_outcome(struct kpatch *k, enum outcome o)
{
	metrics_head(k->out, "kpatch_ok", "Whether kpatch status finds everything as it should be.");
	fprintf(k->out, "kpatch_ok %d\n", o == OUTCOME_OK);
	metrics_head(k->out, "kpatch_problems", "What kpatch status finds, by the id of its message.");
	for (size_t i = 0; i < diags_count(k->diags); i++) {
		const struct diag *d = diags_get(k->diags, i);

		if (d->severity == DIAG_NOTE || !count_of(k->diags, i))
			continue;
		fputs("kpatch_problems{", k->out);
		metrics_label(k->out, "id", d->id);
		fprintf(k->out, "} %zu\n", count_of(k->diags, i));
	}
}
