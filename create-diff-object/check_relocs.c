// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the check pass: the raw relocations of the output, which of them have been asked for, and what they lead to. Knows
 * nothing of how emit.c writes them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/check.h"
#include "lib/arch/arch.h"

static int rela_compare(const void *a, const void *b)
{
	const Elf64_Rela *x = a, *y = b;

	if (x->r_offset != y->r_offset)
		return x->r_offset < y->r_offset ? -1 : 1;
	/* one that does nothing may be where another is */
	return (ELF64_R_TYPE(x->r_info) == R_NONE) - (ELF64_R_TYPE(y->r_info) == R_NONE);
}

void check_relocs_sort(struct check *c)
{
	for (uint32_t i = 1; i < c->out->n_sections; i++) {
		uint32_t rela = c->out->sections[i].rela;
		const struct section *r = &c->out->sections[rela];
		Elf64_Rela *list;

		if (!rela || !r->data)
			continue;
		list = arena_memdup(c->d->arena, r->data, r->size);
		c->relocs[i] = (struct relocs){ list, r->size / sizeof(*list), 0 };
		qsort(list, c->relocs[i].n, sizeof(*list), rela_compare);
	}
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

bool check_names_outside(const struct check *c, const Elf64_Rela *rela, const struct routing *r)
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
	if (!check_names_outside(c, rela, route))
		check_problem(c, i, "its reference at +0x%x does not name %s as it must", r->offset,
			      route->name);
	else if (rela->r_addend != want)
		check_problem(c, i, "the addend of its reference at +0x%x differs", r->offset);
}

void check_target(struct check *c, uint32_t i, const struct ref *r, const struct routing *route,
		  const Elf64_Rela *rela)
{
	const struct symbol *s = check_symbol_of(c, rela);

	if (route->route != ROUTE_PATCH)
		check_outside(c, i, r, route, rela);
	else if (!check_carried(c->d, r->target) || s->section != c->copy[r->target] ||
		 (int64_t)s->value + rela->r_addend - r->bias != (int64_t)c->at[r->target] + r->addend)
		check_problem(c, i, "its reference at +0x%x leads elsewhere", r->offset);
}
