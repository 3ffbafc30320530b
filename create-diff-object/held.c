// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the changes pass: locks that are taken in place of others, and references that one function begins to take
 * and another one to give back.
 *
 * A lock excludes those who take the same one. Where a changed function takes a lock that is new in place of one that the
 * kernel has, it is no longer excluded by code that the patch does not replace, nor by tasks that are not in the patch
 * yet, of which there are some until the transition ends.
 *
 * What lives when the patch comes has been through the old version of the function that now takes a reference, and
 * will go through the new version of the one that gives it back: one too many.
 *
 * Told from calls by name, and from what their first argument is loaded with. What is inlined (refcount_inc()) is
 * not seen, nor are locks in objects.
 */
#include "create-diff-object/passes.h"

#include <string.h>

#include "create-diff-object/flow.h"
#include "lib/arch/arch.h"
#include "lib/arch/dataflow.h"

/* From where an argument is loaded to the call that gets it. */
#define NEAR 8
#define MOST_CALLS 256

/* What their names begin with. */
static const char *const lockers[] = {
	"mutex_lock",	   "mutex_trylock", "_raw_spin_lock",	  "_raw_spin_trylock", "_raw_read_lock",
	"_raw_write_lock", "rt_mutex_lock", "rt_spin_lock",	  "ww_mutex_lock",     "percpu_down_write",
	"down_read",	   "down_write",    "down_interruptible", "down_killable",     "down_trylock",
};

static const struct {
	const char *get, *put;
} pairs[] = {
	{ "get_device", "put_device" },
	{ "kobject_get", "kobject_put" },
	{ "try_module_get", "module_put" },
	{ "__module_get", "module_put" },
	{ "fget", "fput" },
	{ "igrab", "iput" },
	{ "ihold", "iput" },
	{ "mntget", "mntput" },
	{ "path_get", "path_put" },
	{ "of_node_get", "of_node_put" },
	{ "pci_dev_get", "pci_dev_put" },
	{ "usb_get_dev", "usb_put_dev" },
	{ "usb_get_intf", "usb_put_intf" },
	{ "usb_get_urb", "usb_free_urb" },
	{ "get_pid", "put_pid" },
	{ "get_net", "put_net" },
	{ "blk_get_queue", "blk_put_queue" },
	{ "tty_kref_get", "tty_kref_put" },
	{ "l2cap_chan_hold", "l2cap_chan_put" },
	{ "hci_conn_get", "hci_conn_put" },
	{ "ipv6_dev_hold", "ipv6_dev_put" },
	{ "pm_runtime_get", "pm_runtime_put" },
};

#define N_PAIRS (sizeof(pairs) / sizeof(pairs[0]))

/* A call: whom, and what the first argument is the address of, or NO_ATOM. */
struct call {
	uint32_t callee, argument;
};

struct calls {
	struct call list[MOST_CALLS];
	uint32_t n;
};

static uint32_t first_argument(const struct diff *d, const struct side *s, const struct flow *f,
			       uint32_t call)
{
	for (uint32_t n = 0, i = call; n < NEAR && i > 0; n++) {
		const struct step *step = &f->steps[--i];
		const struct atom *a = &s->object->atoms[step->atom];
		struct dataflow_insn insn;

		if (step->insn.flow == FLOW_CALL || step->atom != f->steps[call].atom)
			break;
		d->arch->dataflow(atom_bytes(a), a->size, step->offset, &insn);
		if (!((insn.writes | insn.changes) & d->arch->arguments[0]))
			continue;
		return step->ref != NO_STEP && step->insn.access & ACCESS_ADDRESS ?
			       s->object->refs[step->ref].target :
			       NO_ATOM;
	}
	return NO_ATOM;
}

static int read_calls(const struct diff *d, const struct side *s, uint32_t function, struct calls *out)
{
	struct flow f;
	int err = flow_read(d->arch, s, function, &f);

	out->n = 0;
	for (uint32_t i = 0; !err && i < f.n && out->n < MOST_CALLS; i++) {
		const struct step *step = &f.steps[i];
		bool away = step->insn.flow == FLOW_CALL ||
			    (step->insn.flow == FLOW_JUMP && step->target == NO_STEP);
		uint32_t callee = away && step->ref != NO_STEP ? s->object->refs[step->ref].target : NO_ATOM;

		if (callee != NO_ATOM && s->object->atoms[callee].symbol)
			out->list[out->n++] = (struct call){ callee, first_argument(d, s, &f, i) };
	}
	if (!err)
		flow_free(&f);
	return err;
}

static bool locks(const struct side *s, const struct call *c)
{
	const char *name = s->object->atoms[c->callee].name;

	for (size_t i = 0; i < sizeof(lockers) / sizeof(lockers[0]); i++)
		if (!strncmp(name, lockers[i], strlen(lockers[i])))
			return c->argument != NO_ATOM && s->role[c->argument] != ROLE_LITERAL;
	return false;
}

/* In how many places it is taken. */
static uint32_t takes(const struct side *s, const struct calls *calls, uint32_t lock)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < calls->n; i++)
		n += calls->list[i].argument == lock && locks(s, &calls->list[i]);
	return n;
}

/*
 * A lock of the kernel's that the original version takes in more places than the patched one, NO_ATOM: a function may be
 * made of several, of which one takes another lock.
 */
static uint32_t lock_dropped(const struct diff *d, const struct calls *was, const struct calls *is)
{
	for (uint32_t i = 0; i < was->n; i++) {
		uint32_t lock = was->list[i].argument;

		/* one that nobody uses any more has been renamed: removed.c */
		if (locks(&d->orig, &was->list[i]) && d->pairs.back[lock] != NO_ATOM &&
		    takes(&d->orig, was, lock) > takes(&d->new, is, d->pairs.back[lock]))
			return lock;
	}
	return NO_ATOM;
}

static void judge_locks(struct diff *d, uint32_t f, const struct calls *was, const struct calls *is)
{
	uint32_t dropped = lock_dropped(d, was, is);

	for (uint32_t i = 0; i < is->n && dropped != NO_ATOM; i++) {
		uint32_t lock = is->list[i].argument;

		if (!locks(&d->new, &is->list[i]) || !state_added(d, lock))
			continue;
		if (!request_allows(d, lock))
			diff_refuse(
				d, "lock-replaced", &d->new, f, -1,
				"Go on taking the old one, and the new one within it if that helps; or say "
				"KPATCH_ALLOW_DATA_CHANGE() of the new one if the old one never protected "
				"what this does",
				"it takes the new lock %s in place of %s: code that is not replaced, and "
				"tasks that are not in the patch yet, take that one, and neither excludes "
				"the other",
				new_atom(d, lock)->name, orig_atom(d, dropped)->name);
		return;
	}
}

static uint32_t count(const struct side *s, const struct calls *calls, const char *name)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < calls->n; i++)
		n += !strcmp(s->object->atoms[calls->list[i].callee].name, name);
	return n;
}

/* By pair: a function that takes references more often than it did and gives none back more often, and the reverse. */
struct balance {
	uint32_t gets[N_PAIRS], puts[N_PAIRS]; /* NO_ATOM */
};

static void weigh(const struct diff *d, uint32_t f, const struct calls *was, const struct calls *is,
		  struct balance *b)
{
	for (size_t i = 0; i < N_PAIRS; i++) {
		bool gets = count(&d->new, is, pairs[i].get) > count(&d->orig, was, pairs[i].get);
		bool puts = count(&d->new, is, pairs[i].put) > count(&d->orig, was, pairs[i].put);

		if (gets && !puts)
			b->gets[i] = f;
		if (puts && !gets)
			b->puts[i] = f;
	}
}

static bool calls(const struct diff *d, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < d->new.object->n_atoms; i++) {
		if (d->new.role[i] != ROLE_CODE || function_root(&d->new, i) != from)
			continue;
		if (refers_to(d->new.object, new_atom(d, i), to))
			return true;
	}
	return false;
}

/* What one of them does for the other is over before anybody else comes. */
static void judge_balance(struct diff *d, const struct balance *b)
{
	for (size_t i = 0; i < N_PAIRS; i++)
		if (b->gets[i] != NO_ATOM && b->puts[i] != NO_ATOM && !calls(d, b->gets[i], b->puts[i]) &&
		    !calls(d, b->puts[i], b->gets[i]))
			diff_warn(
				d, "reference-not-taken", &d->new, b->puts[i], -1,
				"If that is so, mark what the new version took it for, for instance by a shadow "
				"variable, and give back no other (doc/authors.md)",
				"it begins to call %s() where %s() begins to call %s(): what has been through "
				"the old version of that one when the patch comes may go through this one, "
				"which gives back what was never taken",
				pairs[i].put, new_atom(d, b->gets[i])->name, pairs[i].get);
}

int changes_held(struct diff *d)
{
	struct calls *was, *is;
	struct balance b;
	int err = 0;

	if (!d->arch->follows_values || !d->n_replaced)
		return 0;
	was = arena_array(d->arena, 2, sizeof(*was));
	is = was + 1;
	memset(&b, 0xff, sizeof(b));
	for (uint32_t i = 0; i < d->new.object->n_atoms && !err; i++) {
		if (!d->replaced[i] || d->pairs.twin[i] == NO_ATOM || d->verdicts[i].state != VERDICT_CHANGED)
			continue;
		err = read_calls(d, &d->orig, d->pairs.twin[i], was);
		if (!err)
			err = read_calls(d, &d->new, i, is);
		if (err)
			break;
		judge_locks(d, i, was, is);
		weigh(d, i, was, is, &b);
	}
	if (!err)
		judge_balance(d, &b);
	return err;
}
