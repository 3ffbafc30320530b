// SPDX-License-Identifier: GPL-2.0-only
/* Sets of registers and stack slots, and how they grow where ways meet (escape_walk.c). */
#include "create-diff-object/escape_state.h"

bool state_holds(const struct state *s, int32_t slot)
{
	for (uint32_t i = 0; i < s->n_slots; i++)
		if (s->slots[i] == slot)
			return true;
	return false;
}

bool state_add(struct state *s, int32_t slot)
{
	if (state_holds(s, slot))
		return true;
	if (s->n_slots == MAX_SLOTS)
		return false;
	s->slots[s->n_slots++] = slot;
	return true;
}

bool state_overlaps(const struct state *s, int32_t slot)
{
	for (uint32_t i = 0; i < s->n_slots; i++)
		if (s->slots[i] > slot - 8 && s->slots[i] < slot + 8)
			return true;
	return false;
}

void state_drop(struct state *s, int32_t from, int32_t below)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_slots; i++)
		if (s->slots[i] < from || s->slots[i] >= below)
			s->slots[n++] = s->slots[i];
	s->n_slots = n;
}

int state_join(struct state *into, const struct state *from)
{
	struct state was = *into;

	into->regs |= from->regs;
	if (into->lost != from->lost || into->stack != from->stack) {
		if (into->n_slots || from->n_slots)
			return -1;
		into->lost = true;
		into->stack = 0;
	}
	for (uint32_t i = 0; i < from->n_slots; i++)
		if (!state_add(into, from->slots[i]))
			return -1;
	return was.regs != into->regs || was.n_slots != into->n_slots || was.lost != into->lost;
}
