/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of addresses (.toc), which code reads to get at what they lead to. A reference of code to an entry becomes one to
 * what the entry leads to, and says so (through_table): at which place of its table the file has an address means
 * nothing, and shifts with every address that is new. Entries that nobody names any more lose their reference, so that
 * what nothing but the table leads to is led to by nothing. Those without one hold numbers, and stay data.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>

#include "lib/util/xmalloc.h"

#include "lib/elf/reader.h"

static bool is_entry(const struct atom *a)
{
	return a->section && a->section->special && a->section->special->addresses;
}

/* The address in the entry that the reference names, or NULL. */
static const struct ref *address_of(const struct object *o, const struct ref *r)
{
	const struct atom *entry = &o->atoms[r->target];
	const struct ref *address = &o->refs[entry->first_ref];

	if (!is_entry(entry) || entry->n_refs != 1 || r->addend || r->pc_relative || address->offset ||
	    address->type != o->arch->pointer_type || address->width != entry->size ||
	    is_entry(&o->atoms[address->target]))
		return NULL;
	return address;
}

static int follow(struct reader *r, const struct atom *from, struct ref *ref, bool *named)
{
	const struct ref *address = address_of(r->o, ref);

	if (!address || !from->section || !(from->section->flags & SHF_EXECINSTR)) {
		named[ref->target] = true;
		return 0;
	}
	/* Another half of the same address may be one that reads. */
	if (!arch_reloc(r->arch, ref->type)->reads)
		return damaged(r, from->section, from->offset + ref->offset,
			       "code that does not read an entry of the table of addresses");
	ref->target = address->target;
	ref->addend = address->addend;
	ref->symbol = address->symbol;
	ref->through_table = true;
	return 0;
}

static int follow_all(struct reader *r, bool *named)
{
	struct object *o = r->o;
	int err = 0;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		for (uint32_t n = a->first_ref; n < a->first_ref + a->n_refs && !is_entry(a) && !err; n++)
			err = follow(r, a, &o->refs[n], named);
	}
	return err;
}

/* Atoms have their references in the order of the atoms. */
static void drop(struct object *o, const bool *named)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		struct atom *a = &o->atoms[i];
		uint32_t first = a->first_ref, n = is_entry(a) && !named[i] ? 0 : a->n_refs;

		if (!a->section)
			continue;
		a->first_ref = kept;
		a->n_refs = n;
		for (uint32_t k = 0; k < n; k++)
			o->refs[kept++] = o->refs[first + k];
	}
	o->n_refs = kept;
}

int follow_tables(struct reader *r)
{
	struct object *o = r->o;
	bool any = false, *named;
	int err;

	for (uint32_t i = 1; i < o->n_sections; i++)
		any |= o->sections[i].special && o->sections[i].special->addresses;
	if (!any)
		return 0;
	named = xcalloc((size_t)o->n_atoms + 1, sizeof(*named));
	err = follow_all(r, named);
	if (!err)
		drop(o, named);
	free(named);
	return err;
}
