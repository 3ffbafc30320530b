// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a field leads to where the installed code has half of a distance in it: a linked kernel's, of a machine whose
 * code gets at things by their distance from a table of addresses, or from itself, in two instructions. The relocations
 * of the reference say which halves belong together, for they mean the same. Each is read with the first other half: if all of
 * these lead to one place, all upper halves are equal, and so are all lower ones.
 *
 * The link of a kernel makes such code shorter (struct linked_half), to the same effect if an upper half is left out exactly where
 * the lower ones do without.
 */
#include <errno.h>
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/elf/object.h"
#include "lib/kernel/proof/proof_private.h"
#include "lib/util/bytes.h"

#define ADDRESS_SIZE 8

static const struct reloc_type *type_of(const struct proof *p, const struct ref *r)
{
	return arch_reloc(p->object->arch, r->type);
}

/* What the sum that a half is of counts from: of two halves that count from their own places, the same one. */
static int64_t meaning(const struct ref *r)
{
	return r->pc_relative ? r->addend - (int64_t)r->offset : r->addend;
}

/* Whether two halves are of one distance. */
static bool same_sum(const struct proof *p, const struct ref *a, const struct ref *b)
{
	return a->target == b->target && meaning(a) == meaning(b) && a->through_table == b->through_table &&
	       a->pc_relative == b->pc_relative && type_of(p, a)->from_table == type_of(p, b)->from_table;
}

/* The first upper (@high) or lower half in the atom of what @r is half of. */
static const struct ref *half(const struct proof *p, const struct atom *a, const struct ref *r, bool high)
{
	for (uint32_t i = 0; i < a->n_refs; i++) {
		const struct ref *other = &p->object->refs[a->first_ref + i];
		const struct reloc_type *t = other->width ? type_of(p, other) : NULL;

		if (t && t->drops_low == high && t->drops_high == !high && same_sum(p, r, other))
			return other;
	}
	return NULL;
}

bool proof_is_linked(const struct proof *p, const struct ref *r, const uint8_t *ours, const uint8_t *theirs,
		     struct linked_half *out)
{
	const struct indirection *in = p->object->arch->indirection;
	const struct reloc_type *t = type_of(p, r);

	*out = (struct linked_half){ 0 };
	return p->installed->image && in && t && t->from_table && in->linked(ours, theirs, out);
}

/* Reads a field of an atom that is at @address. */
static int read_half(const struct proof *p, const struct atom *a, uint64_t address, const struct ref *r,
		     struct linked_half *out)
{
	const uint8_t *ours = atom_bytes(a);
	const uint8_t *theirs = installed_bytes(p->installed, address + r->offset, r->width);

	if (!ours || !theirs || a->size < r->width || r->offset > a->size - r->width)
		return -ENOENT;
	if (!proof_is_linked(p, r, ours + r->offset, theirs, out) && type_of(p, r)->from_table)
		return -ENOTSUP;
	if (out->dropped)
		out->value = 0;
	else if (!out->direct)
		out->value = reloc_get(type_of(p, r), p->object->arch->big_endian, theirs);
	return 0;
}

/* Where distances from the table count from. */
static int table_base(const struct proof *p, uint64_t *out)
{
	const struct indirection *in = p->object->arch->indirection;
	uint64_t size;

	if (!in || !installed_section(p->installed, in->linked_table, out, &size))
		return -ENOENT;
	*out += in->base;
	return 0;
}

static int read_address(const struct proof *p, uint64_t *at)
{
	const uint8_t *entry = installed_bytes(p->installed, *at, ADDRESS_SIZE);

	if (!entry)
		return -ENOENT;
	*at = get_unsigned(entry, ADDRESS_SIZE, p->object->arch->big_endian);
	return 0;
}

/* The distance that the halves make. *read: it leads to an entry of the table, which has the address meant. */
static int add_halves(const struct proof *p, const struct atom *a, uint64_t address, const struct ref *r,
		      int64_t *distance, bool *read)
{
	const struct reloc_type *t = type_of(p, r);
	bool split = t->drops_low || t->drops_high;
	const struct ref *high = t->drops_low || !split ? r : half(p, a, r, true);
	const struct ref *low = t->drops_high || !split ? r : half(p, a, r, false);
	struct linked_half h = { 0 }, l = { 0 };
	int err = high && low ? read_half(p, a, address, low, &l) : -ENOTSUP;

	if (!err && split)
		err = read_half(p, a, address, high, &h);
	if (!err && (h.dropped != l.rebased || (l.direct && !r->through_table)))
		err = -ENOTSUP;
	*distance = h.value + l.value;
	*read = r->through_table && !l.direct;
	return err;
}

/* Whether the field is read here: half of a distance, or one from the table. */
static bool is_ours(const struct proof *p, const struct ref *r)
{
	const struct reloc_type *t = p->installed->image && r->width ? type_of(p, r) : NULL;

	return t && (t->from_table || (t->pc_relative && (t->drops_low || t->drops_high)));
}

int proof_field(const struct proof *p, const struct atom *a, uint64_t address, const struct ref *r,
		struct installed_field *out)
{
	uint64_t from = address + r->offset;
	int64_t distance;
	bool read;
	int err;

	if (!is_ours(p, r))
		return installed_field(p->installed, address, r, out);
	*out = (struct installed_field){ 0 };
	err = add_halves(p, a, address, r, &distance, &read);
	if (!err && type_of(p, r)->from_table)
		err = table_base(p, &from);
	from += (uint64_t)distance;
	if (!err && read)
		err = read_address(p, &from);
	out->address = from - (uint64_t)r->bias;
	return err;
}

bool proof_is_base(const struct proof *p, const char *name, uint64_t address)
{
	const struct indirection *in = p->object->arch->indirection;
	uint64_t base;

	return p->installed->image && in && !strcmp(name, in->base_symbol) && !table_base(p, &base) &&
	       base == address;
}
