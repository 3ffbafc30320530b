/* SPDX-License-Identifier: GPL-2.0-only */
/* How mails carry bytes: base64 and quoted-printable (RFC 2045). */
#ifndef KPATCH_BUILD_ENCODING_H
#define KPATCH_BUILD_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Decodes @n bytes at @in to @out, which has room for as many: nothing gets longer. Line ends and blanks between digits mean
 * nothing. Returns the bytes made; what is no digit ends the text.
 */
size_t base64_decode(const char *in, size_t n, char *out);
/* Whether @in begins with a code of quoted-printable, "=C3", whose byte is *out then. */
bool quoted_byte(const char *in, size_t n, char *out);
/*
 * The same of quoted-printable text: "=C3" is a byte, "=" at the end of a line joins it with the next. What is no such code stays as it is.
 */
size_t quoted_decode(const char *in, size_t n, char *out);

#endif
