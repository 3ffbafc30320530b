// SPDX-License-Identifier: GPL-2.0-only
/* See xmalloc.h. */
#include "lib/util/xmalloc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void memory_exhausted(void)
{
	fprintf(stderr, "%s: out of memory\n", program_invocation_short_name);
	exit(EXIT_FAILURE);
}

static void *checked(void *p)
{
	if (!p)
		memory_exhausted();
	return p;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n && size ? n : 1, n && size ? size : 1));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	return checked(n && size ? reallocarray(p, n, size) : realloc(p, 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n < 0 ? checked(NULL) : text;
}

FILE *xopen_memstream(char **text, size_t *size)
{
	return checked(open_memstream(text, size));
}

void xclose_memstream(FILE *f)
{
	if (fclose(f))
		memory_exhausted();
}
