// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mbox.h. Messages follow each other, each behind a line "From SENDER DATE" (RFC 4155); git writes the commit for the
 * sender. The date is what tells such a line from a sentence that begins with "From".
 */
#include "kpatch-build/series/mbox.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "kpatch-build/series/encoding.h"
#include "lib/util/arena.h"

struct word {
	const char *text;
	size_t size;
};

/* The next line, without its newline and carriage return; *text and *size go behind it. */
static struct word take_line(const char **text, size_t *size)
{
	const char *nl = memchr(*text, '\n', *size);
	struct word l = { *text, nl ? (size_t)(nl - *text) : *size };
	size_t used = nl ? l.size + 1 : l.size;

	*text += used;
	*size -= used;
	if (l.size && l.text[l.size - 1] == '\r')
		l.size--;
	return l;
}

static struct word take_word(struct word *line)
{
	struct word w;

	while (line->size && *line->text == ' ') {
		line->text++;
		line->size--;
	}
	w = (struct word){ line->text, 0 };
	while (w.size < line->size && w.text[w.size] != ' ')
		w.size++;
	line->text += w.size;
	line->size -= w.size;
	return w;
}

static bool is_one_of(struct word w, const char *names)
{
	for (; *names && w.size == 3; names += 3)
		if (!memcmp(names, w.text, 3))
			return true;
	return false;
}

static bool is_number(struct word w, size_t least, size_t most)
{
	for (size_t i = 0; i < w.size; i++)
		if (!isdigit((unsigned char)w.text[i]))
			return false;
	return w.size >= least && w.size <= most;
}

static bool is_time(struct word w)
{
	return w.size >= 4 && w.size <= 8 && isdigit((unsigned char)w.text[0]) &&
	       memchr(w.text, ':', w.size) && isdigit((unsigned char)w.text[w.size - 1]);
}

bool mbox_is_separator(const char *line, size_t size)
{
	struct word rest = { line, size }, w;

	if (size < 5 || memcmp(line, "From ", 5))
		return false;
	take_word(&rest);
	take_word(&rest); /* the sender, whoever that is */
	w = take_word(&rest);
	if (!is_one_of(w, "MonTueWedThuFriSatSun") ||
	    !is_one_of(take_word(&rest), "JanFebMarAprMayJunJulAugSepOctNovDec") ||
	    !is_number(take_word(&rest), 1, 2) || !is_time(take_word(&rest)))
		return false;
	/* the year may stand before or behind the time's zone */
	for (w = take_word(&rest); w.size; w = take_word(&rest))
		if (is_number(w, 4, 4))
			return true;
	return false;
}

size_t mbox_message(const char *text, size_t size, unsigned int *lines)
{
	const char *at = text;
	size_t left = size;

	*lines = 0;
	while (left) {
		const char *start = at;
		struct word l = take_line(&at, &left);

		if (start > text && mbox_is_separator(l.text, l.size))
			return (size_t)(start - text);
		++*lines;
	}
	return size;
}

static bool starts(struct word l, const char *word)
{
	size_t n = strlen(word);

	return l.size >= n && !strncasecmp(l.text, word, n);
}

bool mbox_has_diff(const char *text, size_t size)
{
	bool old = false;

	while (size) {
		struct word l = take_line(&text, &size);

		if (starts(l, "diff --git ") || (old && starts(l, "+++ ")))
			return true;
		old = starts(l, "--- ");
	}
	return false;
}

enum mbox_encoding mbox_encoding(const char *text, size_t size, size_t *body)
{
	const char *const start = text;
	enum mbox_encoding encoding = MBOX_PLAIN;
	struct word l = size ? take_line(&text, &size) : (struct word){ text, 0 };

	/* without a mail's header there is nothing that could say so */
	if (mbox_is_separator(l.text, l.size))
		l = take_line(&text, &size);
	for (; l.size && (memchr(l.text, ':', l.size) || *l.text == ' ' || *l.text == '\t');
	     l = take_line(&text, &size)) {
		size_t name = strlen("Content-Transfer-Encoding:");

		if (starts(l, "Content-Type:") && memmem(l.text, l.size, "multipart/", 10))
			encoding = MBOX_PARTS;
		if (!starts(l, "Content-Transfer-Encoding:") || encoding == MBOX_PARTS)
			continue;
		l.text += name;
		l.size -= name;
		l = take_word(&l);
		encoding = starts(l, "quoted") ? MBOX_QUOTED : starts(l, "base64") ? MBOX_BASE64 : MBOX_PLAIN;
	}
	*body = (size_t)(text - start);
	return encoding;
}

void mbox_decode(struct arena *arena, enum mbox_encoding encoding, const char *text, size_t size, size_t body,
		 const char **out, size_t *out_size)
{
	char *made = arena_alloc(arena, size + 1);

	memcpy(made, text, body);
	*out_size = body + (encoding == MBOX_BASE64 ? base64_decode(text + body, size - body, made + body) :
						      quoted_decode(text + body, size - body, made + body));
	made[*out_size] = '\0';
	*out = made;
}
