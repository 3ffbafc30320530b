// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which entries of an installed table describe which code: what one field of every entry leads to, as
 * a sorted list. The tables of vmlinux have tens of thousands of entries and every object asks for the
 * same ones, so a list is made once and kept with the installed code. Reads fields; leaves it to others
 * to compare entries.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/elf/object.h"
#include "lib/kernel/proof/installed.h"
#include "lib/util/arena.h"

struct installed_lists {
	struct arena *arena;
	struct list *first;
};

struct list {
	struct installed_table table;
	struct ref field; /* of the object that asked first */
	struct installed_sites sites;
	struct list *next;
};

void installed_lists_new(struct arena *arena, struct installed_lists **out)
{
	*out = arena_alloc(arena, sizeof(**out));
	(*out)->arena = arena;
}

/* Whether two fields are read alike. */
static bool same_field(const struct ref *a, const struct ref *b)
{
	return a->offset == b->offset && a->type == b->type && a->width == b->width &&
	       a->pc_relative == b->pc_relative && a->bias == b->bias;
}

static bool same_table(const struct installed_table *a, const struct installed_table *b)
{
	return a->start == b->start && a->size == b->size && a->entry_size == b->entry_size &&
	       a->step == b->step;
}

static int by_code(const void *a, const void *b)
{
	const struct installed_site *x = a, *y = b;

	if (x->code != y->code)
		return x->code < y->code ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static int list_sites(const struct installed *in, const struct installed_table *t, const struct ref *field,
		      struct installed_sites *out)
{
	struct installed_site *list = arena_array(in->lists->arena, t->size / t->step + 1, sizeof(*list));
	bool sorted = true;
	uint32_t n = 0;

	for (uint64_t at = 0; at + t->entry_size <= t->size; at += t->step) {
		struct installed_field f;

		if (installed_field(in, t->start + at, field, &f) || f.external)
			continue;
		sorted &= !n || list[n - 1].code <= f.address;
		list[n++] = (struct installed_site){ f.address, t->start + at };
	}
	if (!sorted) /* the build has sorted the largest ones */
		qsort(list, n, sizeof(*list), by_code);
	*out = (struct installed_sites){ list, n };
	return 0;
}

int installed_sites(const struct installed *in, const struct installed_table *t, const struct ref *field,
		    struct installed_sites *out)
{
	struct installed_lists *lists = in->lists;
	struct list *l;
	int err;

	for (l = lists->first; l; l = l->next)
		if (same_table(&l->table, t) && same_field(&l->field, field)) {
			*out = l->sites;
			return 0;
		}
	l = arena_alloc(lists->arena, sizeof(*l));
	*l = (struct list){ .table = *t, .field = *field, .next = lists->first };
	err = list_sites(in, t, field, &l->sites);
	if (err)
		return err;
	lists->first = l;
	*out = l->sites;
	return 0;
}
