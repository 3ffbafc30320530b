// SPDX-License-Identifier: GPL-2.0-only
/*
 * By which way does a reference lead out of the patch, on a machine where a field of code cannot (struct indirection)? Through an
 * address in the patch's table, which code reads, or which a thunk of the patch reads. Reads the
 * machine, the reference and its route; changes nothing, so that the check pass can ask again.
 */
#include "create-diff-object/indirect.h"

#include <elf.h>
#include <string.h>

#include "create-diff-object/fields.h"
#include "lib/arch/arch.h"
#include "lib/util/vmlinux.h"

bool made_for_module(const struct diff *d, uint32_t atom)
{
	const struct atom *t = atom == NO_ATOM ? NULL : new_atom(d, atom);

	return t && t->kind == ATOM_EXTERN && t->symbol && d->arch->made_for_module &&
	       d->arch->made_for_module(t->symbol->name);
}

/* Whether what is meant is in the memory of the patch, near its code: that of per-CPU variables is not. */
static bool is_near(const struct diff *d, const struct ref *ref, enum route route)
{
	const struct atom *t = ref->target == NO_ATOM ? NULL : new_atom(d, ref->target);

	return route == ROUTE_PATCH && !(t && t->section && t->section->per_cpu);
}

/* By half of a distance from the table to what is not near it; WAY_FIELD: it is something else. */
static enum outlet_way way_of_half(const struct diff *d, const struct ref *ref, enum route route)
{
	const struct reloc_type *t = arch_reloc(d->arch, ref->type);

	if (!t || !t->from_table || is_near(d, ref, route) || t->drops_low == t->drops_high)
		return WAY_FIELD;
	return t->drops_low ? WAY_UPPER : WAY_LOWER;
}

enum outlet_way indirect_way(const struct diff *d, uint32_t atom, const struct ref *ref, enum route route)
{
	const struct atom *a = new_atom(d, atom);
	const struct indirection *x = d->arch->indirection;
	enum outlet_way half;
	bool leaves;

	if (ref->through_table)
		return WAY_TABLE;
	if (!x || route == ROUTE_REFUSED || made_for_module(d, ref->target))
		return WAY_FIELD;
	half = way_of_half(d, ref, route);
	if (half != WAY_FIELD)
		return half;
	if (route == ROUTE_PATCH || !field_is_branch(d->arch, a, ref))
		return WAY_FIELD;
	leaves = field_may_leave(d->arch, a, ref);
	if (leaves && route != ROUTE_KLP)
		return WAY_FIELD;
	return leaves ? WAY_RETURNING : WAY_FRAMED;
}

bool indirect_half(const struct diff *d, const struct atom *a, const struct ref *ref, enum outlet_way way,
		   uint8_t out[static HALF_INSN])
{
	const uint8_t *code = atom_bytes(a);

	if (!code || ref->width != HALF_INSN || a->size < HALF_INSN || ref->offset > a->size - HALF_INSN)
		return false;
	memcpy(out, code + ref->offset, HALF_INSN);
	if (way == WAY_UPPER)
		return d->arch->indirection->read_upper(code + ref->offset, out);
	return ref->addend >= INT16_MIN && ref->addend <= INT16_MAX &&
	       reloc_put(arch_reloc(d->arch, ref->type), d->arch->big_endian, out, ref->addend);
}

bool indirect_halves_agree(const struct diff *d, uint32_t atom, const struct ref *ref)
{
	const struct atom *a = new_atom(d, atom);
	const struct routing *r = route_of(d, ref);
	bool leaves = indirect_way(d, atom, ref, r->route) != WAY_FIELD;

	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++) {
		const struct ref *other = &d->new.object->refs[i];
		const struct reloc_type *t = other->width ? arch_reloc(d->arch, other->type) : NULL;
		const struct routing *o = route_of(d, other);

		if (!t || !t->from_table || other->through_table || other->target != ref->target)
			continue;
		if ((indirect_way(d, atom, other, o->route) != WAY_FIELD) != leaves || o->route != r->route ||
		    o->distance != r->distance || (o->name && r->name && strcmp(o->name, r->name) != 0))
			return false;
	}
	return true;
}

/* Whether the field reaches from the patch to what it leads to. */
static bool reaches(const struct diff *d, uint32_t atom, const struct ref *ref, enum route route)
{
	enum outlet_way way = indirect_way(d, atom, ref, route);
	uint8_t insn[HALF_INSN];

	if (way_is_half(way))
		return indirect_half(d, new_atom(d, atom), ref, way, insn);
	return !arch_reloc(d->arch, ref->type)->within || ref->through_table ||
	       made_for_module(d, ref->target) || is_near(d, ref, route);
}

/* Whether the kernel would write the field when a module comes, to memory that cannot be written by then. */
static bool written_late(const struct diff *d, const struct section *s, const struct ref *ref,
			 const struct routing *r)
{
	return d->arch->indirection && s && !(s->flags & (SHF_WRITE | SHF_EXECINSTR)) &&
	       r->route == ROUTE_KLP && !is_vmlinux(r->secobj) && !ref->through_table;
}

/* .rodata.ops becomes .data.rel.ro.ops */
static const char *writable_name(struct diff *d, const struct section *s)
{
	static const char was[] = ".rodata", is[] = ".data.rel.ro";

	if (strncmp(s->name, was, sizeof(was) - 1) != 0)
		return s->name;
	return arena_printf(d->arena, "%s%s", is, s->name + sizeof(was) - 1);
}

struct section indirect_section(struct diff *d, const struct section *s)
{
	struct section out = *s;

	if (!d->arch->indirection || s->flags & (SHF_WRITE | SHF_EXECINSTR))
		return out;
	for (uint32_t i = s->first_atom; i < s->first_atom + s->n_atoms; i++) {
		const struct atom *a = new_atom(d, i);

		for (uint32_t k = a->first_ref; d->included[i].in && k < a->first_ref + a->n_refs; k++)
			if (written_late(d, s, &d->new.object->refs[k], d->routes[k]))
				out.flags |= SHF_WRITE;
	}
	if (out.flags & SHF_WRITE)
		out.name = writable_name(d, s);
	return out;
}

struct routing indirect_check(const struct diff *d, uint32_t atom, const struct ref *ref, struct routing r)
{
	const struct atom *a = new_atom(d, atom);

	if (r.route == ROUTE_REFUSED)
		return r;
	if (!reaches(d, atom, ref, r.route))
		return route_refused(
			"out-of-reach",
			"the instruction reaches no further than around the patch module, and what it leads to is "
			"not part of that",
			"Compile for a code model that has all addresses in a table (-mcmodel=large)");
	if (written_late(d, a->section, ref, &r) && a->section->special)
		return route_refused(
			"read-only-by-then",
			"it is in a table that the kernel has to fill in when the module is loaded, and "
			"cannot write to any more",
			NULL);
	return r;
}
