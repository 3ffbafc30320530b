/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code that runs once: which references of an object stand where only a first run comes by. Private to
 * create-diff-object/.
 */
#ifndef KPATCH_GUARDS_H
#define KPATCH_GUARDS_H

#include <stdbool.h>
#include <stdint.h>

struct diff;
struct side;

/* Arrays by reference, in the diff's arena. */
struct guards {
	uint32_t *guard;   /* the variable that says whether the code has run already; NO_ATOM */
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

/* Finds them in @s. */
int guards_find(struct diff *d, const struct side *s, enum guard_kind kind, struct guards *out);

#endif
