/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text that others wrote, on its way to a terminal: names, messages, what a file says of itself. Control
 * characters would move the cursor, change colours or begin a line of their own; marks of direction would
 * show one thing for another.
 */
#ifndef KPATCH_UTIL_TEXT_H
#define KPATCH_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Bytes of the character that @s begins with, if it is well-formed UTF-8 and can be shown as part of a line;
 * else 0, also at the end of the text.
 */
unsigned int text_printable(const char *s);

/*
 * Whether @s is made of ASCII letters, digits and characters of @others alone, at least one, and begins with none of "-".
 * What comes out of a file must be, before it is a word of a command, a variable of make, a macro of rpm or a path:
 * there, other characters may mean something.
 */
bool text_is_plain(const char *s, const char *others);
/*
 * The same for a path that make, a shell and rpm are to take for a path: without blanks and colons, which the kernel's
 * makefiles do not take. Letters of other scripts are as good as ASCII.
 */
bool text_is_plain_path(const char *s);

bool text_starts_with(const char *text, const char *start);
bool text_ends_in(const char *text, const char *ending);

/*
 * The one of @n words that @word was probably meant to be: one that it begins, or that is few letters away. NULL: none is near.
 */
const char *text_nearest(const char *word, const char *const *words, size_t n);

/* Writes @s with \xNN in the place of each byte that cannot be shown. */
void text_print(FILE *f, const char *s);

/*
 * Writes @s as a string of JSON (RFC 8259), quotes included. A byte that is no part of UTF-8 becomes U+FFFD, which is what
 * JSON can hold of it.
 */
void text_print_json(FILE *f, const char *s);

/*
 * text_print() for a text that may have several lines, such as what a compiler says. All but the first are
 * indented, so that none looks like a message of its own.
 */
void text_print_lines(FILE *f, const char *s);

#endif
