/* SPDX-License-Identifier: GPL-2.0-only */
/* See strmap.h. Linear probing, FNV-1a, at most half full. */
#include "lib/util/strmap.h"

#include <stdlib.h>
#include <string.h>

#include "lib/util/xmalloc.h"

struct slot {
	const char *key;
	uint64_t hash;
	union strmap_value value;
};

struct strmap {
	struct slot *slots;
	size_t mask, count;
};

static uint64_t hash_string(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h ^ (h >> 29);
}

static struct slot *find(const struct strmap *m, const char *key, uint64_t hash)
{
	for (size_t i = hash & m->mask;; i = (i + 1) & m->mask) {
		struct slot *s = &m->slots[i];

		if (!s->key || (s->hash == hash && !strcmp(s->key, key)))
			return s;
	}
}

static void resize(struct strmap *m, size_t n_slots)
{
	struct slot *old = m->slots;
	size_t n_old = old ? m->mask + 1 : 0;

	m->slots = xcalloc(n_slots, sizeof(*m->slots));
	m->mask = n_slots - 1;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].key)
			*find(m, old[i].key, old[i].hash) = old[i];
	free(old);
}

struct strmap *strmap_new(size_t expected)
{
	struct strmap *m = xcalloc(1, sizeof(*m));
	size_t n = 16;

	while (n / 2 < expected)
		n *= 2;
	resize(m, n);
	return m;
}

void strmap_free(struct strmap *m)
{
	if (!m)
		return;
	free(m->slots);
	free(m);
}

void strmap_set(struct strmap *m, const char *key, union strmap_value value)
{
	uint64_t hash = hash_string(key);
	struct slot *s = find(m, key, hash);

	if (!s->key) {
		if ((m->count + 1) * 2 > m->mask + 1) {
			resize(m, (m->mask + 1) * 2);
			s = find(m, key, hash);
		}
		s->key = key;
		s->hash = hash;
		m->count++;
	}
	s->value = value;
}

union strmap_value *strmap_get(const struct strmap *m, const char *key)
{
	struct slot *s = find(m, key, hash_string(key));

	return s->key ? &s->value : NULL;
}

size_t strmap_count(const struct strmap *m)
{
	return m->count;
}
