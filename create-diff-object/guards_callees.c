// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the search for guards: local functions that nobody calls but guarded code are guarded by what it is
 * guarded by. Those that nobody calls but __init code, or that are an initcall themselves without being __init, have
 * run when the kernel booted or the module was loaded: each is its own guard. A function whose address is taken
 * may be called by anybody.
 */
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/fields.h"
#include "create-diff-object/guards.h"
#include "create-diff-object/passes.h"
#include "lib/util/xmalloc.h"

struct spreading {
	struct diff *d;
	const struct side *s;
	struct guards *g;
	bool boot;
	uint32_t *guard; /* by function: what all that calls it stands behind, NO_ATOM */
	bool *open;	 /* by function: something else uses it */
	uint8_t *global; /* by function: enum global */
	uint32_t module; /* where the module begins, NO_ATOM */
};

/* Whether anybody else in the whole kernel object uses a global function: asked once of each. */
enum global { NOT_ASKED, USED_BY_OTHERS, BOOT_ONLY };

static bool is_initcall(const struct atom *a)
{
	return strstr(a->section->name, "initcall") != NULL;
}

/* What __exit code calls has not run while the module is loaded, even where __init code calls it as well when it fails. */
static bool is_exit(const struct atom *a)
{
	return !strncmp(a->section->name, ".exit", 5);
}

/* What a reference to @function stands behind, NO_ATOM. */
static uint32_t guard_of_use(const struct spreading *x, const struct atom *from, const struct ref *ref,
			     uint32_t function)
{
	enum role role = x->s->role[from->id];

	if (role == ROLE_INIT && !is_exit(from) &&
	    (is_initcall(from) || field_is_branch(x->d->arch, from, ref)))
		return x->boot ? function : NO_ATOM;
	if (role != ROLE_CODE || !field_is_branch(x->d->arch, from, ref))
		return NO_ATOM;
	return x->g->guard[ref - x->s->object->refs];
}

static void look_at_use(struct spreading *x, const struct atom *from, const struct ref *ref)
{
	const struct side *s = x->s;
	enum role role = s->role[from->id];
	uint32_t t = ref->target, guard;

	if (t == NO_ATOM || s->role[t] != ROLE_CODE || role == ROLE_IGNORED || role == ROLE_HINT ||
	    role == ROLE_ENTRY)
		return;
	t = function_root(s, t);
	if (role == ROLE_CODE && function_root(s, from->id) == t)
		return;
	guard = guard_of_use(x, from, ref, t);
	if (guard == NO_ATOM)
		x->open[t] = true;
	else
		x->guard[t] = guard;
}

/* module_init() gives the function another name, which is global. */
static void look_at_names(struct spreading *x)
{
	const struct object *o = x->s->object;

	for (uint32_t i = 1; i < o->n_symbols && x->boot; i++) {
		uint32_t t = o->symbols[i].atom;

		if (!strcmp(o->symbols[i].name, "init_module") && t != NO_ATOM && x->s->role[t] == ROLE_CODE)
			x->module = x->guard[t] = t;
	}
}

static bool mentions_new_state(const struct spreading *x, uint32_t function)
{
	const struct object *o = x->s->object;

	for (uint32_t i = 0; i < o->n_atoms; i++)
		for (uint32_t r = o->atoms[i].first_ref; r < o->atoms[i].first_ref + o->atoms[i].n_refs;
		     r++) {
			uint32_t t = o->refs[r].target;

			if (t != NO_ATOM && x->s->role[t] == ROLE_STATE && x->d->pairs.twin[t] == NO_ATOM &&
			    x->s->role[i] == ROLE_CODE && function_root(x->s, i) == function)
				return true;
		}
	return false;
}

static bool is_changed(const struct spreading *x, uint32_t function)
{
	return x->d->replaced[function] && x->d->verdicts[function].state == VERDICT_CHANGED;
}

/* What is global, other objects may call: the installed code tells. It costs a search, so it is asked of few. */
static void look_at_global(struct spreading *x, uint32_t function)
{
	const struct ksym_source *ksyms = x->d->input->ksyms;
	const struct atom *a = &x->s->object->atoms[function];

	if (a->local || x->open[function] || x->guard[function] == function || !a->symbol ||
	    x->d->pairs.twin[function] == NO_ATOM || !ksyms->boot_only ||
	    (!is_changed(x, function) && !mentions_new_state(x, function)))
		return;
	if (x->global[function] == NOT_ASKED)
		x->global[function] = ksyms->boot_only(ksyms, a->name) ? BOOT_ONLY : USED_BY_OTHERS;
	if (x->global[function] == BOOT_ONLY)
		x->guard[function] = function;
}

/* One round; whether it has found anything new. */
static bool spread(struct spreading *x)
{
	const struct object *o = x->s->object;
	bool more = false;

	memset(x->guard, 0xff, o->n_atoms * sizeof(*x->guard));
	memset(x->open, 0, o->n_atoms * sizeof(*x->open));
	look_at_names(x);
	for (uint32_t i = 0; i < o->n_atoms; i++)
		for (uint32_t r = o->atoms[i].first_ref; r < o->atoms[i].first_ref + o->atoms[i].n_refs; r++)
			look_at_use(x, &o->atoms[i], &o->refs[r]);
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (x->boot && x->s == &x->d->new && x->s->role[i] == ROLE_CODE && !part_only(x->s, i))
			look_at_global(x, i);
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		uint32_t root = x->s->role[i] == ROLE_CODE ? function_root(x->s, i) : NO_ATOM;

		if (root == NO_ATOM || x->open[root] || x->guard[root] == NO_ATOM ||
		    (!o->atoms[root].local && root != x->module && x->global[root] != BOOT_ONLY))
			continue;
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++) {
			more |= x->g->guard[r] == NO_ATOM;
			if (x->g->guard[r] == NO_ATOM)
				x->g->guard[r] = x->guard[root];
		}
	}
	return more;
}

void guards_spread(struct diff *d, const struct side *s, struct guards *g, bool boot)
{
	uint32_t n = s->object->n_atoms;
	struct spreading x = { .d = d,
			       .s = s,
			       .g = g,
			       .boot = boot,
			       .module = NO_ATOM,
			       .guard = xmalloc((n + 1) * sizeof(*x.guard)),
			       .open = xmalloc((n + 1) * sizeof(*x.open)),
			       .global = xcalloc((size_t)n + 1, sizeof(*x.global)) };

	/* a chain of calls that is longer leaves its end unguarded */
	for (int round = 0; round < 8; round++)
		if (!spread(&x))
			break;
	free(x.global);
	free(x.open);
	free(x.guard);
}
