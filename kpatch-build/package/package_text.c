// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a package says of itself, from the manifest: text for people, in lines. Writes no '%' and no
 * line that ends in a backslash, so that an RPM spec takes it for text and nothing else.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/package/package.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/xmalloc.h"

#define COLUMNS 78

static void write_word(FILE *f, const char *word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fputc(word[i] == '%' || word[i] == '\\' || (unsigned char)word[i] < ' ' ? '?' : word[i], f);
}

/* @text in words, as many a line as fit. Longer words stand alone. */
static void wrap(FILE *f, const char *text, const char *first, const char *indent)
{
	size_t column = strlen(first);
	bool begin = true;

	fputs(first, f);
	while (*text) {
		size_t n = strcspn(text, " ");

		if (n && !begin && column + 1 + n > COLUMNS) {
			fprintf(f, "\n%s", indent);
			column = strlen(indent);
			begin = true;
		}
		if (n && !begin)
			column += (size_t)(fputc(' ', f) != EOF);
		write_word(f, text, n);
		column += n;
		begin = begin && !n;
		text += n + (text[n] == ' ');
	}
	fputc('\n', f);
}

static void wrapf(FILE *f, const char *first, const char *indent, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void wrapf(FILE *f, const char *first, const char *indent, const char *format, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	wrap(f, text, first, indent);
	free(text);
}

const char *package_summary(struct arena *a, const struct manifest *m)
{
	return arena_printf(a, "live patch %s for the kernel %s", m->name, m->kernel.release);
}

void package_write_text(FILE *f, const struct manifest *m, const char *indent)
{
	wrapf(f, indent, indent,
	      "This package fixes the kernel %s while it runs. Installing it loads the live patch %s, "
	      "version %s, if that is the running kernel, and has it loaded at every boot of that "
	      "kernel; removing it takes the patch away again. %s",
	      m->kernel.release, m->name, m->version,
	      m->replace ? "It replaces all live patches that were loaded before." :
			   "It is added to the live patches that were loaded before.");
}

static void write_object(FILE *f, const struct manifest_object *o, const char *bullet, const char *indent)
{
	for (size_t i = 0; i < o->n_functions; i++)
		wrapf(f, bullet, indent, "%s: %s (%s) is replaced: %s.", o->name, o->functions[i].name,
		      o->functions[i].source, o->functions[i].reason);
	for (size_t i = 0; i < o->n_new_functions; i++)
		wrapf(f, bullet, indent, "%s: %s (%s) is new.", o->name, o->new_functions[i].name,
		      o->new_functions[i].source);
	for (size_t i = 0; i < o->n_callbacks; i++)
		wrapf(f, bullet, indent, "%s: callback %s (%s).", o->name, o->callbacks[i].function,
		      o->callbacks[i].kind);
}

/* "CVE-2024-1, CVE-2024-2" in brackets, or nothing. */
static void write_fix(FILE *f, const struct manifest_fix *fix, const char *bullet, const char *indent)
{
	char *text = NULL;
	size_t size;
	FILE *cves = xopen_memstream(&text, &size);

	for (size_t i = 0; i < fix->n_cves; i++)
		fprintf(cves, "%s%s", i ? ", " : " (", fix->cves[i]);
	if (fix->n_cves)
		fputc(')', cves);
	if (!fclose(cves))
		wrapf(f, bullet, indent, "Fixes: %s%s.", fix->subject, text);
	free(text);
}

void package_write_changes(FILE *f, const struct manifest *m, const char *bullet, const char *indent)
{
	wrapf(f, bullet, indent, "Live patch %s, version %s, for the kernel %s (build ID %s).", m->name,
	      m->version, m->kernel.release, m->kernel.build_id);
	for (size_t i = 0; i < m->n_patches; i++)
		wrapf(f, bullet, indent, "Made from %s (sha256 %.16s).", m->patches[i].name,
		      m->patches[i].sha256);
	for (size_t i = 0; i < m->n_fixes; i++)
		write_fix(f, &m->fixes[i], bullet, indent);
	for (size_t i = 0; i < m->n_objects; i++)
		write_object(f, &m->objects[i], bullet, indent);
	for (size_t i = 0; i < m->n_warnings; i++)
		wrapf(f, bullet, indent, "Warning: %s.", m->warnings[i]);
}
