// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the changes pass: what cannot change, and names something under a new name.
 *
 * Code and data that the kernel is done with (__init code that registered a structure, a table of functions, a
 * parameter) have handed it something. If the patch gives that another name, it is another thing, and the
 * message is about the place that names it. What helps is to keep the name.
 */
#include "create-diff-object/passes.h"

/* The reference of @patched that its verdict is about, and the original's in its place. */
static bool verdict_refs(const struct diff *d, uint32_t patched, const struct ref **was,
			 const struct ref **is)
{
	const struct atom *a = orig_atom(d, d->pairs.twin[patched]), *b = new_atom(d, patched);

	for (uint32_t i = 0; i < a->n_refs && i < b->n_refs; i++) {
		*was = &d->orig.object->refs[a->first_ref + i];
		*is = &d->new.object->refs[b->first_ref + i];
		if ((*is)->offset == d->verdicts[patched].offset && (*was)->offset == (*is)->offset)
			return true;
	}
	return false;
}

static bool has_name(const struct side *s, uint32_t i)
{
	return i != NO_ATOM && s->object->atoms[i].symbol && s->role[i] != ROLE_EXTERN;
}

/* Whether the one is gone and the other new, and they are of one kind. */
static bool renamed(const struct diff *d, uint32_t was, uint32_t is)
{
	if (!has_name(&d->orig, was) || !has_name(&d->new, is))
		return false;
	return d->pairs.back[was] == NO_ATOM && d->pairs.twin[is] == NO_ATOM &&
	       d->pairs.how[is] == MATCH_NONE && d->orig.role[was] == d->new.role[is];
}

const char *renamed_remedy(struct diff *d, uint32_t patched, const char *otherwise)
{
	const struct ref *was, *is;
	const char *effect;

	if (d->pairs.twin[patched] == NO_ATOM || d->verdicts[patched].state != VERDICT_CHANGED ||
	    !verdict_refs(d, patched, &was, &is) || !renamed(d, was->target, is->target))
		return otherwise;
	if (d->new.role[is->target] == ROLE_INIT)
		return arena_printf(d->arena, "Keep the name %s: a patch has no __init or __exit code",
				    d->orig.source[was->target]);
	effect = d->new.role[is->target] == ROLE_CODE ?
			 "the function is replaced wherever the kernel calls it" :
			 "the patch uses what the kernel has";
	return arena_printf(
		d->arena, "Keep the name %s, and %s; or leave this as it is, and hand over %s in a callback",
		d->orig.source[was->target], effect, d->new.source[is->target]);
}
