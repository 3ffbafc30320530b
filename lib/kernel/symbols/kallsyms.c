/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See kallsyms.h. The table in memory: one block of arrays, the same in a cache file.
 *
 *	struct block_header
 *	uint64_t address[count]
 *	uint32_t name[count]	offset in the string pool
 *	uint32_t next[count]	next symbol of the same name
 *	uint32_t hash[slots]	first symbol of a name; open addressing
 *	char	 type[count]
 *	char	 strings[]
 *
 * kallsyms_decode.c and kallsyms_text.c fill it through the functions of kallsyms_table.h.
 */
#include "lib/kernel/symbols/kallsyms_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/arena.h"
#include "lib/util/xmalloc.h"

#define MAGIC 0x31534b4bu /* "KKS1" */

struct block_header {
	uint32_t magic, count, slots, sorted;
	uint64_t strings; /* bytes in the string pool */
};

struct kallsyms {
	const struct block_header *header;
	const uint64_t *address;
	const uint32_t *name, *next, *hash;
	const char *type, *strings;
	const char *const *modules; /* text format only: module of each symbol, or NULL */
	size_t size;		    /* of the block */
	void *owned;		    /* the block, if it is ours */
	struct arena *module_arena;
};

static uint32_t hash_name(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h ^ h >> 15;
}

/* Sizes of the arrays of a block. false: they overflow. */
static bool block_size(uint64_t count, uint64_t slots, uint64_t strings, size_t *size)
{
	size_t n = sizeof(struct block_header), part;

	return !__builtin_mul_overflow(count, 17u, &part) && !__builtin_add_overflow(n, part, &n) &&
	       !__builtin_mul_overflow(slots, 4u, &part) && !__builtin_add_overflow(n, part, &n) &&
	       !__builtin_add_overflow(n, strings, size);
}

static void set_arrays(struct kallsyms *k, const void *block)
{
	const struct block_header *h = block;

	k->header = h;
	k->address = (const uint64_t *)(h + 1);
	k->name = (const uint32_t *)(k->address + h->count);
	k->next = k->name + h->count;
	k->hash = k->next + h->count;
	k->type = (const char *)(k->hash + h->slots);
	k->strings = k->type + h->count;
}

/* Chains equal names, the first in the table first. */
static void build_index(const struct kallsyms *k)
{
	uint32_t mask = k->header->slots - 1;
	uint32_t *hash = (uint32_t *)k->hash, *next = (uint32_t *)k->next;

	memset(hash, 0xff, (size_t)k->header->slots * sizeof(*hash));
	for (uint32_t i = k->header->count; i--;) {
		const char *name = k->strings + k->name[i];
		uint32_t slot = hash_name(name) & mask;

		while (hash[slot] != KALLSYMS_NONE && strcmp(k->strings + k->name[hash[slot]], name))
			slot = (slot + 1) & mask;
		next[i] = hash[slot];
		hash[slot] = i;
	}
}

int kallsyms_table_build(const struct kallsyms_table *t, bool sorted, struct kallsyms **out)
{
	struct block_header h = { MAGIC, t->count, 4, sorted, t->strings_size };
	struct kallsyms *k;
	void *block;
	size_t size;

	while (h.slots < 2 * (uint64_t)t->count)
		h.slots *= 2;
	if (t->count > KALLSYMS_MAX || t->strings_size > UINT32_MAX ||
	    !block_size(h.count, h.slots, h.strings, &size))
		return -EBADMSG;
	k = xcalloc(1, sizeof(*k));
	block = xmalloc(size);
	memcpy(block, &h, sizeof(h));
	set_arrays(k, block);
	memcpy((void *)k->address, t->address, (size_t)t->count * sizeof(*t->address));
	memcpy((void *)k->name, t->name, (size_t)t->count * sizeof(*t->name));
	memcpy((void *)k->type, t->type, t->count);
	memcpy((void *)k->strings, t->strings, t->strings_size);
	build_index(k);
	k->owned = block;
	k->size = size;
	*out = k;
	return 0;
}

void kallsyms_set_modules(struct kallsyms *k, const char *const *modules, struct arena *arena)
{
	k->modules = modules;
	k->module_arena = arena;
}

void kallsyms_free(struct kallsyms *k)
{
	if (!k)
		return;
	free(k->owned);
	arena_free(k->module_arena);
	free(k);
}

uint32_t kallsyms_count(const struct kallsyms *k)
{
	return k->header->count;
}

struct kallsym kallsyms_get(const struct kallsyms *k, uint32_t i)
{
	return (struct kallsym){
		.name = k->strings + k->name[i],
		.address = k->address[i],
		.type = k->type[i],
		.module = k->modules ? k->modules[i] : NULL,
	};
}

uint32_t kallsyms_first(const struct kallsyms *k, const char *name)
{
	uint32_t mask = k->header->slots - 1, slot = hash_name(name) & mask;

	while (k->hash[slot] != KALLSYMS_NONE) {
		if (!strcmp(k->strings + k->name[k->hash[slot]], name))
			return k->hash[slot];
		slot = (slot + 1) & mask;
	}
	return KALLSYMS_NONE;
}

uint32_t kallsyms_next(const struct kallsyms *k, uint32_t i)
{
	return k->next[i];
}

uint32_t kallsyms_at(const struct kallsyms *k, uint64_t address)
{
	uint32_t low = 0, high = k->header->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (k->address[mid] < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low < k->header->count && k->address[low] == address ? low : KALLSYMS_NONE;
}

uint32_t kallsyms_below(const struct kallsyms *k, uint64_t address)
{
	uint32_t low = 0, high = k->header->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (k->address[mid] <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? low - 1 : KALLSYMS_NONE;
}

static bool same_module(const struct kallsyms *k, uint32_t a, uint32_t b)
{
	const char *m, *n;

	if (!k->modules)
		return true;
	m = k->modules[a];
	n = k->modules[b];
	return m == n || (m && n && !strcmp(m, n));
}

uint32_t kallsyms_sympos(const struct kallsyms *k, uint32_t i, uint32_t *count)
{
	uint32_t n = 0, position = 0;

	for (uint32_t j = kallsyms_first(k, k->strings + k->name[i]); j != KALLSYMS_NONE; j = k->next[j]) {
		if (!same_module(k, i, j))
			continue;
		n++;
		if (j == i)
			position = n;
	}
	if (count)
		*count = n;
	return n > 1 ? position : 0;
}

uint32_t kallsyms_find(const struct kallsyms *k, const char *name, unsigned long position)
{
	for (uint32_t i = kallsyms_first(k, name); i != KALLSYMS_NONE; i = k->next[i])
		if ((!k->modules || !k->modules[i]) && kallsyms_sympos(k, i, NULL) == position)
			return i;
	return KALLSYMS_NONE;
}

const void *kallsyms_block(const struct kallsyms *k, size_t *size)
{
	*size = k->size;
	return k->header;
}

/* Every index that a lookup follows must lie in the block, and chains must end: they only rise. */
static bool block_is_sound(const struct kallsyms *k)
{
	const struct block_header *h = k->header;
	bool free_slot = false;

	if (!h->strings || k->strings[h->strings - 1])
		return false;
	for (uint32_t i = 0; i < h->count; i++) {
		if (k->name[i] >= h->strings)
			return false;
		if (k->next[i] != KALLSYMS_NONE && (k->next[i] <= i || k->next[i] >= h->count))
			return false;
	}
	for (uint32_t i = 0; i < h->slots; i++) {
		if (k->hash[i] == KALLSYMS_NONE)
			free_slot = true;
		else if (k->hash[i] >= h->count)
			return false;
	}
	return free_slot;
}

int kallsyms_from_block(const void *data, size_t size, struct kallsyms **out)
{
	struct block_header h;
	struct kallsyms *k;
	size_t expected;

	if (size < sizeof(h) || (uintptr_t)data % _Alignof(struct block_header))
		return -EBADMSG;
	memcpy(&h, data, sizeof(h));
	if (h.magic != MAGIC || h.count > KALLSYMS_MAX || !h.slots || h.slots & (h.slots - 1) ||
	    !block_size(h.count, h.slots, h.strings, &expected) || expected != size)
		return -EBADMSG;
	k = xcalloc(1, sizeof(*k));
	set_arrays(k, data);
	k->size = size;
	if (!block_is_sound(k)) {
		free(k);
		return -EBADMSG;
	}
	*out = k;
	return 0;
}
