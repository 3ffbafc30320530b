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
 * Other sections are cut by what they hold: strings and constants here, entries of special
 * sections in cut_special.c.
 * Sets symbol.atom for what it cuts by symbols; names.c finds the atoms of the others.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/reader.h"

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

static enum atom_kind kind_of(const struct section *s, const struct symbol *symbol)
{
	if (s->special || s->kind == SECTION_EXPORT || s->kind == SECTION_DISCARD || s->kind == SECTION_TOOL)
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

static void new_span(struct cutter *c, const struct symbol *s, uint64_t end, bool open)
{
	reader_grow((void **)&c->spans, &c->room, c->n_spans, sizeof(*c->spans));
	c->spans[c->n_spans] = (struct span){
		.start = s->value,
		.end = end,
		.entry = s->value,
		.kind = kind_of(c->section, s),
		.number = c->n_spans,
		.open = open,
	};
	c->n_spans++;
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
	size_t last;	  /* its index; meaningful when there is one */
	bool any, prefix; /* @prefix: it is padding so far, the function follows */
};

static void sweep_symbol(struct cutter *c, struct sweep *w, uint32_t i, struct symbol *s)
{
	struct span *last = w->any ? &c->spans[w->last] : NULL;
	uint64_t end = s->value + s->size;
	bool empty = !s->size && s->type == STT_OBJECT;

	if (last && last->open && (s->value == last->start || empty)) {
		s->atom = last->number;
		return;
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
		return;
	}
	s->atom = c->n_spans;
	if (empty) {
		end = end_of_empty(c, i + 1, s);
		new_span(c, s, last && s->value < last->end ? s->value : end, false);
		/* it does not become the span that others are inside of, unless it has bytes */
		if (end == s->value || (last && s->value < last->end))
			return;
	} else {
		new_span(c, s, s->size ? end : c->section->size, !s->size);
	}
	w->last = c->n_spans - 1;
	w->any = true;
	w->prefix = is_prefix_of_next(c, i, s);
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
	int err;

	c->n_spans = 0;
	for (uint32_t i = first; i < end; i++) {
		struct symbol *s = &r->o->symbols[r->symbol_order[i]];

		if (cuts(s))
			sweep_symbol(c, &w, i, s);
	}
	while (c->n_spans > c->room_ids)
		reader_grow((void **)&c->ids, &c->room_ids, c->room_ids, sizeof(*c->ids));
	if (c->n_spans)
		qsort(c->spans, c->n_spans, sizeof(*c->spans), span_order);
	err = emit_spans(c);
	for (uint32_t i = first; !err && c->n_spans && i < end; i++) {
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
static int cut_strings(struct reader *r, const struct section *s)
{
	const uint64_t width = s->entsize == 2 || s->entsize == 4 ? s->entsize : 1;
	const uint64_t align = s->align > width ? s->align : width;
	uint64_t at = 0;
	int err = 0;

	while (!err && at < s->size) {
		uint64_t end = at, pad;

		while (end + width <= s->size && !is_blank(s, end, end + width))
			end += width;
		if (end + width > s->size)
			return add_atom(r, s, ATOM_BYTES, at, s->size - at);
		end += width;
		err = add_atom(r, s, ATOM_STRING, at, end - at);
		at = end;
		pad = (end + align - 1) / align * align;
		if (pad > s->size)
			pad = s->size;
		if (!err && pad > end && is_blank(s, end, pad)) {
			err = add_atom(r, s, ATOM_BYTES, end, pad - end);
			at = pad;
		}
	}
	return err;
}

static int cut_section(struct cutter *c)
{
	const struct section *s = c->section;
	const bool merge = s->flags & SHF_MERGE && s->data && s->entsize;

	if (s->special && s->special->cut != CUT_BY_SYMBOL)
		return cut_special(c->r, s);
	if (!s->special && merge && s->flags & SHF_STRINGS)
		return cut_strings(c->r, s);
	if (!s->special && merge)
		return cut_fixed(c->r, s, s->entsize, ATOM_CONSTANT);
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
