// SPDX-License-Identifier: GPL-2.0-only
/*
 * See identity.h. Reads mails as git writes and takes them (git-format-patch(1), git-am(1); RFC 5322 for continued
 * lines, RFC 2047 for encoded words) as far as their headers and the message's text, which ends where the diff begins.
 * The text is foreign: nothing in it is trusted, and what cannot be shown is replaced.
 */
#include "kpatch-build/series/identity.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "kpatch-build/series/encoding.h"
#include "kpatch-build/series/mbox.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/text.h"

#define COMMIT_DIGITS 40

/* A line of the file, without its newline and carriage return. */
struct line {
	const char *text;
	size_t size;
};

struct reader {
	const char *next, *end;
	struct arena *arena;
	struct manifest_fix *fix;
	const char **cves, **fixes;
	bool upstream; /* .commit is what the text says, not what git made of it */
	bool cut;      /* something was left out */
};

static struct line peek(const struct reader *r)
{
	const char *nl = memchr(r->next, '\n', (size_t)(r->end - r->next));
	struct line l = { r->next, (size_t)((nl ? nl : r->end) - r->next) };

	if (l.size && l.text[l.size - 1] == '\r')
		l.size--;
	return l;
}

static void skip(struct reader *r)
{
	const char *nl = memchr(r->next, '\n', (size_t)(r->end - r->next));

	r->next = nl ? nl + 1 : r->end;
}

static bool starts(struct line l, const char *word)
{
	size_t n = strlen(word);

	return l.size >= n && !strncasecmp(l.text, word, n);
}

static struct line after(struct line l, size_t n)
{
	l.text += n;
	l.size -= n;
	while (l.size && (*l.text == ' ' || *l.text == '\t')) {
		l.text++;
		l.size--;
	}
	return l;
}

/* The commit that the line has at its start, or NULL: digits, and nothing that goes on with more of them. */
static const char *commit_at(struct arena *a, struct line l)
{
	char id[COMMIT_DIGITS + 1];
	bool zero = true;

	if (l.size < COMMIT_DIGITS ||
	    (l.size > COMMIT_DIGITS && isalnum((unsigned char)l.text[COMMIT_DIGITS])))
		return NULL;
	for (size_t i = 0; i < COMMIT_DIGITS; i++) {
		if (!isxdigit((unsigned char)l.text[i]))
			return NULL;
		id[i] = (char)tolower((unsigned char)l.text[i]);
		zero = zero && id[i] == '0';
	}
	id[COMMIT_DIGITS] = '\0';
	return zero ? NULL : arena_strdup(a, id);
}

static bool is_mail(struct line l)
{
	return mbox_is_separator(l.text, l.size);
}

static bool is_diff(struct line l)
{
	return starts(l, "diff --git ") || starts(l, "--- ") || starts(l, "Index: ") ||
	       (l.size == 3 && !memcmp(l.text, "---", 3));
}

/* The "Q" encoding of RFC 2047, in which "_" is a blank. */
static size_t decode_quoted(const char *in, size_t n, char *out)
{
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		char c = in[i] == '_' ? ' ' : in[i];

		if (quoted_byte(in + i, n - i, &c))
			i += 2;
		out[made++] = c;
	}
	return made;
}

/* Bytes of the encoded word (UTF-8 only: others stay as they are) that @in begins with, 0: none does. */
static size_t encoded_word(const char *in, size_t n, char *out, size_t *made)
{
	static const char start[] = "=?utf-8?";
	size_t head = sizeof(start) - 1, i;
	char kind;

	if (n < head + 4 || strncasecmp(in, start, head) || in[head + 1] != '?')
		return 0;
	kind = (char)tolower((unsigned char)in[head]);
	for (i = head + 2; i + 1 < n && !(in[i] == '?' && in[i + 1] == '='); i++)
		;
	if (i + 1 >= n || (kind != 'b' && kind != 'q'))
		return 0;
	*made = kind == 'b' ? base64_decode(in + head + 2, i - head - 2, out) :
			      decode_quoted(in + head + 2, i - head - 2, out);
	return i + 2;
}

/* Encoded words decoded, in place: none gets longer. Blanks between two of them are not part of the text. */
static size_t decode_words(char *text, size_t n)
{
	size_t out = 0, words_end = 0;
	bool word = false;

	for (size_t i = 0; i < n;) {
		size_t made = 0, used = encoded_word(text + i, n - i, text + (word ? words_end : out), &made);

		if (used) {
			out = (word ? words_end : out) + made;
			words_end = out;
			i += used;
			word = true;
		} else {
			word = word && text[i] == ' ';
			text[out++] = text[i++];
		}
	}
	return out;
}

/* One line that can be shown and is not too long: blanks drawn together, '?' for what is no text. */
static const char *shown(struct arena *a, const char *text)
{
	char *out = arena_alloc(a, IDENTITY_TEXT + 1);
	size_t n = 0;

	while (*text) {
		unsigned int len = text_printable(text);
		bool blank = *text == ' ' || *text == '\t';

		if (n + (len ? len : 1) > IDENTITY_TEXT)
			break;
		if (blank && n && out[n - 1] != ' ')
			out[n++] = ' ';
		else if (!blank && len)
			memcpy(out + n, text, len);
		else if (!blank)
			out[n] = '?';
		n += blank ? 0 : len ? len : 1;
		text += len ? len : 1;
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	return out;
}

/* A header's value from behind its name, with the lines that continue it; the reader is moved behind them. */
static int value(struct reader *r, size_t name, const char **out)
{
	struct line l = after(peek(r), name);
	size_t size = l.size, room = (size_t)(r->end - r->next);
	char *text = arena_alloc(r->arena, room > 4 * IDENTITY_TEXT ? 4 * IDENTITY_TEXT + 1 : room + 1);

	size = size > 4 * IDENTITY_TEXT ? 4 * IDENTITY_TEXT : size;
	memcpy(text, l.text, size);
	for (skip(r); r->next < r->end && (*r->next == ' ' || *r->next == '\t'); skip(r)) {
		l = after(peek(r), 0);
		if (!l.size)
			break;
		if (size + 1 + l.size > 4 * IDENTITY_TEXT)
			continue;
		text[size++] = ' ';
		memcpy(text + size, l.text, l.size);
		size += l.size;
	}
	size = decode_words(text, size);
	for (size_t i = 0; i < size; i++)
		text[i] = text[i] ? text[i] : '?';
	text[size] = '\0';
	*out = shown(r->arena, text);
	return 0;
}

/* "[PATCH 5.10 1/3] title" → "title", as git-am(1) does. */
static const char *title(const char *subject)
{
	while (*subject == '[' && strchr(subject, ']')) {
		subject = strchr(subject, ']') + 1;
		subject += *subject == ' ';
	}
	return subject;
}

static int add_once(struct reader *r, const char **list, size_t *n, const char *text, size_t size)
{
	char *copy = arena_printf(r->arena, "%.*s", (int)(size > IDENTITY_TEXT ? IDENTITY_TEXT : size), text);
	const char *one = shown(r->arena, copy);

	for (size_t i = 0; i < *n; i++)
		if (!strcmp(list[i], one))
			return 0;
	if (*n == IDENTITY_LIST)
		r->cut = true;
	else if (*one)
		list[(*n)++] = one;
	return 0;
}

/* Length of the CVE number that @text begins with: a year, then four digits or more. 0: it is none. */
static size_t cve_at(const char *text, size_t size)
{
	size_t n = 9;

	if (size < 13 || strncmp(text, "CVE-", 4) || text[8] != '-')
		return 0;
	for (size_t i = 4; i < 8; i++)
		if (!isdigit((unsigned char)text[i]))
			return 0;
	while (n < size && isdigit((unsigned char)text[n]))
		n++;
	return n >= 13 && n <= 9 + 19 && !(n < size && isalnum((unsigned char)text[n])) ? n : 0;
}

static int find_cves(struct reader *r, struct line l)
{
	int err = 0;

	for (size_t i = 0; i < l.size && !err; i++) {
		size_t n = i && isalnum((unsigned char)l.text[i - 1]) ? 0 : cve_at(l.text + i, l.size - i);

		if (n)
			err = add_once(r, r->cves, &r->fix->n_cves, l.text + i, n);
	}
	return err;
}

/* "commit <id> upstream." and "[ Upstream commit <id> ]", as the stable kernels have them. */
static void find_upstream(struct reader *r, struct line l)
{
	static const char *const starts_with[] = { "commit ", "[ Upstream commit ", "[Upstream commit " };
	const char *id = NULL;

	for (size_t i = 0; i < sizeof(starts_with) / sizeof(*starts_with) && !id; i++)
		if (starts(l, starts_with[i]))
			id = commit_at(r->arena, after(l, strlen(starts_with[i])));
	if (!id || r->upstream)
		return;
	r->fix->commit = id;
	r->upstream = true;
}

static int read_header(struct reader *r)
{
	int err = 0;

	while (!err && r->next < r->end && peek(r).size && !is_diff(peek(r))) {
		struct line l = peek(r);

		err = find_cves(r, l);
		if (err)
			break;
		if (starts(l, "Subject:") && !r->fix->subject)
			err = value(r, 8, &r->fix->subject);
		else if (starts(l, "From:") && !r->fix->author)
			err = value(r, 5, &r->fix->author);
		else
			skip(r);
	}
	return err;
}

static int read_message(struct reader *r)
{
	bool first = true;
	int err = 0;

	for (; !err && r->next < r->end && !is_diff(peek(r)); skip(r)) {
		struct line l = peek(r);

		err = find_cves(r, l);
		find_upstream(r, l);
		if (!err && starts(l, "Fixes:"))
			err = add_once(r, r->fixes, &r->fix->n_fixes, after(l, 6).text, after(l, 6).size);
		/* Who sends a mail need not have written the fix: the first line of the text says who did. */
		if (!err && first && starts(l, "From:")) {
			struct reader at = *r;

			err = value(&at, 5, &r->fix->author);
		}
		first = first && !l.size;
	}
	return err;
}

static int read_mail(struct reader *r)
{
	struct manifest_fix *f = r->fix;
	int err;

	r->upstream = false;
	r->cves = arena_array(r->arena, IDENTITY_LIST, sizeof(*r->cves));
	r->fixes = arena_array(r->arena, IDENTITY_LIST, sizeof(*r->fixes));
	f->cves = r->cves;
	f->fixes = r->fixes;
	if (r->next < r->end && is_mail(peek(r))) {
		f->commit = commit_at(r->arena, after(peek(r), 5));
		skip(r);
	}
	err = read_header(r);
	if (!err)
		err = read_message(r);
	if (f->subject)
		f->subject = title(f->subject);
	if (f->author && !*f->author)
		f->author = NULL;
	return err;
}

int identity_read(struct arena *arena, const char *file, const char *data, size_t size,
		  struct manifest_fix **out, bool *cut)
{
	struct reader r = { .next = data, .end = data + size, .arena = arena };
	int err;

	r.fix = arena_alloc(arena, sizeof(*r.fix));
	r.fix->patch = file;
	err = read_mail(&r);
	if (err)
		return err;
	*out = r.fix->subject && *r.fix->subject ? r.fix : NULL;
	*cut = r.cut;
	return 0;
}
