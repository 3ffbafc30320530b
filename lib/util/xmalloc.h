/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory, or the end of the program.
 *
 * The one place that knows what happens when memory is exhausted: the program says so and ends with 1, the exit code
 * that all of them have for trouble of the system. Nothing that allocates, here or in an arena, ever returns NULL,
 * and no caller asks. That is safe because every program can be killed at any time: what it writes is complete or
 * absent. Sizes that come out of a file are checked against the file's own size before anything is allocated.
 */
#ifndef KPATCH_UTIL_XMALLOC_H
#define KPATCH_UTIL_XMALLOC_H

#include <stddef.h>
#include <stdio.h>

/* Says that memory is exhausted, and ends the program. */
void memory_exhausted(void) __attribute__((noreturn));

/* As the C library's; the caller frees what they return. No bytes, or no elements, give a unique pointer. */
void *xmalloc(size_t size) __attribute__((returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((returns_nonnull));
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* A stream that writes a text: open_memstream(). xclose_memstream() closes it; then *@text is the caller's to free. */
FILE *xopen_memstream(char **text, size_t *size) __attribute__((returns_nonnull));
void xclose_memstream(FILE *f);

#endif
