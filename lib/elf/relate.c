/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Relations between atoms: the owner of a special section's entry, the function of which another
 * one is a split part, and which functions ftrace can redirect.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/reader.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"
#include "lib/util/xmalloc.h"

/* The reference at @offset of an atom, or NULL. */
static const struct ref *ref_at(const struct object *o, const struct atom *a, uint64_t offset)
{
	for (uint32_t i = 0; i < a->n_refs; i++)
		if (o->refs[a->first_ref + i].offset == offset)
			return &o->refs[a->first_ref + i];
	return NULL;
}

static bool is_piece(const struct atom *a)
{
	return a->section && a->section->special && a->section->special->cut == CUT_BY_REFERRER;
}

/* Entries with a replacement give it their code as owner. */
static void own_replacement(struct object *o, const struct atom *entry)
{
	const struct special *special = entry->section->special;
	const struct ref *code = ref_at(o, entry, special->owner_offset);

	for (uint32_t i = 0; code && i < special->n_fields; i++) {
		const struct ref *ref;

		if (special->fields[i].role != FIELD_REPLACEMENT)
			continue;
		ref = ref_at(o, entry, special->fields[i].offset);
		if (ref && is_piece(&o->atoms[ref->target]))
			o->atoms[ref->target].owner = code->target;
	}
}

/* Pieces first, since entries may describe the code of a piece. */
static void own_pieces(struct object *o)
{
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		struct atom *a = &o->atoms[i];

		if (!a->section)
			continue;
		if (a->section->special && a->section->special->cut == CUT_FIXED)
			own_replacement(o, a);
		if (!(a->section->flags & SHF_EXECINSTR) || is_piece(a))
			continue;
		for (uint32_t n = a->first_ref; n < a->first_ref + a->n_refs; n++) {
			struct atom *target = &o->atoms[o->refs[n].target];

			if (is_piece(target) && !target->section->special->referrer)
				target->owner = i;
		}
	}
}

static void own_entries(struct object *o)
{
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		struct atom *a = &o->atoms[i];
		const struct special *special = a->section ? a->section->special : NULL;
		const struct ref *ref;

		if (a->kind != ATOM_ENTRY || !special || special->owner != OWNER_CODE)
			continue;
		ref = ref_at(o, a, special->owner_offset);
		if (!ref)
			continue;
		a->owner = ref->target;
		/* code in a replacement, or early code of one, belongs to the function around it */
		for (int depth = 0; depth < 2 && a->owner != NO_ATOM && is_piece(&o->atoms[a->owner]);
		     depth++)
			a->owner = o->atoms[a->owner].owner;
	}
}

static bool all_digits(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s < '0' || *s > '9')
			return false;
	return true;
}

/*
 * Length of the name of which @name is a split part: foo.cold, foo.cold.3, foo.part.0 → foo;
 * foo.part.0.cold → foo.part.0. 0 for other names.
 */
static size_t part_of(const char *name)
{
	size_t n = strlen(name);
	const char *last = memrchr(name, '.', n), *before;

	if (!last || last == name)
		return 0;
	if (!strcmp(last, ".cold"))
		return last - name;
	before = memrchr(name, '.', last - name);
	if (!before || before == name || !all_digits(last + 1))
		return 0;
	if ((last - before == 5 && !memcmp(before, ".cold", 5)) ||
	    (last - before == 5 && !memcmp(before, ".part", 5)))
		return before - name;
	return 0;
}

/* Functions by any of their names. */
struct by_name {
	struct strmap *first; /* name → place in @next, from 0 */
	struct same_name {
		uint32_t atom, next; /* next of that name; UINT32_MAX: last */
	} * list;
};

static void index_functions(const struct object *o, struct by_name *index)
{
	uint32_t n = 0;

	index->first = strmap_new(o->n_symbols);
	index->list = xcalloc((size_t)o->n_symbols + 1, sizeof(*index->list));
	for (uint32_t i = 1; i < o->n_symbols; i++) {
		const struct symbol *s = &o->symbols[i];
		union strmap_value *known;

		if (s->atom == NO_ATOM || o->atoms[s->atom].kind != ATOM_FUNC || s->type == STT_SECTION)
			continue;
		known = strmap_get(index->first, s->name);
		index->list[n] = (struct same_name){ s->atom, known ? known->num : UINT32_MAX };
		strmap_set(index->first, s->name, (union strmap_value){ .num = n++ });
	}
}

static bool refers_to(const struct object *o, uint32_t from, uint32_t to)
{
	const struct atom *a = &o->atoms[from];

	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++)
		if (o->refs[i].target == to)
			return true;
	return false;
}

/* Of the functions of the parent's name: the only one, or the only one that refers to the part. */
static uint32_t choose_parent(const struct object *o, const struct by_name *index, const char *parent,
			      uint32_t part)
{
	const union strmap_value *v = strmap_get(index->first, parent);
	uint32_t found = NO_ATOM, referring = NO_ATOM, n = 0, n_referring = 0;

	for (uint32_t at = v ? v->num : UINT32_MAX; at != UINT32_MAX; at = index->list[at].next) {
		uint32_t candidate = index->list[at].atom;

		if (candidate == part || candidate == found)
			continue;
		found = candidate;
		n++;
		if (refers_to(o, candidate, part)) {
			referring = candidate;
			n_referring++;
		}
	}
	if (n == 1)
		return found;
	return n_referring == 1 ? referring : NO_ATOM;
}

static void find_parents(struct reader *r)
{
	struct object *o = r->o;
	struct by_name index = { 0 };

	index_functions(o, &index);
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		struct atom *a = &o->atoms[i];
		size_t n = a->kind == ATOM_FUNC && a->symbol ? part_of(a->name) : 0;
		char *parent;

		if (!n)
			continue;
		parent = arena_strndup(o->arena, a->name, n);
		a->parent = choose_parent(o, &index, parent, i);
	}
	strmap_free(index.first);
	free(index.list);
}

/* The call at the entry, or, once a tool has made a no-operation of it, the table of such sites. */
static void find_traced(struct reader *r)
{
	struct object *o = r->o;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		struct atom *a = &o->atoms[i];

		for (uint32_t n = a->first_ref; n < a->first_ref + a->n_refs; n++) {
			const struct atom *target = &o->atoms[o->refs[n].target];

			if (a->kind == ATOM_FUNC && target->kind == ATOM_EXTERN &&
			    !strcmp(target->name, r->arch->trace_symbol) &&
			    r->arch->trace_site(atom_bytes(a), a->size, a->entry, o->refs[n].offset))
				a->traced = true;
		}
		if (a->owner == NO_ATOM || strcmp(a->section->name, "__mcount_loc") || !a->n_refs)
			continue;
		const struct ref *site = &o->refs[a->first_ref];
		struct atom *f = &o->atoms[a->owner];

		if (f->kind == ATOM_FUNC && site->addend >= 0 && atom_bytes(f) &&
		    r->arch->trace_site(atom_bytes(f), f->size, f->entry, site->addend))
			f->traced = true;
	}
}

int relate(struct reader *r)
{
	own_pieces(r->o);
	own_entries(r->o);
	find_parents(r);
	find_traced(r);
	return 0;
}
