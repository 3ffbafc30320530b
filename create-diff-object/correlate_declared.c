// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the correlate pass: the statics of functions that the users have not told apart, by the function that each is
 * declared in. An inline function that gets another user, or is not inlined any more, takes its statics along to other users;
 * the debug information says whose they are still. A function that has, on one side, several of one name is left alone.
 *
 * Reads the declarations of both objects when the first group needs them; without debug information, or with a damaged one, it
 * pairs nothing.
 */
#include "create-diff-object/correlate.h"

#include <errno.h>
#include <string.h>

#include "create-diff-object/declared.h"
#include "lib/elf/debug.h"
#include "lib/util/strmap.h"

struct correlate_declared {
	struct type_reader reader;
	struct declarations side[2];
	bool known;
};

static int read_sides(struct correlate *c)
{
	struct correlate_declared *x = c->declared = arena_alloc(c->arena, sizeof(*x));
	struct object *objects[2] = { c->d->orig.object, c->d->new.object };
	Dwarf *dwarf;
	int err = 0;

	x->reader = type_reader_of(objects[0], objects[1]);
	for (int i = 0; i < 2 && !err; i++) {
		err = object_dwarf(objects[i], &dwarf);
		if (!err)
			err = declarations_read(&x->reader, c->arena, c->side[i], dwarf, &x->side[i]);
	}
	x->known = !err;
	/* what is damaged is refused by the layout pass */
	return err == -ENOENT || err == -EBADMSG ? 0 : err;
}

void correlate_declared_free(struct correlate *c)
{
	for (int i = 0; i < 2 && c->declared; i++)
		declarations_free(&c->declared->side[i]);
}

/* The function that a static is declared in; NULL: none, or it is not known. */
static const char *function_of(const struct correlate *c, int which, uint32_t atom)
{
	const struct declared *d = &c->declared->side[which].by_atom[atom];

	return c->side[which]->role[atom] == ROLE_STATE && d->known ? d->scope.function : NULL;
}

/* The statics of the group by their functions: an atom, or NO_ATOM where a function has several. */
static void by_function(const struct correlate *c, const struct group *g, int which, struct strmap *out)
{
	for (uint32_t a = g->first[which]; a != NO_ATOM; a = c->next[which][a]) {
		const char *function = function_of(c, which, a);
		bool several = function && strmap_get(out, function);

		if (function)
			strmap_set(out, function, (union strmap_value){ .num = several ? NO_ATOM : a });
	}
}

static void pair(struct correlate *c, const struct group *g, const struct strmap *was,
		 const struct strmap *is)
{
	for (uint32_t n = g->first[1]; n != NO_ATOM; n = c->next[1][n]) {
		const char *function = c->d->pairs.twin[n] == NO_ATOM ? function_of(c, 1, n) : NULL;
		const union strmap_value *o = function ? strmap_get(was, function) : NULL;

		if (o && o->num != NO_ATOM && strmap_get(is, function)->num == n &&
		    c->d->pairs.back[o->num] == NO_ATOM)
			correlate_pair(c->d, (uint32_t)o->num, n, MATCH_DECLARED);
	}
}

static bool open_on(const struct correlate *c, const struct group *g, int which)
{
	const uint32_t *partner = which ? c->d->pairs.twin : c->d->pairs.back;

	for (uint32_t a = g->first[which]; a != NO_ATOM; a = c->next[which][a])
		if (partner[a] == NO_ATOM && c->side[which]->role[a] == ROLE_STATE)
			return true;
	return false;
}

int correlate_by_declaration(struct correlate *c, const struct group *g)
{
	struct strmap *was, *is;
	int err = 0;

	if (!open_on(c, g, 0) || !open_on(c, g, 1))
		return 0;
	if (!c->declared)
		err = read_sides(c);
	if (err || !c->declared->known)
		return err;
	was = strmap_new(g->n[0]);
	is = strmap_new(g->n[1]);
	by_function(c, g, 0, was);
	by_function(c, g, 1, is);
	pair(c, g, was, is);
	strmap_free(was);
	strmap_free(is);
	return 0;
}
