// SPDX-License-Identifier: GPL-2.0-only
/* See leave_out_message.h. */
#include "kpatch-build/leave_out_message.h"

#include <ctype.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/series/series.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

/* Words of a message: names that the patch may have got from another one. */

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool has_word(const char *line, size_t size, const char *word, size_t n)
{
	for (size_t i = 0; i + n <= size; i++)
		if (!memcmp(line + i, word, n) && (!i || !is_name(line[i - 1])) &&
		    (i + n == size || !is_name(line[i + n])))
			return true;
	return false;
}

/* Whether the lines of the patch that begin with one of @kinds have the word. */
static bool lines_have(const struct series_patch *p, const char *kinds, const char *word, size_t n)
{
	const char *end = p->data + p->size;

	for (const char *line = p->data; line < end;) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		size_t size = (size_t)((nl ? nl : end) - line);

		if (size && strchr(kinds, *line) && strncmp(line, "+++", 3) != 0 &&
		    has_word(line, size, word, n))
			return true;
		line += size + 1;
	}
	return false;
}

/*
 * The next name that the message may be about, from *at on: of what a compiler said, what its errors have in quotes; of what the
 * differ misses, any. Its length, 0: there is none.
 */
static size_t next_name(const struct diag *d, const char **at)
{
	bool compiler = !strcmp(d->id, "compile-failed") || !strcmp(d->id, "compiler-warning-wrong-code");
	size_t n = 0;

	if (!compiler && strcmp(d->id, "symbol-undefined") != 0)
		return 0;
	for (const char *p = *at; *p; p += n ? n : 1) {
		n = 0;
		while (is_name(p[n]))
			n++;
		if (n < 3 || isdigit((unsigned char)*p) ||
		    (compiler && (p == d->what || p[-1] != '\'' || p[n] != '\'')))
			continue;
		*at = p;
		return n;
	}
	return 0;
}

const struct series_patch *message_introducer(struct build *b, const struct series_patch *p,
					      const struct diag *d)
{
	for (const struct series_patch *q = p; q-- > b->series->patches;) {
		const char *at = d->what;
		size_t n;

		for (; q->fate == SERIES_LEFT_OUT && (n = next_name(d, &at)); at += n)
			if (lines_have(q, "+", at, n) && !lines_have(q, " -", at, n) &&
			    lines_have(p, "+ ", at, n) && !has_word(q->why, strlen(q->why), at, n))
				return q;
	}
	return NULL;
}

const char *message_in_short(struct arena *a, const struct diag *d)
{
	const char *nl = strchr(d->what, '\n'), *fault = nl ? strstr(nl, " error: ") : NULL;
	const char *place = d->place.source ? d->place.source : d->place.file ? d->place.file : "";
	const char *line = d->place.line ? arena_printf(a, ":%u", d->place.line) : "";
	const char *function = d->place.function ? arena_printf(a, " %s:", d->place.function) : "";
	size_t n = nl ? (size_t)(nl - d->what) : strlen(d->what);

	return arena_printf(a, "%s%s:%s %.*s%s%.*s", place, line, function, (int)n, d->what, fault ? " " : "",
			    fault ? (int)strcspn(fault + 1, "\n") : 0, fault ? fault + 1 : "");
}

static bool same_text(const char *x, const char *y)
{
	return !x == !y && (!x || !strcmp(x, y));
}

/* The first error that a compiler found, with its words and without its place; of what others say, all of it. */
static size_t fault_of(const struct diag *d, const char **text)
{
	const char *error = strchr(d->what, '\n') ? strstr(d->what, " error: ") : NULL;

	*text = error ? error : d->what;
	return strcspn(*text, "\n");
}

bool message_same(const struct diag *x, const struct diag *y)
{
	const char *a, *b;
	size_t n = fault_of(x, &a), m = fault_of(y, &b);

	if (strcmp(x->id, y->id) != 0)
		return false;
	if (strcmp(x->id, "compile-failed") != 0)
		return same_text(x->place.function, y->place.function);
	return n == m && !memcmp(a, b, n);
}
