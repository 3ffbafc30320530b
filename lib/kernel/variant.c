/* SPDX-License-Identifier: GPL-2.0-only */
/* See variant.h: pairs what has the same name, then compares code, data and special sections. */
#include "lib/kernel/variant.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/variant_private.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"

#define AMBIGUOUS UINT64_MAX
#define MAX_INSN 15u	 /* bytes of the longest instruction */
#define MAX_DEPTH 8u	 /* unnamed data that refers to unnamed data */
#define MAX_STEPS 65536u /* references that are followed for one of them */

static bool is_named(const struct object *o, const struct symbol *s)
{
	return *s->name && s->type != STT_SECTION && s->type != STT_FILE && s->section &&
	       s->section < o->n_sections && s->atom != NO_ATOM;
}

/* Name → index of the symbol, or AMBIGUOUS. */
static int index_names(const struct object *o, struct strmap *names)
{
	for (uint32_t i = 1; i < o->n_symbols; i++) {
		const struct symbol *s = &o->symbols[i];
		union strmap_value *known;

		if (!is_named(o, s))
			continue;
		known = strmap_get(names, s->name);
		if (known)
			known->num = AMBIGUOUS;
		else if (strmap_set(names, s->name, (union strmap_value){ .num = i }))
			return -ENOMEM;
	}
	return 0;
}

static void pair_atoms(struct comparison *c)
{
	const struct object *r = c->reference;

	for (uint32_t i = 0; i < r->n_atoms; i++) {
		const struct atom *a = &r->atoms[i];
		const union strmap_value *v = NULL;

		c->twin[i] = NO_ATOM;
		if (a->symbol && a->section)
			v = strmap_get(c->in_original, a->symbol->name);
		if (v && v->num != AMBIGUOUS)
			c->twin[i] = c->original->symbols[v->num].atom;
	}
}

static int by_site(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	if (x->atom != y->atom)
		return x->atom < y->atom ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

static int list_jump_labels(struct comparison *c)
{
	const struct object *r = c->reference;
	const struct section *s = object_section(r, "__jump_table");

	if (!s)
		return 0;
	c->jump_labels = arena_array(c->arena, s->n_atoms, sizeof(*c->jump_labels));
	if (!c->jump_labels)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_atoms; i++) {
		const struct atom *entry = &r->atoms[s->first_atom + i];
		const struct ref *code = &r->refs[entry->first_ref];

		if (entry->n_refs)
			c->jump_labels[c->n_jump_labels++] =
				(struct site){ code->target, (uint64_t)code->addend };
	}
	qsort(c->jump_labels, c->n_jump_labels, sizeof(*c->jump_labels), by_site);
	return 0;
}

/* Contents of unnamed data, from what is meant to the end of the shorter of the two. */
static bool same_unnamed(struct comparison *c, const struct atom *a, int64_t from_a, const struct atom *b,
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

	if (!v || v->num == AMBIGUOUS)
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

bool variant_same_target(struct comparison *c, const struct ref *r, const struct ref *o, unsigned int depth)
{
	const struct atom *a = &c->reference->atoms[r->target];
	const struct atom *b = &c->original->atoms[o->target];
	uint64_t mapped;

	if (!a->section || !b->section)
		return a->kind == b->kind && !strcmp(a->name, b->name) && r->addend == o->addend;
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
		return r->addend == o->addend && a->size == b->size && same_unnamed(c, a, 0, b, 0, depth);
	return same_unnamed(c, a, r->addend, b, o->addend, depth);
}

/* First difference of two atoms' contents, the whole of them. */
static const char *compare_data(struct comparison *c, const struct atom *a, const struct atom *b)
{
	if (a->size != b->size)
		return "compiled for the patch it has another size than with the kernel's own flags";
	if (!same_unnamed(c, a, 0, b, 0, 0))
		return "compiled for the patch it has other contents than with the kernel's own flags";
	return NULL;
}

static void pair_functions(struct comparison *c)
{
	for (uint32_t i = 0; i < c->reference->n_atoms; i++) {
		uint32_t twin = c->twin[i];

		if (twin == NO_ATOM || c->reference->atoms[i].kind != ATOM_FUNC ||
		    c->original->atoms[twin].kind != ATOM_FUNC)
			continue;
		c->why[twin] = variant_pair_code(c, i, twin, &c->maps[i]);
	}
}

static void check_atoms(struct comparison *c)
{
	for (uint32_t i = 0; i < c->reference->n_atoms; i++) {
		const struct atom *a = &c->reference->atoms[i];
		uint32_t twin = c->twin[i];

		if (twin == NO_ATOM || c->why[twin])
			continue;
		if (a->kind != c->original->atoms[twin].kind)
			c->why[twin] = "compiled for the patch it is of another kind";
		else if (a->kind == ATOM_FUNC)
			c->why[twin] = variant_check_code(c, i, twin);
		else
			c->why[twin] = compare_data(c, a, &c->original->atoms[twin]);
	}
}

/* A difference in what describes a function is one of the function: of @owner in the original. */
static void blame_owner(struct comparison *c, const struct atom *entry, uint32_t owner)
{
	const char *text;

	if (owner == NO_ATOM || c->why[owner])
		return;
	text = arena_printf(c->arena,
			    "compiled for the patch it has another %s than with the kernel's "
			    "own flags",
			    entry->section->special->what);
	c->why[owner] = text ? text : "memory is exhausted";
}

static void check_special(struct comparison *c, const struct section *b)
{
	const struct section *a = object_section(c->reference, b->name);
	uint32_t n = a ? a->n_atoms : 0;

	for (uint32_t i = 0; i < b->n_atoms; i++) {
		const struct atom *entry = &c->original->atoms[b->first_atom + i];

		if (entry->symbol || entry->kind != ATOM_ENTRY)
			continue;
		if (n != b->n_atoms || compare_data(c, &c->reference->atoms[a->first_atom + i], entry))
			blame_owner(c, entry, entry->owner);
	}
}

/* Entries that the original may lack: where the numbers differ, nobody knows which ones. */
static void check_lost(struct comparison *c, const struct section *a)
{
	const struct section *b = object_section(c->original, a->name);

	if (b && b->n_atoms == a->n_atoms)
		return;
	for (uint32_t i = 0; i < a->n_atoms; i++) {
		const struct atom *entry = &c->reference->atoms[a->first_atom + i];

		if (!entry->symbol && entry->kind == ATOM_ENTRY && entry->owner != NO_ATOM)
			blame_owner(c, entry, c->twin[entry->owner]);
	}
}

/* What only the original has. */
static void find_lonely(struct comparison *c, bool *paired)
{
	for (uint32_t i = 0; i < c->reference->n_atoms; i++)
		if (c->twin[i] != NO_ATOM)
			paired[c->twin[i]] = true;
	for (uint32_t i = 0; i < c->original->n_atoms; i++) {
		const struct atom *b = &c->original->atoms[i];

		if (!paired[i] && (b->kind == ATOM_FUNC || b->kind == ATOM_OBJECT) && b->symbol)
			c->why[i] = "compiled with the kernel's own flags the object does not have it, "
				    "or not exactly one of that name";
	}
}

static int compare(struct comparison *c)
{
	bool *paired = arena_array(c->arena, c->original->n_atoms, sizeof(*paired));
	int err = paired ? index_names(c->original, c->in_original) : -ENOMEM;

	if (!err)
		err = index_names(c->reference, c->in_reference);
	if (!err)
		err = list_jump_labels(c);
	if (err)
		return err;
	pair_atoms(c);
	pair_functions(c);
	check_atoms(c);
	for (uint32_t i = 1; i < c->original->n_sections; i++)
		if (c->original->sections[i].kind == SECTION_SPECIAL)
			check_special(c, &c->original->sections[i]);
	for (uint32_t i = 1; i < c->reference->n_sections; i++)
		if (c->reference->sections[i].kind == SECTION_SPECIAL)
			check_lost(c, &c->reference->sections[i]);
	find_lonely(c, paired);
	return 0;
}

int variant_compare(const struct object *reference, const struct object *original, struct arena *arena,
		    struct variant *out)
{
	struct comparison c = { .reference = reference, .original = original, .arena = arena };
	int err = -ENOMEM;

	c.arch = elf_arch_find(original->machine);
	c.in_original = strmap_new(original->n_symbols);
	c.in_reference = strmap_new(reference->n_symbols);
	c.twin = arena_array(arena, reference->n_atoms, sizeof(*c.twin));
	c.maps = arena_array(arena, reference->n_atoms, sizeof(*c.maps));
	c.why = arena_array(arena, original->n_atoms, sizeof(*c.why));
	if (c.arch && c.in_original && c.in_reference && c.twin && c.maps && c.why) {
		c.arch->decode_init(c.decoder);
		err = compare(&c);
	}
	strmap_free(c.in_original);
	strmap_free(c.in_reference);
	if (err)
		return err;
	*out = (struct variant){ .why = c.why };
	for (uint32_t i = 0; i < original->n_atoms; i++) {
		if (original->atoms[i].kind != ATOM_FUNC || !original->atoms[i].symbol)
			continue;
		out->functions++;
		out->same += !c.why[i];
	}
	return 0;
}
