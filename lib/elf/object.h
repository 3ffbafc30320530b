/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The object model: a relocatable ELF file read as a graph of atoms and references.
 *
 * An atom is the smallest thing that is kept or dropped as a whole: a function, a data object, a
 * string, a constant of a merge section, one entry of a special section. A reference is a
 * relocation read as "these bytes of this atom mean that atom plus an offset": section-relative
 * relocations are turned into references to the atom they really mean, with the bytes between
 * the field and the end of the instruction accounted for, and branches that the assembler
 * resolved inside a section which holds several functions are decoded into references too.
 *
 * Every byte of every section belongs to exactly one atom, except in sections of kind META, RELA
 * and DEBUG, which have no atoms: bytes that no symbol covers become anonymous atoms, symbols that
 * share bytes share an atom. The padding that precedes a function is the function's. An object of
 * size 0 (an empty struct: lock_class_key without lockdep) has an atom of size 0, which stands
 * before the atom that has bytes at the same offset. Section kinds and special sections are
 * decided once, here, from the table of the object's architecture.
 *
 * What no reader can know: in a section with several objects, a section-relative relocation to
 * the byte behind an object (the end of an array) or to an object of size 0 names the same byte as
 * one to the next object. It is read as the next object, if there is one. With -fdata-sections
 * each object has its section, and all is exact.
 *
 * After reading, nothing in the model changes. It is owned by one arena.
 */
#ifndef KPATCH_ELF_OBJECT_H
#define KPATCH_ELF_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arch/special.h"

struct arch;
struct arena;
struct diags;
struct strmap;

#define NO_ATOM UINT32_MAX

/*
 * What symbol.section says of symbols that lie in no section. ELF's own 16-bit values would
 * collide with the sections of these numbers in a file that has more than 65,280 of them.
 */
#define SECTION_UNDEF 0u
#define SECTION_ABS 0xfffffff1u	      /* SHN_ABS */
#define SECTION_LIVEPATCH 0xffffff20u /* SHN_LIVEPATCH: to be resolved by the kernel's livepatch core */

struct section {
	const char *name;
	uint32_t index; /* in the section header table */
	uint32_t type;	/* sh_type */
	uint64_t flags, align, entsize, size;
	const uint8_t *data; /* NULL for SHT_NOBITS */
	enum section_kind kind;
	const struct special *special; /* SECTION_SPECIAL always; also TOOL, DISCARD where it is known */
	bool per_cpu;		       /* .data..percpu*: a template that each CPU has a copy of */
	bool once;		       /* .data..once, .data.once: flags of WARN_ONCE and the like */
	uint32_t rela;		       /* index of its relocation section, 0: none */
	uint32_t first_atom, n_atoms;  /* its atoms, sorted by offset */
	uint32_t group;		       /* index of the SHT_GROUP section it is a member of, 0: none */
};

struct symbol {
	const char *name;
	uint32_t index;	  /* in the symbol table */
	uint32_t section; /* index, with SHN_XINDEX resolved, or SECTION_UNDEF, _ABS, _LIVEPATCH */
	uint64_t value, size;
	uint8_t bind, type, visibility;
	uint8_t other; /* st_other without the visibility: what the machine says there */
	uint32_t atom; /* the atom it names or lies in; NO_ATOM for FILE and the null symbol,
				   and in sections without atoms */
};

enum atom_kind {
	ATOM_FUNC,
	ATOM_OBJECT,
	ATOM_STRING,
	ATOM_CONSTANT,
	ATOM_ENTRY,  /* of a special section */
	ATOM_BYTES,  /* bytes that no symbol covers */
	ATOM_EXTERN, /* a symbol that is undefined here (one atom per symbol) */
	ATOM_ABS,    /* an absolute symbol */
};

struct atom {
	uint32_t id; /* index in object.atoms */
	enum atom_kind kind;
	const char *name;	       /* the primary symbol's; for anonymous atoms "section+0xoffset" */
	const struct section *section; /* NULL for ATOM_EXTERN and ATOM_ABS */
	uint64_t offset, size;	       /* bytes [offset, offset+size) of the section */
	uint64_t entry;		     /* where the primary symbol is, from @offset: not 0 with call padding */
	const struct symbol *symbol; /* primary symbol; NULL for anonymous atoms (strings, too, which
					only have the assembler's own labels) */
	uint32_t first_symbol, n_symbols; /* range of object.atom_symbols: all symbols in it */
	uint32_t first_ref, n_refs;	  /* range of object.refs, sorted by offset */
	uint32_t parent;		  /* function of which this is a split part (.cold, .part); NO_ATOM */
	uint32_t owner; /* ATOM_ENTRY with OWNER_CODE: the function described; also pieces with
				   code of an alternative, by its entry; NO_ATOM */
	bool traced;	/* ATOM_FUNC: ftrace can redirect it (a call of its at the entry) */
	bool local;	/* not visible outside the object (or anonymous) */
};

struct ref {
	uint32_t offset; /* of the field, in its atom */
	uint32_t type;	 /* relocation type; for decoded branches what it would be:
				   PC8, PLT32, and PC32 for operands relative to %rip */
	uint8_t width;	 /* bytes of the field: 0 (NONE), 1, 2, 4 or 8 */
	bool pc_relative;
	bool decoded;	    /* no relocation in the file: the assembler resolved it */
	bool through_table; /* code reads the address meant out of a table, an entry of which the file names */
	uint32_t target;    /* atom meant */
	int64_t addend;	    /* byte meant, from the target atom's *offset* (not its entry) */
	int64_t bias;	    /* r_addend = (byte meant - symbol value) + bias; -4 for most PC32 */
	uint32_t symbol;    /* symbol index that the file used; 0 for decoded branches */
};

struct object {
	const char *name; /* for messages */
	const struct arch *arch;
	uint32_t n_sections, n_symbols, n_atoms, n_refs;
	struct section *sections; /* by index; [0] is the null section */
	struct symbol *symbols;	  /* by index */
	struct atom *atoms;
	struct ref *refs;
	const uint32_t *atom_symbols; /* symbol indexes grouped by atom */
	const uint8_t *data;	      /* the file's bytes, borrowed from the caller */
	size_t size;
	/* lookups */
	struct strmap *section_by_name; /* first section of a name → index */
	struct arena *arena;
};

/* Whether the symbol stands in a section of the object: what is undefined, common or absolute does not. */
static inline bool symbol_in_section(const struct object *o, const struct symbol *s)
{
	return s->section != SECTION_UNDEF && s->section < o->n_sections;
}

/*
 * Reads an ET_REL file from memory. @data must stay valid as long as the object; the object must
 * not outlive it. Everything is checked before use: any input gives an object or an error.
 * @name is used in messages. On success *out is owned by the caller (object_free()).
 * Errors, each with a diagnostic: -EBADMSG (damaged), -ENOTSUP (other machine or file type).
 */
int object_read(const char *name, const uint8_t *data, size_t size, struct diags *diags, struct object **out);

/* The same for a file; the object owns the mapping. -errno of open/mmap besides. */
int object_open(const char *path, struct diags *diags, struct object **out);

void object_free(struct object *o);

/* The atom that holds the byte @offset of section @index (end of section: the last), or NO_ATOM. */
uint32_t object_atom_at(const struct object *o, uint32_t section, uint64_t offset);

/* First section of that name, or NULL. */
const struct section *object_section(const struct object *o, const char *name);

/* The bytes of an atom, or NULL (bss, extern). Valid as long as the object. */
const uint8_t *atom_bytes(const struct atom *a);

/*
 * A text that strings and constants without a name have in common exactly if the linker makes one of them,
 * from @arena. 0; -ENOENT: the atom is neither.
 */
int literal_key(struct arena *arena, const struct atom *a, const char **out);

/* The bytes of an atom without its line number, if it is a table's entry that has one: from @buf. */
const uint8_t *atom_without_line(const struct object *o, const struct atom *a, const uint8_t *bytes,
				 uint8_t *buf, size_t buf_size);

/* Source file and line of a byte of a text atom, from .debug_line (elfutils libdw). */
struct source_line {
	const char *file; /* owned by the object's arena */
	unsigned int line;
};
/*
 * 0, or -ENOENT where the object has no line information for it. The first call copies the file
 * and reads its debug information. Not for use by several threads on one object.
 */
int object_source_line(struct object *o, uint32_t atom, uint64_t offset, struct source_line *out);
/*
 * The lines that the instruction at @offset of a text atom is at: its own, then those of the calls that were
 * inlined to become it, from the inside. How many; 0: the object has no such information.
 */
#define OBJECT_CALL_LINES 16
size_t object_call_lines(struct object *o, uint32_t atom, uint64_t offset,
			 unsigned int lines[static OBJECT_CALL_LINES]);

#endif
