// SPDX-License-Identifier: GPL-2.0-only
/*
 * Constants of enumerations: which of them count the others, and what becomes of those that do not. See layout.h.
 */
#include <string.h>
#include <strings.h>

#include "create-diff-object/layout.h"
#include "create-diff-object/types.h"

static bool is_word(const char *at, size_t n, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		if (strlen(words[i]) == n && !strncasecmp(at, words[i], n))
			return true;
	return false;
}

/*
 * FOO_MAX, __FOO_MAX, NR_FOOS, FOO_NUM_MODES, FOO_COUNT, FOO_LAST. What stands in the middle of a name says what kind of value it
 * is (FOO_MAX_REACHED).
 */
static bool sounds_like_a_count(const char *name)
{
	static const char *const anywhere[] = { "num", "nr" };
	static const char *const outside[] = { "max",  "count",	  "counts", "cnt",     "last", "end",
					       "size", "limit",	  "total",  "len",     "n",    "number",
					       "nums", "entries", "maxnum", "sentinel" };

	for (const char *at = name + strspn(name, "_"), *first = at; *at;) {
		size_t n = strcspn(at, "_"), blanks = strspn(at + n, "_");

		if (is_word(at, n, anywhere, sizeof(anywhere) / sizeof(anywhere[0])))
			return true;
		if ((at == first || !at[n + blanks]) &&
		    is_word(at, n, outside, sizeof(outside) / sizeof(outside[0])))
			return true;
		at += n + blanks;
	}
	return false;
}

/* A count is named so, and nothing else of the enumeration is more. */
bool layout_counts(struct layouts *l, Dwarf_Die *enumeration, const struct constant_value *c)
{
	struct constant_value other;
	Dwarf_Die die;

	if (!sounds_like_a_count(c->name))
		return false;
	for (int end = type_first_child(&l->reader, enumeration, &die); !end;
	     end = type_next(&l->reader, &die))
		if (type_constant(&l->reader, &die, &other) ||
		    (other.value > c->value && !sounds_like_a_count(other.name)))
			return false;
	return true;
}

/* Enumerators of one name have one value, and those of one value one name. */
const char *layout_constants_differ(struct layouts *l, struct type *o, struct type *n)
{
	Dwarf_Die a, b;
	int end[2];

	for (end[0] = type_first_child(&l->reader, &o->die, &a); !end[0];
	     end[0] = type_next(&l->reader, &a)) {
		struct constant_value was, is;

		if (type_constant(&l->reader, &a, &was))
			return NULL;
		for (end[1] = type_first_child(&l->reader, &n->die, &b); !end[1];
		     end[1] = type_next(&l->reader, &b)) {
			if (type_constant(&l->reader, &b, &is))
				return NULL;
			if (!strcmp(o->name, n->name) &&
			    (layout_counts(l, &o->die, &was) || layout_counts(l, &n->die, &is)))
				continue;
			if (!strcmp(was.name, is.name) != (was.value == is.value))
				return arena_printf(l->d->arena, "has another %s",
						    was.value == is.value ? "constant of a value" : was.name);
		}
	}
	return NULL;
}
