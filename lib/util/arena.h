/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that is freed together.
 *
 * An arena owns every allocation made from it until arena_free(). Allocations are zeroed and
 * aligned to 16 bytes. No function returns NULL: without memory the program ends (xmalloc.h).
 */
#ifndef KPATCH_UTIL_ARENA_H
#define KPATCH_UTIL_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* A new, empty arena, owned by the caller. */
struct arena *arena_new(void) __attribute__((returns_nonnull));
/* Frees the arena and everything allocated from it. NULL is allowed. */
void arena_free(struct arena *a);
/* @size zeroed bytes. A @size of 0 gives a unique pointer. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
/* An array of @n zeroed elements of @size bytes. */
void *arena_array(struct arena *a, size_t n, size_t size) __attribute__((returns_nonnull));
/* Copies. */
void *arena_memdup(struct arena *a, const void *p, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
/* A formatted string. */
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), returns_nonnull));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((returns_nonnull));
/* Bytes handed out so far, for the memory figures of --verbose and the tests. */
size_t arena_used(const struct arena *a);

#endif
