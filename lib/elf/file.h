/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF file in memory as two checked arrays, its sections and its symbols: for whoever reads objects, modules or images,
 * whatever they mean to the reader. Every offset, index and name in them is inside the file.
 */
#ifndef KPATCH_ELF_FILE_H
#define KPATCH_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

#ifndef SHN_LIVEPATCH
#define SHN_LIVEPATCH 0xff20 /* Documentation/livepatch/module-elf-format.rst, as the next */
#endif
#ifndef SHF_RELA_LIVEPATCH
#define SHF_RELA_LIVEPATCH 0x00100000
#endif

struct elf_section {
	const char *name;
	uint32_t type, link, info;
	uint64_t flags, address, align, entsize, size;
	const uint8_t
		*data; /* NULL: SHT_NOBITS and empty. ELF's own tables are as this machine has numbers */
};

struct elf_symbol {
	const char *name;
	uint64_t value, size;
	uint8_t bind, type, other; /* other: st_other, with the visibility */
	uint16_t reserved;	   /* SHN_ABS, SHN_COMMON, SHN_LIVEPATCH, …; 0: see section */
	uint32_t section;	   /* SHN_XINDEX is resolved; 0: undefined */
};

/* Where a file is damaged, and how. */
struct elf_damage {
	char what[160];
	const char *section; /* NULL: not in one */
	uint64_t offset;     /* in the section */
};

struct elf_file {
	const uint8_t *data; /* borrowed */
	size_t size;
	struct arena *arena;
	uint16_t machine, type;
	uint32_t flags;
	uint8_t class, order;	      /* ELFCLASS*, ELFDATA2* */
	struct elf_section *sections; /* by index; [0] is the null section */
	struct elf_symbol *symbols;   /* by index; [0] is the null symbol */
	uint32_t n_sections, n_symbols;
	uint32_t names;		       /* index of the table of section names */
	uint32_t symtab, symbol_names; /* indexes of sections; 0: no symbols */
	struct elf_damage damage;
};

/* Each returns 0, or -EBADMSG and says in f->damage what is wrong. Everything made is @arena's. */

/* The header alone: what the file is. */
int elf_file_open(struct elf_file *f, const uint8_t *data, size_t size, struct arena *arena);
/* Sections of a file of class ELFCLASS64. */
int elf_file_sections(struct elf_file *f);
/* Symbols, if there are any; after the sections. */
int elf_file_symbols(struct elf_file *f);
/* "SECTION: WHAT" of the damage, or what alone. */
const char *elf_file_damage(const struct elf_file *f);

#endif
