/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the relocations of every section that has atoms into object.refs, sorted by section and
 * offset, still raw (see reader.h). Types, fields and symbol indexes are checked here.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/reader.h"
#include "lib/util/xmalloc.h"

static int by_offset(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	/* several at one place (one that does nothing and another) stay in the order of the file */
	return x->bias < y->bias ? -1 : x->bias > y->bias;
}

static int read_reloc(struct reader *r, const struct section *s, const Elf64_Rela *from, struct ref *to)
{
	const struct reloc_type *type = arch_reloc(r->arch, ELF64_R_TYPE(from->r_info));
	uint64_t symbol = ELF64_R_SYM(from->r_info);

	if (!type)
		return damaged(r, s, from->r_offset, "relocation of unknown type %u",
			       (unsigned int)ELF64_R_TYPE(from->r_info));
	if (from->r_offset > s->size || type->width > s->size - from->r_offset)
		return damaged(r, s, from->r_offset, "relocation beyond the end of the section");
	if (symbol && symbol >= r->o->n_symbols)
		return damaged(r, s, from->r_offset, "relocation to symbol %llu, which does not exist",
			       (unsigned long long)symbol);
	*to = (struct ref){
		.offset = from->r_offset,
		.type = ELF64_R_TYPE(from->r_info),
		.width = type->width,
		.pc_relative = type->pc_relative,
		.target = s->index,
		.addend = from->r_addend,
		.symbol = symbol,
	};
	return 0;
}

/* Relocations that do nothing and name nothing, left behind by tools; and hints for the linker. */
static bool asks_for_nothing(const struct reader *r, const Elf64_Rela *rela)
{
	const struct reloc_type *type = arch_reloc(r->arch, ELF64_R_TYPE(rela->r_info));

	return !ELF64_R_SYM(rela->r_info) && type && !type->width &&
	       (type->hint || ELF64_R_TYPE(rela->r_info) == R_NONE);
}

static int read_section_relocs(struct reader *r, const struct section *s, const struct section *rela)
{
	struct object *o = r->o;
	struct ref *first = o->refs + o->n_refs;
	size_t n = rela->size / sizeof(Elf64_Rela);
	bool sorted = true;

	if (s->type == SHT_NOBITS && n)
		return damaged(r, s, 0, "relocations in a section without bytes");
	for (size_t i = 0; i < n; i++) {
		struct ref *ref = &o->refs[o->n_refs];
		Elf64_Rela from;
		int err;

		memcpy(&from, rela->data + i * sizeof(from), sizeof(from));
		if (asks_for_nothing(r, &from))
			continue;
		err = read_reloc(r, s, &from, ref);
		if (err)
			return err;
		ref->bias = i; /* the order in the file, until it is sorted */
		if (ref > first && ref[-1].offset > ref->offset)
			sorted = false;
		o->n_refs++;
	}
	if (!sorted)
		qsort(first, o->refs + o->n_refs - first, sizeof(*first), by_offset);
	for (struct ref *ref = first; ref < o->refs + o->n_refs; ref++) {
		ref->bias = 0;
		if (ref > first && ref[-1].offset + ref[-1].width > ref->offset && ref->width)
			return damaged(r, s, ref->offset, "two relocations of the same bytes");
	}
	return 0;
}

/* Room for every relocation, so that no array grows. */
static int count_relocs(struct reader *r, size_t *count)
{
	struct object *o = r->o;

	*count = 0;
	for (uint32_t i = 1; i < o->n_sections; i++) {
		const struct section *s = &o->sections[i], *rela = &o->sections[s->rela];

		if (!s->rela || !section_has_atoms(s))
			continue;
		if (rela->entsize != sizeof(Elf64_Rela) || rela->size % sizeof(Elf64_Rela) || !rela->data)
			return damaged(r, rela, 0,
				       "relocation section whose size is no multiple of a relocation's");
		*count += rela->size / sizeof(Elf64_Rela);
	}
	return *count >= UINT32_MAX ? -EOVERFLOW : 0;
}

int read_relocs(struct reader *r)
{
	struct object *o = r->o;
	size_t count;
	int err = count_relocs(r, &count);

	if (err)
		return err;
	r->room_refs = count ? count : 1;
	o->refs = xcalloc(r->room_refs, sizeof(*o->refs));
	r->section_refs = xcalloc((size_t)o->n_sections + 1, sizeof(*r->section_refs));
	for (uint32_t i = 0; !err && i < o->n_sections; i++) {
		const struct section *s = &o->sections[i];

		r->section_refs[i] = o->n_refs;
		if (s->rela && section_has_atoms(s))
			err = read_section_relocs(r, s, &o->sections[s->rela]);
	}
	r->section_refs[o->n_sections] = o->n_refs;
	return err;
}
