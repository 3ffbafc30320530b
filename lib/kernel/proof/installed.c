/* SPDX-License-Identifier: GPL-2.0-only */
/* See installed.h. */
#include "lib/arch/arch.h"
#include "lib/kernel/proof/installed.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "lib/elf/object.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/proof/installed_private.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/util/arena.h"
#include "lib/util/vmlinux.h"

const char *installed_name(const struct installed *in)
{
	return in->image ? VMLINUX : in->module->name;
}

static uint64_t section_base(uint32_t section)
{
	return (uint64_t)section << INSTALLED_SECTION_SHIFT;
}

/* The section of a module that holds @size bytes at @address, and where in it. NULL: none. */
static const struct elf_section *module_section(const struct installed *in, uint64_t address, size_t size,
						uint64_t *offset)
{
	uint64_t index = address >> INSTALLED_SECTION_SHIFT;
	const struct elf_section *s;

	if (!index || index >= in->module->n_sections)
		return NULL;
	s = &in->module->sections[index];
	*offset = address - section_base((uint32_t)index);
	if (!(s->flags & SHF_ALLOC) || *offset > s->size || size > s->size - *offset)
		return NULL;
	return s;
}

const uint8_t *installed_bytes(const struct installed *in, uint64_t address, size_t size)
{
	const struct elf_section *s;
	uint64_t offset;

	if (in->image)
		return kimage_bytes(in->image, address, size);
	s = module_section(in, address, size, &offset);
	return s && s->data ? s->data + offset : NULL;
}

bool installed_empty(const struct installed *in, uint64_t address, size_t size)
{
	const struct elf_section *k;
	const struct elf_section *s;
	uint64_t offset;

	if (in->image) {
		k = kimage_section_at(in->image, address);
		return k && k->type == SHT_NOBITS && size <= k->size - (address - k->address);
	}
	s = module_section(in, address, size, &offset);
	return s && s->type == SHT_NOBITS;
}

bool installed_section(const struct installed *in, const char *name, uint64_t *address, uint64_t *size)
{
	const struct elf_section *k = in->image ? kimage_section(in->image, name) : NULL;
	const struct elf_section *s = in->module ? kmodule_section(in->module, name) : NULL;

	if (!k && !s)
		return false;
	*address = k ? k->address : section_base((uint32_t)(s - in->module->sections));
	*size = k ? k->size : s->size;
	return installed_bytes(in, *address, *size);
}

/* A branch goes to the entry of those that have the same table; the function is what it means. */
static uint64_t function_entered(const struct installed *in, uint64_t address)
{
	const struct indirection *i = in->arch->indirection;
	const uint8_t *code = i ? installed_bytes(in, address - i->most, i->most) : NULL;

	return code && i->second_entry(code, i->most) == i->most ? address - i->most : address;
}

/* Reads the field as the linker wrote it. */
static int decode_field(const struct installed *in, uint64_t place, const struct ref *ref,
			struct installed_field *out)
{
	const struct reloc_type *type = arch_reloc(in->arch, ref->type);
	const uint8_t *p = installed_bytes(in, place, ref->width);
	uint64_t value;

	if (!p)
		return -ENOENT;
	/* a part of an address alone, or of the lowest bits, says nothing */
	if (!type || type->width < 4 || type->drops_low || type->drops_high)
		return -ENOTSUP;
	value = (uint64_t)reloc_get(type, in->arch->big_endian, p);
	if (ref->pc_relative)
		value += place;
	out->address = value - (uint64_t)ref->bias;
	if (ref->type == in->arch->call_type)
		out->address = function_entered(in, out->address);
	return 0;
}

static const struct installed_rela *rela_from(const struct installed_relas *r, uint64_t offset)
{
	uint32_t low = 0, high = r->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (r->list[mid].offset < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return r->list + low;
}

/* A direct branch and a plain pc-relative field are the same without a procedure linkage table. */
static bool same_type(const struct arch *arch, uint32_t a, uint32_t b)
{
	return (a == arch->call_type ? arch->relative_type : a) ==
	       (b == arch->call_type ? arch->relative_type : b);
}

/* The relocation of the field at @place, or NULL. */
static const struct installed_rela *rela_at(const struct installed *in, uint64_t place, size_t width)
{
	const struct installed_relas *relas;
	const struct installed_rela *r;
	uint64_t offset;

	if (!module_section(in, place, width, &offset))
		return NULL;
	relas = &in->relas[place >> INSTALLED_SECTION_SHIFT];
	r = rela_from(relas, offset);
	return r == relas->list + relas->count || r->offset != offset ? NULL : r;
}

/* The address in the entry of the table that the relocation of an instruction leads to, or NULL. */
static const struct installed_rela *through_table(const struct installed *in, const struct installed_rela *r)
{
	const struct kmodule_symbol *sym = &in->module->symbols[r->symbol];
	const struct installed_rela *entry;

	if (!in->arch->indirection || sym->section == SHN_UNDEF || sym->section >= in->module->n_sections ||
	    strcmp(in->module->sections[sym->section].name, in->arch->indirection->table))
		return NULL;
	entry = rela_at(in, section_base(sym->section) + sym->value + (uint64_t)r->addend, sizeof(uint64_t));
	return entry && entry->type == in->arch->pointer_type ? entry : NULL;
}

static int read_field(const struct installed *in, uint64_t place, const struct ref *ref,
		      struct installed_field *out)
{
	const struct kmodule *m = in->module;
	const struct installed_rela *r = rela_at(in, place, ref->width);
	const struct kmodule_symbol *sym;

	if (!r)
		return -ENOENT;
	if (!same_type(in->arch, r->type, ref->type))
		return -ENOTSUP;
	if (ref->through_table)
		r = through_table(in, r);
	if (!r)
		return -ENOTSUP;
	sym = &m->symbols[r->symbol];
	if (sym->section == SHN_UNDEF) {
		out->external = true;
		out->name = sym->name;
		out->addend = r->addend - ref->bias;
		return 0;
	}
	if (sym->section >= m->n_sections)
		return -ENOTSUP;
	out->address = section_base(sym->section) + sym->value + (uint64_t)(r->addend - ref->bias);
	return 0;
}

int installed_field(const struct installed *in, uint64_t atom_address, const struct ref *ref,
		    struct installed_field *out)
{
	*out = (struct installed_field){ 0 };
	return in->image ? decode_field(in, atom_address + ref->offset, ref, out) :
			   read_field(in, atom_address + ref->offset, ref, out);
}

uint32_t installed_fields(const struct installed *in, uint64_t address, size_t size)
{
	const struct installed_rela *r, *end;
	uint32_t n = 0;
	uint64_t offset;

	if (in->image)
		return UINT32_MAX;
	if (!module_section(in, address, size, &offset))
		return 0;
	r = rela_from(&in->relas[address >> INSTALLED_SECTION_SHIFT], offset);
	end = rela_from(&in->relas[address >> INSTALLED_SECTION_SHIFT], offset + size);
	/* objtool leaves relocations without effect where it has removed a jump */
	for (; r < end; r++) {
		const struct reloc_type *type = arch_reloc(in->arch, r->type);

		n += !type || type->width;
	}
	return n;
}

/* Modules: symbol indexes that have no place of their own (undefined, absolute) are passed over. */
static uint32_t placed(const struct kmodule *m, uint32_t i)
{
	while (i && (m->symbols[i].section == SHN_UNDEF || m->symbols[i].section >= m->n_sections))
		i = m->symbols[i].next;
	return i ? i : INSTALLED_NONE;
}

uint32_t installed_first(const struct installed *in, const char *name)
{
	return in->image ? kallsyms_first(in->image->kallsyms, name) :
			   placed(in->module, kmodule_symbol(in->module, name));
}

uint32_t installed_next(const struct installed *in, uint32_t i)
{
	return in->image ? kallsyms_next(in->image->kallsyms, i) :
			   placed(in->module, in->module->symbols[i].next);
}

uint64_t installed_address(const struct installed *in, uint32_t i)
{
	const struct kmodule_symbol *s;

	if (in->image)
		return kallsyms_get(in->image->kallsyms, i).address;
	s = &in->module->symbols[i];
	return section_base(s->section) + s->value;
}

uint32_t installed_at(const struct installed *in, const char *name, uint64_t address)
{
	uint32_t i = installed_first(in, name);

	while (i != INSTALLED_NONE && installed_address(in, i) != address)
		i = installed_next(in, i);
	return i;
}

int installed_sympos(const struct installed *in, uint32_t i, uint32_t *sympos, uint32_t *count)
{
	if (!in->image)
		return kmodule_sympos(in->module, i, sympos, count);
	*sympos = kallsyms_sympos(in->image->kallsyms, i, count);
	return 0;
}

static const char *describe_in_module(const struct installed *in, uint64_t address, struct arena *arena)
{
	const struct kmodule *m = in->module;
	uint64_t index = address >> INSTALLED_SECTION_SHIFT, best_value = 0;
	uint64_t offset = address - section_base((uint32_t)index);
	const char *best = NULL;

	if (!index || index >= m->n_sections)
		return arena_printf(arena, "%#llx", (unsigned long long)address);
	for (uint32_t i = 1; i < m->n_symbols; i++) {
		const struct kmodule_symbol *s = &m->symbols[i];

		if (s->section != index || !*s->name || s->type == STT_SECTION || s->value > offset ||
		    (best && s->value < best_value))
			continue;
		best = s->name;
		best_value = s->value;
	}
	if (!best)
		best = m->sections[index].name;
	return arena_printf(arena, "%s+%#llx", best, (unsigned long long)(offset - best_value));
}

const char *installed_describe(const struct installed *in, uint64_t address, struct arena *arena)
{
	struct kallsym s;
	uint32_t i;

	if (!in->image)
		return describe_in_module(in, address, arena);
	i = kallsyms_below(in->image->kallsyms, address);
	if (i == KALLSYMS_NONE)
		return arena_printf(arena, "%#llx", (unsigned long long)address);
	s = kallsyms_get(in->image->kallsyms, i);
	return arena_printf(arena, "%s+%#llx", s.name, (unsigned long long)(address - s.address));
}
