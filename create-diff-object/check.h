/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the parts of the check pass: check.c finds each atom in the output and compares symbols and
 * bytes, check_refs.c references, with check_relocs.c and check_indirect.c, check_metadata.c names and metadata. Private to
 * create-diff-object/check*.c.
 */
#ifndef KPATCH_CHECK_H
#define KPATCH_CHECK_H

#include <elf.h>

#include "create-diff-object/indirect.h"

struct strmap;

/* The raw relocations of a section, sorted by offset. */
struct relocs {
	const Elf64_Rela *list;
	size_t n, met; /* met: asked for, and there */
};

struct check {
	struct diff *d;
	struct object *out;
	struct strmap *sections; /* section_key() → section of the output */
	uint32_t *out_index;	 /* by section of the patched object: section of the output, or 0 */
	uint32_t *copy;		 /* by patched atom: section of the output */
	uint64_t *at;		 /* by patched atom: offset in that section */
	bool *meant;		 /* by section of the output: something of the patch is there */
	struct relocs *relocs;	 /* by section of the output */
	uint64_t *end;	    /* by section of the output: behind the last atom that is meant to be there */
	struct strmap *met; /* entries of the table and thunks that something led to */
	uint32_t problems;
};

/* check_report.c */
void check_problem(struct check *c, uint32_t atom, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether the patched atom must be in the output. */
bool check_carried(const struct diff *d, uint32_t atom);

/* check_relocs.c */
/* Fills in @c->relocs. */
void check_relocs_sort(struct check *c);
/* The relocation of @type at an offset of a section of the output, or NULL; to be asked once for each. */
const Elf64_Rela *check_reloc(struct check *c, uint32_t section, uint64_t at, uint32_t type);
/* The symbol that a relocation names. */
const struct symbol *check_symbol_of(const struct check *c, const Elf64_Rela *rela);
/* Whether a relocation names what is outside of the patch as the link stage expects it. */
bool check_names_outside(const struct check *c, const Elf64_Rela *rela, const struct routing *r);
/* Reports it if a relocation does not lead to what @r means by @route, its field being filled as @r says. */
void check_target(struct check *c, uint32_t i, const struct ref *r, const struct routing *route,
		  const Elf64_Rela *rela);
/* When all of them have been asked for: there may be no others. */
void check_relocs_met(struct check *c);

/* check_indirect.c: what indirect.h describes. */
/* A reference that leads to a table's entry or to a thunk by the relocation @rela. */
void check_outlet(struct check *c, uint32_t i, const struct ref *r, const struct routing *route,
		  const Elf64_Rela *rela);
/* One whose instruction was made anew: it reads an entry, or adds what remains. */
void check_half(struct check *c, uint32_t i, const struct ref *r, const struct routing *route,
		enum outlet_way way);
/* Whether the section of the output is the table, whose entries are not all the patched object's. */
bool check_is_table(const struct check *c, uint32_t section);
/* Whether a byte of code is where something takes the place of a no-operation, or of half of a distance. */
bool check_is_restored(const struct check *c, uint32_t atom, uint64_t at);
/* After all references: the sections have nothing else. */
void check_outlets(struct check *c);

/* check_refs.c */
void check_refs(struct check *c);

/* check_metadata.c */
/* Whether the kernel can parse the names of klp references. */
void check_names(struct check *c);
void check_metadata(struct check *c);

#endif
