// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the correlate pass: functions and constants that gcc numbered (foo.constprop.0, bar.1), by what
 * they do or hold. Equal ones are interchangeable, so any pairing of them is right; of those that remain, one on
 * either side is the same one. Reads bytes and the names that references lead to; what it leaves
 * without a twin is new.
 */
#include "create-diff-object/correlate.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/util/strmap.h"

static bool same_shape(const struct diff *d, uint32_t orig, uint32_t new)
{
	const struct atom *a = orig_atom(d, orig), *b = new_atom(d, new);
	const uint8_t *x = atom_bytes(a), *y = atom_bytes(b);

	if (a->size != b->size || a->n_refs != b->n_refs)
		return false;
	if (a->size && (!x || !y || memcmp(x, y, a->size)))
		return false;
	for (uint32_t i = 0; i < a->n_refs; i++) {
		const struct ref *p = &d->orig.object->refs[a->first_ref + i];
		const struct ref *q = &d->new.object->refs[b->first_ref + i];
		const char *s = p->target == NO_ATOM ? NULL : d->orig.base[p->target];
		const char *t = q->target == NO_ATOM ? NULL : d->new.base[q->target];

		if (p->offset != q->offset || p->type != q->type || p->addend != q->addend)
			return false;
		if (!s != !t || (s && strcmp(s, t)))
			return false;
	}
	return true;
}

/* A key that equal shapes have in common. */
static const char *shape_key(struct arena *arena, const struct object *o, const struct atom *a)
{
	const uint8_t *bytes = atom_bytes(a);
	uint64_t hash = 0xcbf29ce484222325;

	for (uint64_t i = 0; bytes && i < a->size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++)
		hash = (hash ^ o->refs[i].offset ^ (uint64_t)o->refs[i].addend << 32) * 0x100000001b3;
	return arena_printf(arena, "%" PRIx64 "/%" PRIx64, hash, a->size);
}

/* Originals of the same name and contents first. */
static void match_same_names(struct correlate *c, const struct group *g)
{
	struct diff *d = c->d;
	struct strmap *names = strmap_new(g->n[0]);

	for (uint32_t o = g->first[0]; o != NO_ATOM; o = c->next[0][o])
		strmap_set(names, orig_atom(d, o)->name, (union strmap_value){ .num = o });
	for (uint32_t n = g->first[1]; n != NO_ATOM; n = c->next[1][n]) {
		const union strmap_value *v = strmap_get(names, new_atom(d, n)->name);

		if (v && d->pairs.back[v->num] == NO_ATOM && same_shape(d, (uint32_t)v->num, n))
			correlate_pair(d, (uint32_t)v->num, n, MATCH_CONTENT);
	}
	strmap_free(names);
}

/* Puts an original behind those of its shape, so that they are taken in the order of the file. */
static void add_shape(struct correlate *c, struct strmap *shapes, const char *key, uint32_t o)
{
	const union strmap_value *v = strmap_get(shapes, key);

	if (!v) {
		c->last[o] = o;
		strmap_set(shapes, key, (union strmap_value){ .num = o });
		return;
	}
	c->same[c->last[v->num]] = o;
	c->last[v->num] = o;
}

/* Then any of the same contents: they are interchangeable. */
static void match_same_shapes(struct correlate *c, const struct group *g)
{
	struct diff *d = c->d;
	struct strmap *shapes = strmap_new(g->n[0]);

	for (uint32_t o = g->first[0]; o != NO_ATOM; o = c->next[0][o]) {
		const char *key;

		if (d->pairs.back[o] != NO_ATOM)
			continue;
		key = shape_key(c->arena, d->orig.object, orig_atom(d, o));
		add_shape(c, shapes, key, o);
	}
	for (uint32_t n = g->first[1]; n != NO_ATOM; n = c->next[1][n]) {
		union strmap_value *v;
		const char *key;

		if (d->pairs.twin[n] != NO_ATOM)
			continue;
		key = shape_key(c->arena, d->new.object, new_atom(d, n));
		v = strmap_get(shapes, key);
		if (!v || v->num == NO_ATOM || !same_shape(d, (uint32_t)v->num, n))
			continue;
		correlate_pair(d, (uint32_t)v->num, n, MATCH_CONTENT);
		v->num = c->same[v->num];
	}
	strmap_free(shapes);
}

/* What is left of functions: one on either side is the same one. */
static void match_leftover(struct correlate *c, const struct group *g)
{
	uint32_t left[2] = { NO_ATOM, NO_ATOM };
	uint32_t n[2] = { 0, 0 };

	for (uint32_t o = g->first[0]; o != NO_ATOM; o = c->next[0][o])
		if (c->d->pairs.back[o] == NO_ATOM) {
			left[0] = o;
			n[0]++;
		}
	for (uint32_t p = g->first[1]; p != NO_ATOM; p = c->next[1][p])
		if (c->d->pairs.twin[p] == NO_ATOM) {
			left[1] = p;
			n[1]++;
		}
	if (n[0] == 1 && n[1] == 1)
		correlate_pair(c->d, left[0], left[1], MATCH_SINGLE);
}

void correlate_by_content(struct correlate *c, const struct group *g)
{
	if (g->n[0] > 1 || g->n[1] > 1) {
		match_same_names(c, g);
		match_same_shapes(c, g);
	}
	match_leftover(c, g);
}

/* Constants */

struct shape {
	uint32_t orig, new; /* the first one */
	uint32_t n[2];
};

static void unpair_others(struct correlate *c, const struct group *g)
{
	struct pairing *p = &c->d->pairs;

	for (uint32_t n = g->first[1]; n != NO_ATOM; n = c->next[1][n]) {
		if (p->twin[n] == NO_ATOM || same_shape(c->d, p->twin[n], n))
			continue;
		p->back[p->twin[n]] = NO_ATOM;
		p->twin[n] = NO_ATOM;
		p->how[n] = MATCH_NONE;
	}
}

/* Counts the constants of one side that are left, by shape. */
static void count_shapes(struct correlate *c, const struct group *g, int which, struct strmap *shapes)
{
	const uint32_t *paired = which ? c->d->pairs.twin : c->d->pairs.back;

	for (uint32_t i = g->first[which]; i != NO_ATOM; i = c->next[which][i]) {
		const struct object *o = c->side[which]->object;
		const char *key = shape_key(c->arena, o, &o->atoms[i]);
		union strmap_value *v = strmap_get(shapes, key);
		struct shape *s = v ? v->ptr : arena_alloc(c->arena, sizeof(*s));

		if (!v)
			strmap_set(shapes, key, (union strmap_value){ .ptr = s });
		if (paired[i] != NO_ATOM || s->n[which]++)
			continue;
		*(which ? &s->new : &s->orig) = i;
	}
}

/* Of equal ones it is not known which is which, and code may tell them apart by their addresses. */
static void pair_only_ones(struct correlate *c, const struct group *g)
{
	struct strmap *shapes = strmap_new(g->n[0]);

	count_shapes(c, g, 0, shapes);
	count_shapes(c, g, 1, shapes);
	for (uint32_t n = g->first[1]; n != NO_ATOM; n = c->next[1][n]) {
		const char *key = shape_key(c->arena, c->d->new.object, new_atom(c->d, n));
		const union strmap_value *v = strmap_get(shapes, key);
		const struct shape *s = v ? v->ptr : NULL;

		if (s && s->n[0] == 1 && s->n[1] == 1 && (s->new == n) && same_shape(c->d, s->orig, n))
			correlate_pair(c->d, s->orig, n, MATCH_CONTENT);
	}
	strmap_free(shapes);
}

void correlate_by_value(struct correlate *c, const struct group *g)
{
	correlate_by_users(c, g);
	unpair_others(c, g);
	pair_only_ones(c, g);
}
