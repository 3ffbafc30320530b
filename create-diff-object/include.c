// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pass 3: what has to be in the patch. Starts with the replaced functions, the author's callbacks
 * and what is new and visible to other objects, and follows every reference that classify.c leads
 * into the patch. Problems with references are reported here, once a target, because only what is
 * included can be a problem.
 */
#include "create-diff-object/passes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "create-diff-object/arch.h"
#include "lib/util/strmap.h"

struct walk {
	struct diff *d;
	uint32_t *stack;
	uint32_t depth;
	bool *reported;	     /* by target: it has been refused once */
	uint32_t *off_in;    /* by tracepoint: the last function, plus 1, that is known to do without it */
	bool *keyed;	     /* by atom: static call key already taken */
	struct strmap *keys; /* name → atom of a static call key */
};

static void include(struct walk *w, uint32_t atom, uint32_t because)
{
	struct inclusion *inc = &w->d->included[atom];

	if (inc->in)
		return;
	inc->in = true;
	inc->because = because;
	w->d->n_included++;
	w->stack[w->depth++] = atom;
}

static void report_refusal(struct walk *w, uint32_t atom, const struct ref *ref, const struct routing *r)
{
	struct diff *d = w->d;
	uint32_t where = atom;
	int64_t offset = ref->offset;

	if (ref->target != NO_ATOM) {
		if (w->reported[ref->target])
			return;
		w->reported[ref->target] = true;
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
static void warn_if_off(struct walk *w, uint32_t entry)
{
	struct diff *d = w->d;
	const struct atom *e = new_atom(d, entry);

	for (uint32_t i = e->first_ref; i < e->first_ref + e->n_refs; i++) {
		struct routing r = diff_classify(d, entry, &d->new.object->refs[i]);
		uint32_t target = d->new.object->refs[i].target;

		if (r.route != ROUTE_OFF || w->off_in[target] == e->owner + 1)
			continue;
		w->off_in[target] = e->owner + 1;
		diff_warn(d, "tracepoint-disabled", &d->new, e->owner, -1, NULL,
			  "%s stays off in the replaced function: %s", new_atom(d, target)->name, r.why);
	}
}

/*
 * The key of a static call that the patch makes. None is needed where it is a module's: such a call goes
 * through its trampoline, which is always up to date.
 */
static void note_static_call(struct walk *w, const struct ref *ref)
{
	const struct atom nowhere = { .kind = ATOM_BYTES };
	const struct atom *t = new_atom(w->d, ref->target);
	struct diff *d = w->d;
	const char *key;
	union strmap_value *v;
	struct routing r;

	if (!t->symbol || strncmp(t->symbol->name, TRAMPOLINE_PREFIX, strlen(TRAMPOLINE_PREFIX)))
		return;
	key = arena_printf(d->arena, STATIC_KEY_PREFIX "%s", t->symbol->name + strlen(TRAMPOLINE_PREFIX));
	v = key ? strmap_get(w->keys, key) : NULL;
	if (!v || w->keyed[v->num])
		return;
	w->keyed[v->num] = true;
	r = diff_classify_kernel(d, &nowhere, (uint32_t)v->num);
	if (r.route == ROUTE_IMPORT || (r.route == ROUTE_KLP && !strcmp(r.secobj, "vmlinux")))
		d->static_keys[d->n_static_keys++] = r;
}

/* A table entry with a name that is not one a macro makes per call site: a new tracepoint, … */
static void refuse_new_entry(struct walk *w, uint32_t atom)
{
	const struct atom *a = new_atom(w->d, atom);

	diff_refuse(w->d, "new-registration", &w->d->new, atom, -1, "Use what the kernel has, or printk()",
		    "a patch cannot add a %s",
		    a->section->special ? a->section->special->what : a->section->name);
}

static void follow_refs(struct walk *w, uint32_t atom)
{
	struct diff *d = w->d;
	const struct atom *a = new_atom(d, atom);

	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++) {
		const struct ref *ref = &d->new.object->refs[i];
		struct routing r = diff_classify(d, atom, ref);

		if (r.route == ROUTE_REFUSED)
			report_refusal(w, atom, ref, &r);
		else if (r.route == ROUTE_PATCH)
			include(w, ref->target, atom);
		if (ref->target != NO_ATOM)
			note_static_call(w, ref);
	}
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
	c->variable = diff_classify_name(d, e->section->name + e->section->special->variable_at);
	return c->variable.route == ROUTE_IMPORT || c->variable.route == ROUTE_KLP;
}

/*
 * The addresses and shifts that 6.12 writes into its own code while it boots (runtime-const.h):
 * nobody would write them into a module's, where the placeholder would stay. Where the immediate is
 * a pointer's, the patch loads the variable instead, as the kernel's headers have modules do. true:
 * the entry stays behind.
 */
static bool take_constant(struct walk *w, uint32_t f, uint32_t entry)
{
	const struct atom *e = new_atom(w->d, entry);

	if (!e->section->special || !e->section->special->vmlinux_only)
		return false;
	if (load_variable(w->d, f, entry))
		w->d->n_constants++;
	else
		diff_refuse(w->d, "built-in-only", &w->d->new, f, -1,
			    "Change a caller or a function called by it instead",
			    "it has a %s (%s), which the kernel fills in for built-in code only",
			    e->section->special->what, e->section->name);
	return true;
}

static void follow_function(struct walk *w, uint32_t f)
{
	struct diff *d = w->d;
	uint32_t root = function_root(&d->new, f);

	if (root != f)
		include(w, root, f);
	for (uint32_t c = d->new.first_child[f]; c != NO_ATOM; c = d->new.next_child[c])
		if (part_only(&d->new, c))
			include(w, c, f);
}

static void follow_entries(struct walk *w, uint32_t atom)
{
	struct diff *d = w->d;

	for (uint32_t e = d->new.first_entry[atom]; e != NO_ATOM; e = d->new.next_entry[e]) {
		if (take_constant(w, atom, e))
			continue;
		warn_if_off(w, e);
		include(w, e, atom);
	}
}

/*
 * Sections that nobody knows: a pointer to a function stays right, because it leads to the original.
 * What describes code inside a function would have to come along, and nobody knows how.
 */
static void check_unknown(struct walk *w)
{
	struct diff *d = w->d;

	for (uint32_t i = 0; i < d->new.object->n_atoms; i++) {
		const struct atom *a = new_atom(d, i);

		if (d->new.role[i] != ROLE_UNKNOWN)
			continue;
		for (uint32_t k = a->first_ref; k < a->first_ref + a->n_refs; k++) {
			const struct ref *r = &d->new.object->refs[k];

			if (r->target == NO_ATOM || d->new.role[r->target] != ROLE_CODE ||
			    !d->included[r->target].in || w->reported[r->target] ||
			    r->addend == (int64_t)new_atom(d, r->target)->entry)
				continue;
			w->reported[r->target] = true;
			diff_refuse(d, "unknown-section", &d->new, r->target, r->addend,
				    "Report the section, so that this tool can learn about it",
				    "section %s describes this code, and its meaning is not known",
				    a->section->name);
		}
	}
}

bool new_and_visible(const struct diff *d, uint32_t i)
{
	enum role role = d->new.role[i];
	const struct atom *a = new_atom(d, i);

	if (a->local || d->verdicts[i].state != VERDICT_NEW)
		return false;
	return role == ROLE_CODE || role == ROLE_STATE || role == ROLE_CONST;
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

static int walk_alloc(struct walk *w)
{
	struct diff *d = w->d;
	uint32_t n = d->new.object->n_atoms;

	d->included = arena_array(d->arena, n, sizeof(*d->included));
	d->static_keys = arena_array(d->arena, n, sizeof(*d->static_keys));
	d->constants = arena_array(d->arena, n, sizeof(*d->constants));
	w->stack = arena_array(d->arena, n, sizeof(*w->stack));
	w->reported = arena_array(d->arena, n, sizeof(*w->reported));
	w->off_in = arena_array(d->arena, n, sizeof(*w->off_in));
	w->keyed = arena_array(d->arena, n, sizeof(*w->keyed));
	w->keys = strmap_new(64);
	return d->included && d->static_keys && d->constants && w->stack && w->reported && w->off_in &&
			       w->keyed && w->keys ?
		       0 :
		       -ENOMEM;
}

static int find_keys(struct walk *w)
{
	const struct object *o = w->d->new.object;
	int err = 0;

	for (uint32_t i = 0; i < o->n_atoms && !err; i++)
		if (o->atoms[i].symbol &&
		    !strncmp(o->atoms[i].symbol->name, STATIC_KEY_PREFIX, strlen(STATIC_KEY_PREFIX)))
			err = strmap_set(w->keys, o->atoms[i].symbol->name, (union strmap_value){ .num = i });
	return err;
}

int pass_include(struct diff *d)
{
	struct walk w = { .d = d };
	int err = walk_alloc(&w);

	if (!err)
		err = find_keys(&w);
	for (uint32_t i = 0; i < d->new.object->n_atoms && !err; i++)
		if (d->replaced[i] || d->new.role[i] == ROLE_CALLBACK || new_and_visible(d, i))
			include(&w, i, NO_ATOM);
	for (uint32_t i = 0; i < d->new.object->n_atoms && !err; i++)
		if (new_and_visible(d, i))
			check_new_name(d, i);
	while (w.depth && !err) {
		uint32_t atom = w.stack[--w.depth];

		if (d->new.role[atom] == ROLE_CODE)
			follow_function(&w, atom);
		follow_entries(&w, atom);
		if (d->new.role[atom] == ROLE_PIECE && new_atom(d, atom)->symbol)
			refuse_new_entry(&w, atom);
		follow_refs(&w, atom);
	}
	if (!err)
		check_unknown(&w);
	strmap_free(w.keys);
	return err;
}
