// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the routes: constants that carried code and the kernel both have. They are known by their values, and
 * where code only reads them, a copy does as well. But an address may outlive the patch, in memory or with
 * whoever was called, and the kernel's own code may compare it; so an address that gets away is the
 * kernel's, if it has one for this constant. Each costs a look-up at load, which kernels before 6.2 make by
 * reading all their symbols: one that is only passed to somebody who is known to keep nothing
 * is the copy's.
 *
 * Constants without a name are strings, mostly. The linker merges equal ones, so that an equal one of the original
 * object was the same one, and its place in vmlinux is known from the code that leads there. In a module
 * nothing is: the copy is used, unless other code knows the kernel's by its address.
 */
#include "create-diff-object/passes.h"

#include <errno.h>
#include <string.h>

#include "create-diff-object/escape.h"
#include "create-diff-object/fields.h"
#include "lib/arch/arch.h"
#include "lib/util/strmap.h"
#include "lib/util/vmlinux.h"

/* What becomes of the address that the reference yields: fates.c has followed it through code. */
enum { STAYS, IS_COMPARED, GETS_AWAY };

static uint8_t what_code_does(const struct diff *d, const struct ref *ref)
{
	const struct fate *f = d->fates[ref_index(d, ref)];

	if (!f || f->escape.kind != ESCAPE_NONE)
		return GETS_AWAY;
	return f->escape.compared ? IS_COMPARED : STAYS;
}

/* An address that is computed in halves has one fate: what becomes of it where most does. */
static uint8_t what_halves_do(const struct diff *d, const struct atom *from, const struct ref *ref)
{
	const struct reloc_type *type = arch_reloc(d->arch, ref->type);
	uint8_t most = what_code_does(d, ref);

	for (uint32_t i = from->first_ref; type && type->from_table && i < from->first_ref + from->n_refs;
	     i++) {
		const struct ref *other = &d->new.object->refs[i];
		uint8_t does;

		if (other->target != ref->target || other->type == R_NONE ||
		    ref_index(d, other) == ref_index(d, ref))
			continue;
		does = what_code_does(d, other);
		if (does > most)
			most = does;
	}
	return most;
}

bool kernels_own_compares(const struct diff *d, const struct ref *ref)
{
	const struct fate *f = d->fates[ref_index(d, ref)];

	return f && f->compares;
}

static uint8_t what_becomes(const struct diff *d, const struct atom *from, const struct ref *ref)
{
	switch ((enum role)d->new.role[from->id]) {
	case ROLE_STATE:
	case ROLE_CONST:
		return GETS_AWAY;
	case ROLE_CODE:
		return what_halves_do(d, from, ref);
	default: /* what describes code, and what macros make for a call site: read there and then */
		return STAYS;
	}
}

static int index_literals(struct diff *d)
{
	const struct object *o = d->orig.object;
	int err = 0;

	d->kernels = arena_array(d->arena, d->new.object->n_atoms, sizeof(*d->kernels));
	d->literals = strmap_new(o->n_atoms / 4);
	for (uint32_t i = 0; i < o->n_atoms && !err; i++) {
		const char *key;

		err = literal_key(d->arena, &o->atoms[i], &key);
		if (!err && !strmap_get(d->literals, key))
			strmap_set(d->literals, key, (union strmap_value){ .num = i });
		if (err == -ENOENT)
			err = 0;
	}
	return err;
}

/* The constant of the original that is equal and, linked into the kernel, was the same one; or NO_ATOM. */
static uint32_t equal_original(struct diff *d, const struct atom *t)
{
	const union strmap_value *v;
	const char *key;

	if (t->symbol)
		return t->n_refs ? NO_ATOM : d->pairs.twin[t->id];
	if (!d->kernels && index_literals(d))
		return NO_ATOM;
	if (!d->kernels[t->id]) {
		v = !literal_key(d->arena, t, &key) ? strmap_get(d->literals, key) : NULL;
		d->kernels[t->id] = (v ? (uint32_t)v->num : NO_ATOM) + 1;
	}
	return d->kernels[t->id] - 1;
}

static bool find_nameless(struct diff *d, uint32_t original, struct routing *out)
{
	const struct ksym_source *ksyms = d->input->ksyms;
	struct ksym_place place;

	if (!ksyms->find_literal || !ksyms->find_literal(ksyms, orig_atom(d, original), &place))
		return false;
	*out = (struct routing){ .route = ROUTE_IMPORT,
				 .why = "the kernel's own, at a distance from an export",
				 .name = place.symbol,
				 .ksym = { .where = KSYM_VMLINUX_EXPORT, .object = VMLINUX },
				 .distance = place.distance };
	return true;
}

bool kernels_own_route(struct diff *d, const struct atom *from, const struct ref *ref, struct routing *out)
{
	const struct atom *t = new_atom(d, ref->target);
	uint32_t original = equal_original(d, t);

	if (original == NO_ATOM || what_becomes(d, from, ref) == STAYS)
		return false;
	if (!t->symbol)
		return find_nameless(d, original, out);
	*out = route_to_kernel(d, from, t->id);
	return out->route == ROUTE_KLP || out->route == ROUTE_IMPORT;
}

/* Where a loop over the constant ends, or over as many bytes as it may have; nobody has such a pointer to it. */
static bool is_limit(const struct atom *t, const struct ref *ref)
{
	return ref->addend < 0 || (uint64_t)ref->addend >= t->size;
}

/* How the original's code compares addresses of a constant. */
enum { NOT_COMPARED, LIMIT_COMPARED, COMPARED };

static void find_compared(struct diff *d)
{
	const struct object *o = d->orig.object;

	d->compared = arena_array(d->arena, o->n_atoms, sizeof(*d->compared));
	for (uint32_t i = 0; i < o->n_atoms && d->compared; i++) {
		const struct atom *a = &o->atoms[i];
		uint64_t start = 0;

		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++) {
			uint32_t t = o->refs[r].target;
			uint8_t how;

			if (d->orig.role[i] != ROLE_CODE || t == NO_ATOM || d->orig.role[t] != ROLE_LITERAL)
				continue;
			how = is_limit(&o->atoms[t], &o->refs[r]) ? LIMIT_COMPARED : COMPARED;
			if (d->compared[t] < how && field_is_compared(d->arch, a, &o->refs[r], &start))
				d->compared[t] = how;
		}
	}
}

/* A pointer that meets the limit of a loop of the kernel's is one that was kept, and not only compared here. */
bool kernels_own_known_by_address(struct diff *d, const struct atom *from, const struct ref *ref)
{
	uint32_t original = equal_original(d, new_atom(d, ref->target));

	if (original == NO_ATOM)
		return false;
	if (!d->compared)
		find_compared(d);
	if (!d->compared || d->compared[original] == NOT_COMPARED)
		return false;
	return what_becomes(d, from, ref) >= (d->compared[original] == COMPARED ? IS_COMPARED : GETS_AWAY);
}

/*
 * Whether a limit is that of a loop over the copy: the function takes the copy's address as well, compares it, and
 * does nothing else with it. Were the pointer that the limit is compared with from elsewhere, it might lead into the
 * kernel's constant.
 */
bool kernels_own_limit(struct diff *d, const struct atom *from, const struct ref *ref)
{
	const struct object *o = d->new.object;
	bool loops = false;

	if (d->new.role[from->id] != ROLE_CODE || !is_limit(new_atom(d, ref->target), ref))
		return false;
	for (uint32_t i = from->first_ref; i < from->first_ref + from->n_refs; i++) {
		if (o->refs[i].target != ref->target || is_limit(new_atom(d, ref->target), &o->refs[i]))
			continue;
		if (what_code_does(d, &o->refs[i]) == GETS_AWAY)
			return false;
		loops |= what_code_does(d, &o->refs[i]) == IS_COMPARED;
	}
	return loops;
}
