// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pass behind escape, first part: functions that the kernel was handed and has kept: those of works, timers, interrupts.
 *
 * Where the patch hands it one of another name, what lives already goes on calling the old one, and since the patch
 * has no function of that name, nothing replaces that. With its old name it is replaced wherever it is called.
 */
#include <string.h>

#include "create-diff-object/escape.h"
#include "create-diff-object/fields.h"

/* They keep the function that they are given for as long as an object lives (timers, threads, interrupts, NAPI). */
static const char *const keepers[] = {
	"init_timer_key",
	"timer_init_key",
	"hrtimer_setup",
	"tasklet_init",
	"tasklet_setup",
	"kthread_create_on_node",
	"__kthread_init_worker",
	"request_threaded_irq",
	"request_any_context_irq",
	"devm_request_threaded_irq",
	"devm_request_any_context_irq",
	"netif_napi_add_weight",
	"netif_napi_add_weight_locked",
};

static bool keeps(const struct escape *e)
{
	if (e->kind == ESCAPE_STORED)
		return true;
	for (size_t i = 0; e->kind == ESCAPE_PASSED && e->to && i < sizeof(keepers) / sizeof(keepers[0]); i++)
		if (!strcmp(e->to, keepers[i]))
			return true;
	return false;
}

static bool is_function(const struct side *s, uint32_t i)
{
	return i != NO_ATOM && s->role[i] == ROLE_CODE && s->object->atoms[i].kind == ATOM_FUNC &&
	       s->object->atoms[i].symbol && !part_only(s, i);
}

/* What the function @root of the original takes the address of, and the patched object has no longer; or NO_ATOM. */
static uint32_t handed_before(const struct diff *d, uint32_t root)
{
	const struct object *o = d->orig.object;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		if (d->orig.role[i] != ROLE_CODE || function_root(&d->orig, i) != root)
			continue;
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++) {
			uint32_t t = o->refs[r].target;

			if (is_function(&d->orig, t) && d->pairs.back[t] == NO_ATOM &&
			    !field_is_branch(d->arch, a, &o->refs[r]))
				return t;
		}
	}
	return NO_ATOM;
}

static void judge(struct diff *d, const struct kept *k)
{
	uint32_t is = k->ref->target, user = function_root(&d->new, k->atom), was;

	if (!keeps(&k->escape) || !is_function(&d->new, is) || d->pairs.twin[is] != NO_ATOM ||
	    d->pairs.how[is] != MATCH_NONE || d->pairs.twin[user] == NO_ATOM)
		return;
	was = handed_before(d, d->pairs.twin[user]);
	if (was == NO_ATOM || request_allows(d, is))
		return;
	diff_refuse(
		d, "handler-renamed", &d->new, k->atom, k->ref->offset,
		arena_printf(d->arena,
			     "Keep the name %s, and it is replaced wherever it is called; or say "
			     "KPATCH_ALLOW_DATA_CHANGE(%s) if what is old may go on with the old one",
			     d->orig.source[was], d->new.source[is]),
		"it hands over %s in place of %s: what the running kernel has set up already goes on calling "
		"that, which the patch does not replace",
		d->new.source[is], d->orig.source[was]);
}

int pass_kept(struct diff *d)
{
	for (uint32_t i = 0; i < d->n_kept; i++)
		judge(d, &d->kept[i]);
	escape_tables(d);
	if (!d->n_refused && request_removable(d, d->n_kept))
		d->n_kept = 0;
	return 0;
}
