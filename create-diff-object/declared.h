/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where an object's variables and functions are declared, as its debug information has it. Private to create-diff-object/:
 * for variables.c, and for the correlate pass.
 */
#ifndef KPATCH_DECLARED_H
#define KPATCH_DECLARED_H

#include <elfutils/libdw.h>

#include "create-diff-object/passes.h"
#include "create-diff-object/types.h"

struct declared_at;
struct strmap;

/* Where a declaration stands. */
struct scope {
	const char *function; /* NULL: the file */
	int line;	      /* of the function */
	unsigned int depth;   /* blocks of the function around it */
};

struct declared {
	bool known;
	Dwarf_Die die; /* the one with the type, for a function with the parameters */
	struct scope scope;
	int line;
};

/* One object's declarations. */
struct declarations {
	struct type_reader *reader;
	struct arena *arena;
	const struct side *s;
	struct declared_at *addresses; /* sorted */
	size_t n;
	struct declared *by_atom;
	struct strmap *external; /* name → Dwarf_Die: variables that another object defines */
	struct strmap *absent;	 /* "function:name" or ":name" → Dwarf_Die: variables that are nowhere */
};

/*
 * Reads the declarations of @s from @dwarf, its object's. @reader bounds what is read; @arena owns what is handed out, but
 * for what declarations_free() frees, which is to be called after an error, too. 0 or -EBADMSG.
 */
int declarations_read(struct type_reader *reader, struct arena *arena, const struct side *s, Dwarf *dwarf,
		      struct declarations *out);
void declarations_free(struct declarations *x);
/* The key in .absent of a variable. */
const char *declarations_absent_key(struct declarations *x, const char *function, const char *name);

#endif
