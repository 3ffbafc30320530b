/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of words: the arguments of a command line as make writes it for the shell.
 */
#ifndef KPATCH_UTIL_WORDS_H
#define KPATCH_UTIL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct words {
	const char **word; /* a NULL follows the last */
	size_t n;
	size_t room;
};

/* Appends @word, which is not copied. */
void words_add(struct arena *a, struct words *w, const char *word);
/* Whether @word is among them. */
bool words_has(const struct words *w, const char *word);
/* Appends a copy of each word of @text that blanks separate; no quoting. */
void words_add_list(struct arena *a, struct words *w, const char *text);
/*
 * Appends the words of a POSIX shell command with its quotes and backslashes taken off. -EINVAL
 * for anything that only a shell could understand ($ ` ; | & < > ( ) * ? outside of quotes, an open
 * quote): the line is not one simple command.
 */
int words_add_shell(struct arena *a, struct words *w, const char *text);

#endif
