/* SPDX-License-Identifier: GPL-2.0-only */
/* See variant.h: pairs what has the same name, then compares code, data and special sections. */
#include "lib/kernel/proof/variant.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>

#include "lib/kernel/proof/variant_private.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"

static bool is_named(const struct object *o, const struct symbol *s)
{
	return *s->name && s->type != STT_SECTION && s->type != STT_FILE && s->section &&
	       s->section < o->n_sections && s->atom != NO_ATOM;
}

/* Name → index of the symbol, or VARIANT_AMBIGUOUS. */
static void index_names(const struct object *o, struct strmap *names)
{
	for (uint32_t i = 1; i < o->n_symbols; i++) {
		const struct symbol *s = &o->symbols[i];
		union strmap_value *known;

		if (!is_named(o, s))
			continue;
		known = strmap_get(names, s->name);
		if (known)
			known->num = VARIANT_AMBIGUOUS;
		else
			strmap_set(names, s->name, (union strmap_value){ .num = i });
	}
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
		if (v && v->num != VARIANT_AMBIGUOUS)
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

static void list_jump_labels(struct comparison *c)
{
	const struct object *r = c->reference;
	const struct section *s = object_section(r, "__jump_table");

	if (!s)
		return;
	c->jump_labels = arena_array(c->arena, s->n_atoms, sizeof(*c->jump_labels));
	for (uint32_t i = 0; i < s->n_atoms; i++) {
		const struct atom *entry = &r->atoms[s->first_atom + i];
		const struct ref *code = &r->refs[entry->first_ref];

		if (entry->n_refs)
			c->jump_labels[c->n_jump_labels++] =
				(struct site){ code->target, (uint64_t)code->addend };
	}
	qsort(c->jump_labels, c->n_jump_labels, sizeof(*c->jump_labels), by_site);
}

/* First difference of two atoms' contents, the whole of them. */
static const char *compare_data(struct comparison *c, const struct atom *a, const struct atom *b)
{
	if (a->size != b->size)
		return "compiled for the patch it has another size than with the kernel's own flags";
	if (!variant_same_unnamed(c, a, 0, b, 0, 0))
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
	if (owner == NO_ATOM || c->why[owner])
		return;
	c->why[owner] = arena_printf(c->arena,
				     "compiled for the patch it has another %s than with the kernel's "
				     "own flags",
				     entry->section->special->what);
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

	index_names(c->original, c->in_original);
	index_names(c->reference, c->in_reference);
	list_jump_labels(c);
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
	int err;

	c.arch = original->arch;
	c.in_original = strmap_new(original->n_symbols);
	c.in_reference = strmap_new(reference->n_symbols);
	c.twin = arena_array(arena, reference->n_atoms, sizeof(*c.twin));
	c.maps = arena_array(arena, reference->n_atoms, sizeof(*c.maps));
	c.why = arena_array(arena, original->n_atoms, sizeof(*c.why));
	c.arch->decode_init(c.decoder);
	err = compare(&c);
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
