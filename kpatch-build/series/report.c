// SPDX-License-Identifier: GPL-2.0-only
/*
 * See report.h. Reads the fates in build.series. Patches are in the order of the series, and there is no time and no path in
 * it: the same input gives the same bytes.
 */
#include "kpatch-build/series/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/series/series.h"
#include "lib/manifest/manifest.h"
#include "lib/manifest/schema.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/text.h"
#include "lib/util/xmalloc.h"

#define REPORT_FORMAT 1
#define WHY_MAX 2000 /* bytes of a reason */

struct report_yaml {
	uint64_t format;
	const char *name, *kernel;
	uint64_t applied, without_effect, left_out;
	bool needs_reboot;
	const struct report_patch *patches;
	size_t n_patches;
};

static bool valid_state(const char *s)
{
	return !strcmp(s, "applied") || !strcmp(s, "without effect") || !strcmp(s, "left out");
}

static const struct schema_rule state_rule = { valid_state, "what becomes of a patch", true };

#define KEY(struct_, key_, type_, ...)                                                                       \
	{                                                                                                    \
		.key = #key_, .type = SCHEMA_##type_, .offset = offsetof(struct struct_, key_), __VA_ARGS__  \
	}
#define OPTIONAL(key_, rule_) KEY(report_patch, key_, STRING, .rule = &(rule_), .optional = true)

static const struct schema_key patch_keys[] = {
	KEY(report_patch, patch, STRING, .rule = &schema_file),
	KEY(report_patch, message, NUMBER, .optional = true, .unwritten = true),
	OPTIONAL(sha256, schema_sha256),
	OPTIONAL(subject, schema_text),
	OPTIONAL(commit, schema_hex),
	KEY(report_patch, cves, STRINGS, .count_offset = offsetof(struct report_patch, n_cves),
	    .rule = &schema_text, .optional = true, .unwritten = true),
	KEY(report_patch, state, STRING, .rule = &state_rule),
	OPTIONAL(reason, schema_text),
	OPTIONAL(message_id, schema_text),
	OPTIONAL(needs, schema_text),
	{ .key = NULL }
};
static const struct schema patch_schema = { "a patch", sizeof(struct report_patch), patch_keys };
static const struct schema_key report_keys[] = { KEY(report_yaml, format, NUMBER),
						 KEY(report_yaml, name, STRING, .rule = &schema_text),
						 KEY(report_yaml, kernel, STRING, .rule = &schema_release),
						 KEY(report_yaml, applied, NUMBER),
						 KEY(report_yaml, without_effect, NUMBER),
						 KEY(report_yaml, left_out, NUMBER),
						 KEY(report_yaml, needs_reboot, BOOL),
						 KEY(report_yaml, patches, STRUCTS,
						     .count_offset = offsetof(struct report_yaml, n_patches),
						     .schema = &patch_schema),
						 { .key = NULL } };
static const struct schema report_schema = { "the report", sizeof(struct report_yaml), report_keys };
static const struct schema_ids ids = { "report", "report", "report", "report", "report", "report", "report" };

struct report_counts report_count(const struct build *b)
{
	struct report_counts n = { 0 };

	for (size_t i = 0; i < b->series->n; i++) {
		enum series_fate fate = b->series->patches[i].fate;

		n.applied += fate == SERIES_IN;
		n.without_effect += fate == SERIES_NO_EFFECT;
		n.left_out += fate == SERIES_LEFT_OUT;
	}
	return n;
}

static const char *called(const struct build *b, const struct series_patch *p)
{
	const char *name = series_patch_called(b->arena, p);

	return name ? name : p->name;
}

static void print_patch(const struct build *b, const struct series_patch *p, FILE *f)
{
	fputs("  ", f);
	text_print(f, called(b, p));
	if (p->fix) {
		fputs(": ", f);
		text_print(f, p->fix->subject);
		for (size_t i = 0; i < p->fix->n_cves; i++)
			fprintf(f, "%s%s", i ? ", " : " (", p->fix->cves[i]);
		fputs(p->fix->n_cves ? ")" : "", f);
	}
	fputc('\n', f);
	if (p->because) {
		fputs("      needs ", f);
		text_print(f, called(b, p->because));
		fputs(", which is left out\n", f);
	}
	if (p->why) {
		fputs("      ", f);
		text_print(f, p->why);
		if (p->id)
			fprintf(f, " [%s]", p->id);
		fputc('\n', f);
	}
}

static void print_all(const struct build *b, enum series_fate fate, size_t n, const char *title, FILE *f)
{
	if (n)
		fprintf(f, "\n%s:\n", title);
	for (size_t i = 0; i < b->series->n; i++)
		if (b->series->patches[i].fate == fate)
			print_patch(b, &b->series->patches[i], f);
}

void report_print(const struct build *b, FILE *f)
{
	struct report_counts n = report_count(b);

	fprintf(f, "%s for the kernel %s: %zu patch%s: %zu applied, %zu without effect, %zu left out\n",
		b->name, b->kernel.release, b->series->n, b->series->n == 1 ? "" : "es", n.applied,
		n.without_effect, n.left_out);
	print_all(b, SERIES_IN, n.applied, "Applied", f);
	print_all(b, SERIES_NO_EFFECT, n.without_effect, "Without effect on this running kernel", f);
	print_all(b, SERIES_LEFT_OUT, n.left_out, "Left out: these need a reboot into a kernel that has them",
		  f);
}

/* What a manifest's text may be: one line of a length that is read. */
static const char *fit(struct arena *a, const char *text)
{
	char *copy = text ? arena_strndup(a, text, strnlen(text, WHY_MAX)) : NULL;

	for (char *p = copy; p && *p;) {
		unsigned int n = text_printable(p);

		if (!n)
			*p = '?';
		p += n ? n : 1;
	}
	return copy;
}

static struct report_patch describe(struct build *b, const struct series_patch *p)
{
	static const char *const states[] = { "applied", "without effect", "left out" };
	struct report_patch r = { .patch = p->name,
				  .message = p->message,
				  .sha256 = p->message ? NULL : b->series->files[p->source].sha256,
				  .state = states[p->fate],
				  .reason = fit(b->arena, p->why),
				  .message_id = p->id,
				  .needs = p->because ? fit(b->arena, called(b, p->because)) : NULL };

	if (!p->fix)
		return r;
	r.subject = p->fix->subject;
	if (p->message)
		r.sha256 = p->fix->sha256;
	r.commit = p->fix->commit;
	r.cves = p->fix->cves;
	r.n_cves = p->fix->n_cves;
	return r;
}

const struct report_patch *report_patches(struct build *b)
{
	struct report_patch *patches = arena_array(b->arena, b->series->n, sizeof(*patches));

	for (size_t i = 0; i < b->series->n; i++)
		patches[i] = describe(b, &b->series->patches[i]);
	return patches;
}

static int write_yaml(struct build *b, const char *path)
{
	struct report_counts n = report_count(b);
	struct report_yaml r = { .format = REPORT_FORMAT,
				 .name = b->name,
				 .kernel = b->kernel.release,
				 .applied = n.applied,
				 .without_effect = n.without_effect,
				 .left_out = n.left_out,
				 .needs_reboot = n.left_out > 0,
				 .patches = report_patches(b),
				 .n_patches = b->series->n };
	char *text = NULL;
	size_t size;
	int err;

	err = schema_write(&report_schema, &ids, &r, b->diags, &text, &size);
	if (!err)
		err = file_write(path, text, size, 0644);
	free(text);
	return err;
}

static int write_text(struct build *b, const char *path)
{
	char *text = NULL;
	size_t size;
	FILE *f = xopen_memstream(&text, &size);
	int err;

	report_print(b, f);
	xclose_memstream(f);
	err = file_write(path, text, size, 0644);
	free(text);
	return err;
}

int report_write(struct build *b)
{
	b->report[0] = build_work_path(b, "%s.report", b->name);
	b->report[1] = build_work_path(b, "%s.report.yaml", b->name);
	if (!b->report[0] || !b->report[1])
		return -EIO;
	return write_text(b, b->report[0]) ? -EIO : write_yaml(b, b->report[1]);
}
