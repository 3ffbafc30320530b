/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where does an address go that carried code takes? Followed forward through the function and those it calls, over
 * registers and stack slots; what is not understood counts as gone. Private to create-diff-object/.
 */
#ifndef KPATCH_ESCAPE_H
#define KPATCH_ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "create-diff-object/passes.h"

enum escape_kind {
	ESCAPE_NONE,
	ESCAPE_STORED,	 /* to memory that is not this function's own on the stack */
	ESCAPE_RETURNED, /* to code that is not the patch's */
	ESCAPE_PASSED,	 /* to a function that may keep it */
	ESCAPE_UNKNOWN,	 /* somewhere that could not be followed */
};

struct escape {
	enum escape_kind kind;
	bool compared;	 /* with something else than a constant, on the way there or without escaping */
	uint32_t atom;	 /* of the instruction that lets it go; not for ESCAPE_NONE */
	uint32_t offset; /* of that instruction */
	const char *to;	 /* ESCAPE_PASSED: the function called, NULL: one that a pointer says */
};

/* What code of the patch does with the address of a constant. */
struct fate {
	bool compares; /* the instruction itself compares it, or what it loads it for does */
	struct escape escape;
};

/* fates.c: judges the constants that code @atom of the patched object refers to. */
void fates_judge(struct diff *d, uint32_t atom);

/* A reference whose address gets away. */
struct kept {
	uint32_t atom;
	const struct ref *ref;
	struct escape escape;
};

/*
 * What becomes of the address that reference @r of code @atom (of the patched object) yields. A reference that is not
 * an address there, but the operand of a call or of a memory access, does not escape; what it loads might.
 * After pass_changes().
 */
void escape_of(struct diff *d, uint32_t atom, const struct ref *r, struct escape *out);

/* The same, but a result is followed to all callers in the object, whether the patch has them or not. */
void escape_in_object(struct diff *d, uint32_t atom, const struct ref *r, struct escape *out);

/* tables.c: refuses changed constants of which the kernel's memory has addresses. After d->kept is known. */
void escape_tables(struct diff *d);

/* escape_callees.c: what functions of the kernel do with pointers that they are given. */
struct callee {
	const char *name;
	uint8_t forgets;      /* arguments, as bits: neither they nor what they lead to is kept */
	uint8_t copies;	      /* arguments of which the contents are kept, but not where they were */
	uint8_t returns;      /* arguments that the result may be or point into */
	bool more;	      /* further arguments, on the stack, are forgotten as well */
	bool without_lockdep; /* all this only in a kernel without lockdep */
};

/* By the name of an undefined symbol; NULL: nothing is known of it. */
const struct callee *callee_find(struct diff *d, const char *name);

#endif
