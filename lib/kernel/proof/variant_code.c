/* SPDX-License-Identifier: GPL-2.0-only */
/* Decodes two functions in step; see variant.h and variant_private.h. */
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/proof/variant_private.h"
#include "lib/util/arena.h"

#define MAX_FIELDS 4u /* in one instruction: two operands, and room for hostile input */
#define MAX_LENGTH 15u

/* What a branch tests: the number of its condition, or one of these. */
enum { BRANCH_JUMP = 256, BRANCH_CALL, BRANCH_NONE };

/* One of the two functions, at one of its instructions. */
struct side {
	const struct object *object;
	const struct atom *atom;
	const uint8_t *code;
	uint64_t pos;
	struct insn insn;
	uint32_t next_ref;
	const struct ref *refs[MAX_FIELDS];
	uint32_t n_refs;
};

static void start(struct side *s, const struct object *o, uint32_t atom)
{
	memset(s, 0, sizeof(*s));
	s->object = o;
	s->atom = &o->atoms[atom];
	s->code = atom_bytes(s->atom);
	s->next_ref = s->atom->first_ref;
}

static bool at_end(const struct side *s)
{
	return s->pos >= s->atom->size;
}

/* Decodes the instruction at s->pos and takes the references in it. */
static void decode(const struct comparison *c, struct side *s)
{
	uint32_t end = s->atom->first_ref + s->atom->n_refs;

	c->arch->decode(c->decoder, s->code + s->pos, s->atom->size - s->pos, &s->insn);
	s->n_refs = 0;
	for (; s->next_ref < end; s->next_ref++) {
		const struct ref *r = &s->object->refs[s->next_ref];

		if (r->offset >= s->pos + s->insn.length)
			break;
		if (r->width && r->offset >= s->pos && s->n_refs < MAX_FIELDS)
			s->refs[s->n_refs++] = r;
	}
}

static void advance(struct side *s)
{
	s->pos += s->insn.length;
}

static int branch_kind(const struct side *s)
{
	if (!s->insn.relative)
		return BRANCH_NONE;
	switch (s->insn.flow) {
	case FLOW_JUMP:
		return BRANCH_JUMP;
	case FLOW_CALL:
		return BRANCH_CALL;
	case FLOW_BRANCH:
		return s->insn.condition == OTHER_CONDITION ? BRANCH_NONE : s->insn.condition;
	default:
		return BRANCH_NONE;
	}
}

/* The bytes of an instruction with all its fields zeroed. */
static void shape(const struct side *s, uint8_t out[MAX_LENGTH])
{
	const struct arch *arch = s->object->arch;

	memcpy(out, s->code + s->pos, s->insn.length);
	if (s->insn.relative)
		reloc_clear(arch_reloc(arch, s->insn.type), arch->big_endian, out + s->insn.field);
	for (uint32_t i = 0; i < s->n_refs; i++) {
		uint64_t at = s->refs[i]->offset - s->pos;

		if (at + s->refs[i]->width <= s->insn.length)
			reloc_clear(arch_reloc(arch, s->refs[i]->type), arch->big_endian, out + at);
	}
}

/* What is no instruction is data between instructions, where those are all of one length: else nobody knows where it ends. */
static bool is_known(const struct insn *i)
{
	return i->valid || i->length > 1;
}

static bool same_instruction(const struct side *r, const struct side *o)
{
	uint8_t a[MAX_LENGTH], b[MAX_LENGTH];

	if (!is_known(&r->insn) || !is_known(&o->insn))
		return false;
	if (r->insn.length == o->insn.length && r->insn.length <= MAX_LENGTH) {
		shape(r, a);
		shape(o, b);
		if (!memcmp(a, b, r->insn.length))
			return true;
	}
	return branch_kind(r) != BRANCH_NONE && branch_kind(r) == branch_kind(o);
}

static int by_site(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	if (x->atom != y->atom)
		return x->atom < y->atom ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* A no-operation that objtool wrote over the jump of a jump label. */
static bool is_jump_label(const struct comparison *c, const struct side *r, const struct side *o)
{
	struct site key = { r->atom->id, r->pos };

	return r->insn.nop && !r->n_refs && branch_kind(o) == BRANCH_JUMP && c->n_jump_labels &&
	       bsearch(&key, c->jump_labels, c->n_jump_labels, sizeof(key), by_site);
}

static void add_pair(struct code_map *m, const struct side *r, const struct side *o)
{
	m->reference[m->n] = (uint32_t)r->pos;
	m->original[m->n++] = (uint32_t)o->pos;
}

static const char *differs_at(struct comparison *c, const struct side *r, const struct side *o)
{
	const char *text = arena_printf(c->arena,
					"compiled for the patch it differs at +%#llx from what the "
					"kernel's own flags give at +%#llx",
					(unsigned long long)o->pos, (unsigned long long)r->pos);

	return text;
}

const char *variant_pair_code(struct comparison *c, uint32_t reference, uint32_t original,
			      struct code_map *map)
{
	struct side r, o;
	struct code_map m = { 0 };
	uint64_t most;

	start(&r, c->reference, reference);
	start(&o, c->original, original);
	if (!r.code || !o.code || r.atom->size > UINT32_MAX || o.atom->size > UINT32_MAX)
		return "it has no code";
	most = r.atom->size < o.atom->size ? r.atom->size : o.atom->size;
	m.reference = arena_array(c->arena, most + 1, sizeof(*m.reference));
	m.original = arena_array(c->arena, most + 1, sizeof(*m.original));
	while (!at_end(&r) && !at_end(&o)) {
		decode(c, &r);
		decode(c, &o);
		if (same_instruction(&r, &o) || is_jump_label(c, &r, &o)) {
			add_pair(&m, &r, &o);
			advance(&r);
			advance(&o);
		} else if (r.insn.nop) {
			advance(&r);
		} else if (o.insn.nop) {
			advance(&o);
		} else {
			return differs_at(c, &r, &o);
		}
	}
	for (; !at_end(&r); advance(&r)) {
		decode(c, &r);
		if (!r.insn.nop)
			return differs_at(c, &r, &o);
	}
	for (; !at_end(&o); advance(&o)) {
		decode(c, &o);
		if (!o.insn.nop)
			return differs_at(c, &r, &o);
	}
	add_pair(&m, &r, &o);
	*map = m;
	return NULL;
}

/* Whether there is nothing but no-operations from @from to @to, behind the instruction at @before. */
static bool only_nops(const struct comparison *c, const struct side *s, uint64_t before, uint64_t from,
		      uint64_t to)
{
	struct insn insn;

	if (from > to)
		return false;
	c->arch->decode(c->decoder, s->code + before, s->atom->size - before, &insn);
	if (from < to && before < from && from < before + insn.length)
		return false; /* its own bytes may look like no-operations */
	for (; from < to; from += insn.length) {
		c->arch->decode(c->decoder, s->code + from, s->atom->size - from, &insn);
		if (!insn.nop)
			return false;
	}
	return from == to;
}

/*
 * Whether two places are the same one. A place may be a no-operation before the instruction that is
 * paired, since those need not have partners.
 */
static bool same_place(const struct comparison *c, const struct code_map *map, const struct side *r,
		       uint64_t from, const struct side *o, uint64_t to)
{
	uint32_t i = variant_first_pair(map, from), before = i ? i - 1 : 0;

	return i < map->n && only_nops(c, r, map->reference[before], from, map->reference[i]) &&
	       only_nops(c, o, map->original[before], to, map->original[i]);
}

/* A branch inside the function. */
static bool same_branch(const struct comparison *c, const struct code_map *map, const struct side *r,
			const struct side *o)
{
	return same_place(c, map, r, insn_target(&r->insn, r->pos), o, insn_target(&o->insn, o->pos));
}

/*
 * The same bytes with a field of another type mean something else: the address of a variable, or that of
 * an entry in a table of addresses. Branches differ lawfully in their widths.
 */
static bool same_kind(const struct side *r, const struct ref *a, const struct ref *b)
{
	return a->type == b->type || branch_kind(r) != BRANCH_NONE;
}

static bool same_references(struct comparison *c, const struct code_map *map, const struct side *r,
			    const struct side *o)
{
	if (r->n_refs != o->n_refs)
		return false;
	for (uint32_t i = 0; i < r->n_refs; i++)
		if (!same_kind(r, r->refs[i], o->refs[i]) ||
		    !variant_same_target(c, r->refs[i], o->refs[i], 0))
			return false;
	if (!r->n_refs && r->insn.relative)
		return same_branch(c, map, r, o);
	return true;
}

const char *variant_check_code(struct comparison *c, uint32_t reference, uint32_t original)
{
	const struct code_map *map = &c->maps[reference];
	struct side r, o;

	start(&r, c->reference, reference);
	start(&o, c->original, original);
	if (!same_place(c, map, &r, r.atom->entry, &o, o.atom->entry))
		return "compiled for the patch it begins at another instruction than with the kernel's own "
		       "flags";
	for (uint32_t i = 0; i + 1 < map->n; i++) {
		r.pos = map->reference[i];
		o.pos = map->original[i];
		decode(c, &r);
		decode(c, &o);
		if (is_jump_label(c, &r, &o))
			continue;
		if (!same_references(c, map, &r, &o))
			return arena_printf(c->arena,
					    "compiled for the patch it refers at +%#llx to "
					    "something else than with the kernel's own flags",
					    (unsigned long long)o.pos);
	}
	return NULL;
}
