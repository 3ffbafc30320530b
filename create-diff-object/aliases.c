// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the changes pass: names that mean something else than before.
 *
 * __attribute__((alias)) makes one function or variable of two names. Where the kernel has two and the
 * patched source has one, whoever uses the second name from elsewhere, or has a pointer to it, keeps
 * on using what the kernel has: that name has no code of its own which could be replaced.
 */
#include "create-diff-object/passes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "lib/util/strmap.h"

static bool has_identity(const struct side *s, uint32_t atom)
{
	return atom != NO_ATOM &&
	       (s->role[atom] == ROLE_CODE || s->role[atom] == ROLE_STATE || s->role[atom] == ROLE_CONST);
}

/* Whether it is a name of code or data that is not the first of its names. */
static bool is_other_name(const struct side *s, const struct symbol *symbol)
{
	return (symbol->type == STT_FUNC || symbol->type == STT_OBJECT) && symbol->section != SECTION_UNDEF &&
	       has_identity(s, symbol->atom) && strcmp(symbol->name, s->object->atoms[symbol->atom].name);
}

static int collect(const struct object *o, struct strmap *names)
{
	for (uint32_t i = 1; i < o->n_symbols; i++)
		if (o->symbols[i].type == STT_FUNC || o->symbols[i].type == STT_OBJECT)
			strmap_set(names, o->symbols[i].name, (union strmap_value){ .num = i });
	return 0;
}

static void judge(struct diff *d, const struct strmap *names, const struct symbol *now)
{
	const union strmap_value *v = strmap_get(names, now->name);
	const struct symbol *was = v ? &d->orig.object->symbols[v->num] : NULL;
	uint32_t twin = d->pairs.twin[now->atom];

	if (!was || was->section == SECTION_UNDEF || !has_identity(&d->orig, was->atom) || twin == NO_ATOM ||
	    twin == was->atom)
		return;
	diff_refuse(d, "alias-changed", &d->new, now->atom, -1,
		    "Let it be a function of its own that calls the other, or leave it alone",
		    "%s is another name of it now, but the kernel has %s at a place of its own", now->name,
		    now->name);
}

int changes_aliases(struct diff *d)
{
	const struct object *n = d->new.object;
	struct strmap *names = NULL;
	int err = 0;

	for (uint32_t i = 1; i < n->n_symbols && !err; i++) {
		if (!is_other_name(&d->new, &n->symbols[i]))
			continue;
		if (!names) {
			names = strmap_new(d->orig.object->n_symbols);
			err = collect(d->orig.object, names);
		}
		if (!err)
			judge(d, names, &n->symbols[i]);
	}
	strmap_free(names);
	return err;
}
