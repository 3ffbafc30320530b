// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that did not change and come along all the same.
 *
 * Sections that -ffunction-sections leaves whole (.sched.text and the like, named in the source) have
 * branches between functions that the assembler resolved in one byte: mutex_lock_interruptible() ends
 * in such a jump to its slow path. From a module no byte reaches vmlinux, and there is no room for a
 * longer jump. So the patch has a copy of the function, like one that the compiler inlined; its data is
 * the kernel's. Nothing else leads to the copy: calls and pointers that reach the original mean that.
 *
 * Reads what is carried; sets diff.copied. Refuses a copy of what is not known to be the kernel's.
 */
#include "create-diff-object/passes.h"

#include <errno.h>

#include "create-diff-object/fields.h"
#include "lib/arch/arch.h"

struct copies {
	struct diff *d;
	uint32_t *queue; /* code of the patch whose branches have not been looked at */
	uint32_t n_queue;
};

static void copy(struct copies *c, uint32_t f)
{
	struct diff *d = c->d;

	if (d->copied[f] || d->carried[f])
		return;
	d->copied[f] = true;
	c->queue[c->n_queue++] = f;
	for (uint32_t p = d->new.first_child[f]; p != NO_ATOM; p = d->new.next_child[p])
		if (part_only(&d->new, p))
			copy(c, p);
}

/* Whether the short branch leads to the start of a function of the kernel's. */
static bool wants_copy(const struct diff *d, const struct atom *from, const struct ref *r)
{
	const struct atom *t = r->target == NO_ATOM ? NULL : new_atom(d, r->target);

	return t && t->symbol && is_short(r) && d->new.role[t->id] == ROLE_CODE &&
	       d->verdicts[t->id].state == VERDICT_SAME && r->addend == (int64_t)t->entry &&
	       !part_only(&d->new, t->id) && field_is_branch(d->arch, from, r);
}

static void follow(struct copies *c, uint32_t f)
{
	struct diff *d = c->d;
	const struct atom *a = new_atom(d, f);

	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++) {
		const struct ref *r = &d->new.object->refs[i];

		if (wants_copy(d, a, r))
			copy(c, r->target);
	}
}

/* A copy is right if the kernel's function is the one that was compiled here. */
static void check_copy(struct diff *d, uint32_t f)
{
	const struct lookup *l = lookup_atom(d, f);

	const char *remedy, *id = lookup_failed_as(l, &remedy);

	if (l->err == -EKEYREJECTED)
		diff_refuse(d, id, &d->new, f, -1, remedy, "%s", l->why);
}

int pass_copies(struct diff *d)
{
	uint32_t n = d->new.object->n_atoms;
	struct copies c = { .d = d, .queue = arena_array(d->arena, n, sizeof(*c.queue)) };

	d->copied = arena_array(d->arena, n, sizeof(*d->copied));
	for (uint32_t i = 0; i < n; i++)
		if (d->carried[i] && d->new.role[i] == ROLE_CODE)
			follow(&c, i);
	for (uint32_t done = 0; done < c.n_queue; done++)
		follow(&c, c.queue[done]);
	for (uint32_t i = 0; i < n; i++)
		if (d->copied[i] && !part_only(&d->new, i))
			check_copy(d, i);
	return 0;
}
