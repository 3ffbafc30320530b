// SPDX-License-Identifier: GPL-2.0-only
/*
 * Variables that only the patch has, and that only its code reads and writes by their names: an address that is
 * stored in one goes with the patch, unless what is loaded from there gets away. Such a variable is local and new;
 * whoever takes its address might do anything with it.
 */
#include <errno.h>

#include "create-diff-object/escape_private.h"

enum { NOT_ASKED, IS_OPEN, IS_PRIVATE, IN_PROGRESS };

#define MAX_NESTED 8 /* what is loaded from one is stored in another */

static bool is_own(const struct diff *d, uint32_t variable)
{
	const struct atom *a = new_atom(d, variable);

	return d->new.role[variable] == ROLE_STATE && a->section && a->symbol && a->local &&
	       d->pairs.twin[variable] == NO_ATOM;
}

/* Whether the reference is that of a memory access, of which nothing gets away. */
static bool keeps(struct escapes *f, uint32_t atom, const struct ref *r)
{
	const struct code *c = is_code(f->d, atom) ? escapes_code(f, atom) : NULL;
	uint32_t n = c ? code_insn_of(c, r->offset) : NO_ATOM;
	const struct dataflow_insn *i = n == NO_ATOM ? NULL : &c->insns[n];
	struct escape e;
	bool returns;

	if (!i || i->kind != GO_ON || i->address || !i->memory_at || i->offset + i->memory_at != r->offset)
		return false;
	if (!i->loads)
		return true;
	return !walk_from_insn(f, atom, n, true, &e, &returns) && !e.kind && !e.compared && !returns;
}

static bool all_keep(struct escapes *f, uint32_t variable)
{
	const struct object *o = f->d->new.object;

	f->work += o->n_refs / 64;
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		/* debug information, and what tools read that the kernel does not */
		if (f->d->new.role[i] == ROLE_IGNORED || f->d->new.role[i] == ROLE_HINT)
			continue;
		for (uint32_t k = a->first_ref; k < a->first_ref + a->n_refs; k++)
			if (o->refs[k].target == variable && !keeps(f, i, &o->refs[k]))
				return false;
	}
	return true;
}

/*
 * While it is being found out, it is assumed. What was found under an assumption that turns out wrong is forgotten:
 * that one is private may have meant that what it holds is stored in this one only.
 */
bool escapes_variable_private(struct escapes *f, uint32_t variable)
{
	bool private;

	if (f->variables[variable] != NOT_ASKED)
		return f->variables[variable] != IS_OPEN;
	if (!is_own(f->d, variable) || f->nested == MAX_NESTED)
		return false;
	f->variables[variable] = IN_PROGRESS;
	f->nested++;
	private = all_keep(f, variable);
	f->nested--;
	f->variables[variable] = private ? IS_PRIVATE : IS_OPEN;
	for (uint32_t i = 0; i < f->d->new.object->n_atoms && !private; i++)
		if (f->variables[i] == IS_PRIVATE)
			f->variables[i] = NOT_ASKED;
	return private;
}
