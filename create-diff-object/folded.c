// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the changes pass: variables that have become constants, in part.
 *
 * Where the last writer of a static goes (or the author makes it const), the compiler puts it into read-only memory and its
 * initial values into the code that reads them at a known place, in functions that the source patch did not
 * touch as well. What reads it at a place that is known only when it runs goes on to use the kernel's, so
 * that the variable is still there; one that is gone altogether is in variables.c. In the running kernel it was writable, and
 * may hold other values. This is told from the instructions: a function reads less of the variable than it did.
 */
#include "create-diff-object/passes.h"

#include <errno.h>
#include <stdlib.h>

#include "create-diff-object/flow.h"
#include "lib/arch/arch.h"
#include "lib/util/xmalloc.h"

/* The places of one variable that functions read, in one version of the object. */
struct reads {
	int64_t *list; /* addends */
	size_t n;
};

static bool read_by(const struct object *o, const struct step *s, uint32_t variable)
{
	return s->ref != NO_STEP && o->refs[s->ref].target == variable && (s->insn.access & ACCESS_READ) &&
	       !(s->insn.access & ACCESS_WRITE);
}

/* Where @function reads @variable. The caller frees the list. */
static int find_reads(const struct diff *d, const struct side *s, uint32_t function, uint32_t variable,
		      struct reads *out)
{
	struct flow f;
	int err = flow_read(d->arch, s, function, &f);

	*out = (struct reads){ 0 };
	if (err)
		return err;
	out->list = xmalloc((f.n + 1) * sizeof(*out->list));
	for (uint32_t i = 0; i < f.n && out->list; i++)
		if (read_by(s->object, &f.steps[i], variable))
			out->list[out->n++] = s->object->refs[f.steps[i].ref].addend;
	flow_free(&f);
	return 0;
}

static bool take(struct reads *from, int64_t addend)
{
	for (size_t i = 0; i < from->n; i++) {
		if (from->list[i] != addend)
			continue;
		from->list[i] = from->list[--from->n];
		return true;
	}
	return false;
}

/*
 * Where code loads an address first, what it reads by that is not told: any function that changed may read less, and so may
 * one that is gone.
 */
static bool may_read_less(const struct diff *d, uint32_t function)
{
	uint32_t now = d->pairs.back[function];

	return now == NO_ATOM || d->verdicts[now].state != VERDICT_SAME;
}

/* Whether the patched version of @function reads less of it; one that is gone may have been inlined. */
static int reads_less(const struct diff *d, uint32_t function, uint32_t variable, bool *less)
{
	uint32_t now = d->pairs.back[function];
	struct reads was, is = { 0 };
	int err = find_reads(d, &d->orig, function, d->pairs.twin[variable], &was);

	if (!err && now != NO_ATOM)
		err = find_reads(d, &d->new, now, variable, &is);
	*less = false;
	for (size_t i = 0; i < was.n && !err; i++)
		*less |= !take(&is, was.list[i]);
	free(is.list);
	free(was.list);
	return err;
}

/* The functions that read less of it, as text; NULL: none do. */
static int readers(struct diff *d, uint32_t variable, const char **out)
{
	const struct object *o = d->orig.object;
	uint32_t last = NO_ATOM;
	int err = 0;

	*out = NULL;
	for (uint32_t i = 0; i < o->n_atoms && !err; i++) {
		uint32_t f = d->orig.role[i] == ROLE_CODE ? function_root(&d->orig, i) : NO_ATOM;
		bool less;

		if (f == NO_ATOM || f == last || !refers_to(o, &o->atoms[i], d->pairs.twin[variable]))
			continue;
		last = f;
		if (d->arch->follows_values)
			err = reads_less(d, f, variable, &less);
		else
			less = may_read_less(d, f);
		if (err || !less)
			continue;
		*out = arena_printf(d->arena, "%s%s%s", *out ? *out : "", *out ? ", " : "", o->atoms[f].name);
	}
	return err;
}

int changes_folded(struct diff *d)
{
	int err = 0;

	for (uint32_t i = 0; i < d->new.object->n_atoms && !err; i++) {
		uint32_t was = d->pairs.twin[i];
		const char *functions;

		if (d->new.role[i] != ROLE_CONST || was == NO_ATOM || d->orig.role[was] != ROLE_STATE)
			continue;
		err = readers(d, i, &functions);
		if (err || !functions || request_allows(d, i))
			continue;
		diff_refuse(
			d, "variable-folded", &d->new, i, -1,
			"Keep a function that writes it; or say KPATCH_ALLOW_DATA_CHANGE() of it if its initial "
			"value is right",
			"nothing writes it any more, so that the compiler puts its initial value in its place; "
			"the running kernel's may have another. It is read no longer, or less, by %s",
			functions);
	}
	return err;
}
