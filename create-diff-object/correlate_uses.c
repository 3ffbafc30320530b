// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the correlate pass: who uses the numbered data of a group, and what is used next to it.
 *
 * A user is a function or data object of the source: what gcc made of one function (parts, clones) is
 * one user, and so are the table entries that describe it. Reads references alone; writes nothing but
 * the lists that it hands out.
 */
#include "create-diff-object/correlate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/strmap.h"

static void user_number(struct correlate *c, const char *source, uint32_t *out)
{
	union strmap_value *v = strmap_get(c->users, source);

	*out = v ? (uint32_t)v->num : (uint32_t)strmap_count(c->users);
	if (!(v))
		strmap_set(c->users, source, (union strmap_value){ .num = *out });
}

/* The name in the source of whoever this atom's references belong to, or NULL. */
static const char *user_of(const struct side *s, const struct atom *a)
{
	switch (s->role[a->id]) {
	case ROLE_CODE:
	case ROLE_STATE:
	case ROLE_CONST:
	case ROLE_INIT:
	case ROLE_REGISTER:
		return s->source[a->id];
	case ROLE_ENTRY:
		return a->owner != NO_ATOM ? s->source[a->owner] : NULL;
	default:
		return NULL;
	}
}

int correlate_uses(struct correlate *c, int which)
{
	const struct side *s = c->side[which];
	const struct object *o = s->object;
	struct uses *u = &c->uses[which];

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		const char *source = user_of(s, a);
		uint32_t user;

		if (!source || !a->n_refs)
			continue;
		user_number(c, source, &user);
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++) {
			uint32_t t = o->refs[r].target, g;

			if (t == NO_ATOM || (g = c->group_of[which][t]) == NO_ATOM ||
			    c->groups[g].plain[which] == t)
				continue;
			u->list[u->n] =
				(struct use){ t, user, u->n, r, a->first_ref + a->n_refs, u->first[t] };
			u->first[t] = u->n++;
		}
	}
	return 0;
}

static int use_compare(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Of sorted uses, keeps the first one that each user makes of each target. Returns how many. */
static uint32_t first_uses(struct use *list, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool seen = false;

		for (uint32_t k = kept; k-- > 0 && list[k].user == list[i].user && !seen;)
			seen = list[k].target == list[i].target;
		if (!seen)
			list[kept++] = list[i];
	}
	return kept;
}

void correlate_group_uses(struct correlate *c, const struct group *g, int which, struct use **out,
			  uint32_t *n_out)
{
	const struct uses *u = &c->uses[which];
	struct use *list;
	uint32_t n = 0;

	for (uint32_t a = g->first[which]; a != NO_ATOM; a = c->next[which][a])
		for (uint32_t i = u->first[a]; i != NO_ATOM; i = u->list[i].next)
			n++;
	list = arena_array(c->arena, n, sizeof(*list));
	n = 0;
	for (uint32_t a = g->first[which]; a != NO_ATOM; a = c->next[which][a])
		for (uint32_t i = u->first[a]; i != NO_ATOM; i = u->list[i].next)
			list[n++] = u->list[i];
	qsort(list, n, sizeof(*list), use_compare);
	*out = list;
	*n_out = first_uses(list, n);
}

/* What the user refers to next, as text: what else is done where the variable is used first. */
static const char *context_of(const struct correlate *c, int which, const struct use *u)
{
	const struct side *s = c->side[which];
	const struct object *o = s->object;

	for (uint32_t r = u->ref + 1; r < u->end && r - u->ref < 16; r++) {
		const struct atom *t = o->refs[r].target == NO_ATOM ? NULL : &o->atoms[o->refs[r].target];

		if (!t || c->group_of[which][t->id] == c->group_of[which][u->target])
			continue;
		if (t->symbol)
			return s->base[t->id];
		if (t->kind == ATOM_STRING && atom_bytes(t) && !atom_bytes(t)[t->size - 1] &&
		    o->refs[r].addend >= 0 && (uint64_t)o->refs[r].addend < t->size)
			return (const char *)atom_bytes(t) + o->refs[r].addend;
	}
	return "";
}

bool correlate_changed_places(const struct correlate *c, const struct use *o, const struct use *n,
			      uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const char *was = context_of(c, 0, &o[i]), *is = context_of(c, 1, &n[i]);

		if (!strcmp(was, is))
			continue;
		/* what was another one's is this one's now: one has gone, and another come */
		for (uint32_t k = 0; k < count && k < 64; k++)
			if (k != i && *is && !strcmp(is, context_of(c, 0, &o[k])))
				return true;
		for (uint32_t k = 0; k < count && k < 64; k++)
			if (k != i && !strcmp(was, context_of(c, 1, &n[k])) &&
			    strcmp(context_of(c, 0, &o[k]), was))
				return true;
	}
	return false;
}
