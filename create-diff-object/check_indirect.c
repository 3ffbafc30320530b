// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the check pass: references that lead to an entry of the table or to a thunk, which must be what the machine says a thunk
 * is, and lead on to what is meant. Entries and thunks are as many as something leads to. Knows nothing of
 * how emit_indirect.c makes them.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "create-diff-object/check.h"
#include "create-diff-object/indirect.h"
#include "lib/arch/arch.h"
#include "lib/util/strmap.h"

#define ENTRY_SIZE 8

bool check_is_table(const struct check *c, uint32_t section)
{
	const struct indirection *in = c->d->arch->indirection;

	return in && !strcmp(c->out->sections[section].name, in->table);
}

/* Whether this is the first that leads there. */
static bool first_at(struct check *c, uint32_t section, uint64_t at)
{
	const char *key = arena_printf(c->d->arena, "%" PRIu32 "+%" PRIx64, section, at);

	if (strmap_get(c->met, key))
		return false;
	strmap_set(c->met, key, (union strmap_value){ .num = at });
	return true;
}

/* A relocation that several may ask for is counted once. */
static const Elf64_Rela *shared_reloc(struct check *c, uint32_t section, uint64_t at, uint32_t type,
				      bool first)
{
	const Elf64_Rela *rela = check_reloc(c, section, at, type);

	if (rela && !first)
		c->relocs[section].met--;
	return rela;
}

/* The place in a section of the output that a relocation names by that section. */
static bool place_of(const struct check *c, const Elf64_Rela *rela, uint32_t *section, uint64_t *at)
{
	const struct symbol *s = check_symbol_of(c, rela);

	*section = s->section;
	*at = s->value + (uint64_t)rela->r_addend;
	return s->section != SHN_UNDEF && s->section < c->out->n_sections &&
	       *at <= c->out->sections[s->section].size;
}

/* The entry that the relocation @rela of a field names: one behind the patched object's own, with the address meant. */
static void check_entry(struct check *c, uint32_t i, const struct ref *r, const struct routing *route,
			const Elf64_Rela *rela)
{
	struct ref whole = *r;
	const Elf64_Rela *address;
	uint32_t section;
	uint64_t at;
	bool first;

	whole.bias = 0;
	if (!rela || !place_of(c, rela, &section, &at) || !check_is_table(c, section) || at % ENTRY_SIZE ||
	    at < c->end[section] || at + ENTRY_SIZE > c->out->sections[section].size ||
	    !(c->out->sections[section].flags & SHF_WRITE)) {
		check_problem(c, i, "its reference at +0x%x leads to no entry of the table", r->offset);
		return;
	}
	first = first_at(c, section, at);
	c->meant[section] = true;
	address = shared_reloc(c, section, at, c->d->arch->pointer_type, first);
	if (!address)
		check_problem(c, i, "the table's entry for its reference at +0x%x is empty", r->offset);
	else
		check_target(c, i, &whole, route, address);
}

static bool thunk_is(const struct check *c, const struct thunk *t, uint32_t section, uint64_t at)
{
	const struct section *s = &c->out->sections[section];

	if (strcmp(s->name, THUNKS_SECTION) || !(s->flags & SHF_EXECINSTR) || !s->data || at % 4 ||
	    at + t->size > s->size)
		return false;
	return !memcmp(s->data + at, t->code, t->size);
}

/* People see it in stack traces. */
static void check_thunk_symbol(struct check *c, uint32_t i, const struct ref *r, const struct thunk *t,
			       uint32_t section, uint64_t at)
{
	const char *name = arena_printf(c->d->arena, THUNK_PREFIX "%s", new_atom(c->d, r->target)->name);

	for (uint32_t k = 1; k < c->out->n_symbols && name; k++) {
		const struct symbol *s = &c->out->symbols[k];

		if (s->section == section && s->value == at && s->size == t->size && s->type == STT_FUNC &&
		    s->bind == STB_LOCAL && !s->other && !strcmp(s->name, name))
			return;
	}
	check_problem(c, i, "the thunk for its call at +0x%x has no symbol", r->offset);
}

static void check_thunk(struct check *c, uint32_t i, const struct ref *r, const struct routing *route,
			const Elf64_Rela *rela, const struct thunk *t)
{
	uint32_t section;
	uint64_t at;
	bool first;

	if (!place_of(c, rela, &section, &at) || !thunk_is(c, t, section, at)) {
		check_problem(c, i, "its call at +0x%x leads to no thunk of its kind", r->offset);
		return;
	}
	first = first_at(c, section, at);
	c->meant[section] = true;
	if (first) {
		c->end[section] += t->size;
		check_thunk_symbol(c, i, r, t, section, at);
	}
	for (size_t k = 0; k < sizeof(t->fields) / sizeof(t->fields[0]); k++)
		check_entry(c, i, r, route,
			    shared_reloc(c, section, at + t->fields[k].at, t->fields[k].type, first));
}

/* What follows the call instead of a no-operation. */
static void check_restored(struct check *c, uint32_t i, const struct ref *r)
{
	const struct indirection *in = c->d->arch->indirection;
	const struct section *s = &c->out->sections[c->copy[i]];

	if (memcmp(s->data + c->at[i] + r->offset + in->restore_at, in->restore, in->restore_size))
		check_problem(c, i, "behind its call at +0x%x nothing is restored", r->offset);
}

void check_outlet(struct check *c, uint32_t i, const struct ref *r, const struct routing *route,
		  const Elf64_Rela *rela)
{
	const struct indirection *in = c->d->arch->indirection;

	switch (indirect_way(c->d, i, r, route->route)) {
	case WAY_TABLE:
		check_entry(c, i, r, route, rela);
		break;
	case WAY_RETURNING:
		check_thunk(c, i, r, route, rela, &in->returning);
		check_restored(c, i, r);
		break;
	case WAY_FRAMED:
		check_thunk(c, i, r, route, rela, &in->framed);
		break;
	case WAY_UPPER:
	case WAY_LOWER:
	case WAY_FIELD:
		break;
	}
}

void check_half(struct check *c, uint32_t i, const struct ref *r, const struct routing *route,
		enum outlet_way way)
{
	const struct section *s = &c->out->sections[c->copy[i]];
	uint64_t at = c->at[i] + r->offset;
	uint32_t type = c->d->arch->indirection->upper_type;
	struct ref whole = *r;
	uint8_t insn[HALF_INSN];

	whole.addend = 0;
	if (route->route != route_of(c->d, r)->route ||
	    !indirect_half(c->d, new_atom(c->d, i), r, way, insn) || memcmp(s->data + at, insn, HALF_INSN))
		check_problem(c, i, "its instruction at +0x%x is not what gets at an entry of the table",
			      r->offset);
	else if (way == WAY_UPPER)
		check_entry(c, i, &whole, route, check_reloc(c, c->copy[i], at, type));
}

bool check_is_restored(const struct check *c, uint32_t atom, uint64_t at)
{
	const struct indirection *in = c->d->arch->indirection;
	const struct atom *a = new_atom(c->d, atom);

	for (uint32_t k = a->first_ref; in && k < a->first_ref + a->n_refs; k++) {
		const struct ref *r = &c->d->new.object->refs[k];
		enum outlet_way way = indirect_way(c->d, atom, r, route_of(c->d, r)->route);
		uint64_t from = r->offset + (uint64_t)in->restore_at;

		if (way == WAY_RETURNING && at >= from && at < from + in->restore_size)
			return true;
		if (way_is_half(way) && at >= r->offset && at < r->offset + HALF_INSN)
			return true;
	}
	return false;
}

void check_outlets(struct check *c)
{
	uint64_t n = 0;

	for (uint32_t i = 1; i < c->out->n_sections; i++) {
		const struct section *s = &c->out->sections[i];

		if (!c->meant[i] || !c->d->arch->indirection)
			continue;
		if (!strcmp(s->name, THUNKS_SECTION) && s->size != c->end[i])
			check_problem(c, NO_ATOM, "section %s has thunks that nothing calls", s->name);
		if (!check_is_table(c, i))
			continue;
		n = 0;
		for (uint64_t at = (c->end[i] + ENTRY_SIZE - 1) / ENTRY_SIZE * ENTRY_SIZE; at < s->size;
		     at += ENTRY_SIZE)
			n += first_at(c, i, at);
		if (n)
			check_problem(c, NO_ATOM, "section %s has entries that nothing leads to", s->name);
	}
}
