/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * References from atom to atom.
 *
 * Merges the decoded branches into the raw references, then gives each reference its atom and
 * its target. A relocation to a real symbol keeps that symbol's atom, wherever its addend leads:
 * a pointer to the end of an array, or below its start, is about that array. A relocation to a
 * section means the atom that holds the byte.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/reader.h"
#include "lib/util/xmalloc.h"

/* Whether the branch leaves the atom that it is in; the others are nobody's business. */
static bool leaves_atom(const struct reader *r, const struct ref *branch)
{
	uint32_t from = object_atom_at(r->o, branch->target, branch->offset);

	return from != NO_ATOM && from != object_atom_at(r->o, branch->target, branch->addend);
}

/* Both are sorted by section and offset. From the back, in place: there is room at the end. */
static int merge_branches(struct reader *r)
{
	struct object *o = r->o;
	size_t kept = 0, from, to;
	struct ref *refs;

	for (size_t i = 0; i < r->n_branches; i++)
		if (leaves_atom(r, &r->branches[i]))
			r->branches[kept++] = r->branches[i];
	if (!kept)
		return 0;
	if (kept + o->n_refs >= UINT32_MAX)
		return -EOVERFLOW;
	refs = o->refs = xreallocarray(o->refs, o->n_refs + kept, sizeof(*refs));
	from = o->n_refs;
	to = o->n_refs + kept;
	o->n_refs = to;
	while (kept) {
		const struct ref *branch = &r->branches[kept - 1], *ref = &refs[from ? from - 1 : 0];
		bool ref_last = from && (ref->target > branch->target ||
					 (ref->target == branch->target && ref->offset > branch->offset));

		refs[--to] = ref_last ? refs[--from] : r->branches[--kept];
	}
	return 0;
}

/* Whether the field is that of an entry's replacement, and the replacement has no bytes. */
static bool is_empty_replacement(const struct section *from, const struct ref *ref)
{
	const struct special *special = from->special;
	uint64_t entry;

	if (!special || special->cut != CUT_FIXED || !special->length_offset)
		return false;
	entry = ref->offset - ref->offset % special->entry_size;
	for (uint32_t i = 0; i < special->n_fields; i++)
		if (special->fields[i].role == FIELD_REPLACEMENT &&
		    entry + special->fields[i].offset == ref->offset)
			return !from->data[entry + special->length_offset];
	return false;
}

/* The atom of no bytes at @byte, next to @atom, or @atom. */
static uint32_t empty_atom(const struct object *o, uint32_t atom, int64_t byte)
{
	const struct section *s = o->atoms[atom].section;

	for (uint32_t i = atom; i < s->first_atom + s->n_atoms && o->atoms[i].offset <= (uint64_t)byte; i++)
		if (o->atoms[i].offset == (uint64_t)byte && !o->atoms[i].size)
			return i;
	if (atom > s->first_atom && o->atoms[atom - 1].offset == (uint64_t)byte && !o->atoms[atom - 1].size)
		return atom - 1;
	return atom;
}

/*
 * The atom of the byte @offset of a section; bytes before and after it go to its first and last.
 * Where nothing but padding or the section's end is at the byte, an object of size 0 there is
 * what is meant. (Where a real object follows, the file does not tell which of the two is.)
 */
static uint32_t atom_of_byte(const struct object *o, uint32_t section, int64_t offset)
{
	const struct section *s = &o->sections[section];
	uint32_t atom;

	if (offset < 0)
		return object_atom_at(o, section, 0);
	atom = object_atom_at(o, section, (uint64_t)offset > s->size ? s->size : (uint64_t)offset);
	if (atom != NO_ATOM && ((uint64_t)offset == s->size || o->atoms[atom].kind == ATOM_BYTES))
		return empty_atom(o, atom, offset);
	return atom;
}

static int64_t subtract(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* Replaces the raw addend and target (see reader.h) by the byte and the atom meant. */
static int resolve_target(struct reader *r, const struct section *from, struct ref *ref)
{
	struct object *o = r->o;
	const struct symbol *s = &o->symbols[ref->symbol];
	int64_t byte = ref->decoded ? ref->addend : subtract(ref->addend, ref->bias);
	uint32_t target = s->atom;

	if (ref->decoded) {
		target = atom_of_byte(o, from->index, byte);
	} else if (!ref->symbol) {
		target = r->absolute;
	} else if (symbol_in_section(o, s)) {
		byte = subtract(byte, -(int64_t)s->value);
		if (s->type == STT_SECTION)
			target = atom_of_byte(o, s->section, byte);
		if (target != NO_ATOM && is_empty_replacement(from, ref))
			target = empty_atom(o, target, byte);
	}
	if (target == NO_ATOM)
		return damaged(r, from, ref->offset, "relocation to %s, which is neither code nor data",
			       s->name);
	ref->target = target;
	ref->addend = subtract(byte, (int64_t)o->atoms[target].offset);
	if (ref->addend > MAX_DISTANCE || ref->addend < -MAX_DISTANCE)
		return damaged(r, from, ref->offset, "relocation that leads out of any memory");
	return 0;
}

/* The atom of @section that holds the field, starting at *atom, which moves on. */
static int find_source(struct reader *r, const struct section *section, const struct ref *ref, uint32_t *atom)
{
	const struct object *o = r->o;
	const uint32_t end = section->first_atom + section->n_atoms;
	const struct atom *a = &o->atoms[*atom];

	/* a field of no bytes may stand at the very end */
	while (*atom + 1 < end && ref->offset >= a->offset + a->size)
		a = &o->atoms[++*atom];
	if (*atom >= end || ref->offset < a->offset || ref->offset + ref->width > a->offset + a->size)
		return damaged(r, section, ref->offset, "relocated field that no symbol's bytes hold");
	return 0;
}

static int resolve_section(struct reader *r, const struct section *section, uint32_t *next)
{
	struct object *o = r->o;
	uint32_t atom = section->first_atom;
	int err;

	for (uint32_t i = section->first_atom; i < section->first_atom + section->n_atoms; i++)
		o->atoms[i].first_ref = *next;
	for (; *next < o->n_refs && o->refs[*next].target == section->index; ++*next) {
		struct ref *ref = &o->refs[*next];
		struct atom *a;

		if (!section->n_atoms)
			return damaged(r, section, ref->offset, "relocation in an empty section");
		err = find_source(r, section, ref, &atom);
		if (!err)
			err = resolve_target(r, section, ref);
		if (err)
			return err;
		a = &o->atoms[atom];
		if (!a->n_refs)
			a->first_ref = *next;
		a->n_refs++;
		ref->offset -= a->offset;
	}
	return 0;
}

int resolve_refs(struct reader *r)
{
	struct object *o = r->o;
	uint32_t next = 0;
	int err = merge_branches(r);

	for (uint32_t i = 1; !err && i < o->n_sections; i++)
		err = resolve_section(r, &o->sections[i], &next);
	return err;
}
