// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code as the escape analysis reads it: decoded once, with the further ways that tables of the kernel give to
 * instructions; and which code is the one that runs.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "create-diff-object/escape_private.h"

#include "create-diff-object/fields.h"

bool is_code(const struct diff *d, uint32_t atom)
{
	const struct atom *a = new_atom(d, atom);

	return a->section && a->section->flags & SHF_EXECINSTR && atom_bytes(a) && a->size &&
	       (d->new.role[atom] == ROLE_CODE || d->new.role[atom] == ROLE_PIECE);
}

struct escapes *escapes_get(struct diff *d)
{
	uint32_t n = d->new.object->n_atoms;
	struct escapes *f;

	if (d->escapes)
		return d->escapes;
	f = arena_array(d->arena, 1, sizeof(*f));
	f->d = d;
	f->code = arena_array(d->arena, n, sizeof(*f->code));
	f->summaries = arena_array(d->arena, n, sizeof(*f->summaries));
	f->frames = arena_array(d->arena, n, sizeof(*f->frames));
	f->active = arena_array(d->arena, n, sizeof(*f->active));
	f->leads = arena_array(d->arena, n, sizeof(*f->leads));
	f->ours = arena_array(d->arena, n, sizeof(*f->ours));
	f->variables = arena_array(d->arena, n, sizeof(*f->variables));
	d->escapes = f;
	return f;
}

/* Decoding */

static void decode(const struct diff *d, const struct atom *a, struct code *c)
{
	const uint8_t *bytes = atom_bytes(a);
	uint32_t n = 0;

	c->size = a->size;
	c->at = arena_array(d->arena, a->size, sizeof(*c->at));
	/* Counted first: an instruction is 4 bytes on average, and its record 56. */
	for (uint64_t at = 0; at < a->size; n++) {
		struct dataflow_insn i;

		d->arch->dataflow(bytes, a->size, (uint32_t)at, &i);
		at += i.length ? i.length : 1;
	}
	c->insns = arena_array(d->arena, n, sizeof(*c->insns));
	memset(c->at, 0xff, a->size * sizeof(*c->at));
	for (uint64_t at = 0; at < a->size;) {
		struct dataflow_insn *i = &c->insns[c->n_insns];

		d->arch->dataflow(bytes, a->size, (uint32_t)at, i);
		c->at[at] = c->n_insns++;
		at += i->length ? i->length : 1;
	}
}

/* The field of an entry that leads to code, a jump's target, …, or NULL. */
static const struct ref *field(const struct diff *d, const struct atom *entry, enum special_role role)
{
	const struct special *s = entry->section->special;

	for (uint32_t i = 0; s && i < s->n_fields; i++)
		for (uint32_t k = entry->first_ref; k < entry->first_ref + entry->n_refs; k++)
			if (s->fields[i].role == role &&
			    s->fields[i].offset == d->new.object->refs[k].offset &&
			    d->new.object->refs[k].target != NO_ATOM)
				return &d->new.object->refs[k];
	return NULL;
}

static void find_ways(const struct diff *d, const struct atom *a, struct code *c)
{
	uint32_t room = 0;

	for (uint32_t e = d->new.first_entry[a->id]; e != NO_ATOM; e = d->new.next_entry[e])
		room += 2;
	c->ways = arena_array(d->arena, room, sizeof(*c->ways));
	for (uint32_t e = d->new.first_entry[a->id]; e != NO_ATOM; e = d->new.next_entry[e]) {
		const struct ref *site = field(d, new_atom(d, e), FIELD_CODE);
		const struct ref *to[] = { field(d, new_atom(d, e), FIELD_TARGET),
					   field(d, new_atom(d, e), FIELD_REPLACEMENT) };

		for (int i = 0; i < 2; i++)
			if (site && site->target == a->id && to[i] && is_code(d, to[i]->target))
				c->ways[c->n_ways++] =
					(struct way){ (uint32_t)site->addend, to[i]->target, to[i]->addend };
	}
}

/* A replacement takes the place of as many bytes as its entry says, and the code behind them comes next. */
static void find_way_back(const struct diff *d, const struct atom *a, struct code *c)
{
	const struct atom *entry = a->owner == NO_ATOM ? NULL : new_atom(d, a->owner);
	const struct ref *site = entry && entry->section ? field(d, entry, FIELD_CODE) : NULL;
	uint32_t length_at = site && entry->section->special ? entry->section->special->length_offset : 0;

	if (!length_at || length_at > entry->size || !atom_bytes(entry))
		return;
	c->continues = true;
	c->back_atom = site->target;
	c->back_offset = site->addend + atom_bytes(entry)[length_at - d->arch->site_length_before];
}

const struct code *escapes_code(struct escapes *f, uint32_t atom)
{
	const struct atom *a = new_atom(f->d, atom);
	struct code *c = f->code[atom];

	if (c)
		return c;
	c = arena_array(f->d->arena, 1, sizeof(*c));
	decode(f->d, a, c);
	find_ways(f->d, a, c);
	find_way_back(f->d, a, c);
	f->code[atom] = c;
	return c;
}

uint32_t code_insn(const struct code *c, int64_t offset)
{
	return offset >= 0 && (uint64_t)offset < c->size ? c->at[offset] : NO_ATOM;
}

uint32_t code_insn_of(const struct code *c, uint32_t offset)
{
	for (uint32_t back = 0; back < 16 && back <= offset && offset < c->size; back++) {
		uint32_t i = c->at[offset - back];

		if (i != NO_ATOM)
			return back < c->insns[i].length ? i : NO_ATOM;
	}
	return NO_ATOM;
}

const struct ref *escapes_ref(const struct escapes *f, const struct atom *a, uint64_t offset)
{
	const struct ref *refs = f->d->new.object->refs + a->first_ref;
	uint32_t low = 0, high = a->n_refs;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (refs[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < a->n_refs && refs[low].offset == offset ? &refs[low] : NULL;
}

/*
 * A jump to where a register says leads to a label only if the label's address is somewhere: in a table, or as an
 * operand. Tables that describe code name places in it as well, and nothing jumps there by them.
 */
static bool is_label(const struct diff *d, const struct atom *from, const struct ref *r)
{
	uint8_t role = d->new.role[from->id];

	if (role == ROLE_ENTRY || role == ROLE_HINT || role == ROLE_IGNORED || r->target == NO_ATOM ||
	    !is_code(d, r->target) || r->addend == (int64_t)new_atom(d, r->target)->entry)
		return false;
	return !is_code(d, from->id) || !field_is_branch(d->arch, from, r);
}

/*
 * Tables of whole addresses are read as they are. Where code has a label's address, or a table distances, a jump may
 * lead to the sum of the two: to a label that no relocation names.
 */
static bool in_table(const struct diff *d, const struct atom *from, const struct ref *r)
{
	return !is_code(d, from->id) && d->new.role[from->id] != ROLE_STATE && !r->pc_relative &&
	       r->width == sizeof(uint64_t);
}

static uint32_t list_labels(const struct diff *d, struct label *out)
{
	const struct object *o = d->new.object;
	uint32_t n = 0;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		for (uint32_t k = a->first_ref; k < a->first_ref + a->n_refs; k++) {
			if (!is_label(d, a, &o->refs[k]))
				continue;
			if (out)
				out[n] = (struct label){ o->refs[k].target, o->refs[k].addend,
							 !in_table(d, a, &o->refs[k]) };
			n++;
		}
	}
	return n;
}

const struct label *escapes_labels(struct escapes *f, uint32_t *n)
{
	if (!f->labels) {
		f->n_labels = list_labels(f->d, NULL);
		f->labels = arena_array(f->d->arena, f->n_labels + 1, sizeof(*f->labels));
		list_labels(f->d, f->labels);
	}
	*n = f->n_labels;
	return f->labels;
}

static bool scan_frame(struct escapes *f, uint32_t atom, uint32_t depth)
{
	const struct code *c = depth < MAX_PARTS ? escapes_code(f, atom) : NULL;
	bool found = !c;

	for (uint32_t i = 0; c && i < c->n_insns && !found; i++)
		found = c->insns[i].takes_frame;
	for (uint32_t i = 0; c && i < c->n_ways && !found; i++)
		if (f->d->new.role[c->ways[i].atom] == ROLE_PIECE)
			found = scan_frame(f, c->ways[i].atom, depth + 1);
	for (uint32_t p = f->d->new.first_child[atom]; p != NO_ATOM && !found; p = f->d->new.next_child[p])
		found = part_only(&f->d->new, p) && scan_frame(f, p, depth + 1);
	return found;
}

struct frame *escapes_frame(struct escapes *f, uint32_t function)
{
	struct frame *frame = &f->frames[function];

	if (!frame->scanned) {
		frame->scanned = true;
		frame->addressed = scan_frame(f, function, 0);
	}
	return frame;
}

/* Whose code it is */

uint32_t escapes_root(const struct escapes *f, uint32_t atom)
{
	const struct atom *a = new_atom(f->d, atom);

	if (f->d->new.role[atom] == ROLE_CODE)
		return function_root(&f->d->new, atom);
	if (a->owner != NO_ATOM && new_atom(f->d, a->owner)->owner != NO_ATOM)
		return function_root(&f->d->new, new_atom(f->d, a->owner)->owner);
	return NO_ATOM;
}

/* Whether the code of the atom is what runs: the patch's, or equal to the kernel's. */
static bool runs(const struct diff *d, uint32_t atom)
{
	return d->carried[atom] || d->verdicts[atom].state == VERDICT_SAME ||
	       d->verdicts[atom].state == VERDICT_NEW;
}

bool escapes_continues(const struct escapes *f, uint32_t root, uint32_t from, uint32_t target)
{
	const struct diff *d = f->d;

	if (!is_code(d, target))
		return false;
	if (d->new.role[target] == ROLE_PIECE)
		return true;
	return root != NO_ATOM && function_root(&d->new, target) == root && runs(d, target);
}

bool escapes_is_kernels(const struct escapes *f, uint32_t function)
{
	const struct diff *d = f->d;

	return d->new.role[function] == ROLE_EXTERN ||
	       (d->new.role[function] == ROLE_CODE && !new_atom(d, function)->local && !d->carried[function]);
}

bool escapes_has_code(const struct escapes *f, uint32_t function)
{
	const struct diff *d = f->d;
	const struct atom *a = new_atom(d, function);

	if (!is_code(d, function) || d->new.role[function] != ROLE_CODE || !a->symbol ||
	    function_root(&d->new, function) != function || !runs(d, function))
		return false;
	/* A weak one may not be the kernel's. */
	return d->carried[function] || a->symbol->bind != STB_WEAK;
}

/* What data leads to */

static bool leads_to_patch(struct diff *d, uint32_t target)
{
	const struct atom *t = new_atom(d, target);

	for (uint32_t i = t->first_ref; i < t->first_ref + t->n_refs; i++) {
		struct routing r = route_decide(d, target, &d->new.object->refs[i]);

		if (r.route != ROUTE_KLP && r.route != ROUTE_IMPORT)
			return true;
	}
	return false;
}

bool escapes_leads_to_patch(struct escapes *f, uint32_t target)
{
	if (f->d->new.role[target] == ROLE_EXTERN)
		return true;
	if (is_code(f->d, target))
		return false;
	if (!f->leads[target])
		f->leads[target] = 1 + leads_to_patch(f->d, target);
	return f->leads[target] == 2;
}
