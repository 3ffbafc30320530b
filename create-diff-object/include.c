// SPDX-License-Identifier: GPL-2.0-only
/*
 * Can a module have what the routes say must be in the patch? Reads what pass_routes() found, in the order in which
 * it met it, and reports what cannot be: problems with references once a target. Adds what a module needs beside
 * the references: the keys of static calls, and loads in place of the kernel's own constants.
 */
#include "create-diff-object/escape_private.h"
#include "create-diff-object/indirect.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/util/strmap.h"
#include "lib/util/vmlinux.h"

struct judge {
	struct diff *d;
	bool *reported;	     /* by target: it has been refused once */
	uint32_t *off_in;    /* by tracepoint: the last function, plus 1, that is known to do without it */
	bool *keyed;	     /* by atom: static call key already taken */
	struct strmap *keys; /* name → atom of a static call key */
};

static void report_refusal(struct judge *j, uint32_t atom, const struct ref *ref, const struct routing *r)
{
	struct diff *d = j->d;
	uint32_t where = atom;
	int64_t offset = ref->offset;

	if (ref->target != NO_ATOM) {
		if (j->reported[ref->target])
			return;
		j->reported[ref->target] = true;
	}
	if (d->new.role[atom] == ROLE_ENTRY && new_atom(d, atom)->owner != NO_ATOM) {
		const struct atom *e = new_atom(d, atom);

		where = e->owner;
		offset = -1;
		for (uint32_t i = e->first_ref; i < e->first_ref + e->n_refs; i++)
			if (d->new.object->refs[i].target == where && offset < 0)
				offset = d->new.object->refs[i].addend;
	}
	diff_refuse(d, r->id, &d->new, where, offset, r->remedy, "%s: %s",
		    ref->target == NO_ATOM ? "reference" : new_atom(d, ref->target)->name, r->why);
}

/* What the author should know: a branch of which the running kernel will not switch this copy. */
static void warn_if_off(struct judge *j, uint32_t entry)
{
	struct diff *d = j->d;
	const struct atom *e = new_atom(d, entry);

	for (uint32_t i = e->first_ref; i < e->first_ref + e->n_refs; i++) {
		const struct routing *r = route_of(d, &d->new.object->refs[i]);
		uint32_t target = d->new.object->refs[i].target;

		if (r->route != ROUTE_OFF || j->off_in[target] == e->owner + 1)
			continue;
		j->off_in[target] = e->owner + 1;
		diff_warn(d, "tracepoint-disabled", &d->new, e->owner, -1, NULL,
			  "%s stays off in the replaced function: %s", new_atom(d, target)->name, r->why);
	}
}

/*
 * The key of a static call that the patch makes. None is needed where it is a module's: such a call goes
 * through its trampoline, which is always up to date.
 */
static void note_static_call(struct judge *j, const struct ref *ref)
{
	const struct atom nowhere = { .kind = ATOM_BYTES };
	const struct atom *t = new_atom(j->d, ref->target);
	struct diff *d = j->d;
	const char *key;
	union strmap_value *v;
	struct routing r;

	if (!t->symbol || strncmp(t->symbol->name, TRAMPOLINE_PREFIX, strlen(TRAMPOLINE_PREFIX)))
		return;
	key = arena_printf(d->arena, STATIC_KEY_PREFIX "%s", t->symbol->name + strlen(TRAMPOLINE_PREFIX));
	v = strmap_get(j->keys, key);
	if (!v || j->keyed[v->num])
		return;
	j->keyed[v->num] = true;
	r = route_to_kernel(d, &nowhere, (uint32_t)v->num);
	if (r.route == ROUTE_IMPORT || (r.route == ROUTE_KLP && is_vmlinux(r.secobj)))
		d->static_keys[d->n_static_keys++] = r;
}

/* A table entry with a name that is not one a macro makes per call site: a new tracepoint, … */
static void refuse_new_entry(struct judge *j, uint32_t atom)
{
	const struct atom *a = new_atom(j->d, atom);

	diff_refuse(j->d, "new-registration", &j->d->new, atom, -1, "Use what the kernel has, or printk()",
		    "a patch cannot add a %s",
		    a->section->special ? a->section->special->what : a->section->name);
}

/* The instruction that an entry's immediate is part of, as a load of the variable. */
static bool load_variable(struct diff *d, uint32_t f, uint32_t entry)
{
	const struct atom *e = new_atom(d, entry), *a = new_atom(d, f);
	const struct ref *site = e->n_refs ? &d->new.object->refs[e->first_ref] : NULL;
	struct constant *c = &d->constants[d->n_constants];
	int64_t at = site ? site->addend - (int64_t)d->arch->immediate_at : -1;
	size_t left;

	if (!e->section->special->variable_at || !site || site->target != f || !atom_bytes(a) || at < 0 ||
	    (uint64_t)at >= a->size)
		return false;
	left = a->size - (uint64_t)at;
	if (left > sizeof(c->code))
		left = sizeof(c->code);
	*c = (struct constant){ .function = f, .offset = (uint64_t)at };
	memcpy(c->code, atom_bytes(a) + at, left);
	c->size = d->arch->load_variable(c->code, left, &c->field, &c->addend);
	if (!c->size)
		return false;
	c->variable = route_by_name(d, e->section->name + e->section->special->variable_at);
	return c->variable.route == ROUTE_IMPORT || c->variable.route == ROUTE_KLP;
}

/*
 * The addresses and shifts that 6.12 writes into its own code while it boots (runtime-const.h):
 * nobody would write them into a module's, where the placeholder would stay. Where the immediate is
 * a pointer's, the patch loads the variable instead, as the kernel's headers have modules do.
 */
static void take_constant(struct judge *j, uint32_t f, uint32_t entry)
{
	const struct atom *e = new_atom(j->d, entry);

	if (load_variable(j->d, f, entry))
		j->d->n_constants++;
	else
		diff_refuse(j->d, "built-in-only", &j->d->new, f, -1,
			    "Change a caller or a function called by it instead",
			    "it has a %s (%s), which the kernel fills in for built-in code only",
			    e->section->special->what, e->section->name);
}

static bool not_carried(const struct atom *entry)
{
	return entry->section->special && entry->section->special->not_carried;
}

static void judge_entries(struct judge *j, uint32_t atom)
{
	struct diff *d = j->d;

	for (uint32_t e = d->new.first_entry[atom]; e != NO_ATOM; e = d->new.next_entry[e]) {
		if (built_in_only(new_atom(d, e)))
			take_constant(j, atom, e);
		else if (not_carried(new_atom(d, e)))
			diff_refuse(d, "fixup-not-carried", &d->new, atom, -1,
				    "Change a caller or a function called by it instead",
				    "it has a %s (%s), which a patch cannot bring along yet",
				    new_atom(d, e)->section->special->what, new_atom(d, e)->section->name);
		else
			warn_if_off(j, e);
	}
}

/* gcc may pass what a pointer leads to instead of the pointer, and as much as two pointers then (ipa-sra-ptr-growth-factor). */
static bool too_many_arguments(struct diff *d, const struct atom *callee)
{
	uint32_t words = escapes_prototype(escapes_get(d), d->new.source[callee->id]).words;

	if (strcmp(callee->name, d->new.source[callee->id]) != 0)
		words *= 2;
	return words > d->arch->indirection->framed_words;
}

static bool finds_table(const struct diff *d, uint32_t atom)
{
	const struct symbol *s = new_atom(d, function_root(&d->new, atom))->symbol;

	return s && d->arch->indirection->finds_table(s->other);
}

/* A thunk needs the caller's table, and one with a frame passes on so many words and does not know how many there are. */
static void judge_call(struct diff *d, uint32_t atom, const struct ref *ref)
{
	const struct atom *t = ref->target == NO_ATOM ? NULL : new_atom(d, ref->target);
	enum outlet_way way = indirect_way(d, atom, ref, route_of(d, ref)->route);

	if (way_is_half(way) && !indirect_halves_agree(d, atom, ref))
		diff_refuse(
			d, "out-of-reach", &d->new, atom, ref->offset, NULL,
			"it computes the address of %s in halves, and one means another place than the other",
			t ? t->name : "something");
	if (!t || (way != WAY_RETURNING && way != WAY_FRAMED))
		return;
	if (!finds_table(d, atom) || (way == WAY_FRAMED && !t->section))
		diff_refuse(d, "call-by-assembly", &d->new, atom, ref->offset, NULL,
			    "it calls %s as the compiler does not: registers may be lost", t->name);
	else if (way == WAY_FRAMED && too_many_arguments(d, t))
		diff_refuse(
			d, "arguments-on-stack", &d->new, atom, ref->offset,
			"Change the function that is called as well, so that the patch has it",
			"it calls %s, which is not part of the patch and takes, or may take, more arguments "
			"than can be passed on",
			t->name);
}

static void judge_refs(struct judge *j, uint32_t atom)
{
	struct diff *d = j->d;
	const struct atom *a = new_atom(d, atom);

	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++) {
		const struct ref *ref = &d->new.object->refs[i];

		if (route_of(d, ref)->route == ROUTE_REFUSED)
			report_refusal(j, atom, ref, route_of(d, ref));
		if (ref->target != NO_ATOM)
			note_static_call(j, ref);
		judge_call(d, atom, ref);
	}
}

/*
 * Sections that nobody knows: a pointer to a function stays right, because it leads to the original.
 * What describes code inside a function would have to come along, and nobody knows how.
 */
static void check_unknown(struct judge *j)
{
	struct diff *d = j->d;

	for (uint32_t i = 0; i < d->new.object->n_atoms; i++) {
		const struct atom *a = new_atom(d, i);

		if (d->new.role[i] != ROLE_UNKNOWN)
			continue;
		for (uint32_t k = a->first_ref; k < a->first_ref + a->n_refs; k++) {
			const struct ref *r = &d->new.object->refs[k];

			if (r->target == NO_ATOM || d->new.role[r->target] != ROLE_CODE ||
			    !d->included[r->target].in || j->reported[r->target] ||
			    r->addend == (int64_t)new_atom(d, r->target)->entry)
				continue;
			j->reported[r->target] = true;
			diff_refuse(d, "unknown-section", &d->new, r->target, r->addend,
				    "Report the section, so that this tool can learn about it",
				    "section %s describes this code, and its meaning is not known",
				    a->section->name);
		}
	}
}

/*
 * Others that name it mean the kernel's, if there is one: the new one would be without effect where the
 * function was moved from another file, or overrides a weak one.
 */
static void check_new_name(struct diff *d, uint32_t i)
{
	const struct lookup *l = lookup_atom(d, i);

	if (!l->err && l->ksym.where == KSYM_ABSENT)
		return;
	diff_refuse(d, "name-in-kernel", &d->new, i, -1,
		    "Make it static or rename it; what only moves to another file can stay where it was",
		    "it is new here and global, and %s has a global symbol of this name already",
		    l->err || !l->ksym.object ? "the running kernel" : l->ksym.object);
}

static void judge_alloc(struct judge *j)
{
	struct diff *d = j->d;
	uint32_t n = d->new.object->n_atoms;

	d->static_keys = arena_array(d->arena, n, sizeof(*d->static_keys));
	d->constants = arena_array(d->arena, n, sizeof(*d->constants));
	j->reported = arena_array(d->arena, n, sizeof(*j->reported));
	j->off_in = arena_array(d->arena, n, sizeof(*j->off_in));
	j->keyed = arena_array(d->arena, n, sizeof(*j->keyed));
	j->keys = strmap_new(64);
}

static void find_keys(struct judge *j)
{
	const struct object *o = j->d->new.object;

	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (o->atoms[i].symbol &&
		    !strncmp(o->atoms[i].symbol->name, STATIC_KEY_PREFIX, strlen(STATIC_KEY_PREFIX)))
			strmap_set(j->keys, o->atoms[i].symbol->name, (union strmap_value){ .num = i });
}

int pass_include(struct diff *d)
{
	struct judge j = { .d = d };

	judge_alloc(&j);
	find_keys(&j);
	for (uint32_t i = 0; i < d->new.object->n_atoms; i++)
		if (new_and_visible(d, i))
			check_new_name(d, i);
	for (uint32_t i = 0; i < d->n_included; i++) {
		uint32_t atom = d->order[i];

		judge_entries(&j, atom);
		if (d->new.role[atom] == ROLE_PIECE && new_atom(d, atom)->symbol)
			refuse_new_entry(&j, atom);
		judge_refs(&j, atom);
	}
	check_unknown(&j);
	strmap_free(j.keys);
	return 0;
}
