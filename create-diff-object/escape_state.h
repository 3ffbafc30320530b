/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may hold an address before an instruction: registers, and slots of the stack. Private to escape_walk.c, which
 * follows one through code.
 */
#ifndef KPATCH_ESCAPE_STATE_H
#define KPATCH_ESCAPE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_SLOTS 12

struct state {
	uint32_t regs;
	uint32_t n_slots;
	int32_t slots[MAX_SLOTS]; /* from the stack pointer at the start */
	int32_t stack;		  /* the stack pointer, likewise */
	bool lost;		  /* it is not known where that is */
};

bool state_holds(const struct state *s, int32_t slot);
/* false: there is no room for one more. */
bool state_add(struct state *s, int32_t slot);
/* Whether one that is held shares bytes with @slot: slots overlap if one starts inside of the other. */
bool state_overlaps(const struct state *s, int32_t slot);
/* Forgets the slots from @from on that are below @below. */
void state_drop(struct state *s, int32_t from, int32_t below);
/* 1: @into has more than before; 0: it has not; -1: the two do not fit together. */
int state_join(struct state *into, const struct state *from);

#endif
