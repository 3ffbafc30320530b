// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds code that runs once, and the variable that guards it: a variable is tested, and where one outcome
 * leads it is written, or it is written anywhere and its initial value leads there (guards_first.c). What can only be
 * reached by that outcome is guarded; so are the local functions that nobody else calls (guards_callees.c). DO_ONCE() has its test and its write in two functions of the kernel, which get the
 * variable's address. What a short local function of the object reads of one variable, and does no more than that, counts as read
 * where it is called.
 *
 * The test is one for zero or of bits, or any with a constant if the variable is written there and then
 * (users++ == 0), or for a constant where nothing but constants is ever written (state != READY). Others do not
 * tell a first run from a repeated one: a time that has come, a number that has been reached. What is tested is
 * the value that was read, in whatever register it is; one comparison of it may follow another. A static key
 * is tested by a jump label, and written by whoever gets its address: static_key_enable() and its sisters.
 */
#include "create-diff-object/guards.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/escape.h"
#include "create-diff-object/flow.h"
#include "create-diff-object/passes.h"
#include "lib/arch/dataflow.h"
#include "lib/util/xmalloc.h"

/* From a test to its branch, from an address to the call that gets it: no compiler puts more between. */
#define NEAR 24
/* From where it is read to where it is tested: calls may come between, if a register or the stack keeps it. */
#define FAR 80
/* <linux/jump_label.h>: low bits of where an entry says its key is, which is aligned */
#define LABEL_IS_NOP 2
/* Steps that are spent on one function's tests; no real one needs a hundredth. */
#define BUDGET 50000000

/* A write of a variable at that place. */
struct written {
	uint32_t variable;
	int64_t at;
};

/* What a function writes: a part of search.written. */
struct writes {
	size_t first, n;
	bool known;
};

/* What a function returns: the value of that reference's variable, and no more is known of it; NULL. */
struct returned {
	const struct ref *ref;
	bool known;
};

struct search {
	struct diff *d;
	const struct side *s;
	struct guards *g;
	struct flow f;
	bool *all, *rest;
	uint8_t *once, *first; /* edges: of one first run, of all; see flow_reach() */
	uint32_t any_first;    /* a guard of @first, NO_ATOM */
	uint32_t *stack;
	struct writes *writes;	   /* by function */
	struct returned *returned; /* by function */
	struct written *written;
	size_t n_written, room;
	int err; /* of reading a function that is called */
	uint64_t budget;
	enum guard_kind kind;
};

bool guard_of_once(const struct side *s, uint32_t atom)
{
	return s->role[atom] == ROLE_STATE && s->source[atom] && !strcmp(s->source[atom], "___done");
}

bool key_of_once(const struct side *s, uint32_t atom)
{
	return s->role[atom] == ROLE_STATE && s->source[atom] && !strcmp(s->source[atom], "___once_key");
}

static const struct ref *ref_of(const struct search *w, uint32_t step)
{
	uint32_t r = w->f.steps[step].ref;

	return r == NO_STEP ? NULL : &w->s->object->refs[r];
}

/* The function that a step calls, or NULL. */
static const struct atom *called(const struct search *w, uint32_t step)
{
	const struct ref *r = w->f.steps[step].insn.flow == FLOW_CALL ? ref_of(w, step) : NULL;

	return r && r->target != NO_ATOM ? &w->s->object->atoms[r->target] : NULL;
}

/* The same, or the one that this function ends in with a jump. */
static const struct atom *called_or_tail(const struct search *w, uint32_t step)
{
	const struct step *s = &w->f.steps[step];
	const struct ref *r = s->insn.flow == FLOW_JUMP && s->target == NO_STEP ? ref_of(w, step) : NULL;

	return r && r->target != NO_ATOM ? &w->s->object->atoms[r->target] : called(w, step);
}

static bool begins(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/* __do_once_start(), __do_once_sleepable_start(), …: @end is what their names end in. */
static bool calls_once(const struct search *w, uint32_t step, const char *end)
{
	const struct atom *a = called(w, step);
	size_t n = a && a->symbol ? strlen(a->name) : 0, m = strlen(end);

	return n > m && begins(a->name, "__do_once_") && !strcmp(a->name + n - m, end);
}

/* The step after @i as long as there is no choice, or NO_STEP. */
static uint32_t onward(const struct search *w, uint32_t i)
{
	const struct step *s = &w->f.steps[i];

	return s->insn.flow == FLOW_JUMP ? s->target : s->next;
}

/* The argument that the step loads, from 1; or 0. */
static uint8_t argument_of(const struct search *w, const struct step *s)
{
	const struct atom *a = &w->s->object->atoms[s->atom];
	struct dataflow_insn insn;

	w->d->arch->dataflow(atom_bytes(a), a->size, s->offset, &insn);
	for (uint8_t i = 0; i < N_ARGUMENTS; i++)
		if (insn.writes == w->d->arch->arguments[i])
			return i + 1;
	return 0;
}

static void note_accesses(struct search *w)
{
	for (uint32_t i = 0; i < w->f.n; i++) {
		const struct step *s = &w->f.steps[i];
		uint32_t at = s->next;

		if (s->ref == NO_STEP)
			continue;
		w->g->access[s->ref] = s->insn.access;
		if (s->insn.constant && !s->insn.value)
			w->g->access[s->ref] |= ACCESS_CLEARS;
		for (int n = 0; n < NEAR && at != NO_STEP && s->insn.access & ACCESS_ADDRESS; n++) {
			const struct atom *callee = called_or_tail(w, at);

			if (callee) {
				w->g->callee[s->ref] = callee->id;
				w->g->argument[s->ref] = argument_of(w, s);
				break;
			}
			if (w->f.steps[at].insn.flow != FLOW_NEXT)
				break;
			at = w->f.steps[at].next;
		}
	}
}

/* Whether the step gets at the guard. Of an array which element it is nobody knows: the index may hold a part of the place. */
static bool is_of(const struct search *w, uint32_t step, const struct ref *guard)
{
	const struct ref *r = ref_of(w, step);

	if (!r || !guard || r->target != guard->target)
		return false;
	return r->addend == guard->addend || (w->f.steps[step].insn.access & ACCESS_ELEMENT &&
					      w->g->access[guard - w->s->object->refs] & ACCESS_ELEMENT);
}

static bool writes(const struct search *w, uint32_t step, const struct ref *guard)
{
	return is_of(w, step, guard) && w->f.steps[step].insn.access & ACCESS_WRITE;
}

/* Whether the step gives the guard's address, or that of the structure that begins with it, to a function that may write it. */
static bool gives(const struct search *w, uint32_t step, const struct ref *guard)
{
	const struct ref *r = ref_of(w, step);
	uint32_t callee = r && r->target == guard->target ? w->g->callee[w->f.steps[step].ref] : NO_ATOM;

	return callee != NO_ATOM && (r->addend == guard->addend || !r->addend) &&
	       !callee_find(w->d, w->s->object->atoms[callee].name);
}

/* Notes what a function of the object writes. */
static void read_writes(struct search *w, uint32_t root)
{
	struct flow f = { 0 };
	int err = flow_read(w->d->arch, w->s, root, &f);

	w->err = w->err ? w->err : err;
	w->writes[root] = (struct writes){ .first = w->n_written, .known = true };
	for (uint32_t i = 0; i < f.n; i++) {
		const struct ref *r = f.steps[i].ref == NO_STEP ? NULL : &w->s->object->refs[f.steps[i].ref];

		if (!r || !(f.steps[i].insn.access & ACCESS_WRITE))
			continue;
		if (w->n_written == w->room) {
			w->room = w->room ? 2 * w->room : 64;
			w->written = xreallocarray(w->written, w->room, sizeof(*w->written));
		}
		w->written[w->n_written++] = (struct written){ r->target, r->addend };
	}
	w->writes[root].n = w->n_written - w->writes[root].first;
	flow_free(&f);
}

/* Whether the step calls a function of the object that writes the guard. Of messages' flags and of DO_ONCE() it is known who does. */
static bool calls_writer(struct search *w, uint32_t step, const struct ref *guard)
{
	const struct atom *a = w->kind == GUARDS_ALL ? called_or_tail(w, step) : NULL;
	const struct writes *writes;
	uint32_t root;

	if (!a || w->s->role[a->id] != ROLE_CODE)
		return false;
	root = function_root(w->s, a->id);
	if (!w->writes[root].known)
		read_writes(w, root);
	writes = &w->writes[root];
	for (size_t i = writes->first; i < writes->first + writes->n; i++)
		if (w->written[i].variable == guard->target && w->written[i].at == guard->addend)
			return true;
	return false;
}

/* Whether the function does little more than to read one variable: the reference that does. */
static const struct ref *only_read(struct search *w, uint32_t root)
{
	const struct ref *found = NULL;
	struct flow f = { 0 };
	int err = flow_read(w->d->arch, w->s, root, &f);

	w->err = w->err ? w->err : err;
	for (uint32_t i = 0; i < f.n && f.n <= NEAR; i++) {
		const struct ref *r = f.steps[i].ref == NO_STEP ? NULL : &w->s->object->refs[f.steps[i].ref];
		enum role role = r && r->target != NO_ATOM ? w->s->role[r->target] : ROLE_UNKNOWN;

		if (role != ROLE_STATE)
			continue;
		if (f.steps[i].insn.access != ACCESS_READ || (found && r->target != found->target)) {
			found = NULL;
			break;
		}
		found = r;
	}
	flow_free(&f);
	return found;
}

/* What the step gets from a function that it calls, or NULL. */
static const struct ref *returned_by(struct search *w, uint32_t step)
{
	const struct atom *a = w->kind == GUARDS_ALL ? called(w, step) : NULL;
	struct returned *returned;
	uint32_t root;

	if (!a || w->s->role[a->id] != ROLE_CODE)
		return NULL;
	root = function_root(w->s, a->id);
	returned = &w->returned[root];
	if (!returned->known)
		*returned = (struct returned){ only_read(w, root), true };
	return returned->ref;
}

/* Whether the function gives the variable no other values than constants. */
static bool gets_constants(const struct search *w, const struct ref *guard)
{
	for (uint32_t i = 0; i < w->f.n; i++)
		if (writes(w, i, guard) && !w->f.steps[i].insn.constant)
			return false;
	return true;
}

/* A way on from where a variable is read. */
struct trail {
	uint32_t at, n;	     /* step, and how many there were */
	uint32_t holders;    /* registers that have what was read, or what was made of it */
	bool zero, constant; /* the flags tell whether that is zero; how it compares with a constant */
	bool written;	     /* the variable is, on the way */
	bool whole;	     /* the holders have just what was read, or these bits of it: */
	uint32_t narrowed;   /* registers with no more than @mask of it */
	uint64_t mask;
	const struct insn_flow *test; /* how that was compared last, or NULL */
	uint64_t tested;	      /* the bits that were */
	bool in_slot;		      /* the stack has it too, */
	int32_t slot,
		depth; /* there, counted from where the stack pointer was at first, as is what it is now */
};

/* Notes what the instruction does to the copy that the stack has. @own: what it writes is the guard's. */
static void take_stack(struct trail *t, const struct dataflow_insn *insn, bool own)
{
	int32_t at = t->depth + insn->slot;

	if (insn->to_stack && own) {
		t->in_slot = true;
		t->slot = at;
	} else if (insn->to_stack && t->slot == at) {
		t->in_slot = false;
	}
	t->depth += insn->moves;
	if (insn->moves_unknown)
		t->in_slot = false;
}

/* Which registers have the value, and which of them what bits of it. */
static void take_registers(struct trail *t, const struct insn_flow *flow, const struct dataflow_insn *insn,
			   bool own)
{
	uint32_t to = insn->writes | insn->changes;
	bool part = (insn->values & t->narrowed) != 0;

	if (!own) {
		t->holders &= ~to;
		t->narrowed &= ~to;
		return;
	}
	if (to && !(flow->narrows && t->n > 1))
		t->whole = flow->moves && (t->whole || t->n == 1);
	t->holders |= to;
	if (flow->narrows) {
		t->mask = (part ? t->mask : UINT64_MAX) & flow->value;
		t->narrowed = to;
	} else if (part) {
		t->narrowed |= to;
	} else {
		t->narrowed &= ~to;
	}
}

/* Takes the step that the trail has come to. */
static void take(const struct search *w, struct trail *t, const struct ref *guard)
{
	const struct step *s = &w->f.steps[t->at];
	const struct atom *a = &w->s->object->atoms[s->atom];
	struct dataflow_insn insn;
	bool own = t->n == 1 || (s->insn.reads_flags && (t->zero || t->constant)) ||
		   (s->insn.access & ACCESS_READ && is_of(w, t->at, guard));

	if (s->insn.flow == FLOW_CALL) {
		t->holders = t->n == 1 ? w->d->arch->results[0] : t->holders & ~w->d->arch->clobbered;
		t->zero = t->constant = false;
		return;
	}
	w->d->arch->dataflow(atom_bytes(a), a->size, s->offset, &insn);
	own |= (insn.values & t->holders) != 0;
	own |= insn.reads_slot && t->in_slot && t->depth + insn.slot == t->slot;
	if (s->insn.sets_flags) {
		t->zero = own && s->insn.tests;
		t->constant = own && s->insn.compares;
		t->test = own && s->insn.bits && (t->whole || t->n == 1) ? &s->insn : NULL;
		t->tested = insn.values & t->narrowed ? t->mask : UINT64_MAX;
	}
	take_stack(t, &insn, own);
	take_registers(t, &s->insn, &insn, own);
	t->written |= writes(w, t->at, guard);
}

/* Whether the step gives the key's address to static_key_enable(), …. */
static bool switches(const struct search *w, uint32_t step, uint32_t key)
{
	const struct ref *r = ref_of(w, step);
	uint32_t callee = r && r->target == key ? w->g->callee[w->f.steps[step].ref] : NO_ATOM;

	return callee != NO_ATOM && begins(w->s->object->atoms[callee].name, "static_key_");
}

/* What makes a guard a guard, by what kind it is: a variable, that of DO_ONCE(), a static key. */
static bool sets(struct search *w, uint32_t step, uint32_t atom, const struct ref *guard, bool once)
{
	return guard ? writes(w, step, guard) || gives(w, step, guard) || calls_writer(w, step, guard) :
	       once  ? calls_once(w, step, "_done") :
		       switches(w, step, atom);
}

/* Marks what only one outcome of @branch leads to, if the guard is written there: see sets(). */
static void mark_outcome(struct search *w, uint32_t branch, int edge, uint32_t atom, const struct ref *guard,
			 bool once, bool written)
{
	w->once[branch] = (uint8_t)(CUT_NEXT << edge);
	flow_reach(&w->f, w->once, w->rest, w->stack);
	w->once[branch] = 0;
	for (uint32_t i = 0; i < w->f.n && !written; i++)
		if (w->all[i] && !w->rest[i])
			written = sets(w, i, atom, guard, once);
	for (uint32_t i = 0; i < w->f.n && written; i++)
		if (w->all[i] && !w->rest[i] && w->f.steps[i].ref != NO_STEP)
			w->g->guard[w->f.steps[i].ref] = atom;
}

/* Whether the branch that the trail has come to tells a first run from a repeated one. */
static bool decides(const struct search *w, const struct trail *t, const struct ref *guard)
{
	if (t->zero || !t->constant)
		return t->zero;
	return t->written || (w->f.steps[t->at].insn.when == WHEN_EQUAL && guard && gets_constants(w, guard));
}

static void judge_branch(struct search *w, const struct trail *t, uint32_t atom, const struct ref *guard)
{
	int first = -1;

	if (w->budget < 4 * (uint64_t)w->f.n)
		return;
	w->budget -= 4 * (uint64_t)w->f.n;
	if (guard && t->test)
		first = guards_first_edge(&w->s->object->atoms[atom], guard->addend, t->tested, t->test,
					  &w->f.steps[t->at].insn);
	if (first >= 0) {
		w->first[t->at] |= (uint8_t)(CUT_NEXT << first);
		w->any_first = atom;
	}
	for (int edge = 0; edge < 2; edge++)
		if (edge == first || decides(w, t, guard))
			mark_outcome(w, t->at, edge, atom, guard, !guard, t->written || edge == first);
}

/*
 * Judges the branches that look at what was read: one comparison may follow another. *left: steps that all
 * the ways from there may have.
 */
static void follow(struct search *w, struct trail t, uint32_t atom, const struct ref *guard, uint32_t *left)
{
	for (; t.at != NO_STEP && t.n++ < FAR && *left; t.at = onward(w, t.at)) {
		const struct step *s = &w->f.steps[t.at];
		struct trail other;

		--*left;
		if (s->insn.flow != FLOW_BRANCH || s->label) {
			take(w, &t, guard);
			if (!t.holders && !t.in_slot && !t.zero && !t.constant)
				return;
			continue;
		}
		if (t.zero || t.constant)
			judge_branch(w, &t, atom, guard);
		other = t;
		other.at = s->target;
		follow(w, other, atom, guard, left);
	}
}

/* @guard NULL: what is tested is what __do_once_start() says of the flag @atom. */
static void judge_test(struct search *w, uint32_t test, uint32_t atom, const struct ref *guard)
{
	uint32_t left = 8 * FAR;

	follow(w, (struct trail){ .at = test }, atom, guard, &left);
}

/* Where a label leads until its key is switched: objtool writes no-operations over jumps whose entry asks for that. */
static int first_edge_of_label(const struct search *w, uint32_t branch)
{
	const struct step *s = &w->f.steps[branch];

	return s->insn.flow == FLOW_JUMP && !(w->s->object->refs[s->key].addend & LABEL_IS_NOP);
}

static void judge_label(struct search *w, uint32_t branch)
{
	uint32_t key = w->s->object->refs[w->f.steps[branch].key].target;

	if (key == NO_ATOM || w->s->role[key] == ROLE_FRESH || key_of_once(w->s, key) ||
	    w->budget < 3 * (uint64_t)w->f.n)
		return;
	w->budget -= 3 * (uint64_t)w->f.n;
	for (uint32_t i = 0; i < w->f.n; i++) {
		if (!switches(w, i, key))
			continue;
		for (int edge = 0; edge < 2; edge++)
			mark_outcome(w, branch, edge, key, NULL, false,
				     edge == first_edge_of_label(w, branch));
		return;
	}
}

/* The guard whose address __do_once_start() gets, or NO_ATOM. */
static uint32_t once_argument(const struct search *w, uint32_t call)
{
	for (uint32_t n = 0, i = call; n < NEAR && i > 0; n++) {
		const struct ref *r = ref_of(w, --i);

		if (r && r->target != NO_ATOM && guard_of_once(w->s, r->target))
			return r->target;
	}
	return NO_ATOM;
}

static bool may_guard(const struct search *w, uint32_t atom)
{
	enum role role = atom == NO_ATOM ? ROLE_UNKNOWN : w->s->role[atom];

	if (w->kind == GUARDS_FRESH)
		return role == ROLE_FRESH && w->s->object->atoms[atom].symbol;
	return (role == ROLE_STATE || role == ROLE_EXTERN) && w->s->object->atoms[atom].symbol;
}

/* Whether the function writes what the reference leads to: without that it guards nothing. */
static bool written_at_all(struct search *w, const struct ref *guard)
{
	if (w->budget < w->f.n)
		return false;
	w->budget -= w->f.n;
	for (uint32_t i = 0; i < w->f.n; i++)
		if (writes(w, i, guard) || gives(w, i, guard) || calls_writer(w, i, guard))
			return true;
	return false;
}

/*
 * Where several variables say together that this is no first run (!a || !b), none of them guards anything by itself: marks what
 * cannot be reached as long as all say so.
 */
static void mark_together(struct search *w)
{
	if (w->any_first == NO_ATOM)
		return;
	flow_reach(&w->f, w->first, w->rest, w->stack);
	for (uint32_t i = 0; i < w->f.n; i++) {
		uint32_t r = w->f.steps[i].ref;

		if (w->all[i] && !w->rest[i] && r != NO_STEP && w->g->guard[r] == NO_ATOM)
			w->g->guard[r] = w->any_first;
	}
}

/* Looks at all that may be a test of a guard. */
static void search_tests(struct search *w)
{
	flow_reach(&w->f, NULL, w->all, w->stack);
	for (uint32_t i = 0; i < w->f.n; i++) {
		const struct ref *r = ref_of(w, i), *from = returned_by(w, i);

		if (from && written_at_all(w, from))
			judge_test(w, i, from->target, from);
		if (w->kind != GUARDS_FRESH && calls_once(w, i, "_start"))
			judge_test(w, i, once_argument(w, i), NULL);
		else if (w->kind == GUARDS_ALL && w->f.steps[i].key != NO_STEP)
			judge_label(w, i);
		else if (w->kind != GUARDS_OF_ONCE && r && w->f.steps[i].insn.access & ACCESS_READ &&
			 may_guard(w, r->target) && written_at_all(w, r))
			judge_test(w, i, r->target, r);
	}
	mark_together(w);
}

static int search_function(struct search *w, uint32_t root)
{
	int err = flow_read(w->d->arch, w->s, root, &w->f);

	if (err)
		return err;
	w->all = xcalloc(w->f.n + 1, sizeof(*w->all));
	w->rest = xcalloc(w->f.n + 1, sizeof(*w->rest));
	w->once = xcalloc(w->f.n + 1, sizeof(*w->once));
	w->first = xcalloc(w->f.n + 1, sizeof(*w->first));
	w->stack = xcalloc(w->f.n + 1, sizeof(*w->stack));
	w->budget = BUDGET;
	w->any_first = NO_ATOM;
	note_accesses(w);
	search_tests(w);
	free(w->all);
	free(w->rest);
	free(w->once);
	free(w->first);
	free(w->stack);
	flow_free(&w->f);
	return 0;
}

/* Whether a function that mentions it may have a guard of the kind that is looked for. */
static bool interests(const struct search *w, uint32_t atom)
{
	if (w->kind == GUARDS_OF_ONCE)
		return atom != NO_ATOM && guard_of_once(w->s, atom);
	return w->kind == GUARDS_ALL || may_guard(w, atom);
}

/* Marks the functions that mention what is of interest; or those with something @guarded. */
static void mark(const struct search *w, bool guarded, bool *wanted)
{
	const struct object *o = w->s->object;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs && w->s->role[i] == ROLE_CODE;
		     r++)
			if (guarded ? w->g->guard[r] != NO_ATOM : interests(w, o->refs[r].target))
				wanted[function_root(w->s, i)] = true;
	}
}

/*
 * Reads the functions that may have a guard, and then those others that nothing but a guarded call leads to, for
 * what they do. Few functions have a flag that keeps messages from coming twice, and reading all takes long.
 */
static int search_all(struct search *w)
{
	uint32_t n = w->s->object->n_atoms;
	bool *wanted = xcalloc(2 * ((size_t)n + 1), sizeof(*wanted)), *was_read = wanted + n + 1;
	int err = 0;

	for (int round = 0; round < 2 && !err; round++) {
		mark(w, round, wanted);
		for (uint32_t i = 0; i < n && !err; i++) {
			if (!wanted[i] || was_read[i] || w->s->role[i] != ROLE_CODE || part_only(w->s, i))
				continue;
			err = search_function(w, i);
			was_read[i] = true;
		}
		if (!err && !round)
			guards_spread(w->d, w->s, w->g, w->kind == GUARDS_ALL);
	}
	free(wanted);
	free(w->written);
	return err ? err : w->err;
}

int guards_find(struct diff *d, const struct side *s, enum guard_kind kind, struct guards *out)
{
	const struct object *o = s->object;
	struct guards g = { arena_array(d->arena, o->n_refs, sizeof(*g.guard)),
			    arena_array(d->arena, o->n_refs, sizeof(*g.access)),
			    arena_array(d->arena, o->n_refs, sizeof(*g.callee)),
			    arena_array(d->arena, o->n_refs, sizeof(*g.argument)) };
	struct search w = { .d = d,
			    .s = s,
			    .g = &g,
			    .writes = arena_array(d->arena, o->n_atoms, sizeof(*w.writes)),
			    .returned = arena_array(d->arena, o->n_atoms, sizeof(*w.returned)),
			    .kind = kind };
	int err;

	memset(g.guard, 0xff, o->n_refs * sizeof(*g.guard));
	memset(g.callee, 0xff, o->n_refs * sizeof(*g.callee));
	err = search_all(&w);
	if (!err)
		*out = g;
	return err;
}
