// SPDX-License-Identifier: GPL-2.0-only
/*
 * A line that is added moves all lines below it, and __LINE__ is part of the code: of every WARN(), of error
 * messages, of the names of init calls. The functions below a patch would all be other functions. So the
 * compiler is told, behind each hunk, which line it is at: a #line directive before the first line of the
 * old file. Numbers that a changed function prints are those of the old file as well; of the lines that the
 * patch brings, they go on from there.
 *
 * A directive cannot stand in a comment, in which it would be text, or behind a line that a backslash
 * continues: it is put behind these. In a conditional group it may be skipped, so it is given again behind the
 * #else or #endif. A line without its marker only means that what is compiled from it differs and is patched.
 *
 * Reads the patched text and where its lines come from; makes another text.
 */
#include "kpatch-build/compile/line_markers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kpatch-build/plan/patchfile.h"
#include "lib/util/arena.h"

#define MARKER_MAX sizeof("#line 4294967295\n")

/* Where the reader of the text is, at the beginning of a line. */
struct reader {
	bool comment, continued; /* inside of one; the line before ends in a backslash */
	unsigned long depth;	 /* of conditional groups */
	unsigned long number;	 /* that the compiler gives to this line */
	bool marked_inside;	 /* there is a marker in a conditional group that is still open */
	bool unsure;		 /* it may have been skipped, with its group */
};

/* Whether the line from @p on, with its newline before @end, goes on in the next one. */
static bool is_continued(const char *p, const char *end)
{
	while (end > p && strchr(" \t\r\n", end[-1]))
		end--;
	return end > p && end[-1] == '\\';
}

/* What is behind the string or character constant that begins at @p. */
static const char *skip_constant(const char *p, const char *end)
{
	char quote = *p++;

	while (p < end && *p != quote)
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	return p < end ? p + 1 : end;
}

/* Whether the next line begins inside of a comment. */
static bool ends_in_comment(const char *p, const char *end, bool comment)
{
	while (p < end) {
		bool two = p + 1 < end;

		if (comment && two && p[0] == '*' && p[1] == '/') {
			comment = false;
			p += 2;
		} else if (!comment && two && p[0] == '/' && p[1] == '*') {
			comment = true;
			p += 2;
		} else if (!comment && two && p[0] == '/' && p[1] == '/') {
			return false;
		} else if (!comment && (*p == '"' || *p == '\'')) {
			p = skip_constant(p, end);
		} else {
			p++;
		}
	}
	return comment;
}

/* Takes in a line that is a directive for conditional groups. */
static void read_conditional(struct reader *r, const char *p)
{
	p += strspn(p, " \t");
	if (*p != '#')
		return;
	p += 1 + strspn(p + 1, " \t");
	r->depth += !strncmp(p, "if", 2);
	r->depth -= !strncmp(p, "endif", 5) && r->depth;
	if (!strncmp(p, "endif", 5) || !strncmp(p, "el", 2))
		r->unsure |= r->marked_inside;
}

static void read_line(struct reader *r, const char *p, const char *end)
{
	if (!r->comment && !r->continued)
		read_conditional(r, p);
	r->comment = ends_in_comment(p, end, r->comment);
	r->continued = is_continued(p, end);
	r->number++;
}

/* Whether the line, number @origin of the old file, wants a marker before it. */
static bool wants_marker(const struct reader *r, uint32_t origin)
{
	return origin && !r->comment && !r->continued && (r->number != origin || r->unsure);
}

static size_t put_marker(struct reader *r, uint32_t origin, char *to)
{
	r->number = origin;
	r->unsure = false;
	r->marked_inside = r->depth > 0;
	return (size_t)sprintf(to, "#line %u\n", origin);
}

void line_markers_add(struct arena *arena, const struct patch_text *in, const char **out, size_t *size)
{
	struct reader r = { .number = 1 };
	const char *p = in->text, *end = in->text + in->size;
	bool moved = false;
	char *text, *to;

	for (size_t i = 0; i < in->n_lines; i++)
		moved |= in->origin[i] && in->origin[i] != i + 1;
	*out = in->text;
	*size = in->size;
	if (!moved)
		return;
	text = to = arena_alloc(arena, in->size + in->n_lines * MARKER_MAX + 1);
	for (size_t i = 0; i < in->n_lines; i++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *next = newline ? newline + 1 : end;

		if (wants_marker(&r, in->origin[i]))
			to += put_marker(&r, in->origin[i], to);
		memcpy(to, p, (size_t)(next - p));
		to += next - p;
		read_line(&r, p, next);
		p = next;
	}
	*to = '\0';
	*out = text;
	*size = (size_t)(to - text);
}
