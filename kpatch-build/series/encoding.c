// SPDX-License-Identifier: GPL-2.0-only
/* See encoding.h. */
#include "kpatch-build/series/encoding.h"

#include <ctype.h>
#include <string.h>

static int sextet(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

size_t base64_decode(const char *in, size_t n, char *out)
{
	unsigned int bits = 0, have = 0;
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		if (in[i] && strchr(" \t\r\n", in[i]))
			continue;
		if (sextet(in[i]) < 0)
			break;
		bits = (bits << 6 | (unsigned int)sextet(in[i])) & 0xffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[made++] = (char)(bits >> have & 0xff);
		}
	}
	return made;
}

static int nibble(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

bool quoted_byte(const char *in, size_t n, char *out)
{
	if (n < 3 || *in != '=' || nibble(in[1]) < 0 || nibble(in[2]) < 0)
		return false;
	*out = (char)(nibble(in[1]) * 16 + nibble(in[2]));
	return true;
}

/* Bytes of the end of a line that stands behind a "=" at its end, 0: there is none. */
static size_t joined(const char *in, size_t n)
{
	size_t i = 0;

	while (i < n && (in[i] == ' ' || in[i] == '\t'))
		i++;
	if (i < n && in[i] == '\r')
		i++;
	return i < n && in[i] == '\n' ? i + 1 : 0;
}

size_t quoted_decode(const char *in, size_t n, char *out)
{
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		size_t end = in[i] == '=' ? joined(in + i + 1, n - i - 1) : 0;

		if (end)
			i += end;
		else if (quoted_byte(in + i, n - i, &out[made++]))
			i += 2;
		else
			out[made - 1] = in[i];
	}
	return made;
}
