/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A relocatable ELF file held in memory to be changed as a whole: symbols renamed, sections
 * added and renamed, relocations moved from one section to another. The link and finish stages
 * work on whole modules this way, between runs of the kernel's tools; what objects mean is the
 * business of lib/elf/object.h.
 *
 * 64-bit files of known machines only, numbers as this machine has them. String tables are written anew, relocation sections
 * come behind what they relocate; everything below uses indexes into these arrays, and elf_edit_write() renumbers what remains.
 */
#ifndef KPATCH_ELF_EDIT_H
#define KPATCH_ELF_EDIT_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/elf/file.h"

struct arch;
struct arena;
struct diags;

struct elf_edit_section {
	const char *name;
	uint32_t type;
	uint64_t flags, align, entsize;
	uint32_t link, info; /* as in the file; for SHT_RELA link is written anew */
	uint8_t *data;	     /* NULL for SHT_NOBITS; Elf64_Rela[] for SHT_RELA */
	uint64_t size;
	bool removed; /* left out by elf_edit_write(); nothing may refer to it then */
};

struct elf_edit_symbol {
	const char *name;
	uint8_t bind, type, other;
	uint16_t reserved; /* SHN_ABS, SHN_COMMON or SHN_LIVEPATCH; 0: see section */
	uint32_t section;  /* 0: undefined */
	uint64_t value, size;
	bool removed;
};

struct elf_edit {
	const char *path; /* where it was read from, for messages */
	struct arena *arena;
	const struct arch *arch;
	uint32_t e_flags;
	struct elf_edit_section *sections; /* [0] is the null section */
	uint32_t n_sections, max_sections;
	struct elf_edit_symbol *symbols; /* [0] is the null symbol; locals come first */
	uint32_t n_symbols, max_symbols;
	uint32_t symtab, strtab, shstrtab; /* section indexes */
};

/*
 * Reads @path; everything lives in @arena. Indexes, names and the sizes and offsets of
 * relocations are checked. -EBADMSG (damaged) or -ENOTSUP (other machine, no symbol table,
 * section groups), each with a diagnostic "module-damaged" or "module-unsupported"; -errno.
 */
int elf_edit_read(const char *path, struct arena *arena, struct diags *diags, struct elf_edit **out);

/* Writes what is left of @f. The same content gives the same bytes. 0 or -errno. */
int elf_edit_write(const struct elf_edit *f, const char *path);

/* Index of the first section of that name that is not removed, or 0. */
uint32_t elf_edit_find_section(const struct elf_edit *f, const char *name);

/* The n relocations of SHT_RELA section @index. */
static inline Elf64_Rela *elf_edit_relas(const struct elf_edit *f, uint32_t index, size_t *n)
{
	*n = f->sections[index].size / sizeof(Elf64_Rela);
	return (Elf64_Rela *)f->sections[index].data;
}

/* Appends; the index is returned. Pointers into the arrays become invalid. */
uint32_t elf_edit_add_section(struct elf_edit *f, const struct elf_edit_section *section);
uint32_t elf_edit_add_symbol(struct elf_edit *f, const struct elf_edit_symbol *symbol);

static inline bool elf_edit_undefined(const struct elf_edit_symbol *s)
{
	return !s->section && !s->reserved;
}

#endif
