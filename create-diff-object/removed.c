// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the changes pass: variables that the patched object no longer has.
 *
 * One that a function has stopped to use is a warning: the running kernel's stays, unused. If the same
 * function begins to use a new variable of that size, the variable may only have another name, and then
 * the patch would start with the initial value in place of what the kernel has stored there. That is
 * refused, unless the author says that it is another one.
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

static int collect(const struct diff *d, const struct side *s, struct users *out)
{
	const struct object *o = s->object;

	*out = (struct users){ xmalloc(((size_t)o->n_refs + 1) * sizeof(*out->list)), 0 };
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		if (s->role[i] != ROLE_CODE || !a->symbol)
			continue;
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++)
			if (looked_at(d, s, o->refs[r].target))
				out->list[out->n++] = (struct user){ s->source[i], i, o->refs[r].target,
								     o->refs[r].offset };
	}
	qsort(out->list, out->n, sizeof(*out->list), by_name);
	return 0;
}

/* A new variable that might be @old under another name, for the function that used @old; or NULL. */
static const struct user *renamed_to(const struct diff *d, const struct user *old, const struct users *new)
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
		if (new_atom(d, new->list[low].variable)->size == orig_atom(d, old->variable)->size)
			return &new->list[low];
	return NULL;
}

/* The function of the patched object, or NO_ATOM: it is gone as well. */
static uint32_t remaining_user(const struct diff *d, const struct user *old)
{
	return d->pairs.back[old->user];
}

static void judge(struct diff *d, const struct user *old, const struct users *new)
{
	const struct user *now = renamed_to(d, old, new);
	const char *name = orig_atom(d, old->variable)->name;

	if (undecided(d, old->variable))
		return;
	if (now && !request_allows(d, now->variable))
		diff_refuse(d, "variable-renamed", &d->new, now->user, now->offset,
			    "Keep the old name, or say KPATCH_ALLOW_DATA_CHANGE() of the new variable if it "
			    "is another one",
			    "it uses the new variable %s in place of %s, whose value in the running kernel "
			    "would be lost",
			    new_atom(d, now->variable)->name, name);
	else if (remaining_user(d, old) != NO_ATOM)
		diff_warn(d, "variable-removed", &d->new, remaining_user(d, old), -1, NULL,
			  "it no longer uses %s, which stays in the kernel as it is", name);
}

int changes_removed(struct diff *d)
{
	struct users old = { 0 }, new = { 0 };
	bool *told;
	int err = 0;

	if (!any(d, &d->orig))
		return 0;
	told = arena_array(d->arena, d->orig.object->n_atoms, sizeof(*told));
	err = collect(d, &d->orig, &old);
	if (!err)
		err = collect(d, &d->new, &new);
	for (size_t i = 0; i < old.n && !err; i++) {
		if (told[old.list[i].variable])
			continue;
		told[old.list[i].variable] = true;
		judge(d, &old.list[i], &new);
	}
	free(new.list);
	free(old.list);
	return err;
}
