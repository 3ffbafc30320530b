/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a reference of the one object means what one of the other does: see variant.h. */
#include <string.h>

#include "lib/kernel/proof/variant_private.h"
#include "lib/util/strmap.h"

#define MAX_INSN 15u	 /* bytes of the longest instruction */
#define MAX_DEPTH 8u	 /* unnamed data that refers to unnamed data */
#define MAX_STEPS 65536u /* references that are followed for one of them */

/* Index of the first pair whose instruction of the reference is at @offset or later; map->n: none. */
uint32_t variant_first_pair(const struct code_map *map, uint64_t offset)
{
	uint32_t low = 0, high = map->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (map->reference[mid] < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool variant_map_offset(const struct code_map *map, uint64_t offset, uint64_t *out)
{
	uint32_t i = variant_first_pair(map, offset);

	if (i >= map->n || map->reference[i] != offset)
		return false;
	*out = map->original[i];
	return true;
}

static bool same_entry(const struct atom *a, const struct atom *b, const struct ref *r, const struct ref *o)
{
	return r->addend == o->addend && !strcmp(a->section->name, b->section->name) &&
	       a->id - a->section->first_atom == b->id - b->section->first_atom;
}

/*
 * Named data, by where it is in the reference: a field may mean the end of an array, which there is
 * the beginning of what comes next, and objects without a size (lockdep keys) share their place.
 */
static bool same_place(struct comparison *c, const struct atom *a, int64_t from_a, const struct atom *b,
		       int64_t from_b)
{
	const union strmap_value *v = strmap_get(c->in_reference, b->symbol->name);
	const struct symbol *s;

	if (!v || v->num == VARIANT_AMBIGUOUS)
		return false;
	s = &c->reference->symbols[v->num];
	return s->section == a->section->index &&
	       a->offset + (uint64_t)from_a == s->value + (uint64_t)from_b - b->entry;
}

/*
 * A place in a function: an instruction, or a field in one (an immediate that the kernel writes), as
 * long as the instruction that holds it is as long on both sides.
 */
static bool map_place(struct comparison *c, const struct atom *a, const struct atom *b, uint64_t offset,
		      uint64_t *out)
{
	const struct code_map *map = &c->maps[a->id];
	struct insn x, y;
	uint64_t start;

	if (variant_map_offset(map, offset, out))
		return true;
	for (start = offset; start > 0 && offset - start < MAX_INSN; start--)
		if (variant_map_offset(map, start, out))
			break;
	if (!variant_map_offset(map, start, out) || start >= a->size || *out >= b->size)
		return false;
	c->arch->decode(c->decoder, atom_bytes(a) + start, a->size - start, &x);
	c->arch->decode(c->decoder, atom_bytes(b) + *out, b->size - *out, &y);
	*out += offset - start;
	return x.length == y.length && offset - start < x.length;
}

/* Whether a field leads out of the string or constant that it is about, as the limit of a loop over it may. */
static bool leads_outside(const struct atom *a, int64_t addend)
{
	return (a->kind == ATOM_STRING || a->kind == ATOM_CONSTANT) &&
	       (addend < 0 || (uint64_t)addend > a->size);
}

/* Contents of unnamed data, from what is meant to the end of the shorter of the two. */
bool variant_same_unnamed(struct comparison *c, const struct atom *a, int64_t from_a, const struct atom *b,
			  int64_t from_b, unsigned int depth)
{
	const struct object *r = c->reference, *o = c->original;
	const uint8_t *x = atom_bytes(a), *y = atom_bytes(b);
	uint64_t n, pos = 0;
	uint32_t i = 0, j = 0;

	if (depth > MAX_DEPTH || from_a < 0 || from_b < 0 || (uint64_t)from_a > a->size ||
	    (uint64_t)from_b > b->size || !x != !y)
		return false;
	n = a->size - (uint64_t)from_a < b->size - (uint64_t)from_b ? a->size - (uint64_t)from_a :
								      b->size - (uint64_t)from_b;
	for (; i < a->n_refs && r->refs[a->first_ref + i].offset < from_a; i++)
		;
	for (; j < b->n_refs && o->refs[b->first_ref + j].offset < from_b; j++)
		;
	while (pos < n && x) {
		const struct ref *p = i < a->n_refs ? &r->refs[a->first_ref + i++] : NULL;
		const struct ref *q = j < b->n_refs ? &o->refs[b->first_ref + j++] : NULL;
		uint64_t end_p = p && p->offset - (uint64_t)from_a < n ? p->offset - (uint64_t)from_a : n;
		uint64_t end_q = q && q->offset - (uint64_t)from_b < n ? q->offset - (uint64_t)from_b : n;

		if (end_p != end_q || end_p < pos || memcmp(x + from_a + pos, y + from_b + pos, end_p - pos))
			return false;
		if (end_p == n)
			break;
		c->steps = depth ? c->steps + 1 : 0;
		if (p->type != q->type || c->steps > MAX_STEPS || !variant_same_target(c, p, q, depth + 1))
			return false;
		pos = end_p + p->width;
	}
	return true;
}

bool variant_same_target(struct comparison *c, const struct ref *r, const struct ref *o, unsigned int depth)
{
	const struct atom *a = &c->reference->atoms[r->target];
	const struct atom *b = &c->original->atoms[o->target];
	uint64_t mapped;

	if (!a->section || !b->section)
		return a->kind == b->kind && !strcmp(a->name, b->name) && r->addend == o->addend;
	/* the beginning of a function is that, whatever may be said of the rest */
	if (a->kind == ATOM_FUNC && c->twin[a->id] == b->id && r->addend == (int64_t)a->entry &&
	    o->addend == (int64_t)b->entry)
		return true;
	if (a->kind == ATOM_FUNC || b->kind == ATOM_FUNC)
		return c->twin[a->id] == b->id && r->addend >= 0 &&
		       map_place(c, a, b, (uint64_t)r->addend, &mapped) && (int64_t)mapped == o->addend;
	if (b->symbol)
		return same_place(c, a, r->addend, b, o->addend);
	if (a->symbol)
		return false;
	if (a->kind == ATOM_ENTRY && b->kind == ATOM_ENTRY)
		return same_entry(a, b, r, o);
	if (leads_outside(a, r->addend) || leads_outside(b, o->addend))
		return r->addend == o->addend && a->size == b->size &&
		       variant_same_unnamed(c, a, 0, b, 0, depth);
	return variant_same_unnamed(c, a, r->addend, b, o->addend, depth);
}
