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
enum answer { ANSWER_YES, ANSWER_WAITS, ANSWER_TAKEN, ANSWER_UNKNOWN, ANSWER_NO };

/* A function of a fix that another patch replaces as well. */
struct taken {
	const char *by, *function;
};

struct question {
	struct kpatch *k;
	const char *cve;
	enum answer answer;
	const char *patch; /* which gives the answer */
	const char *waits; /* module that the fix waits for; NULL: the end of the transition */
	const struct manifest_fix *fix;
	const struct live *live;
	const struct stored *list; /* n_stored of them */
	size_t n_stored;
	struct taken taken; /* ANSWER_TAKEN */
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

/* The first function of the fix's objects that the other patch replaces as well, or NULL. */
static const char *shared_function(const struct live_patch *p, const struct manifest_fix *fix,
				   const struct live_patch *other)
{
	for (size_t i = 0; i < p->n_objects; i++) {
		const struct live_object *o = &p->objects[i];

		for (size_t j = 0; reaches(fix, o->name) && j < o->n_functions; j++)
			if (live_has(other, o->name, o->functions[j].name, o->functions[j].position))
				return o->functions[j].name;
	}
	return NULL;
}

/*
 * Whether a patch above it in the stack, or one of which that is not known, has replaced a function once more and says
 * nothing of the fix. It has it if it was made from a source that has, which nobody can see here.
 */
static bool is_taken(const struct question *q, const struct live_patch *p, const struct manifest_fix *fix,
		     struct taken *out)
{
	for (size_t i = 0; i < q->live->n_patches; i++) {
		const struct live_patch *other = &q->live->patches[i];
		const struct manifest *m;
		const char *function = other == p ? NULL : shared_function(p, fix, other);

		if (!function || live_is_below(other, p) || other->state == PATCH_DISABLING ||
		    other->state == PATCH_DISABLED)
			continue;
		m = manifest_of_loaded(q->k, other->name, q->list, q->n_stored);
		if (m && manifest_find_cve(m, q->cve, NULL))
			continue;
		*out = (struct taken){ other->name, function };
		return true;
	}
	return false;
}

static void ask(struct question *q, const struct live_patch *p, const struct manifest *m)
{
	const struct manifest_fix *fix = m ? manifest_find_cve(m, q->cve, NULL) : NULL;
	enum answer answer = !m ? ANSWER_UNKNOWN : !fix ? ANSWER_NO : ANSWER_YES;
	const struct manifest_fix *first = fix;
	struct taken taken = { NULL, NULL };
	const char *waits = NULL;

	/* what is on its way out is no fix any more */
	if (p->state == PATCH_DISABLING || p->state == PATCH_DISABLED)
		answer = ANSWER_NO;
	for (; answer == ANSWER_YES && fix && !waits; fix = manifest_find_cve(m, q->cve, fix)) {
		waits = waits_for(p, fix);
		if (waits)
			first = fix;
		else if (is_taken(q, p, fix, &taken))
			answer = ANSWER_TAKEN;
	}
	if (answer == ANSWER_YES && (waits || p->state == PATCH_ENABLING))
		answer = ANSWER_WAITS;
	if (answer >= q->answer)
		return;
	q->answer = answer;
	q->patch = p->name;
	q->waits = p->state == PATCH_ENABLING ? NULL : waits;
	q->fix = first;
	q->taken = taken;
}

static enum outcome answer(struct question *q)
{
	static const char *const words[] = { "yes", "waits", "unknown", "unknown", "no" };
	static const enum outcome outcomes[] = { OUTCOME_OK, OUTCOME_INCOMPLETE, OUTCOME_SYSTEM,
						 OUTCOME_SYSTEM, OUTCOME_NOT_FOUND };
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
	if (q->answer == ANSWER_TAKEN)
		diag_error(
			k->diags, "fix-taken-over",
			&(struct diag_place){ .file = q->patch, .function = q->taken.function },
			"Load one patch of both that replaces them; or look whether the newer one was made from a "
			"source that has the fix",
			"it has the fix, but %s, which is above it in the stack, replaces the function, too, "
			"and does not say that it has it",
			q->taken.by);
	else if (q->answer == ANSWER_UNKNOWN)
		diag_error(
			k->diags, "manifest-not-at-hand", diag_file(q->patch),
			"Load patches with kpatch, or install this one",
			"this patch is loaded, but its manifest is not at hand: nobody knows which fixes it has");
	if (!text || q->answer == ANSWER_UNKNOWN || q->answer == ANSWER_TAKEN)
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
	struct question q = {
		.k = k, .cve = cve, .answer = ANSWER_NO, .live = live, .list = list, .n_stored = n
	};

	for (size_t i = 0; i < live->n_patches; i++)
		ask(&q, &live->patches[i], manifest_of_loaded(k, live->patches[i].name, list, n));
	return answer(&q);
}
