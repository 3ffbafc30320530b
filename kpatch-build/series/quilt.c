// SPDX-License-Identifier: GPL-2.0-only
/*
 * A quilt series file: a patch a line, relative to the file's directory, with how many components its paths lose
 * ("-pN"), and comments. What depends on who reads it (guards, "+name" and "-name") or is to be taken back ("-R") is refused:
 * nobody can tell which source the kernel was made from.
 */
#include "kpatch-build/series/series_private.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/series/text.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/path.h"
#include "lib/util/text.h"

#define STRIP_MAX 9

bool series_is_quilt(const char *path)
{
	const char *base = path_base(path);

	return !strcmp(base, "series") || text_starts_with(base, "series.") ||
	       text_starts_with(base, "series-") || text_ends_in(base, ".series");
}

static int refuse(struct build *b, const char *path, unsigned int line, const char *id, const char *remedy,
		  const char *what, const char *word)
{
	struct diag_place place = { .file = path, .line = line };

	diag_error(b->diags, id, &place, remedy, "%s '%s'", what, word);
	return -EINVAL;
}

/* The words of a line, up to a comment; their text is cut out of it. */
static size_t split(char *line, char *words[], size_t max)
{
	size_t n = 0;

	for (char *w = strtok_r(line, " \t\r", &line); w && *w != '#'; w = strtok_r(NULL, " \t\r", &line)) {
		if (n < max)
			words[n] = w;
		n++;
	}
	return n;
}

/* "-p1", "-p 1", "-pab": how many components. */
static int read_strip(char *words[], size_t n, size_t *i, unsigned int *out)
{
	const char *value = words[*i] + 2;

	if (!*value && *i + 1 < n)
		value = words[++*i];
	if (!strcmp(value, "ab"))
		value = "1";
	if (strlen(value) != 1 || *value < '0' || *value > '0' + STRIP_MAX)
		return -EINVAL;
	*out = (unsigned int)(*value - '0');
	return 0;
}

static int add_line(struct build *b, struct series *s, const char *path, unsigned int number, char *line)
{
	enum { MAX_WORDS = 4 };
	char *words[MAX_WORDS];
	size_t n = split(line, words, MAX_WORDS);
	const char *dir, *patch;
	unsigned int strip = 1;

	if (!n)
		return 0;
	if (*words[0] == '+' || *words[0] == '-')
		return refuse(b, path, number, "series-guard",
			      "Write a series file without guards, with the patches that are to be applied",
			      "whether this line counts depends on a guard:", words[0]);
	for (size_t i = 1; i < n; i++) {
		const char *word = i < MAX_WORDS ? words[i] : "…";

		if (i < MAX_WORDS && !strncmp(word, "-p", 2) && !read_strip(words, n, &i, &strip))
			continue;
		return refuse(b, path, number, "series-option",
			      "Only -p0 to -p9 may stand behind the name of a patch",
			      "this is not understood:", word);
	}
	dir = path_directory(b->arena, path);
	patch = *words[0] == '/' ? words[0] : arena_printf(b->arena, "%s/%s", dir, words[0]);
	return series_add_file(b, s, patch, strip, true);
}

int series_add_quilt(struct build *b, struct series *s, const char *path)
{
	unsigned int number = 0;
	char *text, *line;
	size_t size;
	int err = series_text(b->arena, b->diags, path, &text, &size);

	if (!err && memchr(text, '\0', size))
		return refuse(b, path, 0, "series-option", NULL, "this is no text:", path_base(path));
	/* what is wrong in one line is said with what is wrong in others */
	while (!err && (line = strsep(&text, "\n")))
		add_line(b, s, path, ++number, line);
	return err ? err : diags_errors(b->diags) ? -EINVAL : 0;
}
