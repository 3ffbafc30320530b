// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the changes pass: variables that the patched object no longer has.
 *
 * One that a function has stopped to use is a warning: the running kernel's stays, unused. If the same
 * function begins to use a new variable, that may be the same one under another name, wider than before, or part of a structure, and then
 * the patch would start with the initial value in place of what the kernel has stored there. That is
 * refused, unless the author says that it is another one. What a function does by one that only this version has, it
 * does itself.
 */
#include "create-diff-object/passes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/xmalloc.h"

/* A function that refers to one of the variables looked at. */
struct user {
	const char *name;	 /* in the source */
	uint32_t user, variable; /* atoms */
	uint32_t offset;	 /* of the reference in the user */
	bool direct;		 /* it is the variable's, not that of a call */
};

struct users {
	struct user *list;
	size_t n;
};

static bool is_state(const struct side *s, uint32_t i)
{
	return s->role[i] == ROLE_STATE && s->object->atoms[i].symbol && s->object->atoms[i].size;
}

bool state_removed(const struct diff *d, uint32_t orig)
{
	return is_state(&d->orig, orig) && d->pairs.back[orig] == NO_ATOM;
}

bool state_added(const struct diff *d, uint32_t new)
{
	return is_state(&d->new, new) && d->verdicts[new].state == VERDICT_NEW &&
	       d->pairs.how[new] == MATCH_NONE;
}

bool state_was_init(const struct diff *d, uint32_t new)
{
	const struct object *o = d->orig.object;

	for (uint32_t i = 0; i < o->n_atoms && state_added(d, new); i++) {
		if (d->orig.role[i] != ROLE_INIT || !o->atoms[i].symbol || o->atoms[i].kind == ATOM_FUNC)
			continue;
		if (!strcmp(d->orig.source[i], d->new.source[new]))
			return true;
	}
	return false;
}

static bool looked_at(const struct diff *d, const struct side *s, uint32_t i)
{
	if (i == NO_ATOM)
		return false;
	return s == &d->orig ? state_removed(d, i) : state_added(d, i);
}

/* Whether it is one of those among which correlate.c could not decide: that is reported elsewhere. */
static bool undecided(const struct diff *d, uint32_t old)
{
	for (uint32_t i = 0; i < d->new.object->n_atoms; i++)
		if (d->pairs.how[i] == MATCH_UNDECIDED && d->new.base[i] &&
		    !strcmp(d->new.base[i], d->orig.base[old]))
			return true;
	return false;
}

static bool any(const struct diff *d, const struct side *s)
{
	for (uint32_t i = 0; i < s->object->n_atoms; i++)
		if (looked_at(d, s, i))
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct user *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	if (x->variable != y->variable)
		return x->variable < y->variable ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* References to each function, as lists: by target the first, by reference the next one and whose it is. */
struct calls {
	uint32_t *first, *next, *from;
};

struct collecting {
	const struct diff *d;
	const struct side *s;
	struct calls calls;
	struct users *out;
	size_t room;
	uint32_t budget; /* callers that are looked at: a real object has few new functions */
};

static void index_calls(struct collecting *c)
{
	const struct object *o = c->s->object;

	c->calls = (struct calls){ xmalloc(((size_t)o->n_atoms + 1) * sizeof(uint32_t)),
				   xmalloc(((size_t)o->n_refs + 1) * sizeof(uint32_t)),
				   xmalloc(((size_t)o->n_refs + 1) * sizeof(uint32_t)) };
	memset(c->calls.first, 0xff, ((size_t)o->n_atoms + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < o->n_atoms; i++)
		for (uint32_t r = o->atoms[i].first_ref; r < o->atoms[i].first_ref + o->atoms[i].n_refs;
		     r++) {
			uint32_t t = o->refs[r].target;

			if (t == NO_ATOM || c->s->role[t] != ROLE_CODE || c->s->role[i] != ROLE_CODE)
				continue;
			t = function_root(c->s, t);
			c->calls.from[r] = i;
			c->calls.next[r] = c->calls.first[t];
			c->calls.first[t] = r;
		}
}

static void add_user(struct collecting *c, uint32_t user, uint32_t variable, uint32_t offset, bool direct)
{
	struct users *u = c->out;

	if (u->n == c->room) {
		c->room = c->room ? 2 * c->room : 64;
		u->list = xreallocarray(u->list, c->room, sizeof(*u->list));
	}
	u->list[u->n++] = (struct user){ c->s->source[user], user, variable, offset, direct };
}

/* Whether the other version has no such function. */
static bool only_here(const struct collecting *c, uint32_t function)
{
	const struct pairing *p = &c->d->pairs;

	return (c->s == &c->d->orig ? p->back : p->twin)[function] == NO_ATOM;
}

static void add_callers(struct collecting *c, uint32_t function, uint32_t variable, unsigned int depth)
{
	for (uint32_t r = c->calls.first[function]; r != NO_ATOM && c->budget; r = c->calls.next[r]) {
		uint32_t caller = function_root(c->s, c->calls.from[r]);

		c->budget--;
		if (caller == function)
			continue;
		add_user(c, caller, variable, c->s->object->refs[r].offset, false);
		if (only_here(c, caller) && depth)
			add_callers(c, caller, variable, depth - 1);
	}
}

static void collect(const struct diff *d, const struct side *s, struct users *out)
{
	const struct object *o = s->object;
	struct collecting c = { .d = d, .s = s, .out = out, .budget = 1000000 };

	*out = (struct users){ 0 };
	index_calls(&c);
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		if (s->role[i] != ROLE_CODE || !a->symbol)
			continue;
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++) {
			if (!looked_at(d, s, o->refs[r].target))
				continue;
			add_user(&c, i, o->refs[r].target, o->refs[r].offset, true);
			if (only_here(&c, function_root(s, i)))
				add_callers(&c, function_root(s, i), o->refs[r].target, 4);
		}
	}
	if (out->n)
		qsort(out->list, out->n, sizeof(*out->list), by_name);
	free(c.calls.first);
	free(c.calls.next);
	free(c.calls.from);
}

/* Whether the user has a DO_ONCE() that is done again: what that initialises has its value from there. */
static bool does_once_again(const struct diff *d, uint32_t user)
{
	const struct object *o = d->new.object;
	const struct atom *a = &o->atoms[user];

	for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++)
		if (o->refs[r].target != NO_ATOM && d->pairs.how[o->refs[r].target] == MATCH_AFRESH)
			return true;
	return false;
}

/* Whether a new variable is another one than @old for sure. */
static bool is_another(struct diff *d, const struct user *old, const struct user *now)
{
	return request_allows(d, now->variable) ||
	       (new_atom(d, now->variable)->size != orig_atom(d, old->variable)->size &&
		does_once_again(d, now->user));
}

/* A new variable that might be @old under another name, for the function that used @old; or NULL. */
static const struct user *renamed_to(struct diff *d, const struct user *old, const struct users *new)
{
	size_t low = 0, high = new->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(new->list[middle].name, old->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < new->n && !strcmp(new->list[low].name, old->name); low++)
		if (!is_another(d, old, &new->list[low]))
			return &new->list[low];
	return NULL;
}

/* The function of the patched object, or NO_ATOM: it is gone as well. */
static uint32_t remaining_user(const struct diff *d, const struct user *old)
{
	return d->pairs.back[old->user];
}

static bool judge_renamed(struct diff *d, const struct user *old, const struct users *new)
{
	const struct user *now = renamed_to(d, old, new);

	if (now)
		diff_refuse(d, "variable-renamed", &d->new, now->user, now->offset,
			    "Keep the old name, or say KPATCH_ALLOW_DATA_CHANGE() of the new variable if it "
			    "is another one",
			    "it uses the new variable %s in place of %s, whose value in the running kernel "
			    "would be lost",
			    new_atom(d, now->variable)->name, orig_atom(d, old->variable)->name);
	return now;
}

static bool warn_removed(struct diff *d, const struct user *old)
{
	uint32_t user = old->direct ? remaining_user(d, old) : NO_ATOM;

	if (user != NO_ATOM)
		diff_warn(d, "variable-removed", &d->new, user, -1, NULL,
			  "it no longer uses %s, which stays in the kernel as it is",
			  orig_atom(d, old->variable)->name);
	return user != NO_ATOM;
}

/* What boot code stored in a variable is gone with it. */
static bool judge_from_boot(struct diff *d, uint32_t user, const struct ref *r)
{
	if (!state_was_init(d, r->target))
		return false;
	if (!request_allows(d, r->target))
		diff_refuse(d, "reference-to-init", &d->new, user, r->offset,
			    "Say KPATCH_ALLOW_DATA_CHANGE() of it if its initial value is right",
			    "it uses %s, which is __initdata in the running kernel: it is gone, "
			    "and what boot code has stored there is lost",
			    new_atom(d, r->target)->name);
	return true;
}

int changes_removed(struct diff *d)
{
	struct users old = { 0 }, new = { 0 };
	bool *told;

	for_changed_uses(d, judge_from_boot);
	if (!any(d, &d->orig))
		return 0;
	told = arena_array(d->arena, d->orig.object->n_atoms, sizeof(*told));
	collect(d, &d->orig, &old);
	collect(d, &d->new, &new);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < old.n; i++) {
			uint32_t variable = old.list[i].variable;

			if (!told[variable] && !undecided(d, variable))
				told[variable] = pass ? warn_removed(d, &old.list[i]) :
							judge_renamed(d, &old.list[i], &new);
		}
	free(new.list);
	free(old.list);
	return 0;
}
