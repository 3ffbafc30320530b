// SPDX-License-Identifier: GPL-2.0-only
/*
 * By which way does a reference lead out of the patch, on a machine where a field of code cannot (struct indirection)? Through an
 * address in the patch's table, which code reads, or which a thunk of the patch reads. Reads the
 * machine, the reference and its route; changes nothing, so that the check pass can ask again.
 */
#include "create-diff-object/indirect.h"

#include <elf.h>

#include "create-diff-object/fields.h"
#include "lib/arch/arch.h"
#include "lib/util/vmlinux.h"

bool made_for_module(const struct diff *d, uint32_t atom)
{
	const struct atom *t = atom == NO_ATOM ? NULL : new_atom(d, atom);

	return t && t->kind == ATOM_EXTERN && t->symbol && d->arch->made_for_module &&
	       d->arch->made_for_module(t->symbol->name);
}

enum outlet_way indirect_way(const struct diff *d, uint32_t atom, const struct ref *ref, enum route route)
{
	const struct atom *a = new_atom(d, atom);
	const struct indirection *x = d->arch->indirection;
	bool leaves;

	if (ref->through_table)
		return WAY_TABLE;
	if (!x || route == ROUTE_PATCH || route == ROUTE_REFUSED || made_for_module(d, ref->target) ||
	    !field_is_branch(d->arch, a, ref))
		return WAY_FIELD;
	leaves = field_may_leave(d->arch, a, ref);
	if (leaves && route != ROUTE_KLP)
		return WAY_FIELD;
	return leaves ? WAY_RETURNING : WAY_FRAMED;
}

/*
 * Whether the field reaches from the patch to what it leads to. The memory of per-CPU variables is far from that of the
 * module that has them.
 */
static bool reaches(const struct diff *d, const struct ref *ref, enum route route)
{
	const struct atom *t = ref->target == NO_ATOM ? NULL : new_atom(d, ref->target);

	if (!arch_reloc(d->arch, ref->type)->within || ref->through_table || made_for_module(d, ref->target))
		return true;
	return route == ROUTE_PATCH && !(t && t->section && t->section->per_cpu);
}

struct routing indirect_check(const struct diff *d, uint32_t atom, const struct ref *ref, struct routing r)
{
	const struct atom *a = new_atom(d, atom);

	if (r.route == ROUTE_REFUSED)
		return r;
	if (!reaches(d, ref, r.route))
		return route_refused(
			"out-of-reach",
			"the instruction reaches no further than around the patch module, and what it leads to is "
			"not part of that",
			"Compile for a code model that has all addresses in a table (-mcmodel=large)");
	/* The kernel would write it when the module comes, to memory that cannot be written by then. */
	if (d->arch->indirection && r.route == ROUTE_KLP && !is_vmlinux(r.secobj) && a->section &&
	    !(a->section->flags & (SHF_WRITE | SHF_EXECINSTR)))
		return route_refused(
			"read-only-by-then",
			"it is a constant that the kernel has to fill in when the module is loaded, "
			"and cannot be written to any more",
			"Leave out the const, or assign it in a function");
	return r;
}
