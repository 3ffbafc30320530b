// SPDX-License-Identifier: GPL-2.0-only
/* Part of the changes pass: what code that the patch changes or brings refers to, each once. */
#include "create-diff-object/passes.h"

void for_changed_uses(struct diff *d, bool (*judge)(struct diff *d, uint32_t user, const struct ref *r))
{
	const struct object *o = d->new.object;
	bool *told = arena_array(d->arena, o->n_atoms, sizeof(*told));

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		if (d->new.role[i] != ROLE_CODE || d->verdicts[i].state == VERDICT_SAME)
			continue;
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++) {
			uint32_t t = o->refs[r].target;

			if (t != NO_ATOM && !told[t])
				told[t] = judge(d, i, &o->refs[r]);
		}
	}
}
