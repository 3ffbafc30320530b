// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pass 1: which atom of the original is which atom of the patched object.
 *
 * Atoms are grouped by their name without the numbers that the compiler gave. Within a group the
 * strategies run in order of determinism:
 *
 *  1. an unnumbered name is itself;
 *  2. functions that are the only ones of their group;
 *  3. functions of a group (foo.constprop.0, foo.constprop.1) by equal contents;
 *  4. a function that is then the only one left on both sides;
 *  5. numbered data by users: the functions and data objects
 *     that refer to each, compared by their names in the source, in the order of the references,
 *     unless what else a user refers to there says that two of them changed places.
 *
 * Users identify a static local better than its number: a number shifts when an unrelated static
 * appears, while the source function that refers to it stays. But users cannot tell a renumbered
 * pair from one whose uses were exchanged. gcc numbers the statics of a group in an order that
 * follows the order of the functions; so where the functions kept their order and the numbers did
 * not, the uses were exchanged if both objects have the same set of names, and nothing is known if
 * they have not. What stays open is left without a twin and marked, for later passes to refuse if
 * the patch needs it. A function without a twin is new, and whoever calls it has changed: that is
 * always safe.
 */
#include "create-diff-object/passes.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/strmap.h"

enum name_class { CLASS_CODE, CLASS_DATA, CLASS_INIT, CLASS_EXTERN, N_CLASSES, CLASS_NONE };

/* Atoms of one base name and class, as lists in file order. */
struct group {
	uint32_t first[2], last[2], n[2]; /* [0] original, [1] patched; numbered ones */
	uint32_t plain[2];	/* the one whose name has no number, NO_ATOM */
	bool plain_twice;	/* there are several of the same plain name */
	uint8_t class;
};

/* One reference to a numbered atom. */
struct use {
	uint32_t target;
	uint32_t user;		/* number of the user's name in the source */
	uint32_t seq;		/* position in the file */
	uint32_t ref, end;	/* the reference; behind the last one of its atom */
	uint32_t next;		/* further use of the same target; NO_ATOM */
};

struct uses {
	struct use *list;
	uint32_t n;
	uint32_t *first;	/* by atom */
};

struct correlate {
	struct diff *d;
	const struct side *side[2];
	struct strmap *by_base[N_CLASSES];
	struct strmap *users;	/* source name → number */
	struct group *groups;
	uint32_t n_groups;
	uint32_t *group_of[2];	/* by atom */
	uint32_t *next[2];	/* by atom: next of its group */
	uint32_t *same, *last;	/* by original atom: next of its shape; of the first, the last of it */
	struct uses uses[2];
};

static enum name_class class_of(const struct side *s, uint32_t i)
{
	if (!s->object->atoms[i].symbol)
		return CLASS_NONE;
	switch (s->role[i]) {
	case ROLE_CODE:
		return CLASS_CODE;
	case ROLE_STATE:
	case ROLE_CONST:
	case ROLE_PIECE:
	case ROLE_REGISTER:
	case ROLE_UNKNOWN:
		return CLASS_DATA;
	case ROLE_INIT:
		return CLASS_INIT;
	case ROLE_EXTERN:
		return CLASS_EXTERN;
	default:
		return CLASS_NONE;
	}
}

static void pair(struct diff *d, uint32_t orig, uint32_t new, enum match how)
{
	d->pairs.twin[new] = orig;
	d->pairs.back[orig] = new;
	d->pairs.how[new] = (uint8_t)how;
}

/* Groups */

static int group_find(struct correlate *c, enum name_class class, const char *base, uint32_t *out)
{
	union strmap_value *v = strmap_get(c->by_base[class], base);
	struct group *g;

	if (v) {
		*out = (uint32_t)v->num;
		return 0;
	}
	g = &c->groups[c->n_groups];
	*g = (struct group){ .first = { NO_ATOM, NO_ATOM }, .last = { NO_ATOM, NO_ATOM },
			     .plain = { NO_ATOM, NO_ATOM }, .class = (uint8_t)class };
	*out = c->n_groups++;
	return strmap_set(c->by_base[class], base, (union strmap_value){ .num = *out });
}

static void group_add(struct correlate *c, struct group *g, int which, uint32_t atom)
{
	const struct side *s = c->side[which];

	if (!strcmp(s->base[atom], s->object->atoms[atom].name)) {
		if (g->plain[which] != NO_ATOM)
			g->plain_twice = true;
		else
			g->plain[which] = atom;
		return;
	}
	if (g->last[which] == NO_ATOM)
		g->first[which] = atom;
	else
		c->next[which][g->last[which]] = atom;
	g->last[which] = atom;
	g->n[which]++;
}

static int group_side(struct correlate *c, int which)
{
	const struct side *s = c->side[which];

	for (uint32_t i = 0; i < s->object->n_atoms; i++) {
		enum name_class class = class_of(s, i);
		uint32_t g;
		int err;

		if (class == CLASS_NONE)
			continue;
		err = group_find(c, class, s->base[i], &g);
		if (err)
			return err;
		c->group_of[which][i] = g;
		group_add(c, &c->groups[g], which, i);
	}
	return 0;
}

/* Uses */

static int user_number(struct correlate *c, const char *source, uint32_t *out)
{
	union strmap_value *v = strmap_get(c->users, source);

	*out = v ? (uint32_t)v->num : (uint32_t)strmap_count(c->users);
	return v ? 0 : strmap_set(c->users, source, (union strmap_value){ .num = *out });
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

static int uses_scan(struct correlate *c, int which)
{
	const struct side *s = c->side[which];
	const struct object *o = s->object;
	struct uses *u = &c->uses[which];

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		const char *source = user_of(s, a);
		uint32_t user;
		int err;

		if (!source || !a->n_refs)
			continue;
		err = user_number(c, source, &user);
		if (err)
			return err;
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++) {
			uint32_t t = o->refs[r].target, g;

			if (t == NO_ATOM || (g = c->group_of[which][t]) == NO_ATOM ||
			    c->groups[g].plain[which] == t)
				continue;
			u->list[u->n] = (struct use){ t, user, u->n, r, a->first_ref + a->n_refs,
						      u->first[t] };
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

/* All uses of a group's numbered atoms, by user and then in file order; each target once a user. */
static int group_uses(struct correlate *c, const struct group *g, int which, struct use **out,
		      uint32_t *n_out)
{
	const struct uses *u = &c->uses[which];
	uint32_t n = 0, kept = 0;
	struct use *list;

	for (uint32_t a = g->first[which]; a != NO_ATOM; a = c->next[which][a])
		for (uint32_t i = u->first[a]; i != NO_ATOM; i = u->list[i].next)
			n++;
	list = malloc((n ? n : 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	n = 0;
	for (uint32_t a = g->first[which]; a != NO_ATOM; a = c->next[which][a])
		for (uint32_t i = u->first[a]; i != NO_ATOM; i = u->list[i].next)
			list[n++] = u->list[i];
	qsort(list, n, sizeof(*list), use_compare);
	for (uint32_t i = 0; i < n; i++) {
		bool seen = false;

		for (uint32_t k = kept; k-- > 0 && list[k].user == list[i].user && !seen;)
			seen = list[k].target == list[i].target;
		if (!seen)
			list[kept++] = list[i];
	}
	*out = list;
	*n_out = kept;
	return 0;
}

/* Votes of the users */

struct vote {
	uint32_t orig, new;
	uint32_t orig_seq, new_seq; /* of the first use */
};

struct ballot {
	struct vote *votes;
	uint32_t n;
	bool disputed;		/* two users disagree */
	bool reordered;		/* a user seems to use them in another order than before */
};

/* One user's vote; votes are few a group, except where a group is huge, and then they repeat. */
static void ballot_add(struct ballot *b, uint32_t *vote_of, const struct use *o,
		       const struct use *n)
{
	uint32_t i = vote_of[n->target];

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
	vote_of[n->target] = b->n;
	b->votes[b->n++] = (struct vote){ o->target, n->target, o->seq, n->seq };
}

/* What the user refers to next, as text: what else is done where the variable is used first. */
static const char *context_of(const struct correlate *c, int which, const struct use *u)
{
	const struct side *s = c->side[which];
	const struct object *o = s->object;

	for (uint32_t r = u->ref + 1; r < u->end && r - u->ref < 16; r++) {
		const struct atom *t = o->refs[r].target == NO_ATOM ? NULL
								    : &o->atoms[o->refs[r].target];

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

/*
 * Several variables of one name in one function are told apart by their order alone, unless what
 * surrounds them says that two changed places.
 */
static bool changed_places(const struct correlate *c, const struct use *o, const struct use *n,
			   uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const char *was = context_of(c, 0, &o[i]);

		if (!strcmp(was, context_of(c, 1, &n[i])))
			continue;
		for (uint32_t k = 0; k < count && k < 64; k++)
			if (k != i && !strcmp(was, context_of(c, 1, &n[k])) &&
			    strcmp(context_of(c, 0, &o[k]), was))
				return true;
	}
	return false;
}

/* Lets each user that has the same number of them on both sides pair them in order. */
static void ballot_collect(const struct correlate *c, struct ballot *b, uint32_t *vote_of,
			   const struct use *o, uint32_t n_o, const struct use *n, uint32_t n_n)
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
		if (ei - i == ek - k && changed_places(c, o + i, n + k, ei - i))
			b->reordered = true;
		for (uint32_t m = 0; ei - i == ek - k && m < ei - i; m++)
			ballot_add(b, vote_of, &o[i + m], &n[k + m]);
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

/* Whether the numbers of the pairs ascend together. 1, 0 or -ENOMEM. */
static int numbers_in_order(const struct correlate *c, const struct ballot *b)
{
	struct numbers *list = malloc((b->n ? b->n : 1) * sizeof(*list));
	int in_order = 1;

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->n; i++)
		list[i] = (struct numbers){ number_of(c, 0, b->votes[i].orig),
					    number_of(c, 1, b->votes[i].new) };
	qsort(list, b->n, sizeof(*list), numbers_compare);
	for (uint32_t i = 1; i < b->n && in_order; i++)
		in_order = list[i - 1].new < list[i].new;
	free(list);
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

/*
 * Pairs equal names with their numbers. 1, or 0 and nothing is paired where the sets of names differ,
 * or -ENOMEM.
 */
static int pair_numbers(struct correlate *c, const struct group *g)
{
	struct strmap *names;
	int ret = g->n[0] == g->n[1];

	if (!ret)
		return 0;
	names = strmap_new(g->n[0]);
	for (uint32_t o = g->first[0]; names && o != NO_ATOM; o = c->next[0][o])
		if (strmap_set(names, orig_atom(c->d, o)->name, (union strmap_value){ .num = o }))
			ret = -ENOMEM;
	if (names && ret > 0 && strmap_count(names) != g->n[0])
		ret = 0;
	for (uint32_t n = g->first[1]; names && ret > 0 && n != NO_ATOM; n = c->next[1][n])
		if (!strmap_get(names, new_atom(c->d, n)->name))
			ret = 0;
	for (uint32_t n = g->first[1]; names && ret > 0 && n != NO_ATOM; n = c->next[1][n])
		pair(c->d, (uint32_t)strmap_get(names, new_atom(c->d, n)->name)->num, n, MATCH_NUMBER);
	strmap_free(names);
	return names ? ret : -ENOMEM;
}

static int ballot_decide(struct correlate *c, const struct group *g, struct ballot *b)
{
	int in_order = numbers_in_order(c, b);

	if (in_order < 0 || b->reordered)
		return in_order < 0 ? in_order : 0;
	if (!b->disputed && !votes_collide(b) && (in_order || !uses_in_order(b))) {
		for (uint32_t i = 0; i < b->n; i++)
			pair(c->d, b->votes[i].orig, b->votes[i].new, MATCH_USERS);
		return 0;
	}
	in_order = pair_numbers(c, g);
	return in_order < 0 ? in_order : 0;
}

static int match_users(struct correlate *c, const struct group *g, uint32_t *vote_of)
{
	struct use *o = NULL, *n = NULL;
	uint32_t n_o = 0, n_n = 0;
	struct ballot b = { 0 };
	int err = group_uses(c, g, 0, &o, &n_o);

	if (!err)
		err = group_uses(c, g, 1, &n, &n_n);
	if (!err && !(b.votes = malloc((n_n ? n_n : 1) * sizeof(*b.votes))))
		err = -ENOMEM;
	if (!err) {
		ballot_collect(c, &b, vote_of, o, n_o, n, n_n);
		err = ballot_decide(c, g, &b);
	}
	free(b.votes);
	free(n);
	free(o);
	return err;
}

/* Functions by contents */

static bool same_shape(const struct diff *d, uint32_t orig, uint32_t new)
{
	const struct atom *a = orig_atom(d, orig), *b = new_atom(d, new);
	const uint8_t *x = atom_bytes(a), *y = atom_bytes(b);

	if (a->size != b->size || a->n_refs != b->n_refs)
		return false;
	if (a->size && (!x || !y || memcmp(x, y, a->size)))
		return false;
	for (uint32_t i = 0; i < a->n_refs; i++) {
		const struct ref *p = &d->orig.object->refs[a->first_ref + i];
		const struct ref *q = &d->new.object->refs[b->first_ref + i];
		const char *s = p->target == NO_ATOM ? NULL : d->orig.base[p->target];
		const char *t = q->target == NO_ATOM ? NULL : d->new.base[q->target];

		if (p->offset != q->offset || p->type != q->type || p->addend != q->addend)
			return false;
		if (!s != !t || (s && strcmp(s, t)))
			return false;
	}
	return true;
}

/* A key that equal shapes have in common. */
static const char *shape_key(struct diff *d, const struct object *o, const struct atom *a)
{
	const uint8_t *bytes = atom_bytes(a);
	uint64_t hash = 0xcbf29ce484222325;

	for (uint64_t i = 0; bytes && i < a->size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++)
		hash = (hash ^ o->refs[i].offset ^ (uint64_t)o->refs[i].addend << 32) * 0x100000001b3;
	return arena_printf(d->arena, "%" PRIx64 "/%" PRIx64, hash, a->size);
}

/* Originals of the same name and contents first. */
static int match_same_names(struct correlate *c, const struct group *g)
{
	struct diff *d = c->d;
	struct strmap *names = strmap_new(g->n[0]);
	int err = names ? 0 : -ENOMEM;

	for (uint32_t o = g->first[0]; !err && o != NO_ATOM; o = c->next[0][o])
		err = strmap_set(names, orig_atom(d, o)->name, (union strmap_value){ .num = o });
	for (uint32_t n = g->first[1]; !err && n != NO_ATOM; n = c->next[1][n]) {
		const union strmap_value *v = strmap_get(names, new_atom(d, n)->name);

		if (v && d->pairs.back[v->num] == NO_ATOM && same_shape(d, (uint32_t)v->num, n))
			pair(d, (uint32_t)v->num, n, MATCH_CONTENT);
	}
	strmap_free(names);
	return err;
}

/* Puts an original behind those of its shape, so that they are taken in the order of the file. */
static int add_shape(struct correlate *c, struct strmap *shapes, const char *key, uint32_t o)
{
	const union strmap_value *v = strmap_get(shapes, key);

	if (!v) {
		c->last[o] = o;
		return strmap_set(shapes, key, (union strmap_value){ .num = o });
	}
	c->same[c->last[v->num]] = o;
	c->last[v->num] = o;
	return 0;
}

/* Then any of the same contents: they are interchangeable. */
static int match_same_shapes(struct correlate *c, const struct group *g)
{
	struct diff *d = c->d;
	struct strmap *shapes = strmap_new(g->n[0]);
	int err = shapes ? 0 : -ENOMEM;

	for (uint32_t o = g->first[0]; !err && o != NO_ATOM; o = c->next[0][o]) {
		const char *key;

		if (d->pairs.back[o] != NO_ATOM)
			continue;
		key = shape_key(d, d->orig.object, orig_atom(d, o));
		err = key ? add_shape(c, shapes, key, o) : -ENOMEM;
	}
	for (uint32_t n = g->first[1]; !err && n != NO_ATOM; n = c->next[1][n]) {
		union strmap_value *v;
		const char *key;

		if (d->pairs.twin[n] != NO_ATOM)
			continue;
		key = shape_key(d, d->new.object, new_atom(d, n));
		v = key ? strmap_get(shapes, key) : NULL;
		if (!v || v->num == NO_ATOM || !same_shape(d, (uint32_t)v->num, n))
			continue;
		pair(d, (uint32_t)v->num, n, MATCH_CONTENT);
		v->num = c->same[v->num];
	}
	strmap_free(shapes);
	return err;
}

/* What is left of functions: one on either side is the same one. */
static void match_leftover(struct correlate *c, const struct group *g)
{
	uint32_t left[2] = { NO_ATOM, NO_ATOM };
	uint32_t n[2] = { 0, 0 };

	for (uint32_t o = g->first[0]; o != NO_ATOM; o = c->next[0][o])
		if (c->d->pairs.back[o] == NO_ATOM) {
			left[0] = o;
			n[0]++;
		}
	for (uint32_t p = g->first[1]; p != NO_ATOM; p = c->next[1][p])
		if (c->d->pairs.twin[p] == NO_ATOM) {
			left[1] = p;
			n[1]++;
		}
	if (n[0] == 1 && n[1] == 1)
		pair(c->d, left[0], left[1], MATCH_SINGLE);
}

/* Marks what might be one of several originals that nothing else claimed. */
static void mark_undecided(struct correlate *c, const struct group *g)
{
	bool open = false;

	for (uint32_t o = g->first[0]; o != NO_ATOM; o = c->next[0][o])
		open |= c->d->pairs.back[o] == NO_ATOM;
	if (!open)
		return;
	for (uint32_t n = g->first[1]; n != NO_ATOM; n = c->next[1][n])
		if (c->d->pairs.twin[n] == NO_ATOM)
			c->d->pairs.how[n] = MATCH_UNDECIDED;
}

/*
 * A file's static that became a function's, or the other way round: "count" on one side, "count.0" on
 * the other. It may be the same variable, and a fresh copy would lose its state.
 */
static void mark_scope_changes(struct correlate *c, const struct group *g)
{
	struct diff *d = c->d;
	bool open = false;

	for (uint32_t o = g->first[0]; o != NO_ATOM; o = c->next[0][o])
		open |= d->pairs.back[o] == NO_ATOM;
	if (open && g->plain[0] == NO_ATOM && g->plain[1] != NO_ATOM)
		d->pairs.how[g->plain[1]] = MATCH_UNDECIDED;
	if (g->plain[0] == NO_ATOM || g->plain[1] != NO_ATOM)
		return;
	for (uint32_t n = g->first[1]; n != NO_ATOM; n = c->next[1][n])
		if (d->pairs.twin[n] == NO_ATOM)
			d->pairs.how[n] = MATCH_UNDECIDED;
}

static int match_group(struct correlate *c, const struct group *g, uint32_t *vote_of)
{
	int err = 0;

	if (g->plain[0] != NO_ATOM && g->plain[1] != NO_ATOM && !g->plain_twice)
		pair(c->d, g->plain[0], g->plain[1], MATCH_NAME);
	else if (g->plain_twice && g->plain[1] != NO_ATOM)
		c->d->pairs.how[g->plain[1]] = MATCH_UNDECIDED;
	if (g->class == CLASS_DATA) {
		if (g->n[0] && g->n[1])
			err = match_users(c, g, vote_of);
		if (!err) {
			mark_undecided(c, g);
			mark_scope_changes(c, g);
		}
		return err;
	}
	if (!g->n[0] || !g->n[1])
		return 0;
	if (g->n[0] > 1 || g->n[1] > 1) {
		err = match_same_names(c, g);
		if (!err)
			err = match_same_shapes(c, g);
	}
	if (!err)
		match_leftover(c, g);
	return err;
}

static void correlate_free(struct correlate *c)
{
	for (int i = 0; i < N_CLASSES; i++)
		strmap_free(c->by_base[i]);
	strmap_free(c->users);
	free(c->groups);
	for (int i = 0; i < 2; i++) {
		free(c->group_of[i]);
		free(c->next[i]);
		free(c->uses[i].list);
		free(c->uses[i].first);
	}
	free(c->same);
	free(c->last);
}

static uint32_t *none(uint32_t n)
{
	uint32_t *p = malloc((n ? n : 1) * sizeof(*p));

	if (p)
		memset(p, 0xff, n * sizeof(*p));
	return p;
}

static int correlate_alloc(struct correlate *c)
{
	uint32_t total = 0;
	bool ok = true;

	for (int i = 0; i < 2; i++) {
		const struct object *o = c->side[i]->object;

		c->group_of[i] = none(o->n_atoms);
		c->next[i] = none(o->n_atoms);
		c->uses[i].first = none(o->n_atoms);
		c->uses[i].list = malloc((o->n_refs ? o->n_refs : 1) * sizeof(struct use));
		ok &= c->group_of[i] && c->next[i] && c->uses[i].first && c->uses[i].list;
		total += o->n_atoms;
	}
	c->same = none(c->side[0]->object->n_atoms);
	c->last = none(c->side[0]->object->n_atoms);
	ok &= c->same && c->last;
	for (int i = 0; i < N_CLASSES; i++)
		ok &= (c->by_base[i] = strmap_new(total / 4)) != NULL;
	c->users = strmap_new(total / 4);
	c->groups = malloc((total ? total : 1) * sizeof(*c->groups));
	return ok && c->users && c->groups ? 0 : -ENOMEM;
}

static int pairing_alloc(struct diff *d)
{
	uint32_t n = d->new.object->n_atoms, o = d->orig.object->n_atoms;

	d->pairs.twin = arena_array(d->arena, n, sizeof(uint32_t));
	d->pairs.back = arena_array(d->arena, o, sizeof(uint32_t));
	d->pairs.how = arena_array(d->arena, n, 1);
	if (!d->pairs.twin || !d->pairs.back || !d->pairs.how)
		return -ENOMEM;
	memset(d->pairs.twin, 0xff, n * sizeof(uint32_t));
	memset(d->pairs.back, 0xff, o * sizeof(uint32_t));
	return 0;
}

static int correlate_run(struct correlate *c)
{
	uint32_t *vote_of = none(c->side[1]->object->n_atoms);
	int err = vote_of ? 0 : -ENOMEM;

	for (int i = 0; i < 2 && !err; i++)
		err = group_side(c, i);
	for (int i = 0; i < 2 && !err; i++)
		err = uses_scan(c, i);
	for (uint32_t g = 0; g < c->n_groups && !err; g++)
		err = match_group(c, &c->groups[g], vote_of);
	free(vote_of);
	return err;
}

int pass_correlate(struct diff *d)
{
	struct correlate c = { .d = d, .side = { &d->orig, &d->new } };
	int err = pairing_alloc(d);

	if (!err)
		err = correlate_alloc(&c);
	if (!err)
		err = correlate_run(&c);
	correlate_free(&c);
	return err;
}
