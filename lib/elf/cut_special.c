/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cuts special sections into their entries, by the machine's table. Checks that a section looks
 * as the table says before it believes it; see reader.h for the state of references by then.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/reader.h"
#include "lib/util/diag.h"

static const struct special_field *field_at(const struct special *special, uint64_t offset)
{
	for (uint32_t i = 0; i < special->n_fields; i++)
		if (special->fields[i].offset == offset)
			return &special->fields[i];
	return NULL;
}

/* Three entries of 8 bytes differ from two of 12 in nothing but this. */
static bool is_function_name(const struct reader *r, const struct ref *ref)
{
	const struct symbol *s = &r->o->symbols[ref->symbol];

	return ref->symbol && (s->type == STT_FUNC || s->section == SECTION_UNDEF);
}

/* Whether the section's size and relocations are those of entries of @special. */
static bool layout_fits(struct reader *r, const struct section *s, const struct special *special)
{
	uint64_t owners = 0, entries;

	if (!s->data || s->size % special->entry_size)
		return false;
	entries = s->size / special->entry_size;
	/* two entries of 24 bytes have relocations where three of 16 might have some */
	if (special->complete &&
	    r->section_refs[s->index + 1] - r->section_refs[s->index] != entries * special->n_fields)
		return false;
	for (uint32_t i = r->section_refs[s->index]; i < r->section_refs[s->index + 1]; i++) {
		const struct ref *ref = &r->o->refs[i];
		const struct special_field *field = field_at(special, ref->offset % special->entry_size);

		if (!field || (field->role == FIELD_HANDLER && !is_function_name(r, ref)))
			return false;
		owners += field->offset == special->owner_offset;
	}
	return special->owner != OWNER_CODE || owners == entries;
}

/*
 * Cut where the fields are that lead to the owner: entries that the assembler padded. An entry
 * has at least special.entry_size bytes.
 */
static bool padded_layout_fits(struct reader *r, const struct section *s, const struct special *special)
{
	const struct ref *ref = r->o->refs + r->section_refs[s->index];
	const struct ref *end = r->o->refs + r->section_refs[s->index + 1];

	if (!s->data || (ref == end) != !s->size || (ref < end && ref->offset))
		return false;
	for (; ref < end; ref++)
		if ((ref + 1 < end ? ref[1].offset : s->size) - ref->offset < special->entry_size)
			return false;
	return true;
}

static int cut_at_owner_fields(struct reader *r, const struct section *s)
{
	const struct ref *ref = r->o->refs + r->section_refs[s->index];
	const struct ref *end = r->o->refs + r->section_refs[s->index + 1];
	int err = 0;

	for (; !err && ref < end; ref++) {
		uint64_t next = ref + 1 < end ? ref[1].offset : s->size;

		err = add_atom(r, s, ATOM_ENTRY, ref->offset, next - ref->offset);
	}
	return err;
}

/* Distances from the start of an entry: how far in front of the field that is. */
static void count_from_entry(struct reader *r, const struct section *s, const struct special *special)
{
	for (uint32_t i = r->section_refs[s->index]; i < r->section_refs[s->index + 1]; i++)
		if (r->o->refs[i].pc_relative)
			r->o->refs[i].bias = (int64_t)(r->o->refs[i].offset % special->entry_size);
}

/*
 * Chooses among the layouts of one name. Without one that fits, the section is not understood:
 * that is no damage, and matters only to who needs it.
 */
void choose_layout(struct reader *r, struct section *s)
{
	const struct special_section *all = s->special ? arch_special(r->arch, s->name) : NULL;
	const char *name = s->special ? s->special->name : NULL;

	if (!name || (s->special->cut != CUT_FIXED && s->special->cut != CUT_BY_CODE))
		return;
	for (; all && all->special.name && !strcmp(all->special.name, name); all++) {
		if (all->special.cut == CUT_FIXED ? layout_fits(r, s, &all->special) :
						    padded_layout_fits(r, s, &all->special)) {
			s->special = &all->special;
			if (s->special->from_entry)
				count_from_entry(r, s, s->special);
			return;
		}
	}
	s->special = NULL;
	if (s->kind == SECTION_SPECIAL)
		s->kind = SECTION_UNKNOWN;
	diag_warning(r->diags, "section-layout-unknown",
		     (&(const struct diag_place){ .file = r->o->name, .function = s->name }),
		     "Report the kernel's version, so that this tool can learn about it",
		     "entries of this section have a size or fields that are not known");
}

/* The section and byte that a raw reference means; false for undefined and absolute symbols. */
static bool raw_target(const struct reader *r, const struct ref *ref, uint32_t *section, uint64_t *byte)
{
	const struct symbol *s = &r->o->symbols[ref->symbol];

	if (ref->decoded) {
		*section = ref->target;
		*byte = ref->addend;
		return true;
	}
	if (!ref->symbol || !symbol_in_section(r->o, s))
		return false;
	*section = s->section;
	*byte = s->value + (uint64_t)ref->addend - (uint64_t)ref->bias;
	return true;
}

struct piece {
	uint64_t start, length;
};

struct pieces {
	struct piece *list;
	size_t n, room;
};

static int piece_order(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->length < y->length ? -1 : x->length > y->length;
}

static void add_piece(struct pieces *p, const struct section *s, uint64_t start, uint64_t length)
{
	if (start > s->size)
		return;
	reader_grow((void **)&p->list, &p->room, p->n, sizeof(*p->list));
	p->list[p->n++] = (struct piece){ start, length };
}

/* Pieces of @s that the entries of @from name, with their lengths. */
static void pieces_of_entries(struct reader *r, const struct section *s, const struct section *from,
			      struct pieces *p)
{
	const struct special *special = from->special;

	if (!special || special->cut != CUT_FIXED)
		return;
	for (uint32_t i = r->section_refs[from->index]; i < r->section_refs[from->index + 1]; i++) {
		const struct ref *ref = &r->o->refs[i];
		const uint64_t entry = ref->offset - ref->offset % special->entry_size;
		const struct special_field *field = field_at(special, ref->offset - entry);
		uint32_t section;
		uint64_t byte;

		if (!field || field->role != FIELD_REPLACEMENT || !raw_target(r, ref, &section, &byte) ||
		    section != s->index)
			continue;
		add_piece(p, s, byte,
			  special->length_offset ? from->data[entry + special->length_offset] : 1);
	}
}

/* Pieces of @s that code of other sections jumps to. */
static void pieces_of_code(struct reader *r, const struct section *s, struct pieces *p)
{
	for (uint32_t i = 0; i < r->o->n_refs; i++) {
		const struct ref *ref = &r->o->refs[i];
		uint32_t section;
		uint64_t byte;

		if (raw_target(r, ref, &section, &byte) && section == s->index && ref->target != s->index &&
		    r->o->sections[ref->target].flags & SHF_EXECINSTR)
			add_piece(p, s, byte, 1);
	}
}

/* Cuts at the start of every piece; pieces of no bytes become atoms of no bytes. */
static int emit_pieces(struct reader *r, const struct section *s, const struct pieces *p)
{
	uint64_t at = 0;
	int err = 0;

	if (p->n)
		qsort(p->list, p->n, sizeof(*p->list), piece_order);
	for (size_t i = 0; !err && i < p->n; i++) {
		const struct piece *piece = &p->list[i];

		if (i && piece->start == piece[-1].start && !!piece->length == !!piece[-1].length)
			continue;
		if (piece->start > at) {
			err = add_atom(r, s, ATOM_ENTRY, at, piece->start - at);
			at = piece->start;
		}
		if (!err && !piece->length)
			err = add_atom(r, s, ATOM_ENTRY, at, 0);
	}
	if (!err && at < s->size)
		err = add_atom(r, s, ATOM_ENTRY, at, s->size - at);
	return err;
}

static int cut_by_referrer(struct reader *r, const struct section *s)
{
	struct pieces p = { 0 };
	int err;

	if (!s->special->referrer)
		pieces_of_code(r, s, &p);
	for (uint32_t i = 1; s->special->referrer && i < r->o->n_sections; i++)
		if (!strcmp(r->o->sections[i].name, s->special->referrer))
			pieces_of_entries(r, s, &r->o->sections[i], &p);
	err = emit_pieces(r, s, &p);
	free(p.list);
	return err;
}

int cut_special(struct reader *r, const struct section *s)
{
	switch (s->special->cut) {
	case CUT_FIXED:
		return cut_fixed(r, s, s->special->entry_size, ATOM_ENTRY);
	case CUT_BY_CODE:
		return cut_at_owner_fields(r, s);
	case CUT_BY_REFERRER:
		return cut_by_referrer(r, s);
	case CUT_BY_SYMBOL:
		break;
	}
	return -EINVAL;
}
