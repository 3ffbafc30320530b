/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compares one atom of the reference object with installed code; see proof.h.
 *
 * Lawful differences, and why they are lawful:
 *  - relocated fields hold what the linker computed: they are compared by what they lead to;
 *  - a weak symbol may have been overridden by another object: then a field leads to a symbol of
 *    that name which is not the object's own;
 *  - an undefined weak symbol that nobody defines is at address 0;
 *  - strings and constants are merged across objects (and tails of strings with other strings):
 *    the contents that a field leads to are compared instead of the address;
 *  - instructions with half of a distance may have been made shorter by the link: proof_field.c;
 *  - see proof_tables.c for tables.
 * Boot-time patching (alternatives, jump labels, static calls, return thunks, ftrace) changes memory,
 * not the file on disk, and so does not show here.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/elf/object.h"
#include "lib/kernel/proof/proof_private.h"
#include "lib/util/strmap.h"

#define ENTRY_BYTES 256u /* no table has entries as large */

bool proof_is_placed(const struct object *o, uint32_t section)
{
	const struct section *s = &o->sections[section];

	if (!(s->flags & SHF_ALLOC))
		return false;
	switch (s->kind) {
	case SECTION_TEXT:
	case SECTION_INIT:
	case SECTION_DATA:
	case SECTION_BSS:
	case SECTION_RODATA:
	case SECTION_SPECIAL:
	case SECTION_UNKNOWN:
		return true;
	default:
		return false;
	}
}

static bool has_field(const struct ref *r)
{
	return !r->decoded && r->width;
}

/* First differing byte outside of fields; @size: none. */
static uint64_t first_difference(const struct proof *p, const struct atom *a, const uint8_t *ours,
				 const uint8_t *theirs)
{
	const struct object *o = p->object;
	struct linked_half half;
	uint64_t pos = 0;
	size_t in_field;

	for (uint32_t i = 0; i <= a->n_refs; i++) {
		const struct ref *r = i < a->n_refs ? &o->refs[a->first_ref + i] : NULL;
		uint64_t end = r ? r->offset : a->size;

		if (r && !has_field(r))
			continue;
		if (end > a->size)
			return pos;
		if (end > pos && memcmp(ours + pos, theirs + pos, end - pos)) {
			while (ours[pos] == theirs[pos])
				pos++;
			return pos;
		}
		if (!r || end + r->width <= pos)
			continue;
		pos = end + r->width;
		if (pos > a->size)
			continue;
		in_field = reloc_differs_around(arch_reloc(o->arch, r->type), o->arch->big_endian, ours + end,
						theirs + end);
		if (in_field < r->width && !proof_is_linked(p, r, ours + end, theirs + end, &half))
			return end + in_field;
	}
	return a->size;
}

/* Whether the contents of @target from @addend on are at @address. */
static bool same_contents(const struct proof *p, const struct atom *target, int64_t addend, uint64_t address)
{
	const uint8_t *ours = atom_bytes(target), *theirs;

	if (addend < 0 || (uint64_t)addend > target->size || !ours)
		return false;
	theirs = installed_bytes(p->installed, address, target->size - (uint64_t)addend);
	return theirs && !memcmp(ours + addend, theirs, target->size - (uint64_t)addend);
}

/*
 * Whether a field that means a string or constant leads to equal contents. The linker moves what a symbol stands for, and
 * the distance from it may lead anywhere: the limit of a loop over ten bytes of a string of four is behind its end. From a
 * section's start the linker looks for the byte that the sum means.
 */
static bool leads_to_contents(const struct proof *p, const struct ref *r, const struct atom *target,
			      const struct installed_field *f)
{
	if (f->external)
		return false;
	if (p->object->symbols[r->symbol].type == STT_SECTION)
		return same_contents(p, target, r->addend, f->address);
	return same_contents(p, target, 0, f->address - (uint64_t)r->addend);
}

/* Whether a field that names an undefined symbol leads to a symbol of that name. */
static bool leads_to_extern(const struct proof *p, const struct atom *target, int64_t addend,
			    const struct installed_field *f)
{
	uint64_t address = f->address - (uint64_t)addend;

	if (f->external)
		return !strcmp(f->name, target->name) && f->addend == addend;
	if (installed_at(p->installed, target->name, address) != INSTALLED_NONE ||
	    proof_is_base(p, target->name, address))
		return true;
	/* nobody defines it */
	return p->installed->image && target->symbol && target->symbol->bind == STB_WEAK && address == 0;
}

/* The symbol of the object that a field means, if it is one that another object may override. */
static const struct symbol *interposable(const struct object *o, const struct ref *r)
{
	const struct symbol *s = r->symbol < o->n_symbols ? &o->symbols[r->symbol] : NULL;

	return s && s->bind != STB_LOCAL && *s->name ? s : NULL;
}

/* Whether it leads to another object's symbol of the same name (ours is weak, or an alias of it). */
static bool overridden(const struct proof *p, const struct ref *r, const struct atom *target,
		       const struct installed_field *f)
{
	const struct symbol *s = interposable(p->object, r);
	int64_t addend;

	if (!s || s->bind != STB_WEAK)
		return false;
	addend = (int64_t)target->offset + r->addend - (int64_t)s->value;
	if (f->external)
		return !strcmp(f->name, s->name) && f->addend == addend;
	return installed_at(p->installed, s->name, f->address - (uint64_t)addend) != INSTALLED_NONE;
}

/*
 * Judges one field. If it leads to a section of the object, *section is its index, and *base where
 * the section is if the field is right; else *section is 0.
 */
static bool field_agrees(const struct proof *p, const struct atom *a, const struct ref *r,
			 uint64_t atom_address, uint32_t *section, uint64_t *base)
{
	const struct atom *target = &p->object->atoms[r->target];
	struct installed_field f;
	uint64_t at;

	*section = 0;
	if (proof_field(p, a, atom_address, r, &f))
		return false;
	switch (target->kind) {
	case ATOM_EXTERN:
		return leads_to_extern(p, target, r->addend, &f);
	case ATOM_ABS:
		return !f.external && target->symbol &&
		       f.address == target->symbol->value + (uint64_t)r->addend;
	case ATOM_STRING:
	case ATOM_CONSTANT:
		return leads_to_contents(p, r, target, &f);
	default:
		break;
	}
	if (f.external || !target->section)
		return overridden(p, r, target, &f);
	if (!proof_is_placed(p->object, target->section->index))
		return true; /* tables that tools make and discard; nobody executes them */
	if (overridden(p, r, target, &f))
		return true;
	at = f.address - target->offset - (uint64_t)r->addend;
	*section = target->section->index;
	*base = at;
	return !p->priv->strict || p->base[target->section->index] == at;
}

static bool fields_complete(const struct proof *p, const struct atom *a, uint64_t address)
{
	uint32_t here = 0, there = installed_fields(p->installed, address, a->size);

	if (there == UINT32_MAX)
		return true;
	for (uint32_t i = 0; i < a->n_refs; i++)
		here += has_field(&p->object->refs[a->first_ref + i]);
	return here == there;
}

void proof_compare(const struct proof *p, uint32_t atom, uint64_t base, struct proof_atom *out)
{
	const struct object *o = p->object;
	const struct atom *a = &o->atoms[atom];
	uint64_t address = base + a->offset;
	const uint8_t *ours = atom_bytes(a), *theirs;
	uint8_t our_buf[ENTRY_BYTES], their_buf[ENTRY_BYTES];

	*out = (struct proof_atom){ .status = PROOF_DIFFERS };
	if (!ours) {
		if (installed_empty(p->installed, address, a->size) ||
		    installed_bytes(p->installed, address, a->size))
			out->status = PROOF_MATCHED;
		return;
	}
	theirs = installed_bytes(p->installed, address, a->size);
	if (!theirs)
		return;
	out->offset = first_difference(p, a, atom_without_line(o, a, ours, our_buf, sizeof(our_buf)),
				       atom_without_line(o, a, theirs, their_buf, sizeof(their_buf)));
	if (out->offset < a->size)
		return;
	for (uint32_t i = 0; i < a->n_refs; i++) {
		const struct ref *r = &o->refs[a->first_ref + i];
		uint32_t section;
		uint64_t at;

		if (!has_field(r) || field_agrees(p, a, r, address, &section, &at))
			continue;
		*out = (struct proof_atom){ PROOF_LEADS_ELSEWHERE, r->offset, a->first_ref + i };
		return;
	}
	if (fields_complete(p, a, address))
		*out = (struct proof_atom){ .status = PROOF_MATCHED };
}

uint64_t proof_address(const struct proof *p, const struct atom *a)
{
	if (p->priv->places[a->id] != PROOF_NOWHERE)
		return p->priv->places[a->id];
	if (!a->section || p->base[a->section->index] == PROOF_NOWHERE)
		return PROOF_NOWHERE;
	return p->base[a->section->index] + a->offset;
}

void proof_collect(const struct proof *p, uint32_t atom, uint64_t address,
		   void (*vote)(const struct proof *p, uint32_t section, uint64_t base))
{
	const struct atom *a = &p->object->atoms[atom];

	for (uint32_t i = 0; i < a->n_refs; i++) {
		const struct ref *r = &p->object->refs[a->first_ref + i];
		uint32_t section;
		uint64_t base;

		if (has_field(r) && field_agrees(p, a, r, address, &section, &base) && section)
			vote(p, section, base);
	}
}

/*
 * The symbol that a field names, if where it leads is worth noting: one that the object does not
 * define, or a weak one, which another object may have overridden. *addend: byte meant, from it.
 */
static const char *noted_name(const struct object *o, const struct ref *r, int64_t *addend)
{
	const struct atom *target = &o->atoms[r->target];
	const struct symbol *s;

	*addend = r->addend;
	if (target->kind == ATOM_EXTERN)
		return target->name;
	s = interposable(o, r);
	if (!s || s->bind != STB_WEAK || !target->section)
		return NULL;
	*addend += (int64_t)target->offset - (int64_t)s->value;
	return s->name;
}

void proof_note_externs(const struct proof *p, uint32_t atom)
{
	const struct atom *a = &p->object->atoms[atom];
	uint64_t address = p->base[a->section->index] + a->offset;

	for (uint32_t i = 0; i < a->n_refs; i++) {
		const struct ref *r = &p->object->refs[a->first_ref + i];
		union strmap_value *known;
		struct installed_field f;
		const char *name;
		int64_t addend;
		uint64_t at;

		if (!has_field(r))
			continue;
		name = noted_name(p->object, r, &addend);
		if (!name || proof_field(p, a, address, r, &f) || f.external)
			continue;
		at = f.address - (uint64_t)addend;
		known = strmap_get(p->priv->externs, name);
		if (known && known->num != at)
			known->num = EXTERN_CONFLICT;
		else {
			if (!known)
				strmap_set(p->priv->externs, name, (union strmap_value){ .num = at });
		}
	}
}

void proof_note_literals(const struct proof *p, uint32_t atom)
{
	const struct atom *a = &p->object->atoms[atom];
	uint64_t address = p->base[a->section->index] + a->offset;

	for (uint32_t i = 0; i < a->n_refs; i++) {
		const struct ref *r = &p->object->refs[a->first_ref + i];
		const struct atom *t = &p->object->atoms[r->target];
		uint64_t *known = &p->priv->literals[t->id];
		struct installed_field f;

		if ((t->kind != ATOM_STRING && t->kind != ATOM_CONSTANT) || !has_field(r) ||
		    proof_field(p, a, address, r, &f) || f.external)
			continue;
		f.address -= (uint64_t)r->addend;
		/* behind the end of one string may be the beginning of another, or of nothing */
		if (!same_contents(p, t, 0, f.address))
			continue;
		*known = *known && *known != f.address ? LITERAL_CONFLICT : f.address;
	}
}
