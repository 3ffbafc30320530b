// SPDX-License-Identifier: GPL-2.0-only
/*
 * The callbacks that the patch author declared with the macros of kmod/kpatch-macros.h: pointers
 * in sections .discard.kpatch.callback.KIND, at most one of a kind in an object.
 */
#include "create-diff-object/passes.h"

#include <errno.h>
#include <string.h>

#include "kmod/kpatch-abi.h"

static const char *const kinds[] = {
	[KPATCH_PRE_PATCH] = "pre_patch",
	[KPATCH_POST_PATCH] = "post_patch",
	[KPATCH_PRE_UNPATCH] = "pre_unpatch",
	[KPATCH_POST_UNPATCH] = "post_unpatch",
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *callback_kind_name(uint32_t kind)
{
	return kind < N_KINDS ? kinds[kind] : "?";
}

static uint32_t kind_of(const struct atom *a)
{
	uint32_t k = 0;

	while (k < N_KINDS && strcmp(a->section->name + strlen(CALLBACK_PREFIX), kinds[k]))
		k++;
	return k;
}

static void add(struct diff *d, const struct atom *a, const struct ref *ref, uint32_t *of_kind)
{
	uint32_t kind = kind_of(a);
	const struct atom *f = ref->target == NO_ATOM ? NULL : new_atom(d, ref->target);

	if (kind == N_KINDS || !f || d->new.role[f->id] != ROLE_CODE || !f->symbol ||
	    ref->addend != (int64_t)f->entry) {
		diff_refuse(d, "bad-callback", &d->new, a->id, -1,
			    "Declare callbacks with the macros of kpatch-macros.h",
			    "section %s does not hold a pointer to a function", a->section->name);
		return;
	}
	if (of_kind[kind] != NO_ATOM) {
		diff_refuse(d, "duplicate-callback", &d->new, f->id, -1,
			    "Call both functions from one callback",
			    "there is a second %s callback in this object", kinds[kind]);
		return;
	}
	of_kind[kind] = f->id;
}

int pass_callbacks(struct diff *d)
{
	const struct object *o = d->new.object;
	uint32_t of_kind[N_KINDS] = { NO_ATOM, NO_ATOM, NO_ATOM, NO_ATOM };

	d->callbacks = arena_array(d->arena, N_KINDS, sizeof(*d->callbacks));
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		if (d->new.role[i] != ROLE_CALLBACK)
			continue;
		for (uint32_t r = 0; r < o->atoms[i].n_refs; r++)
			add(d, &o->atoms[i], &o->refs[o->atoms[i].first_ref + r], of_kind);
	}
	for (uint32_t k = 0; k < N_KINDS; k++)
		if (of_kind[k] != NO_ATOM)
			d->callbacks[d->n_callbacks++] = (struct callback){ k, of_kind[k] };
	return 0;
}
