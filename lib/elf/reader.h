/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the passes of object_read() share. Not for other rooms.
 *
 * The passes, in order; each fills what the next ones read and nothing else of the object:
 *
 *   read_container   sections, symbols: every offset and index checked (read.c)
 *   classify         section kinds and special sections (classify.c)
 *   read_relocs      relocations, as references from section offsets (relocs.c)
 *   decode_text      how far fields are from the end of their instructions; branches that the
 *                    assembler resolved (decode.c)
 *   cut_sections     atoms (cut.c, cut_special.c); from here on atoms have their ids
 *   name_atoms       symbols of atoms, primary symbols, names (names.c)
 *   resolve_refs     references from atom to atom (resolve.c)
 *   follow_tables    references through tables of addresses (table.c)
 *   relate           owners, parents, traced functions (relate.c)
 */
#ifndef KPATCH_ELF_READER_H
#define KPATCH_ELF_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arch/arch.h"
#include "lib/elf/object.h"

/*
 * No section is larger and no relocation leads further: more than the address space of the kernel. So sums of
 * offsets do not overflow, here and in all that reads the object.
 */
#define MAX_DISTANCE (1ll << 48)

/* An object as it is made: what the reader owns until it hands the object over. */
struct reader {
	struct object *o;
	struct diags *diags;
	const struct arch *arch;
	size_t room_refs, room_atoms;
	/*
	 * While references are raw (until resolve_refs), they are sorted by section and offset,
	 * ref.offset counts from the section, ref.target is the section's index and ref.addend is
	 * r_addend; for decoded ones the byte meant in the same section.
	 */
	uint32_t *section_refs; /* by section: its first raw reference; one more than sections */
	/* symbols of each section, sorted by value, larger first */
	uint32_t *section_symbols; /* by section: first index into symbol_order; one more */
	uint32_t *symbol_order;
	/* where the padding before functions starts: __patchable_function_entries */
	struct pad {
		uint32_t section;
		uint64_t offset;
	} * pads;
	size_t n_pads;
	struct ref *branches; /* found by decode_text, not yet in o->refs */
	size_t n_branches, room_branches;
	uint32_t absolute; /* the atom of relocations without a symbol, NO_ATOM until needed */
	char *names;	   /* room for names of anonymous atoms, in the arena */
	size_t names_left;
};

int read_container(struct reader *r);
int classify(struct reader *r);
int read_relocs(struct reader *r);
int decode_text(struct reader *r);
int cut_sections(struct reader *r);
int name_atoms(struct reader *r);
int resolve_refs(struct reader *r);
int follow_tables(struct reader *r);
int relate(struct reader *r);

/* Reports damage of section @section (NULL: of the file) and returns -EBADMSG. */
int damaged(struct reader *r, const struct section *section, uint64_t offset, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Makes room for one more element of @size bytes in a malloc'ed array. */
void reader_grow(void **array, size_t *room, size_t n, size_t size);

/* Appends an atom. 0 or -EOVERFLOW. */
int add_atom(struct reader *r, const struct section *section, enum atom_kind kind, uint64_t offset,
	     uint64_t size);

/* Cuts a section into pieces of @size bytes; what is left over becomes anonymous bytes. */
int cut_fixed(struct reader *r, const struct section *s, uint64_t size, enum atom_kind kind);
/* Settles section.special among the layouts of its name; without one that fits it is unknown. */
void choose_layout(struct reader *r, struct section *s);
/* Cuts a special section other than those that are cut by symbols. */
int cut_special(struct reader *r, const struct section *s);

/* Whether the section is divided into atoms: all but META, RELA and DEBUG. */
static inline bool section_has_atoms(const struct section *s)
{
	return s->kind != SECTION_META && s->kind != SECTION_RELA && s->kind != SECTION_DEBUG;
}

/* Whether symbols of that name are the assembler's own: they name nothing that is the same twice. */
static inline bool is_assembler_label(const char *name)
{
	return name[0] == '.' && name[1] == 'L';
}

#endif
