/* SPDX-License-Identifier: GPL-2.0-only */
/* What builder.c collects and builder_layout.c lays out. Not for other rooms. */
#ifndef KPATCH_ELF_BUILDER_INTERNAL_H
#define KPATCH_ELF_BUILDER_INTERNAL_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct strmap;

struct builder_rela {
	uint64_t offset;
	struct builder_symbol *symbol; /* NULL: symbol index 0 */
	int64_t addend;
	uint32_t type;
};

struct builder_section {
	struct builder_section *next;
	const char *name;
	uint32_t type;
	uint64_t flags, align, entsize;
	uint8_t *data; /* malloc'ed; NULL while empty and for SHT_NOBITS */
	uint64_t size, room;
	struct builder_symbol *symbol;	/* STT_SECTION, made at first use */
	struct builder_section *link;	/* sh_link; NULL: none */
	struct builder_section *target; /* relocation section of its own: what it applies to */
	struct builder_rela *relas;	/* malloc'ed; for @target, or for this section */
	size_t n_relas, room_relas;
	/* filled by the layout */
	uint32_t index, rela_index;
	uint64_t file_offset, rela_offset;
	uint32_t name_offset, rela_name_offset;
};

struct builder_symbol {
	struct builder_symbol *next;
	const char *name;
	struct builder_section *section;
	uint64_t value, size;
	uint16_t shndx;
	uint8_t bind, type, other;
	uint32_t index, name_offset; /* filled by the layout */
};

struct builder {
	struct arena *arena;
	struct strmap *by_name; /* first section of a name */
	struct builder_section *sections, **last_section;
	struct builder_symbol *symbols, **last_symbol;
	size_t n_sections, n_symbols;
	uint16_t machine;
	uint32_t e_flags;
	int error; /* the first: 0, -EOVERFLOW, -EINVAL */
};

/* Whether a section gets a .rela section of its own in the header table. */
static inline bool section_has_rela(const struct builder_section *s)
{
	return !s->target && s->n_relas;
}

#endif
