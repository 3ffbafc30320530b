/* SPDX-License-Identifier: GPL-2.0-only */
/* See fixes.h. */
#include "kpatch/commands/fixes.h"

#include "kpatch/report.h"
#include "lib/manifest/manifest.h"
#include "lib/util/text.h"

void fix_print(FILE *f, const struct manifest_fix *fix)
{
	text_print(f, fix->subject);
	if (fix->commit)
		fprintf(f, " (commit %.12s)", fix->commit);
	for (size_t i = 0; i < fix->n_cves; i++) {
		fputs(i ? ", " : ": ", f);
		text_print(f, fix->cves[i]);
	}
}

static void report_strings(struct node *in, const char *key, const char *const *list, size_t n)
{
	struct node *l = report_list(in, key);

	for (size_t i = 0; i < n; i++)
		report_string(l, NULL, list[i]);
}

void fix_report(struct node *list, const struct manifest_fix *fix)
{
	struct node *n = report_map(list, NULL);

	report_string(n, "patch", fix->patch);
	if (fix->message)
		report_number(n, "message", (int64_t)fix->message);
	if (fix->sha256)
		report_string(n, "sha256", fix->sha256);
	report_string(n, "subject", fix->subject);
	if (fix->author)
		report_string(n, "author", fix->author);
	if (fix->commit)
		report_string(n, "commit", fix->commit);
	report_strings(n, "fixes", fix->fixes, fix->n_fixes);
	report_strings(n, "cves", fix->cves, fix->n_cves);
	if (fix->n_objects)
		report_strings(n, "objects", fix->objects, fix->n_objects);
}
