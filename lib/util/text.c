/* SPDX-License-Identifier: GPL-2.0-only */
/* See text.h. */
#include "lib/util/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Decodes one character of UTF-8. Returns its length, or 0 if it is malformed: a stray or missing
 * continuation byte, an overlong form, a surrogate, above U+10FFFF.
 */
static unsigned int decode_utf8(const unsigned char *s, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int len = s[0] < 0x80 ? 1 :
			   s[0] < 0xc2 ? 0 :
			   s[0] < 0xe0 ? 2 :
			   s[0] < 0xf0 ? 3 :
			   s[0] < 0xf5 ? 4 :
					 0;
	uint32_t c = s[0];

	if (len > 1)
		c &= 0x7fU >> len;
	for (unsigned int i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (!len || c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}

/* Controls (C0, DEL, C1), line and paragraph separators, marks and overrides of direction. */
static bool is_printable(uint32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0x061c && !(c >= 0x200e && c <= 0x200f) &&
	       !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0xfeff && c != 0xfffe &&
	       c != 0xffff;
}

unsigned int text_printable(const char *s)
{
	uint32_t c;
	unsigned int len = decode_utf8((const unsigned char *)s, &c);

	return len && is_printable(c) ? len : 0;
}

static bool is_plain(char c, const char *others)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       strchr(others, c);
}

bool text_is_plain(const char *s, const char *others)
{
	if (!*s || *s == '-')
		return false;
	while (*s && is_plain(*s, others))
		s++;
	return !*s;
}

bool text_is_plain_path(const char *s)
{
	if (!*s || *s == '-')
		return false;
	while (*s) {
		unsigned int len = text_printable(s);

		if (!len || (len == 1 && !is_plain(*s, "/._+,@=~-")))
			return false;
		s += len;
	}
	return true;
}

/* Writes what @s begins with, in place of a byte that cannot be shown \xNN; returns what is behind it. */
static const char *print_one(FILE *f, const char *s)
{
	unsigned int len = text_printable(s);

	if (len)
		fwrite(s, 1, len, f);
	else
		fprintf(f, "\\x%02x", (unsigned char)*s);
	return s + (len ? len : 1);
}

bool text_starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

bool text_ends_in(const char *text, const char *ending)
{
	size_t n = strlen(text), m = strlen(ending);

	return n >= m && !strcmp(text + n - m, ending);
}

#define WORD_MAX 31

/* Letters that are missing, too many, others, or two that changed places: how many of these lead from the one to the other. */
static unsigned int letters_apart(const char *a, const char *b)
{
	unsigned int rows[3][WORD_MAX + 1], n = (unsigned int)strlen(b);
	unsigned int *before = rows[0], *last = rows[1], *row = rows[2];

	for (unsigned int j = 0; j <= n; j++)
		last[j] = j;
	for (unsigned int i = 1; a[i - 1]; i++) {
		unsigned int *spare = before;

		row[0] = i;
		for (unsigned int j = 1; j <= n; j++) {
			unsigned int best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (best > last[j] + 1)
				best = last[j] + 1;
			if (best > row[j - 1] + 1)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    best > before[j - 2] + 1)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[n];
}

const char *text_nearest(const char *word, const char *const *words, size_t n)
{
	size_t length = strlen(word);
	unsigned int nearest = length < 5 ? 2 : 3, apart;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		if (length > WORD_MAX || strlen(words[i]) > WORD_MAX)
			continue;
		if (length > 2 && text_starts_with(words[i], word))
			return words[i];
		apart = letters_apart(word, words[i]);
		if (apart < nearest && apart < length) {
			nearest = apart;
			found = words[i];
		}
	}
	return found;
}

void text_print(FILE *f, const char *s)
{
	while (*s)
		s = print_one(f, s);
}

void text_print_lines(FILE *f, const char *s)
{
	while (*s) {
		if (*s == '\n')
			fputs(s[1] ? "\n    " : "\n", f);
		else if (*s == '\t')
			fputc('\t', f);
		if (*s == '\n' || *s == '\t')
			s++;
		else
			s = print_one(f, s);
	}
}

void text_print_json(FILE *f, const char *s)
{
	fputc('"', f);
	while (*s) {
		unsigned char c = (unsigned char)*s;
		uint32_t decoded;
		unsigned int len = decode_utf8((const unsigned char *)s, &decoded);

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(f, "\\u%04x", c);
		else if (len)
			fwrite(s, 1, len, f);
		else
			fputs("\\ufffd", f);
		s += len ? len : 1;
	}
	fputc('"', f);
}
