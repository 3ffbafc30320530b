// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must be in the patch, and where does each reference of it lead? Starts with the replaced functions, the author's
 * callbacks and what is new and visible to other objects, and follows each reference that leads into the patch
 * (route.c). What it finds is decided here for all later passes; none of it is a problem yet.
 */
#include <errno.h>

#include "create-diff-object/escape.h"

struct walk {
	struct diff *d;
	uint32_t *stack;
	uint32_t depth;
};

static void include(struct walk *w, uint32_t atom, uint32_t because)
{
	struct inclusion *inc = &w->d->included[atom];

	if (inc->in)
		return;
	inc->in = true;
	inc->because = because;
	w->stack[w->depth++] = atom;
}

static void follow_function(struct walk *w, uint32_t f)
{
	struct diff *d = w->d;
	uint32_t root = function_root(&d->new, f);

	if (root != f)
		include(w, root, f);
	for (uint32_t c = d->new.first_child[f]; c != NO_ATOM; c = d->new.next_child[c])
		if (part_only(&d->new, c))
			include(w, c, f);
}

static void follow_entries(struct walk *w, uint32_t atom)
{
	struct diff *d = w->d;

	for (uint32_t e = d->new.first_entry[atom]; e != NO_ATOM; e = d->new.next_entry[e])
		if (!built_in_only(new_atom(d, e)))
			include(w, e, atom);
}

static void follow_refs(struct walk *w, uint32_t atom)
{
	struct diff *d = w->d;
	const struct atom *a = new_atom(d, atom);
	struct routing *routes = arena_array(d->arena, a->n_refs, sizeof(*routes));

	fates_judge(d, atom);

	for (uint32_t i = 0; i < a->n_refs; i++) {
		const struct ref *ref = &d->new.object->refs[a->first_ref + i];

		routes[i] = route_decide(d, atom, ref);
		d->routes[ref_index(d, ref)] = &routes[i];
		if (routes[i].route == ROUTE_PATCH)
			include(w, ref->target, atom);
	}
}

static void follow(struct walk *w, uint32_t atom)
{
	if (w->d->new.role[atom] == ROLE_CODE)
		follow_function(w, atom);
	follow_entries(w, atom);
	follow_refs(w, atom);
}

bool new_and_visible(const struct diff *d, uint32_t i)
{
	enum role role = d->new.role[i];
	const struct atom *a = new_atom(d, i);

	if (a->local || d->verdicts[i].state != VERDICT_NEW)
		return false;
	return role == ROLE_CODE || role == ROLE_STATE || role == ROLE_CONST;
}

static void walk_alloc(struct walk *w)
{
	struct diff *d = w->d;
	uint32_t n_atoms = d->new.object->n_atoms, n_refs = d->new.object->n_refs;

	d->included = arena_array(d->arena, n_atoms, sizeof(*d->included));
	d->order = arena_array(d->arena, n_atoms, sizeof(*d->order));
	d->fates = arena_array(d->arena, n_refs, sizeof(struct fate *));
	d->routes = arena_array(d->arena, n_refs, sizeof(struct routing *));
	w->stack = arena_array(d->arena, n_atoms, sizeof(*w->stack));
}

int pass_routes(struct diff *d)
{
	struct walk w = { .d = d };

	walk_alloc(&w);
	for (uint32_t i = 0; i < d->new.object->n_atoms; i++)
		if (d->replaced[i] || d->new.role[i] == ROLE_CALLBACK || new_and_visible(d, i))
			include(&w, i, NO_ATOM);
	while (w.depth) {
		uint32_t atom = w.stack[--w.depth];

		d->order[d->n_included++] = atom;
		follow(&w, atom);
	}
	return 0;
}
