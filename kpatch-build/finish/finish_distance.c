// SPDX-License-Identifier: GPL-2.0-only
/*
 * References to vmlinux by distance. A klp relocation costs the kernel a search: before 6.4 the core reads the names of
 * all its symbols, once for each relocation and not for each symbol, which makes a patch of a few hundred functions
 * take seconds to load. All symbols of one build of vmlinux have the same distance from each other in every boot, since the kernel
 * is moved as a whole. So a reference becomes an ordinary relocation against klp_enable_patch(), which every
 * patch module imports, plus that distance.
 *
 * It is right on this one build only. The runtime compares builds before it does anything else, and finds the running one by
 * KPATCH_NOTES_START and _END: these stay klp relocations. So do references in what the kernel reads while it loads
 * a module, before the runtime is asked; and per-CPU variables, whose addresses are not the image's.
 */
#include "kpatch-build/finish/finish.h"

#include <errno.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/arch/arch.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/klp/names.h"
#include "lib/util/arena.h"
#include "lib/util/vmlinux.h"

#define ANCHOR "klp_enable_patch"

struct distances {
	struct elf_edit *f;
	const struct kallsyms *kallsyms;
	uint32_t anchor;	   /* its symbol in the module */
	uint64_t from;		   /* its address */
	uint64_t image, image_end; /* all that is moved with it */
	const uint64_t *to;	   /* by symbol index: the address that it stands for, or 0 */
};

/* The address of a symbol of which the kernel has one. */
static bool address_of(const struct kallsyms *k, const char *name, uint64_t *out)
{
	uint32_t i = kallsyms_find(k, name, 0);

	if (i == KALLSYMS_NONE)
		return false;
	*out = kallsyms_get(k, i).address;
	return true;
}

static uint32_t imported(const struct elf_edit *f, const char *name)
{
	for (uint32_t i = 1; i < f->n_symbols; i++)
		if (elf_edit_undefined(&f->symbols[i]) && !strcmp(f->symbols[i].name, name))
			return i;
	return 0;
}

/* Where a klp reference leads, if that is in the image and not what tells one build from another; 0. */
static uint64_t leads_to(const struct distances *d, const char *symbol)
{
	struct klp_ref ref;
	uint64_t address;
	uint32_t i;

	if (klp_ref_parse(d->f->arena, symbol, &ref) || !is_vmlinux(ref.section_object) ||
	    !is_vmlinux(ref.symbol_object) || !strcmp(ref.name, KPATCH_NOTES_START) ||
	    !strcmp(ref.name, KPATCH_NOTES_END))
		return 0;
	i = kallsyms_find(d->kallsyms, ref.name, ref.position);
	if (i == KALLSYMS_NONE)
		return 0;
	address = kallsyms_get(d->kallsyms, i).address;
	return address >= d->image && address < d->image_end ? address : 0;
}

/* Whether the module loader just adds up symbol and addend, wherever the sum leads. */
static bool is_sum(const struct reloc_type *type)
{
	return type && type->loaded && !type->within && !type->from_table && !type->parts[0].bits;
}

static void measure(const struct distances *d, uint32_t index)
{
	const struct elf_edit_section *target = &d->f->sections[d->f->sections[index].info];
	size_t n;
	Elf64_Rela *rela = elf_edit_relas(d->f, index, &n);

	for (size_t i = 0; i < n; i++) {
		const struct reloc_type *type = arch_reloc(d->f->arch, ELF64_R_TYPE(rela[i].r_info));
		uint64_t to = d->to[ELF64_R_SYM(rela[i].r_info)];

		if (!to || !is_sum(type) || !target->data || rela[i].r_offset > target->size ||
		    target->size - rela[i].r_offset < type->width)
			continue;
		reloc_clear(type, d->f->arch->big_endian, target->data + rela[i].r_offset);
		rela[i].r_info = ELF64_R_INFO(d->anchor, ELF64_R_TYPE(rela[i].r_info));
		rela[i].r_addend += (int64_t)(to - d->from);
	}
}

void finish_distances(struct elf_edit *f, const struct kallsyms *kallsyms)
{
	struct distances d = { .f = f, .kallsyms = kallsyms, .anchor = imported(f, ANCHOR) };
	uint64_t *to = arena_array(f->arena, f->n_symbols, sizeof(*to));
	uint32_t i;

	if (!d.anchor || !address_of(kallsyms, ANCHOR, &d.from) ||
	    !address_of(kallsyms, "_stext", &d.image) || !address_of(kallsyms, "_end", &d.image_end))
		return;
	for (i = 1; i < f->n_symbols; i++)
		if (elf_edit_undefined(&f->symbols[i]))
			to[i] = leads_to(&d, f->symbols[i].name);
	d.to = to;
	for (i = 1; i < f->n_sections; i++) {
		const struct elf_edit_section *s = &f->sections[i];

		if (s->type == SHT_RELA && !s->removed && f->sections[s->info].flags & SHF_ALLOC &&
		    !section_read_early(f->arch, f->sections[s->info].name))
			measure(&d, i);
	}
}
