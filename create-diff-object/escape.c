// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of the patch may outlive it? For each reference of carried code that yields the address of something that
 * only the patch has, says where that address goes (escape.h). What comes out here decides whether the module can be
 * removed when a newer patch has replaced this one.
 *
 * No escapes: what the module loader takes back itself when the module goes (bug table, jump labels, exception
 * table, dynamic debug, …), and functions that run: the kernel's transition looks for those on all stacks.
 */
#include "create-diff-object/escape.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "create-diff-object/escape_private.h"
#include "create-diff-object/fields.h"

#define MAX_CALLERS 8 /* how far up the callers of new functions are followed */

static void from_insn(struct escapes *f, uint32_t atom, const struct ref *r, struct escape *out,
		      bool *returns)
{
	const struct code *c = escapes_code(f, atom);
	uint32_t n = code_insn_of(c, r->offset);
	const struct dataflow_insn *i = n == NO_ATOM ? NULL : &c->insns[n];
	bool deep = r->target != NO_ATOM && escapes_leads_to_patch(f, r->target);

	*out = (struct escape){ .kind = ESCAPE_NONE };
	*returns = false;
	if (!i) {
		*out = (struct escape){ .kind = ESCAPE_UNKNOWN, .atom = atom, .offset = r->offset };
		return;
	}
	if (i->kind != GO_ON)
		return;
	/* An access of what is there: all that can get away is what it reads. */
	if (i->memory_at && i->offset + i->memory_at == r->offset && !i->address && !(deep && i->loads))
		return;
	walk_from_insn(f, atom, n, deep, out, returns);
}

/* Whether all calls of @function are direct, and made by code of the patch (or of the object: see struct escapes). */
static bool find_callers(struct escapes *f, uint32_t function)
{
	struct diff *d = f->d;
	const struct object *o = d->new.object;

	if (!new_atom(d, function)->local)
		return false;
	if (!f->everyone && (!d->carried[function] || d->replaced[function]))
		return false;
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		uint8_t role = d->new.role[i];

		if (role == ROLE_IGNORED || role == ROLE_ENTRY || role == ROLE_HINT)
			continue;
		for (uint32_t k = a->first_ref; k < a->first_ref + a->n_refs; k++)
			if (o->refs[k].target == function && escapes_root(f, i) != function &&
			    (!is_code(d, i) || role != ROLE_CODE || !(d->carried[i] || f->everyone) ||
			     !field_is_branch(d->arch, a, &o->refs[k])))
				return false;
	}
	return true;
}

static bool called_by_patch_only(struct escapes *f, uint32_t function)
{
	if (!f->ours[function])
		f->ours[function] = 1 + find_callers(f, function);
	return f->ours[function] == 2;
}

static void to_callers(struct escapes *f, uint32_t function, bool deep, uint32_t depth, struct escape *out);

static void to_caller(struct escapes *f, uint32_t atom, const struct ref *r, bool deep, uint32_t depth,
		      struct escape *out)
{
	const struct code *c = escapes_code(f, atom);
	uint32_t n = code_insn_of(c, r->offset);
	bool returns = false, compared = out->compared;

	if (n == NO_ATOM) {
		*out = (struct escape){ .kind = ESCAPE_UNKNOWN, .atom = atom, .offset = r->offset };
		return;
	}
	walk_from_result(f, atom, n, r->target, deep, out, &returns);
	out->compared |= compared;
	if (returns && !out->kind)
		to_callers(f, escapes_root(f, atom), deep, depth + 1, out);
}

/* The result of @function may be the address. */
static void to_callers(struct escapes *f, uint32_t function, bool deep, uint32_t depth, struct escape *out)
{
	struct diff *d = f->d;
	const struct object *o = d->new.object;

	if (function == NO_ATOM || depth == MAX_CALLERS || f->active[function] ||
	    !called_by_patch_only(f, function)) {
		*out = (struct escape){ .kind = ESCAPE_RETURNED,
					.compared = out->compared,
					.atom = function };
		return;
	}
	f->active[function] = true;
	f->work += o->n_refs / 64;
	for (uint32_t i = 0; i < o->n_atoms && !out->kind; i++) {
		const struct atom *a = &o->atoms[i];

		if (!is_code(d, i) || escapes_root(f, i) == function)
			continue;
		for (uint32_t k = a->first_ref; k < a->first_ref + a->n_refs && !out->kind; k++)
			if (o->refs[k].target == function)
				to_caller(f, i, &o->refs[k], deep, depth, out);
	}
	f->active[function] = false;
}

void escape_of(struct diff *d, uint32_t atom, const struct ref *r, struct escape *out)
{
	struct escapes *f = escapes_get(d);
	uint32_t root;
	bool returns;

	*out = (struct escape){ .kind = ESCAPE_NONE };
	if (!is_code(d, atom) || !r->width || field_is_branch(d->arch, new_atom(d, atom), r))
		return;
	root = escapes_root(f, atom);
	f->steps = 0;
	if (root != NO_ATOM)
		f->active[root] = true;
	from_insn(f, atom, r, out, &returns);
	if (root != NO_ATOM)
		f->active[root] = false;
	if (returns && !out->kind)
		to_callers(f, root, r->target != NO_ATOM && escapes_leads_to_patch(f, r->target), 0, out);
}

void escape_in_object(struct diff *d, uint32_t atom, const struct ref *r, struct escape *out)
{
	struct escapes *f = escapes_get(d);
	uint8_t *ours = f->ours;

	f->ours = arena_array(d->arena, d->new.object->n_atoms, sizeof(*f->ours));
	f->everyone = true;
	escape_of(d, atom, r, out);
	f->everyone = false;
	f->ours = ours;
}

/* The pass */

/* Whether the reference leads to memory that goes with the patch. */
static bool leads_into_patch(const struct diff *d, const struct ref *r)
{
	enum route route = route_of(d, r)->route;

	if (route == ROUTE_SIBLING)
		return true;
	return route == ROUTE_PATCH && new_atom(d, r->target)->size;
}

static void look_at(struct diff *d, uint32_t atom, const struct ref *r)
{
	const struct fate *f = d->fates[ref_index(d, r)];
	struct escape e;

	if (field_is_branch(d->arch, new_atom(d, atom), r) || !leads_into_patch(d, r))
		return;
	if (f)
		e = f->escape;
	else
		escape_of(d, atom, r, &e);
	if (e.kind)
		d->kept[d->n_kept++] = (struct kept){ .atom = atom, .ref = r, .escape = e };
}

int pass_escape(struct diff *d)
{
	const struct object *o = d->new.object;
	uint32_t room = 0;

	for (uint32_t i = 0; i < o->n_atoms; i++)
		room += d->included[i].in && is_code(d, i) ? o->atoms[i].n_refs : 0;
	d->kept = arena_array(d->arena, room, sizeof(*d->kept));
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		for (uint32_t k = a->first_ref; k < a->first_ref + a->n_refs; k++)
			if (d->included[i].in && is_code(d, i))
				look_at(d, i, &o->refs[k]);
	}
	return 0;
}
