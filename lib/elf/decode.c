/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decodes all code once, linearly.
 *
 * For every pc-relative relocation it finds the instruction around it and sets ref.bias: the
 * distance from the end of the instruction to the field. For every pc-relative field without a
 * relocation in a section with several symbols it notes the byte that is meant, if that lies
 * beyond the symbols next to the instruction: a branch that the assembler resolved.
 *
 * Also orders the symbols of each section, and collects where padding before functions starts.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/reader.h"
#include "lib/util/diag.h"
#include "lib/util/xmalloc.h"

struct walk {
	struct reader *r;
	const struct section *section;
	struct ref *ref, *end; /* raw references of the section that are still ahead */
	bool several;	       /* more than one symbol starts in the section */
};

static int by_value(const void *a, const void *b, void *symbols)
{
	const struct symbol *x = (const struct symbol *)symbols + *(const uint32_t *)a;
	const struct symbol *y = (const struct symbol *)symbols + *(const uint32_t *)b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* A counting sort by section, then each section's symbols by value. */
static void order_symbols(struct reader *r)
{
	struct object *o = r->o;
	uint32_t *start = xcalloc((size_t)o->n_sections + 2, sizeof(*start));

	r->section_symbols = start;
	r->symbol_order = xcalloc((size_t)o->n_symbols + 1, sizeof(*r->symbol_order));
	/* counted two places on, so that filling leaves each start where it belongs */
	for (uint32_t i = 1; i < o->n_symbols; i++)
		if (symbol_in_section(o, &o->symbols[i]))
			start[o->symbols[i].section + 2]++;
	for (uint32_t i = 2; i <= o->n_sections + 1; i++)
		start[i] += start[i - 1];
	for (uint32_t i = 1; i < o->n_symbols; i++)
		if (symbol_in_section(o, &o->symbols[i]))
			r->symbol_order[start[o->symbols[i].section + 1]++] = i;
	for (uint32_t i = 0; i < o->n_sections; i++)
		qsort_r(r->symbol_order + start[i], start[i + 1] - start[i], sizeof(*start), by_value,
			o->symbols);
}

static int pad_order(const void *a, const void *b)
{
	const struct pad *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool counts_from_itself(const struct reader *r, const struct ref *ref)
{
	return arch_reloc(r->arch, ref->type)->from_itself;
}

/*
 * Each entry of __patchable_function_entries leads to the first padding byte of a function; and a distance of a whole
 * pointer's width in code is no instruction but belongs to the function behind it.
 */
static void collect_pads(struct reader *r)
{
	struct object *o = r->o;
	size_t room = 0;

	for (uint32_t i = 1; i < o->n_sections; i++) {
		bool entries = !strcmp(o->sections[i].name, "__patchable_function_entries");
		bool code = section_has_atoms(&o->sections[i]) && o->sections[i].flags & SHF_EXECINSTR;

		for (uint32_t n = r->section_refs[i]; (entries || code) && n < r->section_refs[i + 1]; n++) {
			const struct ref *ref = &o->refs[n];
			const struct symbol *s = &o->symbols[ref->symbol];

			if (entries ? !ref->symbol : !counts_from_itself(r, ref) || ref->width != 8)
				continue;
			reader_grow((void **)&r->pads, &room, r->n_pads, sizeof(*r->pads));
			r->pads[r->n_pads++] = entries ? (struct pad){ s->section, s->value + ref->addend } :
							 (struct pad){ i, ref->offset };
		}
	}
	if (r->n_pads)
		qsort(r->pads, r->n_pads, sizeof(*r->pads), pad_order);
}

static void add_branch(struct walk *w, uint64_t at, const struct insn *insn)
{
	struct reader *r = w->r;
	uint64_t byte = insn_target(insn, at);

	/* beyond the section: decoded data, or hostile; no atom could be named */
	if (byte > w->section->size)
		return;
	reader_grow((void **)&r->branches, &r->room_branches, r->n_branches, sizeof(*r->branches));
	r->branches[r->n_branches++] = (struct ref){
		.offset = at + insn->field,
		.type = insn->type,
		.width = insn->width,
		.pc_relative = true,
		.decoded = true,
		.target = w->section->index,
		.addend = (int64_t)byte,
		.bias = (int64_t)insn->field - insn->base,
	};
}

/* What such a relocation means depends on the instruction, so it cannot be guessed. */
static int not_a_field(struct walk *w)
{
	diag_error(w->r->diags, "relocation-outside-instruction",
		   (&(const struct diag_place){ .file = w->r->o->name,
						.function = w->section->name,
						.offset = w->ref->offset,
						.has_offset = true }),
		   "Patch other functions than those of this file",
		   "pc-relative relocation in code that is not the field of an instruction");
	return -ENOTSUP;
}

/* One instruction of the run [start, end): its relocations get their bias, its branch is noted. */
static int visit(struct walk *w, uint64_t at, const struct insn *insn, uint64_t start, uint64_t end)
{
	bool relocated = false;
	uint64_t target = insn_target(insn, at);

	for (; w->ref < w->end && w->ref->offset < at + insn->length; w->ref++) {
		bool here =
			insn->relative && w->ref->offset == at + insn->field && w->ref->width == insn->width;

		relocated |= here;
		if (w->ref->pc_relative && !here && !counts_from_itself(w->r, w->ref))
			return not_a_field(w);
		if (w->ref->pc_relative && here)
			w->ref->bias = (int64_t)insn->field - insn->base;
	}
	if (!insn->relative || relocated || !w->several || (target >= start && target < end))
		return 0;
	add_branch(w, at, insn);
	return 0;
}

/* Where the next symbol after @offset starts, or the section's end. *i is kept between calls. */
static uint64_t next_start(struct walk *w, uint32_t *i, uint64_t offset)
{
	struct reader *r = w->r;

	for (; *i < r->section_symbols[w->section->index + 1]; ++*i) {
		const struct symbol *s = &r->o->symbols[r->symbol_order[*i]];

		if (s->type != STT_SECTION && !is_assembler_label(s->name) && s->value > offset)
			return s->value;
	}
	return w->section->size;
}

static int decode_section(struct walk *w, const void *decoder)
{
	uint32_t next = w->r->section_symbols[w->section->index];
	uint64_t start = 0, end = next_start(w, &next, 0);

	w->several = end < w->section->size;
	for (uint64_t at = 0; at < w->section->size;) {
		struct insn insn;
		int err;

		if (at >= end) {
			start = at = end;
			end = next_start(w, &next, at);
		}
		/* an instruction ends where the next symbol starts: decoding falls into step there */
		w->r->arch->decode(decoder, w->section->data + at, end - at, &insn);
		err = visit(w, at, &insn, start, end);
		if (err)
			return err;
		at += insn.length;
	}
	return 0;
}

int decode_text(struct reader *r)
{
	_Alignas(16) unsigned char decoder[DECODER_STATE];
	struct object *o = r->o;
	int err = 0;

	order_symbols(r);
	collect_pads(r);
	r->arch->decode_init(decoder);
	for (uint32_t i = 1; !err && i < o->n_sections; i++) {
		const struct section *s = &o->sections[i];
		struct walk w = { .r = r, .section = s };

		if (!section_has_atoms(s) || !(s->flags & SHF_EXECINSTR) || !s->data)
			continue;
		w.ref = o->refs + r->section_refs[i];
		w.end = o->refs + r->section_refs[i + 1];
		err = decode_section(&w, decoder);
	}
	return err;
}
