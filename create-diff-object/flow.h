/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instructions of a function with its split parts, and which of them may follow which. Private to
 * create-diff-object/.
 */
#ifndef KPATCH_FLOW_H
#define KPATCH_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arch/arch.h"

struct side;

#define NO_STEP UINT32_MAX

/* One instruction. */
struct step {
	uint32_t atom, offset;
	uint32_t ref;	 /* index of the object's reference that it holds, NO_STEP */
	uint32_t next;	 /* the instruction behind it, NO_STEP */
	uint32_t target; /* where it may jump to within the function, NO_STEP */
	uint32_t key;	 /* of a jump label: index of the reference to its static key, else NO_STEP */
	bool label;	 /* the kernel turns it into a jump or a no-operation (jump labels) */
	struct insn_flow insn;
};

struct flow {
	struct step *steps; /* in the order of the file, an atom after the other; the entry is the first */
	uint32_t n;
};

/*
 * Reads the function @root and its parts. Jumps through a register or table have no known target.
 * To be freed with flow_free().
 */
int flow_read(const struct arch *arch, const struct side *s, uint32_t root, struct flow *out);
void flow_free(struct flow *f);

/* The step at that place, or NO_STEP. */
uint32_t flow_at(const struct flow *f, uint32_t atom, uint64_t offset);

/* Edges that are never taken, by step: bits of these. */
#define CUT_NEXT 1u   /* to the step behind it */
#define CUT_TARGET 2u /* to its target */

/* Marks in @reached, of f->n, what can be executed from the entry on. @cut NULL: all edges are taken. @stack: room for f->n. */
void flow_reach(const struct flow *f, const uint8_t *cut, bool *reached, uint32_t *stack);

#endif
