/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cuts the sections into atoms: every byte of every section that has atoms goes to exactly one.
 *
 * Sections of functions and data are cut by their symbols. Symbols whose bytes overlap share an
 * atom, a symbol inside of another one's bytes is an alias of it, and a label without a size
 * reaches to the next symbol. Bytes that no symbol covers become anonymous atoms, with one
 * exception: the padding that precedes a function belongs to it. An object of size 0 (an empty
 * struct, as lock_class_key is without lockdep) has an atom of size 0: it shares its address with
 * what follows but is not the same thing.
 *
 * Other sections are cut by what they hold: strings, constants, entries of special sections.
 * Sets symbol.atom for what it cuts by symbols; names.c finds the atoms of the others.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/reader.h"
#include "lib/util/diag.h"

/* An atom to be: bytes [start, end) of the section. */
struct span {
	uint64_t start, end, entry; /* entry: offset in the section */
	enum atom_kind kind;
	uint32_t number; /* in the order of discovery; symbols refer to it until spans are sorted */
	bool open;	 /* a label: reaches to the next symbol */
};

struct cutter {
	struct reader *r;
	const struct section *section;
	struct span *spans;
	size_t n_spans, room;
	uint32_t *ids; /* by span number: the atom's id */
	size_t room_ids;
};

int add_atom(struct reader *r, const struct section *section, enum atom_kind kind, uint64_t offset,
	     uint64_t size)
{
	struct object *o = r->o;

	if (o->n_atoms >= NO_ATOM - 1)
		return -EOVERFLOW;
	if (reader_grow((void **)&o->atoms, &r->room_atoms, o->n_atoms, sizeof(*o->atoms)))
		return -ENOMEM;
	o->atoms[o->n_atoms] = (struct atom){
		.id = o->n_atoms,
		.kind = kind,
		.section = section,
		.offset = offset,
		.size = size,
		.parent = NO_ATOM,
		.owner = NO_ATOM,
		.local = true,
	};
	o->n_atoms++;
	return 0;
}

static enum atom_kind kind_of(const struct section *s, const struct symbol *symbol)
{
	if (s->special || s->kind == SECTION_EXPORT || s->kind == SECTION_DISCARD ||
	    s->kind == SECTION_TOOL)
		return ATOM_ENTRY;
	if (s->flags & SHF_EXECINSTR && symbol->type != STT_OBJECT)
		return ATOM_FUNC;
	return ATOM_OBJECT;
}

static bool cuts(const struct symbol *s)
{
	switch (s->type) {
	case STT_NOTYPE:
	case STT_OBJECT:
	case STT_FUNC:
	case STT_TLS:
	case STT_GNU_IFUNC:
		return !is_assembler_label(s->name);
	default:
		return false;
	}
}

/* Whether all bytes up to @end are zero, or not in the file: nothing that a label could name. */
static bool is_blank(const struct section *s, uint64_t start, uint64_t end)
{
	for (uint64_t at = start; s->data && at < end; at++)
		if (s->data[at])
			return false;
	return true;
}

static int new_span(struct cutter *c, const struct symbol *s, uint64_t end, bool open)
{
	if (reader_grow((void **)&c->spans, &c->room, c->n_spans, sizeof(*c->spans)))
		return -ENOMEM;
	c->spans[c->n_spans] = (struct span){
		.start = s->value, .end = end, .entry = s->value,
		.kind = kind_of(c->section, s), .number = c->n_spans, .open = open,
	};
	c->n_spans++;
	return 0;
}

/* __pfx_foo names the padding before foo: the symbol that starts where this one ends is foo. */
static bool is_prefix_of_next(struct cutter *c, uint32_t i, const struct symbol *s)
{
	struct reader *r = c->r;

	if (strncmp(s->name, "__pfx_", 6) || !s->size)
		return false;
	for (i++; i < r->section_symbols[c->section->index + 1]; i++) {
		const struct symbol *next = &r->o->symbols[r->symbol_order[i]];

		if (next->value > s->value + s->size)
			return false;
		if (next->value == s->value + s->size && !strcmp(next->name, s->name + 6))
			return true;
	}
	return false;
}

/* Where an object without a size ends: it has no bytes, unless only it can name those that follow. */
static uint64_t end_of_empty(struct cutter *c, uint32_t i, const struct symbol *s)
{
	struct reader *r = c->r;
	uint64_t end = c->section->size;

	for (; i < r->section_symbols[c->section->index + 1]; i++) {
		const struct symbol *next = &r->o->symbols[r->symbol_order[i]];

		if (next->value > s->value && cuts(next)) {
			end = next->value;
			break;
		}
	}
	return is_blank(c->section, s->value, end) ? s->value : end;
}

/* State of the sweep over a section's symbols: the span that is being made. */
struct sweep {
	size_t last;	/* its index; meaningful when there is one */
	bool any, prefix; /* @prefix: it is padding so far, the function follows */
};

static int sweep_symbol(struct cutter *c, struct sweep *w, uint32_t i, struct symbol *s)
{
	struct span *last = w->any ? &c->spans[w->last] : NULL;
	uint64_t end = s->value + s->size;
	bool empty = !s->size && s->type == STT_OBJECT;
	int err;

	if (last && last->open && (s->value == last->start || empty)) {
		s->atom = last->number;
		return 0;
	}
	if (last && last->open) {
		last->end = s->value;
		last->open = false;
	}
	if (last && (s->value < last->end || (w->prefix && s->value == last->end)) &&
	    !(empty && s->value == last->start)) {
		if (w->prefix && s->value == last->end)
			last->entry = s->value;
		w->prefix &= end <= last->end;
		if (end > last->end)
			last->end = end;
		s->atom = last->number;
		return 0;
	}
	s->atom = c->n_spans;
	if (empty) {
		end = end_of_empty(c, i + 1, s);
		err = new_span(c, s, last && s->value < last->end ? s->value : end, false);
		/* it does not become the span that others are inside of, unless it has bytes */
		if (err || end == s->value || (last && s->value < last->end))
			return err;
	} else {
		err = new_span(c, s, s->size ? end : c->section->size, !s->size);
		if (err)
			return err;
	}
	w->last = c->n_spans - 1;
	w->any = true;
	w->prefix = is_prefix_of_next(c, i, s);
	return 0;
}

static int span_order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if ((x->end == x->start) != (y->end == y->start))
		return x->end == x->start ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* The first byte of padding in [from, to) that a patchable-function entry names, or @to. */
static uint64_t pad_start(const struct reader *r, uint32_t section, uint64_t from, uint64_t to)
{
	size_t low = 0, high = r->n_pads;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct pad *p = &r->pads[middle];

		if (p->section < section || (p->section == section && p->offset < from))
			low = middle + 1;
		else
			high = middle;
	}
	if (low < r->n_pads && r->pads[low].section == section && r->pads[low].offset < to)
		return r->pads[low].offset;
	return to;
}

static bool all_nops(struct cutter *c, uint64_t start, uint64_t end)
{
	_Alignas(16) unsigned char decoder[DECODER_STATE];
	struct insn insn;

	c->r->arch->decode_init(decoder);
	for (; start < end; start += insn.length) {
		c->r->arch->decode(decoder, c->section->data + start, end - start, &insn);
		if (!insn.nop)
			return false;
	}
	return true;
}

/* Gives a function the padding that precedes it, of the gap that starts at @gap. */
static void take_padding(struct cutter *c, struct span *s, uint64_t gap)
{
	if (s->kind != ATOM_FUNC || s->start == gap || s->entry != s->start || !c->section->data)
		return;
	if (!gap && all_nops(c, 0, s->start))
		s->start = 0;
	else
		s->start = pad_start(c->r, c->section->index, gap, s->start);
}

static int emit_spans(struct cutter *c)
{
	struct object *o = c->r->o;
	enum atom_kind gap_kind = c->section->special ? ATOM_ENTRY : ATOM_BYTES;
	uint64_t at = 0;
	int err = 0;

	for (size_t i = 0; !err && i < c->n_spans; i++) {
		struct span *s = &c->spans[i];

		if (s->start > at)
			take_padding(c, s, at);
		if (s->start > at)
			err = add_atom(c->r, c->section, gap_kind, at, s->start - at);
		if (!err)
			err = add_atom(c->r, c->section, s->kind, s->start, s->end - s->start);
		if (err)
			return err;
		o->atoms[o->n_atoms - 1].entry = s->entry - s->start;
		c->ids[s->number] = o->n_atoms - 1;
		if (s->end > at)
			at = s->end;
	}
	if (at < c->section->size)
		err = add_atom(c->r, c->section, gap_kind, at, c->section->size - at);
	return err;
}

static int cut_by_symbols(struct cutter *c)
{
	struct reader *r = c->r;
	const uint32_t first = r->section_symbols[c->section->index];
	const uint32_t end = r->section_symbols[c->section->index + 1];
	struct sweep w = { 0 };
	int err = 0;

	c->n_spans = 0;
	for (uint32_t i = first; !err && i < end; i++) {
		struct symbol *s = &r->o->symbols[r->symbol_order[i]];

		if (cuts(s))
			err = sweep_symbol(c, &w, i, s);
	}
	if (err)
		return err;
	while (c->n_spans > c->room_ids)
		if (reader_grow((void **)&c->ids, &c->room_ids, c->room_ids, sizeof(*c->ids)))
			return -ENOMEM;
	if (c->n_spans)
		qsort(c->spans, c->n_spans, sizeof(*c->spans), span_order);
	err = emit_spans(c);
	for (uint32_t i = first; !err && i < end; i++) {
		struct symbol *s = &r->o->symbols[r->symbol_order[i]];

		if (s->atom != NO_ATOM)
			s->atom = c->ids[s->atom];
	}
	return err;
}

/*
 * Strings end with a zero character. Where the section aligns its strings, the zeroes up to the
 * next multiple are padding and no empty strings.
 */
static int cut_strings(struct cutter *c)
{
	const struct section *s = c->section;
	const uint64_t width = s->entsize == 2 || s->entsize == 4 ? s->entsize : 1;
	const uint64_t align = s->align > width ? s->align : width;
	uint64_t at = 0;
	int err = 0;

	while (!err && at < s->size) {
		uint64_t end = at, pad;

		while (end + width <= s->size && !is_blank(s, end, end + width))
			end += width;
		if (end + width > s->size)
			return add_atom(c->r, s, ATOM_BYTES, at, s->size - at);
		end += width;
		err = add_atom(c->r, s, ATOM_STRING, at, end - at);
		at = end;
		pad = (end + align - 1) / align * align;
		if (pad > s->size)
			pad = s->size;
		if (!err && pad > end && is_blank(s, end, pad)) {
			err = add_atom(c->r, s, ATOM_BYTES, end, pad - end);
			at = pad;
		}
	}
	return err;
}

static int cut_fixed(struct cutter *c, uint64_t size, enum atom_kind kind)
{
	uint64_t at = 0;
	int err = 0;

	for (; !err && c->section->size - at >= size; at += size)
		err = add_atom(c->r, c->section, kind, at, size);
	if (!err && at < c->section->size)
		err = add_atom(c->r, c->section, ATOM_BYTES, at, c->section->size - at);
	return err;
}

static const struct special_field *field_at(const struct special *special, uint64_t offset)
{
	for (uint32_t i = 0; i < special->n_fields; i++)
		if (special->fields[i].offset == offset)
			return &special->fields[i];
	return NULL;
}

static bool is_owner_field(const struct special *special, uint64_t offset)
{
	return offset == special->owner_offset;
}

/* Whether the section's size and relocations are those of entries of @special. */
static bool layout_fits(struct reader *r, const struct section *s, const struct special *special)
{
	uint64_t owners = 0;

	if (!s->data || s->size % special->entry_size)
		return false;
	for (uint32_t i = r->section_refs[s->index]; i < r->section_refs[s->index + 1]; i++) {
		uint64_t at = r->o->refs[i].offset % special->entry_size;

		if (!field_at(special, at))
			return false;
		owners += is_owner_field(special, at);
	}
	return special->owner != OWNER_CODE || owners == s->size / special->entry_size;
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

static int cut_at_owner_fields(struct cutter *c)
{
	const struct ref *ref = c->r->o->refs + c->r->section_refs[c->section->index];
	const struct ref *end = c->r->o->refs + c->r->section_refs[c->section->index + 1];
	int err = 0;

	for (; !err && ref < end; ref++) {
		uint64_t next = ref + 1 < end ? ref[1].offset : c->section->size;

		err = add_atom(c->r, c->section, ATOM_ENTRY, ref->offset, next - ref->offset);
	}
	return err;
}

/*
 * Chooses among the layouts of one name. Without one that fits, the section is not understood:
 * that is no damage, and matters only to who needs it.
 */
static void choose_layout(struct reader *r, struct section *s)
{
	const struct special_section *all = r->arch->specials;
	const char *name = s->special ? s->special->name : NULL;

	if (!name || (s->special->cut != CUT_FIXED && s->special->cut != CUT_BY_CODE))
		return;
	for (; all->special.name; all++) {
		if (strcmp(all->special.name, name))
			continue;
		if (all->special.cut == CUT_FIXED ? layout_fits(r, s, &all->special) :
						    padded_layout_fits(r, s, &all->special)) {
			s->special = &all->special;
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
static bool raw_target(const struct reader *r, const struct ref *ref, uint32_t *section,
		       uint64_t *byte)
{
	const struct symbol *s = &r->o->symbols[ref->symbol];

	if (ref->decoded) {
		*section = ref->target;
		*byte = ref->addend;
		return true;
	}
	if (!ref->symbol || s->section == SECTION_UNDEF || s->section >= r->o->n_sections)
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

static int add_piece(struct pieces *p, const struct section *s, uint64_t start, uint64_t length)
{
	if (start > s->size)
		return 0;
	if (reader_grow((void **)&p->list, &p->room, p->n, sizeof(*p->list)))
		return -ENOMEM;
	p->list[p->n++] = (struct piece){ start, length };
	return 0;
}

/* Pieces of @s that the entries of @from name, with their lengths. */
static int pieces_of_entries(struct reader *r, const struct section *s, const struct section *from,
			     struct pieces *p)
{
	const struct special *special = from->special;
	int err = 0;

	if (!special || special->cut != CUT_FIXED)
		return 0;
	for (uint32_t i = r->section_refs[from->index]; !err && i < r->section_refs[from->index + 1]; i++) {
		const struct ref *ref = &r->o->refs[i];
		const uint64_t entry = ref->offset - ref->offset % special->entry_size;
		const struct special_field *field = field_at(special, ref->offset - entry);
		uint32_t section;
		uint64_t byte;

		if (!field || field->role != FIELD_REPLACEMENT || !raw_target(r, ref, &section, &byte) ||
		    section != s->index)
			continue;
		err = add_piece(p, s, byte,
				special->length_offset ? from->data[entry + special->length_offset] : 1);
	}
	return err;
}

/* Pieces of @s that code of other sections jumps to. */
static int pieces_of_code(struct reader *r, const struct section *s, struct pieces *p)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < r->o->n_refs; i++) {
		const struct ref *ref = &r->o->refs[i];
		uint32_t section;
		uint64_t byte;

		if (raw_target(r, ref, &section, &byte) && section == s->index &&
		    ref->target != s->index && r->o->sections[ref->target].flags & SHF_EXECINSTR)
			err = add_piece(p, s, byte, 1);
	}
	return err;
}

/* Cuts at the start of every piece; pieces of no bytes become atoms of no bytes. */
static int emit_pieces(struct cutter *c, struct pieces *p)
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
			err = add_atom(c->r, c->section, ATOM_ENTRY, at, piece->start - at);
			at = piece->start;
		}
		if (!err && !piece->length)
			err = add_atom(c->r, c->section, ATOM_ENTRY, at, 0);
	}
	if (!err && at < c->section->size)
		err = add_atom(c->r, c->section, ATOM_ENTRY, at, c->section->size - at);
	return err;
}

static int cut_by_referrer(struct cutter *c)
{
	struct reader *r = c->r;
	struct pieces p = { 0 };
	int err = 0;

	if (!c->section->special->referrer)
		err = pieces_of_code(r, c->section, &p);
	for (uint32_t i = 1; !err && c->section->special->referrer && i < r->o->n_sections; i++)
		if (!strcmp(r->o->sections[i].name, c->section->special->referrer))
			err = pieces_of_entries(r, c->section, &r->o->sections[i], &p);
	if (!err)
		err = emit_pieces(c, &p);
	free(p.list);
	return err;
}

static int cut_special(struct cutter *c)
{
	switch (c->section->special->cut) {
	case CUT_FIXED:
		return cut_fixed(c, c->section->special->entry_size, ATOM_ENTRY);
	case CUT_BY_CODE:
		return cut_at_owner_fields(c);
	case CUT_BY_REFERRER:
		return cut_by_referrer(c);
	case CUT_BY_SYMBOL:
		break;
	}
	return cut_by_symbols(c);
}

static int cut_section(struct cutter *c)
{
	const struct section *s = c->section;
	const bool merge = s->flags & SHF_MERGE && s->data && s->entsize;

	if (s->special)
		return cut_special(c);
	if (merge && s->flags & SHF_STRINGS)
		return cut_strings(c);
	if (merge)
		return cut_fixed(c, s->entsize, ATOM_CONSTANT);
	return cut_by_symbols(c);
}

int cut_sections(struct reader *r)
{
	struct cutter c = { .r = r };
	struct object *o = r->o;
	int err = 0;

	for (uint32_t i = 1; i < o->n_sections; i++)
		choose_layout(r, &o->sections[i]);
	for (uint32_t i = 1; !err && i < o->n_sections; i++) {
		struct section *s = &o->sections[i];

		s->first_atom = o->n_atoms;
		if (!section_has_atoms(s))
			continue;
		c.section = s;
		err = cut_section(&c);
		s->n_atoms = o->n_atoms - s->first_atom;
	}
	free(c.spans);
	free(c.ids);
	return err;
}
