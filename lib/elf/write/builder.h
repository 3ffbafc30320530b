/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes relocatable ELF objects.
 *
 * A builder collects sections, symbols and relocations and lays the file out once, at the end.
 * Symbols are ordered as the ABI demands (local before global), relocation sections are made for
 * the sections that need them, and more than 65,280 sections are written with SHN_XINDEX.
 * A builder owns copies of everything it is given. It remembers the first error, and builder_write() then
 * fails with it, so that callers may check once, at the end.
 */
#ifndef KPATCH_ELF_BUILDER_H
#define KPATCH_ELF_BUILDER_H

#include <stddef.h>
#include <stdint.h>

struct builder;
struct builder_section;
struct builder_symbol;

struct builder *builder_new(uint16_t machine, uint32_t e_flags);
void builder_free(struct builder *b);

/* A new, empty section. Names need not be unique. @type is SHT_PROGBITS, SHT_NOBITS, … */
struct builder_section *builder_section(struct builder *b, const char *name, uint32_t type, uint64_t flags,
					uint64_t align, uint64_t entsize);
/* sh_link, for SHF_LINK_ORDER: the section that @s belongs to. */
void builder_section_link(struct builder_section *s, struct builder_section *to);
/* An existing section of that name, or NULL. */
struct builder_section *builder_find_section(struct builder *b, const char *name);

/*
 * Appends @size bytes (zeroes where @data is NULL) at the next multiple of @align, and raises the
 * section's alignment to it. Returns the offset, or UINT64_MAX after an error.
 */
uint64_t builder_append(struct builder *b, struct builder_section *s, const void *data, size_t size,
			uint64_t align);
/* Overwrites bytes that were appended before. */
void builder_patch(struct builder *b, struct builder_section *s, uint64_t offset, const void *data,
		   size_t size);
/* Size so far, in bytes. */
uint64_t builder_section_size(const struct builder_section *s);

/*
 * A new symbol. @section NULL: undefined, unless @shndx is SHN_ABS, SHN_COMMON or SHN_LIVEPATCH
 * (0xff20), which is then written as it is. @bind STB_*, @type STT_*. Names may repeat.
 */
struct builder_symbol *builder_symbol(struct builder *b, const char *name, uint8_t bind, uint8_t type,
				      struct builder_section *section, uint16_t shndx, uint64_t value,
				      uint64_t size);
/* What else st_other says of it. NULL is passed over. */
void builder_symbol_other(struct builder_symbol *s, uint8_t other);
/* The section's own STT_SECTION symbol, made at first use. */
struct builder_symbol *builder_section_symbol(struct builder *b, struct builder_section *s);

/* A relocation that is to be applied to @section. */
void builder_reloc(struct builder *b, struct builder_section *section, uint64_t offset, uint32_t type,
		   struct builder_symbol *symbol, int64_t addend);

/*
 * A relocation section of its own beside the ordinary one, as .klp.rela.* are: relocations
 * added to the result of this apply to @target, its sh_flags are @flags besides SHF_INFO_LINK.
 */
struct builder_section *builder_rela_section(struct builder *b, const char *name,
					     struct builder_section *target, uint64_t flags);
void builder_rela_add(struct builder *b, struct builder_section *rela, uint64_t offset, uint32_t type,
		      struct builder_symbol *symbol, int64_t addend);

/* Lays out the file. *data is malloc'ed and owned by the caller. 0, -EOVERFLOW,
 * -EINVAL (misuse: bytes for SHT_NOBITS, a patch outside of a section, an odd alignment). */
int builder_finish(struct builder *b, uint8_t **data, size_t *size);
/* The same, written to @path through a temporary file in its directory and rename(). 0 or -errno. */
int builder_write(struct builder *b, const char *path);

#endif
