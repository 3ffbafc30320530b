/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the messages of an mbox begin. */
#ifndef KPATCH_BUILD_MBOX_H
#define KPATCH_BUILD_MBOX_H

#include <stdbool.h>
#include <stddef.h>

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
/*
 * How the message's text is encoded, by its header, if it is not there as it is: "quoted printable", "base64", "several
 * parts". NULL: it is plain.
 */
const char *mbox_encoding(const char *text, size_t size);

#endif
