// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the correlate pass: numbered data by users. Each user that uses as many variables of the group
 * as before votes for pairing them in order; what the votes mean together is decided here, as
 * correlate.c explains. Reads the uses; pairs all that has votes, or all of the group, or nothing.
 */
#include "create-diff-object/correlate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/strmap.h"

struct vote {
	uint32_t orig, new;
	uint32_t orig_seq, new_seq; /* of the first use */
};

struct ballot {
	struct vote *votes;
	uint32_t n;
	bool disputed;	/* two users disagree */
	bool reordered; /* a user seems to use them in another order than before */
};

/* One user's vote; votes are few a group, except where a group is huge, and then they repeat. */
static void ballot_add(const struct correlate *c, struct ballot *b, const struct use *o, const struct use *n)
{
	uint32_t i = c->vote_of[n->target];

	if (i != NO_ATOM) {
		struct vote *v = &b->votes[i];

		if (v->orig != o->target)
			b->disputed = true;
		if (o->seq < v->orig_seq)
			v->orig_seq = o->seq;
		if (n->seq < v->new_seq)
			v->new_seq = n->seq;
		return;
	}
	c->vote_of[n->target] = b->n;
	b->votes[b->n++] = (struct vote){ o->target, n->target, o->seq, n->seq };
}

/* Lets each user that has the same number of them on both sides pair them in order. */
static void ballot_collect(const struct correlate *c, struct ballot *b, const struct use *o, uint32_t n_o,
			   const struct use *n, uint32_t n_n)
{
	uint32_t i = 0, k = 0;

	while (i < n_o && k < n_n) {
		uint32_t user = o[i].user, ei = i, ek = k;

		if (user != n[k].user) {
			user < n[k].user ? i++ : k++;
			continue;
		}
		while (ei < n_o && o[ei].user == user)
			ei++;
		while (ek < n_n && n[ek].user == user)
			ek++;
		if (ei - i == ek - k && correlate_changed_places(c, o + i, n + k, ei - i))
			b->reordered = true;
		for (uint32_t m = 0; ei - i == ek - k && m < ei - i; m++)
			ballot_add(c, b, &o[i + m], &n[k + m]);
		i = ei;
		k = ek;
	}
}

static int vote_by_orig(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;

	return x->orig < y->orig ? -1 : x->orig > y->orig;
}

static int vote_by_use(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;

	return x->orig_seq < y->orig_seq ? -1 : x->orig_seq > y->orig_seq;
}

/* The number that ends a name, or that of its last numbered part. */
static unsigned long name_number(const char *name)
{
	const char *p = name + strlen(name);

	while (p > name && (p[-1] < '0' || p[-1] > '9'))
		p--;
	while (p > name && p[-1] >= '0' && p[-1] <= '9')
		p--;
	return strtoul(p, NULL, 10);
}

static unsigned long number_of(const struct correlate *c, int which, uint32_t atom)
{
	return name_number(c->side[which]->object->atoms[atom].name);
}

struct numbers {
	unsigned long orig, new;
};

static int numbers_compare(const void *a, const void *b)
{
	const struct numbers *x = a, *y = b;

	return x->orig < y->orig ? -1 : x->orig > y->orig;
}

/* Whether the numbers of the pairs ascend together. */
static bool numbers_in_order(const struct correlate *c, const struct ballot *b)
{
	struct numbers *list = arena_array(c->arena, b->n, sizeof(*list));
	bool in_order = true;

	for (uint32_t i = 0; i < b->n; i++)
		list[i] = (struct numbers){ number_of(c, 0, b->votes[i].orig),
					    number_of(c, 1, b->votes[i].new) };
	qsort(list, b->n, sizeof(*list), numbers_compare);
	for (uint32_t i = 1; i < b->n && in_order; i++)
		in_order = list[i - 1].new < list[i].new;
	return in_order;
}

static bool uses_in_order(struct ballot *b)
{
	qsort(b->votes, b->n, sizeof(*b->votes), vote_by_use);
	for (uint32_t i = 1; i < b->n; i++)
		if (b->votes[i - 1].new_seq > b->votes[i].new_seq)
			return false;
	return true;
}

/* Whether two patched atoms were given the same original. */
static bool votes_collide(struct ballot *b)
{
	qsort(b->votes, b->n, sizeof(*b->votes), vote_by_orig);
	for (uint32_t i = 1; i < b->n; i++)
		if (b->votes[i - 1].orig == b->votes[i].orig)
			return true;
	return false;
}

/* Pairs equal names with their numbers, unless the sets of names differ. */
static void pair_numbers(struct correlate *c, const struct group *g)
{
	struct strmap *names;
	bool same;

	if (g->n[0] != g->n[1])
		return;
	names = strmap_new(g->n[0]);
	for (uint32_t o = g->first[0]; o != NO_ATOM; o = c->next[0][o])
		strmap_set(names, orig_atom(c->d, o)->name, (union strmap_value){ .num = o });
	same = strmap_count(names) == g->n[0];
	for (uint32_t n = g->first[1]; same && n != NO_ATOM; n = c->next[1][n])
		same = strmap_get(names, new_atom(c->d, n)->name) != NULL;
	for (uint32_t n = g->first[1]; same && n != NO_ATOM; n = c->next[1][n])
		correlate_pair(c->d, (uint32_t)strmap_get(names, new_atom(c->d, n)->name)->num, n,
			       MATCH_NUMBER);
	strmap_free(names);
}

static void ballot_decide(struct correlate *c, const struct group *g, struct ballot *b)
{
	bool in_order = numbers_in_order(c, b);

	if (b->reordered)
		return;
	if (!b->disputed && !votes_collide(b) && (in_order || !uses_in_order(b))) {
		for (uint32_t i = 0; i < b->n; i++)
			correlate_pair(c->d, b->votes[i].orig, b->votes[i].new, MATCH_USERS);
		return;
	}
	pair_numbers(c, g);
}

void correlate_by_users(struct correlate *c, const struct group *g)
{
	struct ballot b = { 0 };
	struct use *o, *n;
	uint32_t n_o, n_n;

	correlate_group_uses(c, g, 0, &o, &n_o);
	correlate_group_uses(c, g, 1, &n, &n_n);
	b.votes = arena_array(c->arena, n_n, sizeof(*b.votes));
	ballot_collect(c, &b, o, n_o, n, n_n);
	ballot_decide(c, g, &b);
}
