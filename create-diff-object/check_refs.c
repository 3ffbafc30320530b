// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the check pass: every reference of the patch, as the raw relocations of the output have it.
 * Reads relocations and asks route_decide() again, and whether that is still the same; knows nothing of how emit.c writes them.
 */
#include "create-diff-object/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arch/arch.h"

static int rela_compare(const void *a, const void *b)
{
	const Elf64_Rela *x = a, *y = b;

	if (x->r_offset != y->r_offset)
		return x->r_offset < y->r_offset ? -1 : 1;
	/* one that does nothing may be where another is */
	return (ELF64_R_TYPE(x->r_info) == R_NONE) - (ELF64_R_TYPE(y->r_info) == R_NONE);
}

int check_relocs_sort(struct check *c)
{
	for (uint32_t i = 1; i < c->out->n_sections; i++) {
		uint32_t rela = c->out->sections[i].rela;
		const struct section *r = &c->out->sections[rela];
		Elf64_Rela *list;

		if (!rela || !r->data)
			continue;
		list = arena_memdup(c->d->arena, r->data, r->size);
		if (!list)
			return -ENOMEM;
		c->relocs[i] = (struct relocs){ list, r->size / sizeof(*list), 0 };
		qsort(list, c->relocs[i].n, sizeof(*list), rela_compare);
	}
	return 0;
}

const Elf64_Rela *check_reloc(struct check *c, uint32_t section, uint64_t at, uint32_t type)
{
	const Elf64_Rela key = { .r_offset = at, .r_info = ELF64_R_INFO(0, type) };
	struct relocs *r = &c->relocs[section];
	const Elf64_Rela *found = r->n ? bsearch(&key, r->list, r->n, sizeof(key), rela_compare) : NULL;

	if (!found || ELF64_R_TYPE(found->r_info) != type)
		return NULL;
	r->met++;
	return found;
}

const struct symbol *check_symbol_of(const struct check *c, const Elf64_Rela *rela)
{
	return &c->out->symbols[ELF64_R_SYM(rela->r_info)];
}

void check_relocs_met(struct check *c)
{
	for (uint32_t i = 1; i < c->out->n_sections; i++)
		if (c->relocs[i].met != c->relocs[i].n)
			check_problem(c, NO_ATOM, "section %s has %zu relocations, and %zu are meant",
				      c->out->sections[i].name, c->relocs[i].n, c->relocs[i].met);
}

/* Whether a relocation names what is outside of the patch as the link stage expects it. */
static bool names_outside(const struct check *c, const Elf64_Rela *rela, const struct routing *r)
{
	const struct symbol *s = check_symbol_of(c, rela);
	const char *name = r->route == ROUTE_KLP ? route_klp_name(c->d->arena, r) : r->name;

	return s->section == SHN_UNDEF && name && !strcmp(s->name, name) &&
	       (r->route != ROUTE_KLP || s->bind == STB_WEAK);
}

static void check_outside(struct check *c, uint32_t i, const struct ref *r, const struct routing *route,
			  const Elf64_Rela *rela)
{
	int64_t want = r->addend - (int64_t)new_atom(c->d, r->target)->entry + r->bias + route->distance;

	if (route->route == ROUTE_OFF)
		want &= JUMP_LABEL_FLAGS;
	if (!names_outside(c, rela, route))
		check_problem(c, i, "its reference at +0x%x does not name %s as it must", r->offset,
			      route->name);
	else if (rela->r_addend != want)
		check_problem(c, i, "the addend of its reference at +0x%x differs", r->offset);
}

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
	const Elf64_Rela *rela = check_reloc(c, c->copy[i], c->at[i] + r->offset, r->type);
	struct routing route = route_decide(c->d, i, r);
	const struct symbol *s = rela ? check_symbol_of(c, rela) : NULL;

	if (!rela)
		check_problem(c, i, "its reference at +0x%x is missing or of another type", r->offset);
	else if (route.route != route_of(c->d, r)->route)
		check_problem(c, i, "where its reference at +0x%x leads was decided otherwise", r->offset);
	else if (route.route != ROUTE_PATCH)
		check_outside(c, i, r, &route, rela);
	else if (!check_carried(c->d, r->target) || s->section != c->copy[r->target] ||
		 (int64_t)s->value + rela->r_addend - r->bias != (int64_t)c->at[r->target] + r->addend)
		check_problem(c, i, "its reference at +0x%x leads elsewhere", r->offset);
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
	    rela->r_addend != addend || !names_outside(c, rela, &k->variable))
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
		if (!rela || rela->r_addend || !names_outside(c, rela, &d->static_keys[i]))
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
