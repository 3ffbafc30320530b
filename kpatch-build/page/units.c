// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page's part for one kernel object: how much of it was proven, each function with its source and code before and
 * after, and what the patch refers to, with the proof of each reference.
 */
#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/page/page.h"
#include "kpatch-build/verify/verify.h"
#include "lib/elf/object.h"
#include "lib/kernel/symbols/ksym.h"
#include "lib/util/arena.h"

#define AROUND 4 /* lines of code that are shown around a change */

static void write_line(FILE *f, const char *element, char sign, const char *text)
{
	fprintf(f, "%s%s%s%c", element ? "<" : "", element ? element : "", element ? ">" : "", sign);
	html_text(f, text);
	fprintf(f, "%s%s%s\n", element ? "</" : "", element ? element : "", element ? ">" : "");
}

/* A hunk as diff -u has it. */
static void write_hunk(FILE *f, const struct file_change *c, const struct hunk *h)
{
	size_t was = h->was, is = h->is;

	fprintf(f, "<span class=\"skip\">@@ -%zu,%zu +%zu,%zu @@</span>\n", h->was + 1, h->n_was, h->is + 1,
		h->n_is);
	while (was < h->was + h->n_was || is < h->is + h->n_is) {
		if (was < h->was + h->n_was && c->was.lines[was].changed)
			write_line(f, "del", '-', c->was.lines[was++].text);
		else if (is < h->is + h->n_is && c->is.lines[is].changed)
			write_line(f, "ins", '+', c->is.lines[is++].text);
		else
			write_line(f, NULL, ' ', c->was.lines[was].text), was++, is++;
	}
}

static bool has_hunks(const struct file_change *c, const bool *flags)
{
	for (size_t k = 0; k < c->n_hunks; k++)
		if (!flags || flags[k])
			return true;
	return false;
}

/* The hunks that the function is made from; of one without a changed line of its own all, which its constants and types may be in. */
static void write_source(struct build *b, const struct unit *u, const char *function,
			 const struct file_change *files, size_t n, FILE *f)
{
	size_t total = 0, first = 0;
	bool *flags, own;

	for (size_t i = 0; i < n; i++)
		total += files[i].n_hunks;
	flags = arena_array(b->arena, total, sizeof(*flags));
	own = changes_of_function(b, u, function, files, n, flags);
	fputs("<div><h4>Source</h4>\n", f);
	if (!own)
		fputs("<p>No line of this function changes. What it is made from does; all changes of the source are:</p>\n",
		      f);
	fputs("<pre>", f);
	for (size_t i = 0; i < n; first += files[i++].n_hunks) {
		if (!has_hunks(&files[i], own ? flags + first : NULL))
			continue;
		fputs("<strong>", f);
		html_text(f, files[i].path);
		fputs("</strong>\n", f);
		for (size_t k = 0; k < files[i].n_hunks; k++)
			if (!own || flags[first + k])
				write_hunk(f, &files[i], &files[i].hunks[k]);
	}
	fputs("</pre></div>\n", f);
}

/* Whether a line within @around of line @i changes. */
static bool is_near(const struct listing *l, size_t i)
{
	size_t from = i < AROUND ? 0 : i - AROUND;

	for (size_t k = from; k < l->n && k <= i + AROUND; k++)
		if (l->lines[k].changed)
			return true;
	return false;
}

static void write_code(FILE *f, const char *title, const struct listing *l, bool whole, bool original)
{
	size_t skipped = 0;

	fprintf(f, "<div><h4>%s</h4>\n<pre>", title);
	for (size_t i = 0; i < l->n; i++) {
		const struct listing_line *line = &l->lines[i];

		if (!whole && !is_near(l, i)) {
			skipped++;
			continue;
		}
		if (skipped)
			fprintf(f, "<span class=\"skip\">… %zu instructions are the same</span>\n", skipped);
		skipped = 0;
		if (line->changed && !whole)
			write_line(f, original ? "del" : "ins", original ? '-' : '+', line->text);
		else
			write_line(f, NULL, ' ', line->text);
	}
	if (skipped)
		fprintf(f, "<span class=\"skip\">… %zu instructions are the same</span>\n", skipped);
	fputs("</pre></div>\n", f);
}

/* The function of that name that has code here, or NO_ATOM. */
static uint32_t find_function(const struct object *o, const char *name)
{
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (o->atoms[i].kind == ATOM_FUNC && !strcmp(o->atoms[i].name, name))
			return i;
	return NO_ATOM;
}

static void write_heading(FILE *f, const char *kind, const char *name, const char *source)
{
	fprintf(f, "<h3>%s<code>", kind);
	html_text(f, name);
	fputs("</code> in <code>", f);
	html_text(f, source);
	fputs("</code></h3>\n", f);
}

static void write_replaced(struct build *b, const struct unit *u, const struct diff_function *fn,
			   const struct file_change *files, size_t n, FILE *f)
{
	uint32_t was = find_function(u->original_object, fn->name);
	uint32_t is = find_function(u->patched_object, fn->name);
	struct listing old = { .n = 0 }, new = { .n = 0 };

	write_heading(f, "", fn->name, u->source);
	fputs("<p>Replaced because: ", f);
	html_text(f, fn->reason);
	if (u->through) {
		fputs(" (it includes ", f);
		html_text(f, u->through);
		fputs(")", f);
	}
	fprintf(f, ". %" PRIu64 " bytes before, %" PRIu64 " now", fn->old_size, fn->new_size);
	if (fn->sympos)
		fprintf(f, "; the %" PRIu32 ". of this name in the kernel", fn->sympos);
	fputs(".</p>\n<div class=\"beside\">\n", f);
	if (was != NO_ATOM)
		listing_code(b->arena, u->original_object, was, &old);
	if (is != NO_ATOM)
		listing_code(b->arena, u->patched_object, is, &new);
	listing_compare(&old, &new);
	write_source(b, u, fn->name, files, n, f);
	write_code(f, "Original", &old, false, true);
	write_code(f, "Replacement", &new, false, false);
	fputs("</div>\n", f);
}

static void write_new(struct build *b, const struct unit *u, FILE *f)
{
	for (size_t i = 0; i < u->report.n_new; i++) {
		const struct diff_function *fn = &u->report.new_functions[i];
		uint32_t is = find_function(u->patched_object, fn->name);
		struct listing code = { .n = 0 };

		write_heading(f, "New: ", fn->name, u->source);
		fputs("<p>In the patch because: ", f);
		html_text(f, fn->reason);
		fprintf(f, ". %" PRIu64 " bytes.</p>\n<div class=\"beside\">\n", fn->new_size);
		if (is != NO_ATOM)
			listing_code(b->arena, u->patched_object, is, &code);
		write_code(f, "Code", &code, true, false);
		fputs("</div>\n", f);
	}
	for (size_t i = 0; i < u->report.n_new_data; i++) {
		fputs("<p>New data: <code>", f);
		html_text(f, u->report.new_data[i]);
		fputs("</code></p>\n", f);
	}
	for (size_t i = 0; i < u->report.n_callbacks; i++) {
		fprintf(f, "<p>Callback (%s): <code>", u->report.callbacks[i].kind);
		html_text(f, u->report.callbacks[i].function);
		fputs("</code></p>\n", f);
	}
}

/*
 * What @u's original has under that name, if it is one symbol that it defines. A weak one may have lost to another object's,
 * which is what references mean.
 */
static const struct symbol *definition_of(const struct unit *u, const char *name)
{
	const struct object *o = u->original_object;
	const struct symbol *found = NULL;

	for (uint32_t i = 1; i < o->n_symbols; i++) {
		const struct symbol *s = &o->symbols[i];

		if (!symbol_in_section(o, s) || s->bind == STB_WEAK || strcmp(s->name, name) != 0)
			continue;
		if (found)
			return NULL;
		found = s;
	}
	return found;
}

/* By what it is known that the reference leads to what the source means. */
static void write_proof(const struct unit *u, const struct diff_klp_ref *r, FILE *f)
{
	const char *why = NULL;
	struct ksym k;

	if (!u->verified || !u->verified->proven) {
		fputs("<span class=\"no\">by its name alone</span>", f);
		return;
	}
	if (u->ksyms.find(&u->ksyms, r->name, definition_of(u, r->name), &k, &why) || k.sympos != r->sympos ||
	    !k.exact)
		fputs(r->sympos ? "by its position" : "by its name, of which that object has one", f);
	else if (k.address)
		fprintf(f, "code that was compared leads to it, at <code>%#" PRIx64 "</code> in the image",
			k.address);
	else
		fputs("code that was compared leads to it", f);
}

static void write_references(const struct unit *u, FILE *f)
{
	const struct diff_report *r = &u->report;

	if (!r->n_klp_refs && !r->n_imports)
		return;
	fputs("<h3>What it refers to</h3>\n<div class=\"wide\"><table>\n<tr><th>Object</th><th>Symbol</th>"
	      "<th>Position</th><th>Uses</th><th>Proof</th></tr>\n",
	      f);
	for (size_t i = 0; i < r->n_klp_refs; i++) {
		fputs("<tr><td>", f);
		html_text(f, r->klp_refs[i].object);
		fputs("</td><td><code>", f);
		html_text(f, r->klp_refs[i].name);
		fprintf(f, "</code></td><td>%" PRIu32 "</td><td>%" PRIu32 "</td><td>", r->klp_refs[i].sympos,
			r->klp_refs[i].count);
		write_proof(u, &r->klp_refs[i], f);
		fputs("</td></tr>\n", f);
	}
	for (size_t i = 0; i < r->n_imports; i++) {
		fputs("<tr><td></td><td><code>", f);
		html_text(f, r->imports[i]);
		fputs("</code></td><td></td><td></td><td>exported: there is one of that name</td></tr>\n", f);
	}
	fputs("</table></div>\n", f);
}

static void write_unit_proof(const struct unit *u, FILE *f)
{
	const struct verify_report *v = u->verified;

	fputs("<h2>", f);
	html_text(f, u->source);
	fputs(", in ", f);
	html_text(f, u->owner);
	fputs("</h2>\n", f);
	if (u->added) {
		fputs("<p>A new source: the kernel has no such code.</p>\n", f);
		return;
	}
	if (!v || !v->proven) {
		fputs("<p class=\"no\">Nothing was compared with what the kernel runs (--no-verify).</p>\n",
		      f);
		return;
	}
	fprintf(f,
		"<p>Of %" PRIu32 " functions compiled from the unpatched source, %" PRIu32
		" are, byte for byte and reference for reference, what is installed.</p>\n",
		v->functions, v->matched);
	if (v->n_exceptions)
		fputs("<ul>\n", f);
	for (size_t i = 0; i < v->n_exceptions; i++) {
		fputs("<li><code>", f);
		html_text(f, v->exceptions[i].function);
		fputs("</code> is not, and cannot be patched or referred to: ", f);
		html_text(f, v->exceptions[i].what);
		fputs("</li>\n", f);
	}
	if (v->n_exceptions)
		fputs("</ul>\n", f);
}

void page_write_units(struct build *b, const char *owner, const struct file_change *files, size_t n_files,
		      FILE *f)
{
	for (size_t i = 0; i < b->n_units; i++) {
		const struct unit *u = &b->units[i];

		if (!u->diff || strcmp(u->owner, owner) != 0)
			continue;
		write_unit_proof(u, f);
		for (size_t k = 0; k < u->report.n_changed; k++)
			write_replaced(b, u, &u->report.changed[k], files, n_files, f);
		write_new(b, u, f);
		write_references(u, f);
	}
}
