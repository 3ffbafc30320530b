/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hash map from strings to pointers or numbers.
 *
 * Keys are not copied: they must live as long as the map. Open addressing, so a lookup costs a
 * hash and, nearly always, one comparison.
 */
#ifndef KPATCH_UTIL_STRMAP_H
#define KPATCH_UTIL_STRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strmap;

union strmap_value {
	void *ptr;
	const void *cptr;
	uint64_t num;
};

/* An empty map with room for @expected keys (a hint). Owned by the caller. */
struct strmap *strmap_new(size_t expected) __attribute__((returns_nonnull));
void strmap_free(struct strmap *m);
/* Sets @key to @value, replacing an earlier value. */
void strmap_set(struct strmap *m, const char *key, union strmap_value value);
/* The slot of @key, which may be written through until the next strmap_set(), or NULL. */
union strmap_value *strmap_get(const struct strmap *m, const char *key);
size_t strmap_count(const struct strmap *m);

#endif
