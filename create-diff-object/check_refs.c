// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the check pass: every reference of the patch, as the raw relocations of the output have it.
 * Reads relocations and asks route_decide() again, and whether that is still the same; knows nothing of how emit.c writes them.
 */
#include "create-diff-object/check.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "create-diff-object/indirect.h"
#include "lib/arch/arch.h"

/* A branch of one byte has no relocation: its byte is the distance. */
static void check_short(struct check *c, uint32_t i, const struct ref *r)
{
	const struct section *s = &c->out->sections[c->copy[i]];
	uint64_t at = c->at[i] + r->offset;

	if (!check_carried(c->d, r->target) || c->copy[r->target] != s->index ||
	    (int64_t)at + (int8_t)s->data[at] - r->bias != (int64_t)c->at[r->target] + r->addend)
		check_problem(c, i, "its branch at +0x%x leads elsewhere", r->offset);
}

static void check_ref(struct check *c, uint32_t i, const struct ref *r)
{
	struct routing route = route_decide(c->d, i, r);
	enum outlet_way way = indirect_way(c->d, i, r, route.route);
	const Elf64_Rela *rela;

	if (way_is_half(way)) {
		check_half(c, i, r, &route, way);
		return;
	}
	rela = check_reloc(c, c->copy[i], c->at[i] + r->offset, r->type);
	if (!rela)
		check_problem(c, i, "its reference at +0x%x is missing or of another type", r->offset);
	else if (route.route != route_of(c->d, r)->route)
		check_problem(c, i, "where its reference at +0x%x leads was decided otherwise", r->offset);
	else if (way != WAY_FIELD)
		check_outlet(c, i, r, &route, rela);
	else
		check_target(c, i, r, &route, rela);
}

/* A load of a variable: the immediate's instruction made anew, but for its operand. */
static void check_constant(struct check *c, const struct constant *k)
{
	const struct atom *a = new_atom(c->d, k->function);
	uint32_t section = c->copy[k->function], field;
	uint64_t at = c->at[k->function] + k->offset;
	const Elf64_Rela *rela = check_reloc(c, section, at + k->field, c->d->arch->operand_type);
	uint8_t code[sizeof(k->code)];
	int64_t addend;

	memcpy(code, atom_bytes(a) + k->offset, k->size);
	if (c->d->arch->load_variable(code, k->size, &field, &addend) != k->size || !rela ||
	    memcmp(code, c->out->sections[section].data + at, k->size) || field != k->field ||
	    rela->r_addend != addend || !check_names_outside(c, rela, &k->variable))
		check_problem(c, k->function, "its load of %s at +0x%" PRIx64 " is wrong", k->variable.name,
			      k->offset);
}

/* The keys that objtool has to find by name: a pointer to each, and nothing else. */
static void check_static_keys(struct check *c)
{
	const struct diff *d = c->d;
	const struct section *s = object_section(c->out, STATIC_KEYS_SECTION);

	if ((s ? s->size : 0) != d->n_static_keys * STATIC_KEY_MENTION) {
		check_problem(c, NO_ATOM, "section %s has another size", STATIC_KEYS_SECTION);
		return;
	}
	for (uint32_t i = 0; s && i < d->n_static_keys; i++) {
		const Elf64_Rela *rela =
			check_reloc(c, s->index, i * STATIC_KEY_MENTION, d->arch->pointer_type);

		c->meant[s->index] = true;
		if (!rela || rela->r_addend || !check_names_outside(c, rela, &d->static_keys[i]))
			check_problem(c, NO_ATOM, "the mention of %s is wrong", d->static_keys[i].name);
	}
}

void check_refs(struct check *c)
{
	const struct object *o = c->d->new.object;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		if (!check_carried(c->d, i))
			continue;
		for (uint32_t k = 0; k < o->atoms[i].n_refs; k++) {
			const struct ref *r = &o->refs[o->atoms[i].first_ref + k];

			if (is_short(r))
				check_short(c, i, r);
			else
				check_ref(c, i, r);
		}
	}
	for (uint32_t i = 0; i < c->d->n_constants; i++)
		check_constant(c, &c->d->constants[i]);
	check_static_keys(c);
}
