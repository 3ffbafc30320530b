// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between comparing and including: what do the differences mean for a kernel that is running?
 *
 * A function is replaced whole, so a change in a split part that ftrace cannot reach changes the
 * function it was split from. A changed function that ftrace cannot redirect is reached through
 * its callers, if all of them are known. A local table of plain values that changed is carried by
 * the patch, and the functions that use it are replaced. Whatever else changed cannot be applied:
 * initialised data, __init code, exports, parameters and other registrations, unknown sections.
 */
#include "create-diff-object/passes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "create-diff-object/fields.h"
#include "create-diff-object/forever.h"
#include "lib/arch/arch.h"
#include "lib/util/vmlinux.h"

struct changes {
	struct diff *d;
	uint32_t *queue; /* functions to be replaced that have not been looked at */
	uint32_t n_queue, done;
	uint32_t *first_user, *next_user; /* by target: references from code and data, as a list */
	uint32_t *user;			  /* by reference: the atom it belongs to */
	bool *left;			  /* by atom: the author wants the kernel's function to stay */
	bool *table;			  /* by atom: a changed table of values that the patch carries */
};

static void replace(struct changes *c, uint32_t function, const char *reason)
{
	struct diff *d = c->d;

	/* What is carried already at this stage is a private copy whose callers are replaced. */
	if (d->replaced[function] || d->carried[function] || c->left[function])
		return;
	reason = reason ? reason : "changed";
	c->left[function] = request_leaves(d, &d->new, function, reason);
	if (c->left[function])
		return;
	d->replaced[function] = reason;
	c->queue[c->n_queue++] = function;
}

/* Who refers to each atom. Table entries count as the function that they describe. */
static void index_users(struct changes *c)
{
	const struct object *o = c->d->new.object;

	c->first_user = arena_array(c->d->arena, o->n_atoms, sizeof(uint32_t));
	c->next_user = arena_array(c->d->arena, o->n_refs, sizeof(uint32_t));
	c->user = arena_array(c->d->arena, o->n_refs, sizeof(uint32_t));
	memset(c->first_user, 0xff, o->n_atoms * sizeof(uint32_t));
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		enum role role = c->d->new.role[i];

		if (role == ROLE_IGNORED || role == ROLE_HINT)
			continue;
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++) {
			uint32_t t = o->refs[r].target;

			if (t == NO_ATOM)
				continue;
			c->user[r] = i;
			c->next_user[r] = c->first_user[t];
			c->first_user[t] = r;
		}
	}
}

/* Changed functions */

static const char *part_reason(struct diff *d, uint32_t part, uint32_t root, const char *reason)
{
	if (part == root)
		return reason;
	return arena_printf(d->arena, "its part %s changed: %s", new_atom(d, part)->name, reason);
}

static void collect_changed(struct changes *c)
{
	struct diff *d = c->d;

	for (uint32_t i = 0; i < d->new.object->n_atoms; i++) {
		uint32_t root;

		if (d->new.role[i] != ROLE_CODE || d->verdicts[i].state != VERDICT_CHANGED)
			continue;
		root = function_root(&d->new, i);
		/* A new function's parts are new with it. */
		if (d->pairs.twin[root] != NO_ATOM)
			replace(c, root, part_reason(d, i, root, d->verdicts[i].reason));
	}
}

/* Tables of values */

/* Whether all that is referred to are strings and the like, which are known by their values. */
static bool holds_literals(const struct side *s, const struct atom *a)
{
	for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++) {
		uint32_t t = s->object->refs[r].target;

		if (t == NO_ATOM || s->role[t] != ROLE_LITERAL)
			return false;
	}
	return true;
}

static bool plain_table(const struct diff *d, uint32_t i)
{
	const struct atom *a = new_atom(d, i), *was = orig_atom(d, d->pairs.twin[i]);

	if (d->new.role[i] != ROLE_CONST || !a->local || !was->local)
		return false;
	return holds_literals(&d->new, a) && holds_literals(&d->orig, was);
}

static uint32_t code_user(const struct diff *d, uint32_t user)
{
	if (d->new.role[user] == ROLE_ENTRY && new_atom(d, user)->owner != NO_ATOM)
		user = new_atom(d, user)->owner;
	return d->new.role[user] == ROLE_CODE ? user : NO_ATOM;
}

static bool used_by_code_only(const struct changes *c, uint32_t i)
{
	for (uint32_t r = c->first_user[i]; r != NO_ATOM; r = c->next_user[r])
		if (code_user(c->d, c->user[r]) == NO_ATOM)
			return false;
	return true;
}

/* A function that writes the table's address to memory, where it outlives the function; or NO_ATOM. */
static uint32_t stored_by(const struct changes *c, uint32_t i)
{
	struct diff *d = c->d;

	for (uint32_t r = c->first_user[i]; r != NO_ATOM; r = c->next_user[r])
		if (d->new.role[c->user[r]] == ROLE_CODE &&
		    field_is_stored(d->arch, new_atom(d, c->user[r]), &d->new.object->refs[r]))
			return c->user[r];
	return NO_ATOM;
}

static void refuse_stored(struct changes *c, uint32_t i, uint32_t function)
{
	struct diff *d = c->d;

	diff_refuse(
		d, "data-changed", &d->new, i, -1,
		"Leave the table as it is, and have the functions that read it use other values",
		"%s, and %s stores its address: what has it already keeps the old table, and what gets it "
		"from the patch keeps it when the patch is gone",
		d->verdicts[i].reason, new_atom(d, function)->name);
}

static void carry_table(struct changes *c, uint32_t i)
{
	struct diff *d = c->d;
	const char *reason = arena_printf(d->arena, "it uses %s, which changed: %s", new_atom(d, i)->name,
					  d->verdicts[i].reason);

	c->table[i] = true;
	d->carried[i] = true;
	for (uint32_t r = c->first_user[i]; r != NO_ATOM; r = c->next_user[r]) {
		uint32_t root = function_root(&d->new, code_user(d, c->user[r]));

		if (d->pairs.twin[root] != NO_ATOM)
			replace(c, root, reason);
	}
}

/* Data and everything else that cannot change in a running kernel */

static void refuse_data(struct changes *c, uint32_t i)
{
	struct diff *d = c->d;

	diff_refuse(
		d, "data-changed", &d->new, i, -1,
		renamed_remedy(d, i,
			       d->new.role[i] == ROLE_CONST ?
				       "The kernel's is read-only: leave it as it is, and change the code "
				       "that reads it, or the functions that it names" :
				       "Set it in a pre-patch callback, and say KPATCH_ALLOW_DATA_CHANGE() "
				       "(doc/authors.md); or use a shadow variable"),
		"%s: the running kernel has this data already", d->verdicts[i].reason);
}

static void judge_changed_table(struct changes *c, uint32_t i)
{
	uint32_t function;

	if (!plain_table(c->d, i) || !used_by_code_only(c, i)) {
		refuse_data(c, i);
		return;
	}
	function = stored_by(c, i);
	if (function == NO_ATOM)
		carry_table(c, i);
	else
		refuse_stored(c, i, function);
}

static void judge_changed_data(struct changes *c, uint32_t i)
{
	struct diff *d = c->d;

	switch ((enum role)d->new.role[i]) {
	case ROLE_CONST:
	case ROLE_STATE:
		judge_changed_table(c, i);
		break;
	case ROLE_PIECE:
		refuse_data(c, i);
		break;
	case ROLE_INIT:
		diff_refuse(
			d, "init-changed", &d->new, i, (int64_t)d->verdicts[i].offset,
			renamed_remedy(d, i,
				       "Leave __init and __exit code as it is and do the work in a callback"),
			"%s: %s",
			strncmp(new_atom(d, i)->section->name, ".exit", 5) ?
				"it has run already and is gone" :
				"__exit code cannot be replaced",
			d->verdicts[i].reason);
		break;
	case ROLE_UNKNOWN:
		diff_refuse(d, "unknown-section-changed", &d->new, i, -1, NULL,
			    "section %s changed and its meaning is not known", new_atom(d, i)->section->name);
		break;
	default: /* see judged() */
		break;
	}
}

static void judge_new_data(struct changes *c, uint32_t i)
{
	struct diff *d = c->d;
	const struct atom *a = new_atom(d, i);

	if (a->section->per_cpu)
		diff_refuse(
			d, "new-per-cpu-data", &d->new, i, -1,
			"Leave it in the file where the kernel has it if it comes from another one; otherwise use "
			"a shadow variable, or memory from alloc_percpu() in a callback",
			"a patch cannot add per-CPU data");
	else if ((d->new.role[i] == ROLE_INIT || d->new.role[i] == ROLE_UNKNOWN) &&
		 request_leaves(d, &d->new, i, "it is new"))
		return;
	else if (d->new.role[i] == ROLE_INIT && d->pairs.how[i] == MATCH_NONE)
		diff_refuse(d, "init-changed", &d->new, i, -1,
			    "Keep the names of those that are there, and do new work in a callback",
			    "a patch has no __init or __exit code");
	else if (d->new.role[i] == ROLE_UNKNOWN)
		diff_refuse(d, "unknown-section-changed", &d->new, i, -1, NULL,
			    "it is new in section %s, whose meaning is not known", a->section->name);
}

/* Roles of which a change is a problem. (Registrations are judged as a set.) */
static bool judged(const struct diff *d, uint32_t i)
{
	enum role role = d->new.role[i];

	return role == ROLE_CONST || role == ROLE_STATE || role == ROLE_PIECE || role == ROLE_INIT ||
	       role == ROLE_UNKNOWN;
}

static void judge_data(struct changes *c)
{
	struct diff *d = c->d;

	for (uint32_t i = 0; i < d->new.object->n_atoms; i++) {
		if (d->new.role[i] == ROLE_CODE || (d->new.role[i] == ROLE_INIT && d->input->init_stays))
			continue;
		if (d->verdicts[i].state == VERDICT_CHANGED && judged(d, i) &&
		    !request_leaves(d, &d->new, i, d->verdicts[i].reason))
			judge_changed_data(c, i);
		else if (d->verdicts[i].state == VERDICT_NEW)
			judge_new_data(c, i);
	}
}

/* Bytes without a symbol, in sections that nobody knows: each section must be what it was. */
static bool section_same(struct diff *d, const struct section *s)
{
	const struct section *o = object_section(d->orig.object, s->name);

	if (!o || o->size != s->size || o->n_atoms != s->n_atoms)
		return false;
	for (uint32_t i = 0; i < s->n_atoms; i++)
		if (!values_same(d, o->first_atom + i, s->first_atom + i))
			return false;
	return true;
}

static void judge_unknown(struct diff *d)
{
	const struct object *o = d->new.object;

	for (uint32_t i = 0; i < o->n_sections; i++) {
		const struct section *s = &o->sections[i];
		uint32_t a = s->first_atom, end = a + s->n_atoms;

		while (a < end && (d->new.role[a] != ROLE_UNKNOWN || o->atoms[a].symbol))
			a++;
		if (a < end && !section_same(d, s) && !request_leaves(d, &d->new, a, "it differs"))
			diff_refuse(d, "unknown-section-changed", &d->new, a, -1,
				    "Report the section, so that this tool can learn about it",
				    "section %s changed and its meaning is not known", s->name);
	}
}

/* Can it be done? */

/*
 * A local function that ftrace cannot redirect is brought along as a private copy, and its callers
 * are replaced, provided that every use of it is a call from code.
 */
static bool replace_callers(struct changes *c, uint32_t f)
{
	struct diff *d = c->d;
	uint32_t callers = 0;

	if (!new_atom(d, f)->local || !orig_atom(d, d->pairs.twin[f])->local)
		return false;
	for (uint32_t r = c->first_user[f]; r != NO_ATOM; r = c->next_user[r]) {
		const struct ref *ref = &d->new.object->refs[r];
		const struct atom *from = new_atom(d, c->user[r]);
		enum role role = d->new.role[from->id];

		if (role == ROLE_ENTRY || (role == ROLE_CODE && function_root(&d->new, from->id) == f))
			continue;
		if (role == ROLE_PIECE)
			continue;
		if (role != ROLE_CODE || !field_is_branch(d->arch, from, ref))
			return false;
		callers++;
	}
	if (!callers)
		return false;
	for (uint32_t r = c->first_user[f]; r != NO_ATOM; r = c->next_user[r]) {
		uint32_t from = c->user[r], root;

		if (d->new.role[from] != ROLE_CODE)
			continue;
		root = function_root(&d->new, from);
		if (root != f && d->pairs.twin[root] != NO_ATOM)
			replace(c, root,
				arena_printf(d->arena,
					     "it calls %s, which changed and cannot be "
					     "traced",
					     new_atom(d, f)->name));
	}
	return true;
}

/* The function must be in the kernel object that is being patched, at a known position. */
static void check_in_kernel(struct diff *d, uint32_t f)
{
	const struct lookup *l = lookup_atom(d, f);
	const char *remedy, *id = lookup_failed_as(l, &remedy);

	if (l->err) {
		diff_refuse(d, id, &d->new, f, -1, remedy, "%s", l->why ? l->why : "its symbol is ambiguous");
		return;
	}
	if (l->ksym.where == KSYM_OWNER)
		return;
	if (l->ksym.where == KSYM_VMLINUX_EXPORT && is_vmlinux(d->input->owner))
		return;
	diff_refuse(d, "function-not-in-kernel", &d->new, f, -1,
		    "Check that source, configuration and owner are those of the running kernel",
		    "%s has no symbol of the changed function", d->input->owner);
}

static void judge_function(struct changes *c, uint32_t f)
{
	struct diff *d = c->d;
	const struct atom *orig = orig_atom(d, d->pairs.twin[f]);

	if (orig->traced) {
		check_in_kernel(d, f);
		return;
	}
	if (replace_callers(c, f)) {
		d->carried[f] = true;
		d->replaced[f] = NULL;
		return;
	}
	diff_refuse(d, "function-not-traceable", &d->new, f, -1,
		    "Change a function that calls it instead; notrace, noinstr and __init code and "
		    "what runs with them cannot be redirected",
		    "ftrace cannot redirect the changed function (section %s)", orig->section->name);
}

static void carry_parts(struct diff *d, uint32_t f)
{
	d->carried[f] = true;
	for (uint32_t p = d->new.first_child[f]; p != NO_ATOM; p = d->new.next_child[p])
		if (part_only(&d->new, p) && !d->carried[p])
			carry_parts(d, p);
}

static void mark_carried(struct diff *d)
{
	for (uint32_t i = 0; i < d->new.object->n_atoms; i++) {
		enum role role = d->new.role[i];

		if (role != ROLE_CODE || part_only(&d->new, i))
			continue;
		if (d->replaced[i])
			d->n_replaced++;
		if (d->replaced[i] || d->carried[i] || d->verdicts[i].state == VERDICT_NEW)
			carry_parts(d, i);
	}
}

static void changes_alloc(struct changes *c)
{
	struct diff *d = c->d;
	uint32_t n = d->new.object->n_atoms;

	d->carried = arena_array(d->arena, n, sizeof(*d->carried));
	d->replaced = arena_array(d->arena, n, sizeof(*d->replaced));
	d->lookups = arena_array(d->arena, n, sizeof(*d->lookups));
	c->table = arena_array(d->arena, n, sizeof(*c->table));
	c->left = arena_array(d->arena, n, sizeof(*c->left));
	c->queue = arena_array(d->arena, n, sizeof(*c->queue));
	index_users(c);
}

int pass_changes(struct diff *d)
{
	struct changes c = { .d = d };
	int err;

	changes_alloc(&c);
	collect_changed(&c);
	judge_data(&c);
	judge_unknown(d);
	changes_registrations(d);
	err = changes_removed(d);
	if (!err)
		err = changes_folded(d);
	if (!err)
		err = changes_aliases(d);
	while (c.done < c.n_queue)
		judge_function(&c, c.queue[c.done++]);
	mark_carried(d);
	if (!err)
		err = changes_once(d);
	if (!err)
		err = changes_sealed(d);
	if (!err)
		err = changes_held(d);
	return err ? err : changes_forever(d);
}
