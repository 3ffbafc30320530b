// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-check of what the livepatch core reads: names of sections and symbols, as
 * klp_apply_section_relocs() and klp_resolve_symbols() of kernel/livepatch/core.c take them apart,
 * and fields, as the module loader wants to find them.
 */
#include "kpatch-build/selfcheck/selfcheck.h"

#include <stdio.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/arch/arch.h"
#include "lib/klp/names.h"
#include "lib/util/arena.h"
#include "lib/util/vmlinux.h"

static bool symbol_is_valid(const char *name, char object[KLP_OBJECT_MAX + 1])
{
	static _Thread_local char symbol[KLP_SYMBOL_MAX + 1];
	unsigned long position;

	return klp_symbol_parse(name, object, symbol, &position);
}

static void check_field(struct checked *c, const struct elf_edit_section *klp, const Elf64_Rela *rela)
{
	const struct elf_edit_section *target = &c->f->sections[klp->info];
	const struct reloc_type *type = arch_reloc(c->f->arch, ELF64_R_TYPE(rela->r_info));
	const uint8_t *field;

	if (!type || (type->width && !type->loaded) || !target->data || rela->r_offset > target->size ||
	    target->size - rela->r_offset < type->width) {
		selfcheck_error(c, "selfcheck-klp", "%s has a relocation that cannot be applied", klp->name);
		return;
	}
	field = target->data + rela->r_offset;
	for (size_t i = 0; i < type->width; i++)
		if (field[i] & reloc_byte(type, c->f->arch->big_endian, i))
			selfcheck_error(c, "selfcheck-klp", "a field that %s fills is not zero", klp->name);
}

static void check_symbol(struct checked *c, const struct elf_edit_section *klp, const char *section_object,
			 const Elf64_Rela *rela)
{
	const struct elf_edit_symbol *s = &c->f->symbols[ELF64_R_SYM(rela->r_info)];
	char object[KLP_OBJECT_MAX + 1];

	if (s->reserved != SHN_LIVEPATCH || !symbol_is_valid(s->name, object))
		selfcheck_error(c, "selfcheck-klp", "%s uses '%s', which is no livepatch symbol", klp->name,
				s->name);
	else if (is_vmlinux(object) != is_vmlinux(section_object))
		selfcheck_error(c, "selfcheck-klp", "'%s' cannot be resolved in %s", s->name, klp->name);
}

static void check_section(struct checked *c, uint32_t index)
{
	const struct elf_edit_section *s = &c->f->sections[index];
	const struct elf_edit_section *target = &c->f->sections[s->info];
	const Elf64_Rela *rela;
	char object[KLP_OBJECT_MAX + 1];
	const char *applies_to;
	size_t i, n;

	if (s->type != SHT_RELA || !(s->flags & SHF_ALLOC) ||
	    !klp_section_parse(s->name, object, &applies_to) || strcmp(applies_to, target->name) ||
	    !(target->flags & SHF_ALLOC)) {
		selfcheck_error(c, "selfcheck-klp", "%s is no livepatch relocation section", s->name);
		return;
	}
	if (!is_vmlinux(object) && section_read_early(c->f->arch, target->name) &&
	    strcmp(target->name, KPATCH_FUNCS_SECTION))
		selfcheck_error(c, "selfcheck-klp", "%s comes too late for what it fills", s->name);
	rela = elf_edit_relas(c->f, index, &n);
	for (i = 0; i < n; i++) {
		check_symbol(c, s, object, &rela[i]);
		check_field(c, s, &rela[i]);
	}
}

static bool has_symbol(const struct elf_edit *f, uint32_t section, uint32_t symbol)
{
	size_t i, n;
	const Elf64_Rela *rela = elf_edit_relas(f, section, &n);

	for (i = 0; i < n; i++)
		if (ELF64_R_SYM(rela[i].r_info) == symbol)
			return true;
	return false;
}

/* The first section of a module must only look symbols up: all that the later ones use. */
static void check_guard(struct checked *c, uint32_t guard, uint32_t section)
{
	const struct elf_edit *f = c->f;
	size_t i, n;
	const Elf64_Rela *rela = elf_edit_relas(f, section, &n);

	for (i = 0; i < n; i++)
		if (guard == section ? ELF64_R_TYPE(rela[i].r_info) != f->arch->guard_type :
				       !has_symbol(f, guard, ELF64_R_SYM(rela[i].r_info)))
			selfcheck_error(c, "selfcheck-klp", "'%s' is not looked up before %s is applied",
					f->symbols[ELF64_R_SYM(rela[i].r_info)].name,
					f->sections[section].name);
}

/* The first klp section of the object that section @index is for. */
static uint32_t first_of_object(const struct elf_edit *f, uint32_t index)
{
	char object[KLP_OBJECT_MAX + 1], other[KLP_OBJECT_MAX + 1];
	const char *target;
	uint32_t i;

	if (!klp_section_parse(f->sections[index].name, object, &target) || is_vmlinux(object))
		return 0;
	for (i = 1; i < f->n_sections; i++)
		if (f->sections[i].type == SHT_RELA &&
		    klp_section_parse(f->sections[i].name, other, &target) && !strcmp(object, other))
			return i;
	return 0;
}

/* An ordinary relocation against a livepatch symbol would be applied with its value 0. */
static void check_ordinary(struct checked *c, uint32_t index)
{
	size_t i, n;
	const Elf64_Rela *rela = elf_edit_relas(c->f, index, &n);

	for (i = 0; i < n; i++) {
		const struct elf_edit_symbol *s = &c->f->symbols[ELF64_R_SYM(rela[i].r_info)];

		if (s->reserved == SHN_LIVEPATCH)
			selfcheck_error(c, "selfcheck-klp", "%s uses the livepatch symbol '%s'",
					c->f->sections[index].name, s->name);
	}
}

void selfcheck_klp(struct checked *c)
{
	const struct elf_edit *f = c->f;
	uint32_t i, guard;

	for (i = 1; i < f->n_sections; i++) {
		const struct elf_edit_section *s = &f->sections[i];

		if (s->flags & SHF_RELA_LIVEPATCH ||
		    !strncmp(s->name, KLP_SECTION_PREFIX, strlen(KLP_SECTION_PREFIX))) {
			check_section(c, i);
			guard = s->type == SHT_RELA ? first_of_object(f, i) : 0;
			if (guard)
				check_guard(c, guard, i);
		} else if (s->type == SHT_RELA) {
			check_ordinary(c, i);
		}
	}
	for (i = 1; i < f->n_symbols; i++)
		if (!strncmp(f->symbols[i].name, KPATCH_REF_PREFIX, strlen(KPATCH_REF_PREFIX)))
			selfcheck_error(c, "selfcheck-klp", "'%s' was left over", f->symbols[i].name);
}
