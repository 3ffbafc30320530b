// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the routes: what becomes of the addresses of constants that code of the patch takes. Where one leads depends
 * on it (kernels_own.c). Each is judged once: an analysis that gives up after so many steps would not say the same
 * twice.
 */
#include <errno.h>

#include "create-diff-object/escape.h"
#include "create-diff-object/escape_private.h"
#include "create-diff-object/fields.h"
#include "lib/arch/arch.h"

static void judge(struct diff *d, const struct atom *a, const struct ref *r, uint64_t *start)
{
	struct fate *f = arena_array(d->arena, 1, sizeof(*f));

	if (*start > r->offset)
		*start = 0;
	f->compares = field_is_compared(d->arch, a, r, start);
	d->fates[ref_index(d, r)] = f;
	escape_of(d, a->id, r, &f->escape);
}

void fates_judge(struct diff *d, uint32_t atom)
{
	const struct atom *a = new_atom(d, atom);
	uint64_t start = 0;

	if (!is_code(d, atom))
		return;
	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++) {
		const struct ref *r = &d->new.object->refs[i];

		if (r->target != NO_ATOM && d->new.role[r->target] == ROLE_LITERAL)
			judge(d, a, r, &start);
	}
}
