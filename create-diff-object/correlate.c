// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which atom of the original is which atom of the patched object.
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
 *     unless what else a user refers to there says that two of them changed places;
 *  6. statics of functions that are open still, by the function that each is declared in;
 *  7. numbered constants like 5, and then by their values.
 *
 * Users identify a static local better than its number: a number shifts when an unrelated static
 * appears, while the source function that refers to it stays. But users cannot tell a renumbered
 * pair from one whose uses were exchanged. gcc numbers the statics of a group in an order that
 * follows the order of the functions; so where the functions kept their order and the numbers did
 * not, the uses were exchanged if both objects have the same set of names, and nothing is known if
 * they have not. What stays open is left without a twin and marked, for later passes to refuse if
 * the patch needs it. A function without a twin is new, and whoever calls it has changed: that is
 * always safe. A constant without a twin is copied: constants are compared by value (compare.c), and
 * their twins serve only to tell which of the kernel's a reference may lead to (route.c).
 */
#include "create-diff-object/correlate.h"

#include <errno.h>
#include <string.h>

#include "lib/util/strmap.h"

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
	case ROLE_LITERAL:
		return CLASS_VALUE;
	case ROLE_INIT:
		return CLASS_INIT;
	case ROLE_EXTERN:
		return CLASS_EXTERN;
	default:
		return CLASS_NONE;
	}
}

/* Groups */

static void group_find(struct correlate *c, enum name_class class, const char *base, uint32_t *out)
{
	union strmap_value *v = strmap_get(c->by_base[class], base);
	struct group *g;

	if (v) {
		*out = (uint32_t)v->num;
		return;
	}
	g = &c->groups[c->n_groups];
	*g = (struct group){ .first = { NO_ATOM, NO_ATOM },
			     .last = { NO_ATOM, NO_ATOM },
			     .plain = { NO_ATOM, NO_ATOM },
			     .class = (uint8_t) class };
	*out = c->n_groups++;
	strmap_set(c->by_base[class], base, (union strmap_value){ .num = *out });
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

static void group_side(struct correlate *c, int which)
{
	const struct side *s = c->side[which];

	for (uint32_t i = 0; i < s->object->n_atoms; i++) {
		enum name_class class = class_of(s, i);
		uint32_t g;

		if (class == CLASS_NONE)
			continue;
		group_find(c, class, s->base[i], &g);
		c->group_of[which][i] = g;
		group_add(c, &c->groups[g], which, i);
	}
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

/* A name without a number is itself, unless there are several of it. */
static void match_plain(struct correlate *c, const struct group *g)
{
	if (g->plain[0] != NO_ATOM && g->plain[1] != NO_ATOM && !g->plain_twice)
		correlate_pair(c->d, g->plain[0], g->plain[1], MATCH_NAME);
	else if (g->plain_twice && g->plain[1] != NO_ATOM)
		c->d->pairs.how[g->plain[1]] = MATCH_UNDECIDED;
}

static int match_group(struct correlate *c, const struct group *g)
{
	bool numbered = g->n[0] && g->n[1];
	int err = 0;

	if (g->class == CLASS_VALUE) {
		if (numbered)
			correlate_by_value(c, g);
		return 0;
	}
	match_plain(c, g);
	if (g->class == CLASS_DATA) {
		if (numbered) {
			correlate_by_users(c, g);
			err = correlate_by_declaration(c, g);
		}
		mark_undecided(c, g);
		mark_scope_changes(c, g);
	} else if (numbered) {
		correlate_by_content(c, g);
	}
	return err;
}

static uint32_t *none(struct arena *arena, uint32_t n)
{
	uint32_t *p = arena_array(arena, n, sizeof(*p));

	memset(p, 0xff, n * sizeof(*p));
	return p;
}

static void pairing_alloc(struct diff *d)
{
	d->pairs.twin = none(d->arena, d->new.object->n_atoms);
	d->pairs.back = none(d->arena, d->orig.object->n_atoms);
	d->pairs.how = arena_array(d->arena, d->new.object->n_atoms, 1);
}

static void side_alloc(struct correlate *c, int which)
{
	const struct object *o = c->side[which]->object;

	c->group_of[which] = none(c->arena, o->n_atoms);
	c->next[which] = none(c->arena, o->n_atoms);
	c->uses[which].first = none(c->arena, o->n_atoms);
	c->uses[which].list = arena_array(c->arena, o->n_refs, sizeof(struct use));
}

static void correlate_alloc(struct correlate *c)
{
	uint32_t o = c->side[0]->object->n_atoms, n = c->side[1]->object->n_atoms;

	c->arena = arena_new();
	side_alloc(c, 0);
	side_alloc(c, 1);
	c->same = none(c->arena, o);
	c->last = none(c->arena, o);
	c->vote_of = none(c->arena, n);
	c->groups = arena_array(c->arena, (size_t)o + n, sizeof(*c->groups));
	c->users = strmap_new((o + n) / 4);
	for (int i = 0; i < N_CLASSES; i++)
		c->by_base[i] = strmap_new((o + n) / 4);
}

static void correlate_free(struct correlate *c)
{
	for (int i = 0; i < N_CLASSES; i++)
		strmap_free(c->by_base[i]);
	strmap_free(c->users);
	correlate_declared_free(c);
	arena_free(c->arena);
}

static int correlate_run(struct correlate *c)
{
	int err = 0;

	for (int i = 0; i < 2; i++)
		group_side(c, i);
	for (int i = 0; i < 2; i++)
		correlate_uses(c, i);
	for (uint32_t g = 0; g < c->n_groups && !err; g++)
		err = match_group(c, &c->groups[g]);
	return err;
}

int pass_correlate(struct diff *d)
{
	struct correlate c = { .d = d, .side = { &d->orig, &d->new } };
	int err;

	pairing_alloc(d);
	correlate_alloc(&c);
	err = correlate_run(&c);
	if (!err)
		err = correlate_once(d);
	correlate_free(&c);
	return err;
}
