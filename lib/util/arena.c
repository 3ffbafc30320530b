/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See arena.h. Blocks are chained. Each is twice as large as the one before, up to a limit: there are arenas that
 * hold a dozen texts, and fresh pages cost more than what is put into them. A request larger than a block gets a
 * block of its own.
 */
#include "lib/util/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/xmalloc.h"

#define FIRST_BLOCK 4000u /* with the heads of block and allocation: a page */
#define BLOCK_SIZE (256u * 1024u)
#define ALIGNMENT 16u

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(ALIGNMENT) unsigned char data[];
};

struct arena {
	struct block *blocks;
	size_t used;
	size_t next_block; /* size of the next one; 0: none was made yet */
};

struct arena *arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->blocks;

	if (size > SIZE_MAX - sizeof(*b) - ALIGNMENT)
		memory_exhausted();
	size = size ? (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1) : ALIGNMENT;
	if (!b || b->size - b->used < size) {
		size_t block = a->next_block ? a->next_block : FIRST_BLOCK;
		size_t room = size > block ? size : block;

		/* calloc: fresh pages come zeroed from the kernel, so large blocks cost nothing */
		b = xcalloc(1, sizeof(*b) + room);
		b->size = room;
		a->next_block = block * 2 < BLOCK_SIZE ? block * 2 : BLOCK_SIZE;
		if (size > block && a->blocks) {
			/* keep the block that still has room at the head */
			b->next = a->blocks->next;
			a->blocks->next = b;
		} else {
			b->next = a->blocks;
			a->blocks = b;
		}
	}
	b->used += size;
	a->used += size;
	return b->data + b->used - size;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		memory_exhausted();
	return arena_alloc(a, total);
}

void *arena_memdup(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_alloc(a, size);

	if (size)
		memcpy(copy, p, size);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = arena_alloc(a, len + 1);

	memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	if (len < 0)
		memory_exhausted(); /* longer than INT_MAX */
	s = arena_alloc(a, (size_t)len + 1);
	vsnprintf(s, (size_t)len + 1, fmt, again);
	va_end(again);
	return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
