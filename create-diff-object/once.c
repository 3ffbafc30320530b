// SPDX-License-Identifier: GPL-2.0-only
/*
 * Initialisation that has been done: a variable which the running kernel has, and which may be set there already,
 * guards it. Where the patch initialises another variable behind the same guard, that one would never be
 * initialised.
 *
 * Part of the roles pass: a flag of which a patch has a copy of its own, because it only keeps a message from
 * coming twice, is the kernel's if more than a message is behind it: else that would be done once more.
 *
 * Part of the correlate pass: where everything that a DO_ONCE() initialises is new, its flag and its static key
 * are fresh ones of the patch, and it is done again. Part of the changes pass: what else is initialised
 * behind a guard of the kernel's, and was not before, is refused.
 */
#include <errno.h>
#include <string.h>

#include "create-diff-object/correlate.h"
#include "create-diff-object/escape.h"
#include "create-diff-object/guards.h"
#include "lib/arch/arch.h"
#include "lib/util/vmlinux.h"

#define MAY_WRITE (ACCESS_WRITE | ACCESS_ADDRESS)

static bool is_state(const struct side *s, uint32_t atom)
{
	return atom != NO_ATOM && s->role[atom] == ROLE_STATE && s->object->atoms[atom].symbol &&
	       !guard_of_once(s, atom) && !key_of_once(s, atom);
}

static bool any_fresh(const struct side *s)
{
	for (uint32_t i = 0; i < s->object->n_atoms; i++)
		if (s->role[i] == ROLE_FRESH)
			return true;
	return false;
}

/* Whether the reference does something to state; a message that is given its address does not. */
static bool alters_state(struct diff *d, const struct side *s, const struct guards *g, uint32_t ref)
{
	const struct object *o = s->object;
	const struct callee *c;

	if (!is_state(s, o->refs[ref].target))
		return false;
	if (g->access[ref] & ACCESS_WRITE)
		return true;
	c = g->callee[ref] == NO_ATOM ? NULL : callee_find(d, o->atoms[g->callee[ref]].name);
	return g->access[ref] & ACCESS_ADDRESS && !(c && c->more);
}

/*
 * Where nobody can tell what is guarded: what may be the flag of a message, in a function that uses state, may guard that as
 * well.
 */
static void keep_flags_beside_state(struct diff *d, struct side *s)
{
	const struct object *o = s->object;
	bool *beside = arena_array(d->arena, o->n_atoms, sizeof(*beside));

	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < o->n_atoms; i++) {
			const struct atom *a = &o->atoms[i];

			for (uint32_t r = a->first_ref;
			     s->role[i] == ROLE_CODE && r < a->first_ref + a->n_refs; r++) {
				uint32_t t = o->refs[r].target, root = function_root(s, i);

				if (!pass)
					beside[root] |= is_state(s, t);
				else if (beside[root] && t != NO_ATOM && s->role[t] == ROLE_FRESH &&
					 o->atoms[t].size && o->atoms[t].size <= sizeof(uint64_t))
					s->role[t] = ROLE_STATE;
			}
		}
}

int roles_once(struct diff *d, struct side *s)
{
	struct guards g;
	int err;

	if (!any_fresh(s))
		return 0;
	if (!s->object->arch->follows_values) {
		keep_flags_beside_state(d, s);
		return 0;
	}
	err = guards_find(d, s, GUARDS_FRESH, &g);
	for (uint32_t r = 0; r < s->object->n_refs && !err; r++)
		if (g.guard[r] != NO_ATOM && alters_state(d, s, &g, r))
			s->role[g.guard[r]] = ROLE_STATE;
	return err;
}

static bool any_once(const struct side *s)
{
	for (uint32_t i = 0; i < s->object->n_atoms; i++)
		if (guard_of_once(s, i))
			return true;
	return false;
}

/*
 * Whether what is behind @guard writes state of the patch and has nothing to do with the kernel's: through a pointer
 * that is only read there, what it leads to would be initialised again.
 */
static bool all_new(struct diff *d, const struct guards *g, uint32_t guard)
{
	const struct object *o = d->new.object;
	bool any = false;

	for (uint32_t r = 0; r < o->n_refs; r++) {
		uint32_t t = o->refs[r].target;

		if (g->guard[r] != guard || !is_state(&d->new, t))
			continue;
		if (d->pairs.twin[t] != NO_ATOM || d->pairs.how[t] != MATCH_NONE)
			return false;
		any |= (g->access[r] & MAY_WRITE) != 0;
	}
	return any;
}

static void unpair(struct diff *d, uint32_t n)
{
	uint32_t o = d->pairs.twin[n];

	if (o == NO_ATOM)
		return;
	d->pairs.back[o] = n;
	d->pairs.twin[n] = NO_ATOM;
	d->pairs.how[n] = MATCH_AFRESH;
}

int correlate_once(struct diff *d)
{
	const struct object *o = d->new.object;
	struct guards g;
	int err;

	if (!any_once(&d->new))
		return 0;
	err = guards_find(d, &d->new, GUARDS_OF_ONCE, &g);
	for (uint32_t i = 0; i < o->n_atoms && !err; i++) {
		if (!guard_of_once(&d->new, i) || d->pairs.twin[i] == NO_ATOM || !all_new(d, &g, i))
			continue;
		unpair(d, i);
		for (uint32_t r = 0; r < o->n_refs; r++)
			if (g.guard[r] == i && o->refs[r].target != NO_ATOM &&
			    key_of_once(&d->new, o->refs[r].target))
				unpair(d, o->refs[r].target);
	}
	return err;
}

/* What is guarded in the original, as "guard variable" → nothing; atoms of the patched object. */
struct judging {
	struct diff *d;
	struct guards orig, new;
	bool *told; /* by patched atom */
	bool *met;  /* by function: it initialises something that was judged */
};

static bool guarded_before(const struct judging *j, uint32_t guard, uint32_t variable)
{
	const struct diff *d = j->d;
	uint32_t was_guard = d->pairs.twin[guard], was = d->pairs.twin[variable];
	const struct object *o = d->orig.object;

	for (uint32_t i = 0; was != NO_ATOM && i < o->n_atoms; i++)
		for (uint32_t r = o->atoms[i].first_ref; r < o->atoms[i].first_ref + o->atoms[i].n_refs; r++)
			if (o->refs[r].target == was && j->orig.access[r] & MAY_WRITE &&
			    (j->orig.guard[r] == was_guard || function_root(&d->orig, i) == was_guard))
				return true;
	return false;
}

/* Whether another reference gives the variable's address to the same function without a guard. */
static bool given_openly(const struct judging *j, uint32_t ref)
{
	const struct object *o = j->d->new.object;

	if (j->new.callee[ref] == NO_ATOM)
		return false;
	for (uint32_t r = 0; r < o->n_refs; r++)
		if (o->refs[r].target == o->refs[ref].target && j->new.guard[r] == NO_ATOM &&
		    j->new.callee[r] == j->new.callee[ref])
			return true;
	return false;
}

/*
 * Whether the variable has functions in it, which somebody is to call: what boot code registers is used by that. Behind a
 * variable it may be a work that is queued whenever the last one is done.
 */
static bool has_functions(const struct judging *j, uint32_t variable)
{
	const struct object *o = j->d->new.object;
	const struct atom *a = &o->atoms[variable];

	for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++)
		if (o->refs[r].target != NO_ATOM && j->d->new.role[o->refs[r].target] == ROLE_CODE)
			return true;
	return false;
}

/*
 * Whether the variable is initialised behind guards alone and used elsewhere: what is written elsewhere as
 * well needs no first run, and what is used nowhere else comes to no harm. Who clears it takes back what a first
 * run did.
 */
static bool depends_on_first_run(const struct judging *j, uint32_t ref)
{
	const struct object *o = j->d->new.object;
	bool by_boot = j->d->new.role[j->new.guard[ref]] == ROLE_CODE, used = false;

	if (by_boot)
		used = has_functions(j, o->refs[ref].target);
	if (!(j->new.access[ref] & ACCESS_WRITE) && given_openly(j, ref))
		return false;
	for (uint32_t r = 0; r < o->n_refs; r++) {
		if (o->refs[r].target != o->refs[ref].target || j->new.guard[r] != NO_ATOM)
			continue;
		if (j->new.access[r] & ACCESS_WRITE && !(j->new.access[r] & ACCESS_CLEARS))
			return false;
		used |= j->new.access[r] != 0;
	}
	return used;
}

static void judge_ref(struct judging *j, uint32_t function, uint32_t ref)
{
	struct diff *d = j->d;
	uint32_t guard = j->new.guard[ref], variable = d->new.object->refs[ref].target;

	if (guard == NO_ATOM || d->pairs.twin[guard] == NO_ATOM || !(j->new.access[ref] & MAY_WRITE) ||
	    !is_state(&d->new, variable) || variable == guard || j->told[variable])
		return;
	if (guarded_before(j, guard, variable))
		return;
	if (!guard_of_once(&d->new, guard) && !depends_on_first_run(j, ref))
		return;
	j->told[variable] = true;
	j->met[function_root(&d->new, function)] = true;
	if (request_allows(d, variable))
		return;
	if (d->new.role[guard] == ROLE_CODE)
		diff_refuse(
			d, "initialised-once", &d->new, function, d->new.object->refs[ref].offset,
			"Set it in a callback; or say KPATCH_ALLOW_DATA_CHANGE() of it if it needs no more "
			"than its initial value",
			"it initialises %s, and nothing but __init code calls %s: in the running kernel "
			"that has been done, and not for this variable",
			new_atom(d, variable)->name, new_atom(d, guard)->name);
	else
		diff_refuse(d, "initialised-once", &d->new, function, d->new.object->refs[ref].offset,
			    "Guard it with a variable that is new, or set it in a callback; or say "
			    "KPATCH_ALLOW_DATA_CHANGE() of it if it needs no more than its initial value",
			    "it initialises %s where %s says that this has not been done before; in the "
			    "running kernel it may have been done, and not for this variable",
			    new_atom(d, variable)->name, new_atom(d, guard)->name);
}

static bool any_changed(const struct diff *d)
{
	for (uint32_t i = 0; i < d->new.object->n_atoms; i++)
		if (d->new.role[i] == ROLE_CODE && d->verdicts[i].state == VERDICT_CHANGED)
			return true;
	return false;
}

/* Whether code of the function @root or its parts refers to @variable. */
static bool function_uses(const struct side *s, uint32_t root, uint32_t variable)
{
	const struct object *o = s->object;

	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (s->role[i] == ROLE_CODE && function_root(s, i) == root &&
		    refers_to(o, &o->atoms[i], variable))
			return true;
	return false;
}

static bool used_before(const struct diff *d, uint32_t function, uint32_t variable)
{
	uint32_t was = d->pairs.twin[function_root(&d->new, function)];

	return was != NO_ATOM && d->pairs.twin[variable] != NO_ATOM &&
	       function_uses(&d->orig, function_root(&d->orig, was), d->pairs.twin[variable]);
}

/*
 * Where nobody can tell what is guarded, whatever a function did not use before may be initialised behind a guard that has
 * been passed.
 */
static bool refuse_new_use(struct diff *d, uint32_t user, const struct ref *r)
{
	uint32_t t = r->target;

	if (!is_state(&d->new, t) || d->pairs.how[t] == MATCH_UNDECIDED || used_before(d, user, t))
		return false;
	if (!request_allows(d, t))
		diff_refuse(d, "initialised-once", &d->new, user, r->offset,
			    "Say KPATCH_ALLOW_DATA_CHANGE() of it if it need not be initialised by "
			    "what runs once",
			    "it did not use %s before, and on this machine it is not known whether "
			    "that is initialised only where the running kernel has been already",
			    new_atom(d, t)->name);
	return true;
}

/* Whether nothing but __init code leads to the function. */
static bool only_boot_runs(const struct diff *d, const struct guards *g, uint32_t function)
{
	const struct object *o = d->new.object;
	const struct atom *a = &o->atoms[function];

	for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++)
		if (g->guard[r] != NO_ATOM && d->new.role[g->guard[r]] == ROLE_CODE)
			return true;
	return false;
}

/* A function that is not __init itself can be replaced, but has done its work: in vmlinux for good. */
static void judge_boot_only(struct judging *j, uint32_t function)
{
	struct diff *d = j->d;

	if (!d->replaced[function] || d->verdicts[function].state != VERDICT_CHANGED || j->met[function] ||
	    d->input->init_stays || !only_boot_runs(d, &j->new, function))
		return;
	if (is_vmlinux(d->input->owner))
		diff_refuse(
			d, "init-changed", &d->new, function, (int64_t)d->verdicts[function].offset,
			"Do the work in a callback; or say KPATCH_IGNORE_FUNCTION() of it if the change does "
			"not matter to a kernel that has booted",
			"it has run already, and nothing but __init code calls it: %s",
			d->verdicts[function].reason);
	else
		diff_warn(
			d, "loaded-already", &d->new, function, -1, NULL,
			"nothing but __init code calls it: in a module that is loaded the change has no effect "
			"until that is loaded again");
}

int changes_once(struct diff *d)
{
	struct judging j = { .d = d,
			     .told = arena_array(d->arena, d->new.object->n_atoms, sizeof(*j.told)),
			     .met = arena_array(d->arena, d->new.object->n_atoms, sizeof(*j.met)) };
	int err;

	if (!any_changed(d))
		return 0;
	if (!d->arch->follows_values) {
		for_changed_uses(d, refuse_new_use);
		return 0;
	}
	err = guards_find(d, &d->orig, GUARDS_ALL, &j.orig);
	if (!err)
		err = guards_find(d, &d->new, GUARDS_ALL, &j.new);
	for (uint32_t i = 0; i < d->new.object->n_atoms && !err; i++) {
		const struct atom *a = new_atom(d, i);

		if (d->new.role[i] != ROLE_CODE)
			continue;
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++)
			judge_ref(&j, i, r);
	}
	for (uint32_t i = 0; i < d->new.object->n_atoms && !err; i++)
		if (d->new.role[i] == ROLE_CODE)
			judge_boot_only(&j, i);
	return err;
}
