/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code that runs once: which references of an object stand where only a first run comes by. Private to
 * create-diff-object/.
 */
#ifndef KPATCH_GUARDS_H
#define KPATCH_GUARDS_H

#include <stdbool.h>
#include <stdint.h>

struct atom;
struct diff;
struct insn_flow;
struct side;

/* Beside ACCESS_WRITE: zero is written. */
#define ACCESS_CLEARS 16u

/* Arrays by reference, in the diff's arena. */
struct guards {
	uint32_t *
		guard; /* the variable that says whether the code has run already, or the function that only boot runs; NO_ATOM */
	uint8_t *access;   /* ACCESS_*, where a function of the object has the reference */
	uint32_t *callee;  /* ACCESS_ADDRESS: what is called next, or jumped to at the end; NO_ATOM */
	uint8_t *argument; /* as which argument it goes there, from 1; 0: not known */
};

/* The statics of DO_ONCE() and its sisters (include/linux/once.h). */
bool guard_of_once(const struct side *s, uint32_t atom);
bool key_of_once(const struct side *s, uint32_t atom);

/* Which variables count as guards. */
enum guard_kind {
	GUARDS_ALL,	/* those that outlive the function that tests them */
	GUARDS_OF_ONCE, /* those of DO_ONCE() and nothing else */
	GUARDS_FRESH,	/* those of which a patch would have a copy: ROLE_FRESH */
};

/*
 * The edge of @branch (0: to the next step, 1: to its target) that is taken while what @test has compared, those bits of @guard
 * at @at that @mask has set, has its initial value; -1: that cannot be told.
 */
int guards_first_edge(const struct atom *guard, int64_t at, uint64_t mask, const struct insn_flow *test,
		      const struct insn_flow *branch);

/*
 * What stands behind a guard in a caller does so in a local function that nobody else calls. @boot: what nobody but
 * __init code calls has run, too.
 */
void guards_spread(struct diff *d, const struct side *s, struct guards *g, bool boot);

/* Finds them in @s. */
int guards_find(struct diff *d, const struct side *s, enum guard_kind kind, struct guards *out);

#endif
