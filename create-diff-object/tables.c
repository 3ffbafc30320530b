// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the kept pass: tables of constants that change, which the patch carries.
 *
 * Where an entry's address is stored, what lives already has addresses of the kernel's entries: it goes on with the old values,
 * and code of the patch that compares such an address with its own table, or makes an index of it, goes astray. Stores by
 * the table's name are seen before (changes.c); here it is those that the address comes to on its way, through
 * registers, calls and results, in all of the object's code.
 */
#include "create-diff-object/escape.h"

static bool is_changed_table(const struct diff *d, uint32_t i)
{
	return i != NO_ATOM && d->carried[i] && d->new.role[i] == ROLE_CONST &&
	       d->verdicts[i].state == VERDICT_CHANGED && d->pairs.twin[i] != NO_ATOM;
}

void escape_tables(struct diff *d)
{
	bool *told = arena_array(d->arena, d->new.object->n_atoms, sizeof(*told));

	for (uint32_t i = 0; i < d->n_kept; i++) {
		uint32_t table = d->kept[i].ref->target;
		struct escape e = d->kept[i].escape;

		if (!is_changed_table(d, table) || told[table])
			continue;
		if (e.kind == ESCAPE_RETURNED)
			escape_in_object(d, d->kept[i].atom, d->kept[i].ref, &e);
		if (e.kind != ESCAPE_STORED)
			continue;
		told[table] = true;
		diff_refuse(
			d, "data-changed", &d->new, table, -1,
			"Leave the table as it is, and have the functions that read it use other values",
			"%s, and %s stores the address of an entry: what has one already keeps the old table, "
			"and does not compare with the new one",
			d->verdicts[table].reason, new_atom(d, e.atom)->name);
	}
}
