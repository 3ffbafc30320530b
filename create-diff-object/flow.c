// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads a function as instructions and the edges between them. Jump labels count as branches, whatever the
 * compiler left there. Reads the code and the entries of jump tables; writes nothing.
 */
#include "create-diff-object/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/passes.h"
#include "lib/util/xmalloc.h"

struct reading {
	const struct arch *arch;
	const struct side *s;
	struct flow *f;
	uint32_t room;
};

static int add_atom(struct reading *r, const struct atom *a)
{
	const struct object *o = r->s->object;
	const uint8_t *code = atom_bytes(a);
	uint32_t ref = a->first_ref, end = a->first_ref + a->n_refs;

	for (uint64_t at = 0; code && at < a->size;) {
		struct step s = { a->id, (uint32_t)at, NO_STEP, NO_STEP, NO_STEP, NO_STEP, false, { 0 } };

		while (ref < end && o->refs[ref].offset < at)
			ref++;
		r->arch->read_insn(code + at, a->size - at, ref < end ? o->refs[ref].offset - at : UINT64_MAX,
				   &s.insn);
		if (ref < end && o->refs[ref].offset < at + s.insn.length && o->refs[ref].width)
			s.ref = ref;
		/* what it reads is the table's entry: the address itself */
		if (s.ref != NO_STEP && o->refs[ref].through_table && s.insn.access)
			s.insn.access = ACCESS_ADDRESS;
		if (r->f->n == r->room) {
			uint32_t room = r->room ? 2 * r->room : 256;
			r->f->steps = xreallocarray(r->f->steps, room, sizeof(*r->f->steps));
			r->room = room;
		}
		r->f->steps[r->f->n++] = s;
		at += s.insn.length;
	}
	return 0;
}

static int add_parts(struct reading *r, uint32_t f, unsigned int depth)
{
	int err = add_atom(r, &r->s->object->atoms[f]);

	for (uint32_t p = r->s->first_child[f]; p != NO_ATOM && !err && depth; p = r->s->next_child[p])
		if (part_only(r->s, p))
			err = add_parts(r, p, depth - 1);
	return err;
}

/* Atoms are few and each one's steps are in order, but the atoms themselves are not. */
uint32_t flow_at(const struct flow *f, uint32_t atom, uint64_t offset)
{
	uint32_t first = 0;

	while (first < f->n) {
		uint32_t low = first, high = f->n, end;

		for (end = first; end < f->n && f->steps[end].atom == f->steps[first].atom;)
			end++;
		if (f->steps[first].atom != atom) {
			first = end;
			continue;
		}
		for (high = end; low < high;) {
			uint32_t middle = low + (high - low) / 2;

			if (f->steps[middle].offset < offset)
				low = middle + 1;
			else
				high = middle;
		}
		return low < end && f->steps[low].offset == offset ? low : NO_STEP;
	}
	return NO_STEP;
}

static void connect(struct reading *r)
{
	const struct object *o = r->s->object;
	struct flow *f = r->f;

	for (uint32_t i = 0; i < f->n; i++) {
		struct step *s = &f->steps[i];
		const struct ref *ref = s->ref == NO_STEP ? NULL : &o->refs[s->ref];

		if (s->insn.flow != FLOW_JUMP && s->insn.flow != FLOW_AWAY && i + 1 < f->n &&
		    f->steps[i + 1].atom == s->atom)
			s->next = i + 1;
		if (s->insn.flow != FLOW_JUMP && s->insn.flow != FLOW_BRANCH)
			continue;
		if (!ref)
			s->target =
				flow_at(f, s->atom, s->offset + s->insn.base + (uint64_t)s->insn.distance);
		else if (ref->target != NO_ATOM)
			s->target = flow_at(f, ref->target, (uint64_t)ref->addend);
	}
}

/* The reference of a table's entry at the field of that kind, or NULL. */
static const struct ref *field(const struct object *o, const struct atom *e, enum special_role role)
{
	const struct special *special = e->section->special;

	for (uint32_t k = 0; special && k < special->n_fields; k++)
		for (uint32_t i = e->first_ref; i < e->first_ref + e->n_refs; i++)
			if (special->fields[k].role == role && o->refs[i].offset == special->fields[k].offset)
				return &o->refs[i];
	return NULL;
}

/* Jump labels: a no-operation that may be a jump, or a jump that may be none. */
static void connect_labels(struct reading *r, uint32_t atom)
{
	const struct object *o = r->s->object;
	struct flow *f = r->f;

	for (uint32_t e = r->s->first_entry[atom]; e != NO_ATOM; e = r->s->next_entry[e]) {
		const struct atom *entry = &o->atoms[e];
		const struct ref *code = field(o, entry, FIELD_CODE), *to = field(o, entry, FIELD_TARGET);
		uint32_t at = code && to && field(o, entry, FIELD_KEY) && code->target != NO_ATOM ?
				      flow_at(f, code->target, (uint64_t)code->addend) :
				      NO_STEP;

		if (at == NO_STEP || to->target == NO_ATOM)
			continue;
		f->steps[at].label = true;
		f->steps[at].key = (uint32_t)(field(o, entry, FIELD_KEY) - o->refs);
		f->steps[at].target = flow_at(f, to->target, (uint64_t)to->addend);
		if (at + 1 < f->n && f->steps[at + 1].atom == f->steps[at].atom)
			f->steps[at].next = at + 1;
	}
}

int flow_read(const struct arch *arch, const struct side *s, uint32_t root, struct flow *out)
{
	struct flow f = { 0 };
	struct reading r = { .arch = arch, .s = s, .f = &f };
	int err = add_parts(&r, root, 8);

	if (err) {
		flow_free(&f);
		return err;
	}
	connect(&r);
	for (uint32_t i = 0; i < f.n; i++)
		if (!i || f.steps[i].atom != f.steps[i - 1].atom)
			connect_labels(&r, f.steps[i].atom);
	*out = f;
	return 0;
}

void flow_free(struct flow *f)
{
	free(f->steps);
	*f = (struct flow){ 0 };
}

void flow_reach(const struct flow *f, const uint8_t *cut, bool *reached, uint32_t *stack)
{
	uint32_t n = 0;

	memset(reached, 0, f->n * sizeof(*reached));
	if (!f->n)
		return;
	reached[0] = true;
	stack[n++] = 0;
	while (n) {
		uint32_t i = stack[--n];
		uint32_t to[2] = { f->steps[i].next, f->steps[i].target };

		for (int k = 0; k < 2; k++) {
			if (to[k] == NO_STEP || reached[to[k]] || (cut && cut[i] & CUT_NEXT << k))
				continue;
			reached[to[k]] = true;
			stack[n++] = to[k];
		}
	}
}
