/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kpatch status --cve: whether the fix of a CVE number is in effect, by the manifests of what is loaded and the state that
 * sysfs shows. A fix may be several patches, and may reach several objects of the kernel: it is in effect when all are.
 */
#include "kpatch/commands/cve.h"

#include <string.h>

#include "kpatch/commands/fixes.h"
#include "kpatch/commands/kept.h"
#include "kpatch/live/sysfs.h"
#include "kpatch/report.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

/* From best to worst of what can be said of one patch. */
enum answer { ANSWER_YES, ANSWER_WAITS, ANSWER_UNKNOWN, ANSWER_NO };

struct question {
	struct kpatch *k;
	const char *cve;
	enum answer answer;
	const char *patch; /* which gives the answer */
	const char *waits; /* module that the fix waits for; NULL: the end of the transition */
	const struct manifest_fix *fix;
};

static bool reaches(const struct manifest_fix *fix, const char *object)
{
	/* a manifest that does not say so has it in any of them */
	for (size_t i = 0; i < fix->n_objects; i++)
		if (!strcmp(fix->objects[i], object))
			return true;
	return !fix->n_objects;
}

/* The first module of those that the fix is in that is not loaded, so that nothing of it is patched. */
static const char *waits_for(const struct live_patch *p, const struct manifest_fix *fix)
{
	for (size_t i = 0; i < p->n_objects; i++)
		if (p->objects[i].known && !p->objects[i].patched && reaches(fix, p->objects[i].name))
			return p->objects[i].name;
	return NULL;
}

static void ask(struct question *q, const struct live_patch *p, const struct manifest *m)
{
	const struct manifest_fix *fix = m ? manifest_find_cve(m, q->cve, NULL) : NULL;
	enum answer answer = !m ? ANSWER_UNKNOWN : !fix ? ANSWER_NO : ANSWER_YES;
	const struct manifest_fix *first = fix;
	const char *waits = NULL;

	/* what is on its way out is no fix any more */
	if (p->state == PATCH_DISABLING || p->state == PATCH_DISABLED)
		answer = ANSWER_NO;
	for (; answer == ANSWER_YES && fix && !waits; fix = manifest_find_cve(m, q->cve, fix)) {
		waits = waits_for(p, fix);
		if (waits)
			first = fix;
	}
	if (answer == ANSWER_YES && (waits || p->state == PATCH_ENABLING))
		answer = ANSWER_WAITS;
	if (answer >= q->answer)
		return;
	q->answer = answer;
	q->patch = p->name;
	q->waits = p->state == PATCH_ENABLING ? NULL : waits;
	q->fix = first;
}

static enum outcome answer(struct question *q)
{
	static const char *const words[] = { "yes", "waits", "unknown", "no" };
	static const enum outcome outcomes[] = { OUTCOME_OK, OUTCOME_INCOMPLETE, OUTCOME_SYSTEM,
						 OUTCOME_NOT_FOUND };
	struct kpatch *k = q->k;
	bool text = k->options.format == FORMAT_TEXT && !k->options.quiet;

	report_string(k->report, "cve", q->cve);
	report_string(k->report, "fixed", words[q->answer]);
	if (q->answer == ANSWER_YES || q->answer == ANSWER_WAITS) {
		report_string(k->report, "patch", q->patch);
		fix_report(report_list(k->report, "fixes"), q->fix);
	}
	if (q->answer == ANSWER_WAITS)
		report_string(k->report, "waits_for", q->waits);
	if (q->answer == ANSWER_UNKNOWN)
		diag_error(
			k->diags, "manifest-not-at-hand", diag_file(q->patch),
			"Load patches with kpatch, or install this one",
			"this patch is loaded, but its manifest is not at hand: nobody knows which fixes it has");
	if (!text || q->answer == ANSWER_UNKNOWN)
		return outcomes[q->answer];
	fprintf(k->out, "%s: ", q->cve);
	if (q->answer == ANSWER_YES)
		fprintf(k->out, "yes, in %s: ", q->patch);
	else if (q->answer == ANSWER_WAITS && q->waits)
		fprintf(k->out, "waits for module %s, in %s: ", q->waits, q->patch);
	else if (q->answer == ANSWER_WAITS)
		fprintf(k->out, "waits for the end of the transition of %s: ", q->patch);
	else
		fputs("no, no loaded patch has it", k->out);
	if (q->answer != ANSWER_NO)
		fix_print(k->out, q->fix);
	fputc('\n', k->out);
	return outcomes[q->answer];
}

enum outcome cve_answer(struct kpatch *k, const char *cve, const struct live *live, const struct stored *list,
			size_t n)
{
	struct question q = { .k = k, .cve = cve, .answer = ANSWER_NO };

	for (size_t i = 0; i < live->n_patches; i++)
		ask(&q, &live->patches[i], manifest_of_loaded(k, live->patches[i].name, list, n));
	return answer(&q);
}
