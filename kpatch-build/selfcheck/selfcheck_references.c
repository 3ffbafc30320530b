// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-check: every klp reference of the linked module has become what leads to the same symbol: a livepatch symbol of
 * that name and position, or a relocation that counts from klp_enable_patch(). Reads the linked module
 * and the installed image's kallsyms table; shares nothing with the stage that measured the distances.
 */
#include "kpatch-build/selfcheck/selfcheck.h"

#include <inttypes.h>
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/klp/names.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"
#include "lib/util/vmlinux.h"

/* One relocation of the finished module. */
struct found {
	const struct elf_edit_symbol *symbol;
	int64_t addend;
};

struct references {
	struct checked *c;
	const struct kallsyms *kallsyms;
	struct strmap *places; /* "SECTION OFFSET" → struct found */
};

static const char *place_name(struct arena *a, const struct elf_edit_section *target, uint64_t offset)
{
	return arena_printf(a, "%s %#" PRIx64, target->name, offset);
}

static bool is_relocations(const struct elf_edit *f, uint32_t index)
{
	const struct elf_edit_section *s = &f->sections[index];

	return s->type == SHT_RELA && f->sections[s->info].flags & SHF_ALLOC;
}

/* What the finished module has for each place. A guard section fills none. */
static void note_places(struct references *r)
{
	const struct elf_edit *f = r->c->f;

	for (uint32_t i = 1; i < f->n_sections; i++) {
		size_t j, n;
		const Elf64_Rela *rela;

		if (!is_relocations(f, i))
			continue;
		rela = elf_edit_relas(f, i, &n);
		for (j = 0; j < n; j++) {
			struct found *found;

			if (ELF64_R_TYPE(rela[j].r_info) == f->arch->guard_type)
				continue;
			found = arena_array(r->c->arena, 1, sizeof(*found));
			*found = (struct found){ &f->symbols[ELF64_R_SYM(rela[j].r_info)], rela[j].r_addend };
			strmap_set(r->places,
				   place_name(r->c->arena, &f->sections[f->sections[i].info],
					      rela[j].r_offset),
				   (union strmap_value){ .cptr = found });
		}
	}
}

static bool leads_there(const struct references *r, const struct found *found, const struct klp_ref *ref,
			int64_t addend)
{
	uint64_t from, to;

	/* Of a name that is there once, the first is the one (selfcheck_symbols.c). */
	if (found->symbol->reserved == SHN_LIVEPATCH)
		return found->addend == addend &&
		       !strcmp(found->symbol->name,
			       klp_symbol_name(r->c->arena, ref->symbol_object, ref->name,
					       ref->position ? ref->position : 1));
	if (!is_vmlinux(ref->symbol_object) || !r->kallsyms ||
	    strcmp(found->symbol->name, "klp_enable_patch") != 0)
		return false;
	return selfcheck_in_vmlinux(r->kallsyms, found->symbol->name, 0, &from) &&
	       selfcheck_in_vmlinux(r->kallsyms, ref->name, ref->position, &to) &&
	       from + (uint64_t)(found->addend - addend) == to;
}

static void check_relocation(const struct references *r, const struct elf_edit_section *target,
			     const Elf64_Rela *rela, const struct klp_ref *ref)
{
	const union strmap_value *known =
		strmap_get(r->places, place_name(r->c->arena, target, rela->r_offset));

	if (!known || !leads_there(r, known->cptr, ref, rela->r_addend))
		selfcheck_error(r->c, "selfcheck-reference", "%s+%#" PRIx64 " does not lead to %s,%lu of %s",
				target->name, (uint64_t)rela->r_offset, ref->name, ref->position,
				ref->symbol_object);
}

static void check_section(const struct references *r, uint32_t index)
{
	const struct elf_edit *linked = r->c->linked;
	const struct elf_edit_section *target = &linked->sections[linked->sections[index].info];
	size_t n;
	const Elf64_Rela *rela = elf_edit_relas(linked, index, &n);

	for (size_t i = 0; i < n; i++) {
		const struct elf_edit_symbol *s = &linked->symbols[ELF64_R_SYM(rela[i].r_info)];
		struct klp_ref ref;

		if (elf_edit_undefined(s) && !klp_ref_parse(r->c->arena, s->name, &ref))
			check_relocation(r, target, &rela[i], &ref);
	}
}

void selfcheck_references(struct checked *c, const struct selfcheck_want *want)
{
	struct references r = { .c = c, .kallsyms = want->kallsyms };

	r.places = strmap_new(1024);
	note_places(&r);
	for (uint32_t i = 1; i < c->linked->n_sections; i++)
		if (is_relocations(c->linked, i))
			check_section(&r, i);
	strmap_free(r.places);
}
