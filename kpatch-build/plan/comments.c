// SPDX-License-Identifier: GPL-2.0-only
/*
 * See comments.h. What a comment is, say Documentation/kbuild/kconfig-language.rst (help texts end with their
 * indentation), the manual of GNU make ("What Makefiles Contain": a backslash continues a comment, a recipe and a
 * define have none) and the C preprocessor's, which reads assembly and linker scripts.
 */
#include "kpatch-build/plan/comments.h"

#include <string.h>

#include "lib/util/arena.h"
#include "lib/util/path.h"

/* The text that is read line by line, and what is kept of it. */
struct stripper {
	const char *next, *end;
	const char *line; /* without its newline */
	size_t n;
	bool continued, continues; /* the line before, this line ends with a backslash */
	char *out;
	bool unclear;
};

static bool next_line(struct stripper *s)
{
	const char *newline;

	if (s->next >= s->end)
		return false;
	newline = memchr(s->next, '\n', (size_t)(s->end - s->next));
	s->line = s->next;
	s->n = (size_t)((newline ? newline : s->end) - s->line);
	s->next = newline ? newline + 1 : s->end;
	s->continued = s->continues;
	s->continues = s->n && s->line[s->n - 1] == '\\';
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void keep(struct stripper *s, const char *text, size_t n)
{
	memcpy(s->out, text, n);
	s->out += n;
	*s->out++ = '\n';
}

/* The line without blanks at its ends. */
static const char *trimmed(const struct stripper *s, size_t *n)
{
	const char *start = s->line, *end = s->line + s->n;

	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	*n = (size_t)(end - start);
	return start;
}

static bool is_word(const char *text, size_t n, const char *word)
{
	return n == strlen(word) && !memcmp(text, word, n);
}

/* Column of the first character that is no blank. */
static size_t indentation(const struct stripper *s)
{
	size_t column = 0;

	for (const char *p = s->line; p < s->line + s->n && is_blank(*p); p++)
		column = *p == '\t' ? column / 8 * 8 + 8 : column + 1;
	return column;
}

static void strip_kconfig(struct stripper *s)
{
	bool help = false;
	size_t level = 0; /* of the help text's first line */

	while (next_line(s)) {
		size_t n, column = indentation(s);

		const char *text = trimmed(s, &n);
		if (!n)
			continue;
		if (help && !level)
			level = column;
		help = help && level && column >= level;
		if (help || *text == '#')
			continue;
		keep(s, text, n);
		help = is_word(text, n, "help") || is_word(text, n, "---help---");
		level = 0;
	}
}

/* The line with one blank for several, if no blank in it is part of a text. */
static void keep_words(struct stripper *s)
{
	size_t n;
	const char *text = trimmed(s, &n);

	if (memchr(text, '"', n) || memchr(text, '\'', n) || memchr(text, '#', n)) {
		keep(s, s->line, s->n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (!is_blank(text[i]) || !is_blank(text[i - 1]))
			*s->out++ = is_blank(text[i]) ? ' ' : text[i];
	*s->out++ = '\n';
}

static bool has_word(const char *text, size_t n, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = text; (size_t)(p - text) + length <= n; p++)
		if (!memcmp(p, word, length))
			return true;
	return false;
}

static void strip_makefile(struct stripper *s)
{
	bool define = false;

	while (next_line(s)) {
		size_t n;
		const char *text = trimmed(s, &n);

		if (define || (s->n && *s->line == '\t' && !s->continued)) {
			keep(s, s->line, s->n);
			define = define && !has_word(text, n, "endef");
		} else if (s->continued || (n && (*text != '#' || s->continues))) {
			keep_words(s);
			define = has_word(text, n, "define");
		}
	}
}

/* Copies a string with its quotes, or what there is of it on the line; where it ends. */
static const char *keep_string(struct stripper *s, const char *p)
{
	const char *end = s->line + s->n;

	*s->out++ = *p++;
	while (p < end && *p != '"') {
		if (*p == '\\' && p + 1 < end)
			*s->out++ = *p++;
		*s->out++ = *p++;
	}
	if (p < end)
		*s->out++ = *p++;
	return p;
}

static bool starts(const struct stripper *s, const char *p, const char *what)
{
	return s->line + s->n - p >= 2 && !memcmp(p, what, 2);
}

/* The rest of a comment on this line; *inside if it does not end here. */
static const char *pass_comment(const struct stripper *s, const char *p, bool *inside)
{
	while (p < s->line + s->n && !starts(s, p, "*/"))
		p++;
	*inside = p == s->line + s->n;
	return *inside ? p : p + 2;
}

/* A line of what the preprocessor reads. A character may be written with one quote, which hides what follows it. */
static void strip_cpp_line(struct stripper *s, bool *inside)
{
	const char *p = s->line, *end = s->line + s->n, *start = s->out;
	bool quoted = false, blank = false;

	while (p < end) {
		bool comment = *inside || starts(s, p, "/*");

		if (comment && quoted)
			s->unclear = true;
		if (comment || is_blank(*p)) {
			p = comment ? pass_comment(s, *inside ? p : p + 2, inside) : p + 1;
			blank = true;
			continue;
		}
		if (starts(s, p, "//") && !s->continues && !quoted)
			break;
		if (blank && s->out > start)
			*s->out++ = ' ';
		blank = false;
		quoted |= *p == '\'';
		if (*p == '"')
			p = keep_string(s, p);
		else
			*s->out++ = *p++;
	}
	if (s->out > start || s->continued)
		*s->out++ = '\n';
}

static void strip_cpp(struct stripper *s)
{
	bool inside = false;

	while (next_line(s))
		strip_cpp_line(s, &inside);
}

static void (*stripper_of(const char *path))(struct stripper *s)
{
	const char *base = path_base(path), *ending = strrchr(base, '.');

	if (!strncmp(base, "Kconfig", 7))
		return strip_kconfig;
	if (!strncmp(base, "Makefile", 8) || !strcmp(base, "Kbuild") || !strncmp(base, "Kbuild.", 7))
		return strip_makefile;
	return ending && (!strcmp(ending, ".S") || !strcmp(ending, ".lds")) ? strip_cpp : NULL;
}

bool comments_are_known(const char *path)
{
	return stripper_of(path);
}

const char *comments_removed(struct arena *arena, const char *path, const char *text, size_t size)
{
	/* a line may come without its newline */
	char *out = arena_alloc(arena, size + 2);
	struct stripper s = { .next = text, .end = text + size, .out = out };

	if (!stripper_of(path))
		return NULL;
	stripper_of(path)(&s);
	*s.out = '\0';
	return s.unclear ? NULL : out;
}
