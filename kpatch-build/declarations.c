// SPDX-License-Identifier: GPL-2.0-only
/*
 * Most fixes change the bodies of functions and nothing else, and those cannot change the layout of a type
 * that outlives the function. For the others the compile stage asks for debug information, which the differ
 * compares types by and which costs an eighth of the time. This file tells one from the other: it makes the
 * skeleton of a source, its tokens without comments and without definitions of functions, of which
 * only the directives between their lines stay, and compares two of them.
 *
 * It reads the source as it stands, without expanding anything. A definition of a function is what looks like
 * one beyond doubt: identifiers and asterisks, one pair of parentheses, one pair of braces. Where conditional
 * directives cut through braces, or they do not match, nothing is certain.
 */
#include "kpatch-build/declarations.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "lib/util/arena.h"
#include "lib/util/file.h"

#define CONDITIONS 64 /* nested */

struct buffer {
	char *text;
	size_t n, room;
};

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_OTHER, TOKEN_DIRECTIVE };

struct token {
	enum token_kind kind;
	const char *text;
	size_t n;
};

/* What the tokens of a declaration have been, as far as it may be a function's. */
enum head {
	HEAD_NAMES,	/* identifiers and asterisks */
	HEAD_ARGUMENTS,	/* inside of the parentheses */
	HEAD_CLOSED,	/* behind them */
	HEAD_BODY,
	HEAD_DONE,	/* behind the last brace */
	HEAD_OTHER,	/* no definition of a function */
};

struct skeleton {
	const char *at, *end;
	bool line_start, lost;	/* lost: not understood */
	struct buffer out;	/* finished */
	struct buffer pending;	/* the declaration being read */
	enum head head;
	unsigned int words, braces, parens;
	bool tag;		/* struct, union or enum without an asterisk behind it */
	bool macro;		/* the first word is one that defines a function by itself */
	struct { unsigned int braces, parens; } condition[CONDITIONS];
	unsigned int n_conditions;
};

static void add(struct skeleton *s, struct buffer *b, const char *text, size_t n)
{
	if (b->room - b->n < n + 1) {
		size_t room = 2 * b->room + n + 4096;
		char *more = realloc(b->text, room);

		if (!more) {
			s->lost = true;
			return;
		}
		b->text = more;
		b->room = room;
	}
	memcpy(b->text + b->n, text, n);
	b->text[b->n + n] = ' ';
	b->n += n + 1;
}

/* Tokens */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

/* The length of a comment, or of a line that goes on, at @p; 0: there is none. */
static size_t blank_length(const char *p, const char *end)
{
	const char *q = p + 2;

	if (end - p < 2)
		return 0;
	if (p[0] == '\\' && p[1] == '\n')
		return 2;
	if (p[0] == '\\' && p[1] == '\r' && end - p > 2 && p[2] == '\n')
		return 3;
	if (p[0] != '/' || (p[1] != '*' && p[1] != '/'))
		return 0;
	if (p[1] == '/') {
		while (q < end && (*q != '\n' || q[-1] == '\\'))
			q++;
		return (size_t)(q - p);
	}
	while (end - q >= 2 && (q[0] != '*' || q[1] != '/'))
		q++;
	return (size_t)((end - q >= 2 ? q + 2 : end) - p);
}

/* The length of a literal at @p; 0: it does not end in its line. */
static size_t literal_length(const char *p, const char *end)
{
	const char *q = p + 1;

	while (q < end && *q != *p && *q != '\n')
		q += *q == '\\' && end - q > 1 ? 2 : 1;
	return q < end && *q == *p ? (size_t)(q + 1 - p) : 0;
}

/* A directive is one token, to the end of its line; its text is added without comments. */
static void read_directive(struct skeleton *s, struct token *t)
{
	size_t begin = s->out.n, n;

	while (s->at < s->end && *s->at != '\n') {
		n = blank_length(s->at, s->end);
		if (n) {
			add(s, &s->out, "", 0);
			s->at += n;
			continue;
		}
		n = *s->at == '"' || *s->at == '\'' ? literal_length(s->at, s->end) : 0;
		n = n ? n : 1;
		add(s, &s->out, s->at, n);
		/* words stay in one piece */
		s->out.n -= !s->lost;
		s->at += n;
	}
	add(s, &s->out, "\n", 1);
	*t = (struct token){ TOKEN_DIRECTIVE, s->out.text + begin, s->lost ? 0 : s->out.n - begin };
}

static void skip_blanks(struct skeleton *s)
{
	size_t n = 1;

	while (s->at < s->end && n) {
		n = blank_length(s->at, s->end);
		if (!n && isspace((unsigned char)*s->at)) {
			s->line_start |= *s->at == '\n';
			n = 1;
		}
		s->at += n;
	}
}

static struct token next_token(struct skeleton *s)
{
	struct token t = { TOKEN_END, s->end, 0 };

	skip_blanks(s);
	if (s->at == s->end)
		return t;
	t = (struct token){ TOKEN_OTHER, s->at, 1 };
	if (*s->at == '#' && s->line_start) {
		read_directive(s, &t);
		return t;
	}
	s->line_start = false;
	if (is_word(*s->at)) {
		t.kind = TOKEN_WORD;
		while (t.n < (size_t)(s->end - s->at) && is_word(s->at[t.n]))
			t.n++;
	} else if (*s->at == '"' || *s->at == '\'') {
		t.n = literal_length(s->at, s->end);
		s->lost |= !t.n;
	}
	s->at += t.n;
	return t;
}

static bool is(const struct token *t, const char *text)
{
	return t->n == strlen(text) && !memcmp(t->text, text, t->n);
}

/* Declarations */

static void flush(struct skeleton *s, bool keep)
{
	if (keep && s->pending.n)
		add(s, &s->out, s->pending.text, s->pending.n);
	s->pending.n = 0;
	s->head = HEAD_NAMES;
	s->words = 0;
	s->tag = s->macro = false;
}

/* Conditional code must not cut through braces: each branch has to end on the level where it began. */
static void follow_condition(struct skeleton *s, const struct token *t)
{
	const char *p = t->text + 1, *end = t->text + t->n;

	while (p < end && isspace((unsigned char)*p))
		p++;
	if (end - p >= 2 && !memcmp(p, "if", 2)) {
		if (s->n_conditions == CONDITIONS) {
			s->lost = true;
			return;
		}
		s->condition[s->n_conditions].braces = s->braces;
		s->condition[s->n_conditions++].parens = s->parens;
	} else if (end - p >= 2 && (!memcmp(p, "el", 2) || (end - p >= 5 && !memcmp(p, "endif", 5)))) {
		if (!s->n_conditions || s->condition[s->n_conditions - 1].braces != s->braces ||
		    s->condition[s->n_conditions - 1].parens != s->parens)
			s->lost = true;
		else if (*p == 'e' && p[1] == 'n')
			s->n_conditions--;
	}
}

static bool defines_function(const struct token *t)
{
	static const char *const macros[] = { "SYSCALL_DEFINE", "COMPAT_SYSCALL_DEFINE" };

	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++)
		if (t->n == strlen(macros[i]) + 1 && !memcmp(t->text, macros[i], t->n - 1))
			return true;
	return false;
}

static void follow_names(struct skeleton *s, const struct token *t)
{
	if (t->kind == TOKEN_WORD) {
		s->macro |= !s->words && defines_function(t);
		s->words++;
		s->tag |= is(t, "struct") || is(t, "union") || is(t, "enum");
		if (is(t, "typedef"))
			s->head = HEAD_OTHER;
	} else if (is(t, "*")) {
		s->tag = false;
	} else if (is(t, "(") && (s->words > 1 || s->macro) && !s->tag) {
		s->head = HEAD_ARGUMENTS;
	} else {
		s->head = HEAD_OTHER;
	}
}

/* After the token was counted in .braces and .parens. */
static void follow_head(struct skeleton *s, const struct token *t)
{
	switch (s->head) {
	case HEAD_NAMES:
		follow_names(s, t);
		break;
	case HEAD_ARGUMENTS:
		if (s->braces)
			s->head = HEAD_OTHER;
		else if (!s->parens)
			s->head = HEAD_CLOSED;
		break;
	case HEAD_CLOSED:
		s->head = is(t, "{") ? HEAD_BODY : HEAD_OTHER;
		break;
	case HEAD_BODY:
		if (!s->braces)
			s->head = HEAD_DONE;
		break;
	default:
		break;
	}
}

static void count(struct skeleton *s, const struct token *t)
{
	if (is(t, "{"))
		s->braces++;
	else if (is(t, "("))
		s->parens++;
	else if (is(t, "}"))
		s->lost |= !s->braces--;
	else if (is(t, ")"))
		s->lost |= !s->parens--;
}

/* A directive is out already; where it stood matters to a declaration, but not to a function's body. */
static void take_directive(struct skeleton *s, const struct token *t)
{
	follow_condition(s, t);
	if (s->head == HEAD_DONE)
		flush(s, false);
	if (s->head != HEAD_BODY && s->pending.n)
		s->head = HEAD_OTHER;
	if (s->pending.n)
		add(s, &s->pending, "#", 1);
}

static void take(struct skeleton *s, const struct token *t)
{
	/* what is followed by more than the next declaration is none, whatever it looks like */
	if (s->head == HEAD_DONE)
		flush(s, is(t, ";") || is(t, ",") || is(t, "=") || is(t, "*"));
	add(s, &s->pending, t->text, t->n);
	count(s, t);
	follow_head(s, t);
	if (!s->braces && !s->parens && (is(t, ";") || (is(t, "}") && s->head == HEAD_OTHER)))
		flush(s, true);
}

/* False: lost. */
static bool make_skeleton(struct skeleton *s, const char *text, size_t size)
{
	struct token t;

	*s = (struct skeleton){ .at = text, .end = text + size, .line_start = true };
	while (!s->lost && (t = next_token(s)).kind != TOKEN_END) {
		if (t.kind == TOKEN_DIRECTIVE)
			take_directive(s, &t);
		else
			take(s, &t);
	}
	flush(s, s->head != HEAD_DONE);
	return !s->lost && !s->braces && !s->parens && !s->n_conditions;
}

static void release(struct skeleton *s)
{
	free(s->out.text);
	free(s->pending.text);
}

bool declarations_same(const char *before, size_t before_size, const char *after, size_t after_size)
{
	struct skeleton a, b;
	bool good = make_skeleton(&a, before, before_size);

	good = make_skeleton(&b, after, after_size) && good;
	good = good && a.out.n == b.out.n && (!a.out.n || !memcmp(a.out.text, b.out.text, a.out.n));
	release(&a);
	release(&b);
	return good;
}

bool build_declarations_same(struct build *b)
{
	for (size_t i = 0; i < b->n_patched; i++) {
		const struct patched_file *f = &b->patched[i];
		const char *path = arena_printf(b->arena, "%s/%s", b->kernel.tree, f->path);
		char *text;
		size_t size;

		if (!path || file_read(b->arena, path, &text, &size) ||
		    !declarations_same(text, size, f->text, f->size))
			return false;
	}
	return true;
}
