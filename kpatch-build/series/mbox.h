/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the messages of an mbox begin. */
#ifndef KPATCH_BUILD_MBOX_H
#define KPATCH_BUILD_MBOX_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* Whether the line of @size bytes is the one that stands before a mail: "From SENDER DATE". */
bool mbox_is_separator(const char *line, size_t size);
/*
 * Bytes from @text to the end of its first message, of @size at most: up to the next separator line. @text itself may begin
 * with one. *lines: how many lines these are.
 */
size_t mbox_message(const char *text, size_t size, unsigned int *lines);

/*
 * Whether there is a diff in the message: what has none is a cover letter or an answer, and no patch.
 */
bool mbox_has_diff(const char *text, size_t size);
/* How the message's text is there, by its header. */
enum mbox_encoding { MBOX_PLAIN, MBOX_QUOTED, MBOX_BASE64, MBOX_PARTS };

/* *body: where in the message its text begins, behind the header. */
enum mbox_encoding mbox_encoding(const char *text, size_t size, size_t *body);
/*
 * The message with its text as it was before it was encoded (MBOX_QUOTED, MBOX_BASE64), owned by @arena, a NUL behind it.
 */
void mbox_decode(struct arena *arena, enum mbox_encoding encoding, const char *text, size_t size, size_t body,
		 const char **out, size_t *out_size);

#endif
