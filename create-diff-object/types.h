/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The types of an object, as its debug information has them: which there are, and what a member is.
 * Private to create-diff-object/, for layout.c.
 */
#ifndef KPATCH_TYPES_H
#define KPATCH_TYPES_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Types within types: no kernel's comes near. */
#define TYPE_DEPTH 32

/*
 * What is read is counted, against what a whole object can need: debug information that is damaged may
 * lead in circles. 0, or -EBADMSG from then on.
 */
struct type_reader {
	uint64_t left;
	int err;
};

struct object;
/* One that reads the debug information of both objects, in all its uses, as often as anything legitimate does. */
struct type_reader type_reader_of(const struct object *original, const struct object *patched);

/* An enumeration's constant. */
struct constant_value {
	const char *name; /* the object's */
	int64_t value;
};

/* A type by which others can refer to an object's layout, or a constant of an enumeration. */
struct named_type {
	const char *name; /* the object's */
	Dwarf_Die die;	  /* of the struct, union or enumeration */
	bool tag;	  /* it is a tag; else the name of a typedef or variable of a type that has none */
};

typedef int (*type_visitor)(void *context, const struct named_type *type);

/*
 * Calls @visit for each structure, union and enumeration that is defined for the whole file, under each
 * of its names; an enumeration without any has the name "". 0, -EBADMSG, or what @visit returned.
 */
int types_visit(struct type_reader *r, Dwarf *dwarf, type_visitor visit, void *context);

/* Iteration over a DIE's children: the first and the next one. 0; 1: there is none; -EBADMSG. */
int type_first_child(struct type_reader *r, Dwarf_Die *die, Dwarf_Die *out);
int type_next(struct type_reader *r, Dwarf_Die *die);

/* An enumerator. 0 or -EBADMSG. */
int type_constant(struct type_reader *r, Dwarf_Die *die, struct constant_value *out);

/* A number that may be left out, and is @otherwise then. */
uint64_t type_number(struct type_reader *r, Dwarf_Die *die, unsigned int attribute, uint64_t otherwise);

/* What something is of: a type without typedefs and qualifiers. */
struct type {
	Dwarf_Die die;
	int dw_tag;	  /* DW_TAG_*; DW_TAG_unspecified_type for void */
	const char *name; /* the tag of a structure, union or enumeration, or the typedef which stands
				   for one that has no tag; else NULL */
	const char *
		unit; /* the typedef of a number that says how it is to be read: its byte order, what it counts; or NULL */
};

/* The type of a member or variable, of what a pointer points to, or of an array's elements. */
struct type type_of(struct type_reader *r, Dwarf_Die *die);

/* Whether it is a structure or union. */
static inline bool type_has_members(int dw_tag)
{
	return dw_tag == DW_TAG_structure_type || dw_tag == DW_TAG_union_type;
}

/* The elements of an array, all dimensions of it; 0 where it is flexible. */
/*
 * The dimensions of an array, of which @out has room for TYPE_DEPTH, and what it is an array of; 0 if damaged, or for
 * what is no array.
 */
unsigned int type_dimensions(struct type_reader *r, const struct type *array, uint64_t *out,
			     struct type *element);
uint64_t type_elements(struct type_reader *r, Dwarf_Die *array);

/* Bytes; 0 where they are not known. */
uint64_t type_size(struct type_reader *r, const struct type *type);

/* Counts one step of the caller's own. 0 or -EBADMSG. */
int type_step(struct type_reader *r);

/*
 * Where a member is in its structure or union: *bit. *width: bits of a bit field, else 0.
 */
void type_place(struct type_reader *r, Dwarf_Die *member, uint64_t *bit, uint64_t *width);

#endif
