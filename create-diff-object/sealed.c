// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the changes pass: variables that are read-only once the kernel has booted or the module has been loaded
 * (__ro_after_init, <linux/cache.h>). Code of a patch runs after that, and a write is a fault. A function that wrote the variable
 * before may go on to: it is one that runs early, or one that knows.
 *
 * Read from the instructions of what is carried. What is written through a pointer is not seen.
 */
#include "create-diff-object/passes.h"

#include <string.h>

#include "create-diff-object/flow.h"
#include "lib/arch/arch.h"

static bool is_sealed(struct diff *d, uint32_t atom)
{
	const struct atom *a = new_atom(d, atom);
	const struct lookup *l;

	if (a->section && d->new.role[atom] == ROLE_STATE)
		return strstr(a->section->name, "ro_after_init") != NULL;
	if (d->new.role[atom] != ROLE_EXTERN || !a->symbol || !*a->symbol->name)
		return false;
	l = lookup_atom(d, atom);
	return !l->err && route_in_sealed(d, &l->ksym);
}

static bool writes(const struct side *s, const struct step *step, uint32_t variable)
{
	return step->ref != NO_STEP && step->insn.access & ACCESS_WRITE &&
	       s->object->refs[step->ref].target == variable;
}

/* Whether the original's function @f writes it: one that is new may be made of any. */
static int wrote_before(const struct diff *d, uint32_t f, uint32_t variable, bool *wrote)
{
	const struct object *o = d->orig.object;
	uint32_t was = d->pairs.twin[f], what = d->pairs.twin[variable];
	int err = 0;

	*wrote = false;
	for (uint32_t i = 0; i < o->n_atoms && what != NO_ATOM && !err && !*wrote; i++) {
		struct flow flow;

		if (d->orig.role[i] != ROLE_CODE || part_only(&d->orig, i) || (was != NO_ATOM && i != was))
			continue;
		err = flow_read(d->arch, &d->orig, i, &flow);
		if (err)
			break;
		for (uint32_t n = 0; n < flow.n && !*wrote; n++)
			*wrote = writes(&d->orig, &flow.steps[n], what);
		flow_free(&flow);
	}
	return err;
}

static int judge_step(struct diff *d, uint32_t f, const struct step *step)
{
	uint32_t t = step->ref == NO_STEP ? NO_ATOM : d->new.object->refs[step->ref].target;
	bool wrote, fresh;
	int err;

	if (t == NO_ATOM || !writes(&d->new, step, t) || !is_sealed(d, t))
		return 0;
	err = wrote_before(d, f, t, &wrote);
	if (err || wrote)
		return err;
	fresh = new_atom(d, t)->section && d->pairs.twin[t] == NO_ATOM;
	diff_refuse(
		d, "read-only-after-boot", &d->new, step->atom, step->offset,
		fresh ? "Leave out __ro_after_init" :
			"Leave the variable as it is, and use a new one where the value is to change",
		"it writes %s, which is __ro_after_init: by the time that code of the patch runs, that is "
		"read-only, and the write is a fault",
		new_atom(d, t)->name);
	return 0;
}

int changes_sealed(struct diff *d)
{
	int err = 0;

	for (uint32_t i = 0; i < d->new.object->n_atoms && d->arch->follows_values && !err; i++) {
		struct flow flow;

		if (!d->carried[i] || d->new.role[i] != ROLE_CODE || part_only(&d->new, i))
			continue;
		err = flow_read(d->arch, &d->new, i, &flow);
		for (uint32_t n = 0; !err && n < flow.n; n++)
			err = judge_step(d, i, &flow.steps[n]);
		if (!err)
			flow_free(&flow);
	}
	return err;
}
