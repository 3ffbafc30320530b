/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The comparison of types, for those who have something to compare: layout_compare.c compares,
 * layout.c judges the types themselves, variables.c what is declared with them. Private to create-diff-object/.
 */
#ifndef KPATCH_LAYOUT_H
#define KPATCH_LAYOUT_H

#include <elfutils/libdw.h>

#include "create-diff-object/passes.h"
#include "create-diff-object/types.h"

struct strmap;

struct layouts {
	struct diff *d;
	struct type_reader reader;
	struct strmap *tags, *names; /* of the original: struct named_type */
	struct strmap *constants;    /* of the original: struct original_constant */
	struct strmap *now;	     /* of the patched object: names of both kinds, as a set */
	struct member *member;	     /* a stack: of the types being compared at this moment */
	size_t n, room;
};

/* In what a type is another, for somebody who has an object of it; or NULL. In the diff's arena. */
const char *type_differs(struct layouts *l, struct type *o, struct type *n, int depth);
/* In what the parameters or the value of a function are others; or NULL. Both are subprograms or their types. */
const char *prototype_differs(struct layouts *l, Dwarf_Die *o, Dwarf_Die *n, int depth);
/* layout_constants.c: whether a constant is no value of its own, but says how many others there are. */
bool layout_counts(struct layouts *l, Dwarf_Die *enumeration, const struct constant_value *c);
/* In what two enumerations of one size differ; or NULL. */
const char *layout_constants_differ(struct layouts *l, struct type *o, struct type *n);
/* The same of the members of two structures or unions; *where is the declaration of the one to show. */
const char *layout_members_differ(struct layouts *l, Dwarf_Die *o, Dwarf_Die *n, int depth, Dwarf_Die *where);
/* Where something is declared. */
struct diag_place layout_place(struct layouts *l, const char *name, Dwarf_Die *die);
/* printf() into the diff's arena. */
const char *layout_text(struct layouts *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* variables.c: variables and functions. 0 or -EBADMSG. */
int layout_variables(struct layouts *l, Dwarf *original, Dwarf *patched);

#endif
