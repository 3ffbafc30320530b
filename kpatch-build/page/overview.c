// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page as a whole: what the patch is, what it fixes and what it does not, whether it can be removed. Everything that comes from
 * patches, the source or objects goes through html_text(). It is XML as well, so that programs can read it.
 */
#include <inttypes.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/page/page.h"
#include "kpatch-build/series/report.h"
#include "kpatch-build/series/series.h"
#include "lib/manifest/manifest.h"

/* Colours come from the reader's browser, light or dark; that something changed is said by a sign as well. */
static const char style[] =
	":root { color-scheme: light dark }\n"
	"body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 120em; padding: 1em 2em }\n"
	"h1 { font-size: 1.6em } h2 { margin-top: 2em; border-bottom: 1px solid #8888 }\n"
	"h3 { margin: 1.6em 0 0; overflow-wrap: anywhere } h4 { margin: .6em 0 .2em }\n"
	"pre, code { font: 13px/1.45 ui-monospace, monospace }\n"
	"pre { overflow-x: auto; margin: 0; padding: .6em; background: #8881 }\n"
	"code, .facts td { overflow-wrap: anywhere } h1 code, h3 code { font-size: .9em }\n"
	"ins, del { text-decoration: none; display: inline-block; min-width: 100% }\n"
	"ins { background: #2a42 } del { background: #d332 } .skip { opacity: .6 }\n"
	".beside { display: grid; gap: 0 1em; grid-template-columns: repeat(auto-fit, minmax(min(28em, 100%), 1fr)) }\n"
	".beside > div { min-width: 0 }\n"
	".wide { overflow-x: auto } table { border-collapse: collapse }\n"
	"th, td { text-align: left; vertical-align: top; padding: .25em 1em .25em 0; border-bottom: 1px solid #8884 }\n"
	".no { font-weight: bold }\n"
	"@media (max-width: 40em) { body { padding: .5em } }\n";

static void fact(FILE *f, const char *what, const char *value)
{
	fprintf(f, "<tr><th scope=\"row\">%s</th><td>", what);
	html_text(f, value);
	fputs("</td></tr>\n", f);
}

static void write_facts(const struct build *b, const struct manifest *m, FILE *f)
{
	fputs("<table class=\"facts\">\n", f);
	fact(f, "Kernel", m->kernel.release);
	fact(f, "Its build ID", m->kernel.build_id);
	fact(f, "Machine", m->kernel.machine);
	fact(f, "Compiler", m->kernel.compiler);
	fact(f, "Version of the patch", m->version);
	fact(f, "Other patches",
	     m->replace ? "replaces all that are loaded" : "comes on top of those that are loaded");
	fact(f, "Proof",
	     m->verified ? "the code that is replaced is the code that this kernel runs" :
			   "NONE: nothing shows that the code is what this kernel runs (--no-verify)");
	fact(f, "Can be removed",
	     m->n_kept ? "no: its module stays in memory until the next boot (see below)" :
			 "yes, without a boot");
	fact(f, "Signed", b->options.sign_key ? "yes" : "no");
	fact(f, "Made by", m->builder);
	fputs("</table>\n", f);
}

static void write_words(FILE *f, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", " : "", f);
		html_text(f, words[i]);
	}
}

static void write_fixes(const struct manifest *m, FILE *f)
{
	fputs("<h2 id=\"fixes\">Fixes</h2>\n<div class=\"wide\"><table>\n<tr><th>Fix</th><th>CVE</th>"
	      "<th>Commit</th><th>In</th><th>File</th></tr>\n",
	      f);
	for (size_t i = 0; i < m->n_fixes; i++) {
		const struct manifest_fix *fix = &m->fixes[i];

		fputs("<tr><td>", f);
		html_text(f, fix->subject);
		fputs("</td><td>", f);
		write_words(f, fix->cves, fix->n_cves);
		fprintf(f, "</td><td><code>%.12s</code></td><td>", fix->commit ? fix->commit : "");
		write_words(f, fix->objects, fix->n_objects);
		fputs("</td><td>", f);
		html_text(f, fix->patch);
		if (fix->message)
			fprintf(f, ", message %" PRIu64, fix->message);
		fputs("</td></tr>\n", f);
	}
	for (size_t i = 0; i < m->n_patches; i++) {
		if (manifest_names(m, m->patches[i].name))
			continue;
		fputs("<tr><td colspan=\"4\">nothing is known but the file</td><td>", f);
		html_text(f, m->patches[i].name);
		fputs("</td></tr>\n", f);
	}
	fputs("</table></div>\n", f);
}

/* What became of the patches that are not in it; the same that the reports of --leave-out say. */
static void write_left_out(struct build *b, FILE *f)
{
	const struct report_patch *patches = report_patches(b);
	struct report_counts n = report_count(b);

	fputs("<h2 id=\"left-out\">Left out</h2>\n", f);
	if (!n.left_out && !n.without_effect) {
		fputs("<p>Nothing: all of what was given is in the patch.</p>\n", f);
		return;
	}
	fprintf(f,
		"<p>%zu of %zu patches applied, %zu without effect on this running kernel, %zu left out%s.</p>\n"
		"<div class=\"wide\"><table>\n<tr><th>Patch</th><th>Subject</th><th>CVE</th><th>State</th>"
		"<th>Reason</th></tr>\n",
		n.applied, b->series->n, n.without_effect, n.left_out,
		n.left_out ? ": those need a boot into a kernel that has them" : "");
	for (size_t i = 0; i < b->series->n; i++) {
		const struct report_patch *p = &patches[i];

		if (b->series->patches[i].fate == SERIES_IN)
			continue;
		fputs("<tr><td>", f);
		html_text(f, p->patch);
		if (p->message)
			fprintf(f, ", message %" PRIu64, p->message);
		fputs("</td><td>", f);
		html_text(f, p->subject ? p->subject : "");
		fputs("</td><td>", f);
		write_words(f, p->cves, p->n_cves);
		fprintf(f, "</td><td>%s</td><td>", p->state);
		html_text(f, p->reason ? p->reason : "");
		if (p->needs) {
			fputs(p->reason ? "; needs " : "needs ", f);
			html_text(f, p->needs);
		}
		if (p->message_id)
			fprintf(f, " <code>[%s]</code>", p->message_id);
		fputs("</td></tr>\n", f);
	}
	fputs("</table></div>\n", f);
}

static void write_kept(const struct manifest *m, FILE *f)
{
	fputs("<h2 id=\"removal\">What is not removable, and why</h2>\n", f);
	if (!m->n_kept) {
		fputs("<p>Nothing: when the patch is unloaded or replaced, its module leaves the memory.</p>\n",
		      f);
		return;
	}
	fputs("<p>The kernel may have pointers to these for ever, so that the module stays in memory:</p>\n"
	      "<div class=\"wide\"><table>\n<tr><th>What</th><th>Why</th><th>Where</th></tr>\n",
	      f);
	for (size_t i = 0; i < m->n_kept; i++) {
		fputs("<tr><td><code>", f);
		html_text(f, m->kept[i].what);
		fputs("</code></td><td>", f);
		html_text(f, m->kept[i].how);
		fputs("</td><td>", f);
		html_text(f, m->kept[i].source);
		fputs("</td></tr>\n", f);
	}
	fputs("</table></div>\n", f);
}

static void write_warnings(const struct manifest *m, FILE *f)
{
	if (m->n_warnings || m->n_states)
		fputs("<h2 id=\"warnings\">To be known</h2>\n<ul>\n", f);
	for (size_t i = 0; i < m->n_warnings; i++) {
		fputs("<li>", f);
		html_text(f, m->warnings[i]);
		fputs("</li>\n", f);
	}
	for (size_t i = 0; i < m->n_states; i++)
		fprintf(f,
			"<li>It changes the system's state %" PRIu64 " (version %" PRIu64
			"): only a patch that knows it can replace this one.</li>\n",
			m->states[i].id, m->states[i].version);
	if (m->n_warnings || m->n_states)
		fputs("</ul>\n", f);
}

static void write_overview(const struct manifest *m, FILE *f)
{
	fputs("<h2 id=\"functions\">Functions that are replaced</h2>\n<ul>\n", f);
	for (size_t i = 0; i < m->n_objects; i++)
		for (size_t k = 0; k < m->objects[i].n_functions; k++) {
			const struct manifest_function *fn = &m->objects[i].functions[k];

			fputs("<li><code>", f);
			html_text(f, fn->name);
			fputs("</code> (", f);
			html_text(f, fn->source);
			fputs(", in ", f);
			html_text(f, m->objects[i].name);
			fputs("): ", f);
			html_text(f, fn->reason);
			fputs("</li>\n", f);
		}
	fputs("</ul>\n", f);
}

void page_write(struct build *b, const struct manifest *m, const struct file_change *files, size_t n_files,
		FILE *f)
{
	fputs("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\" />\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	      "'unsafe-inline'\" />\n<title>",
	      f);
	html_text(f, m->name);
	fprintf(f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>Live patch <code>", style);
	html_text(f, m->name);
	fputs("</code></h1>\n", f);
	write_facts(b, m, f);
	write_fixes(m, f);
	write_left_out(b, f);
	write_kept(m, f);
	write_warnings(m, f);
	write_overview(m, f);
	for (size_t i = 0; i < m->n_objects; i++)
		page_write_units(b, m->objects[i].name, files, n_files, f);
	fputs("</body>\n</html>\n", f);
}
