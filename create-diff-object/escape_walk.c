// SPDX-License-Identifier: GPL-2.0-only
/*
 * Follows one address at a time through code: a set of registers and of stack slots that may hold it or something
 * computed from it, for each instruction that can be reached while there are any. Sets only grow where ways
 * meet, so it ends. A walk makes few steps, because most addresses are arguments of the next call.
 *
 * What a called function does with an argument is a walk of its own through that function, if the object has its
 * code and that code is what runs; its answer is kept. Recursion is not followed, and counts as gone.
 *
 * Code that the kernel rewrites while it runs (alternatives, jump labels) and faults that go on elsewhere (exception
 * tables) are further ways that an instruction may go.
 *
 * The stack: slots are known by their distance from the stack pointer at the start of the walk. They are the function's
 * own only as long as nobody else knows an address in its frame: frame_private() follows those addresses like
 * any other. Where some exist, a load through any other pointer may read a slot.
 */
#include "create-diff-object/escape.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/escape_private.h"
#include "create-diff-object/escape_state.h"
#include "lib/arch/arch.h"
#include "lib/arch/dataflow.h"
#include "lib/util/xmalloc.h"

#define MAX_DEPTH 12	   /* calls inside of calls */
#define MAX_NESTED 8	   /* what is loaded from one variable of the patch is stored in another */
#define MAX_STEPS 100000u  /* for one reference, calls included */
#define MAX_WORK 20000000u /* for an object: a second or two */

/* An instruction that the walk has been to. */
struct visit {
	uint32_t atom, insn;
	struct state state;
	bool queued;
};

struct walk {
	struct escapes *escapes;
	struct diff *d;
	uint32_t root; /* the function that the walk began in */
	bool deep;     /* what the address leads to may hold addresses that matter as well */
	uint32_t seed_atom, seed_insn;
	bool seeded; /* the instruction above makes the address */
	struct visit *visits;
	uint32_t n_visits, room;
	uint32_t *hash, hash_size;
	uint32_t *queue, n_queue;
	struct escape *out;
	bool returns; /* it is in the result of the function that the walk began in */
};

/* Visits */

static uint32_t slot_of(const struct walk *w, uint32_t atom, uint32_t insn)
{
	uint32_t h = (atom * 2654435761u) ^ (insn * 2246822519u);

	for (h ^= h >> 15;; h++) {
		uint32_t v = w->hash[h & (w->hash_size - 1)];

		if (v == NO_ATOM || (w->visits[v].atom == atom && w->visits[v].insn == insn))
			return h & (w->hash_size - 1);
	}
}

static void grow(struct walk *w)
{
	uint32_t room = w->room ? w->room * 2 : 64;

	w->visits = xreallocarray(w->visits, room, sizeof(*w->visits));
	memset(w->visits + w->n_visits, 0, (room - w->n_visits) * sizeof(*w->visits));
	w->queue = xreallocarray(w->queue, room, sizeof(*w->queue));
	free(w->hash);
	w->room = room;
	w->hash_size = room * 2;
	w->hash = xmalloc(w->hash_size * sizeof(*w->hash));
	memset(w->hash, 0xff, w->hash_size * sizeof(*w->hash));
	for (uint32_t i = 0; i < w->n_visits; i++)
		w->hash[slot_of(w, w->visits[i].atom, w->visits[i].insn)] = i;
}

static void walk_free(struct walk *w)
{
	free(w->visits);
	free(w->hash);
	free(w->queue);
}

/* The end of a walk: nothing worse can come. */
static void gone(struct walk *w, enum escape_kind kind, uint32_t atom, uint32_t offset, const char *to)
{
	if (w->out->kind)
		return;
	w->out->kind = kind;
	w->out->atom = atom;
	w->out->offset = offset;
	w->out->to = to;
}

/* Comes to the instruction at @offset of @atom with @s. */
static void come_to(struct walk *w, uint32_t atom, int64_t offset, const struct state *s)
{
	const struct code *c = escapes_code(w->escapes, atom);
	uint32_t insn, *at;
	int more = 1;

	if (!s->regs && !s->n_slots)
		return;
	insn = code_insn(c, offset);
	if (insn == NO_ATOM) {
		/* Behind the last instruction: a function that does not return was called there. */
		if (offset != (int64_t)new_atom(w->d, atom)->size || c->continues)
			gone(w, ESCAPE_UNKNOWN, atom, 0, NULL);
		return;
	}
	if (w->n_visits == w->room)
		grow(w);
	at = &w->hash[slot_of(w, atom, insn)];
	if (*at == NO_ATOM) {
		*at = w->n_visits;
		w->visits[w->n_visits++] = (struct visit){ .atom = atom, .insn = insn, .state = *s };
	} else {
		more = state_join(&w->visits[*at].state, s);
	}
	if (more < 0)
		gone(w, ESCAPE_UNKNOWN, atom, c->insns[insn].offset, NULL);
	if (more > 0 && !w->visits[*at].queued) {
		w->visits[*at].queued = true;
		w->queue[w->n_queue++] = *at;
	}
}

/* Calls */

struct site {
	struct walk *w;
	uint32_t atom;
	const struct dataflow_insn *insn;
	struct state *state;
};

static void passed(struct site *s, const char *to)
{
	gone(s->w, ESCAPE_PASSED, s->atom, s->insn->offset, to);
}

/* The slots at the stack pointer, where further arguments are. How many there are is not known. */
static bool passes_slots(const struct state *s)
{
	for (uint32_t i = 0; i < s->n_slots; i++)
		if (s->lost || (s->slots[i] >= s->stack && s->slots[i] < s->stack + 8 * 8))
			return true;
	return false;
}

static bool call_known(struct site *s, const struct callee *c)
{
	const struct arch *arch = s->w->d->arch;
	bool returns = false;

	for (uint32_t i = 0; i < N_ARGUMENTS; i++) {
		uint32_t bit = 1u << i;

		if (!(s->state->regs & arch->arguments[i]))
			continue;
		if (!(c->forgets & bit) && !(c->copies & bit && !s->w->deep))
			return false;
		returns |= c->returns & bit;
	}
	s->state->regs &= ~arch->clobbered;
	if (returns)
		s->state->regs |= arch->results[0];
	return true;
}

static void walk_run(struct walk *w);

/* Whether a function that may have arguments on the stack leaves the slots there alone, which may be none. */
static bool slots_kept(struct site *s, uint32_t function)
{
	struct escapes *f = s->w->escapes;
	struct state in = *s->state;
	struct escape e = { .kind = ESCAPE_NONE };
	struct walk w = { .escapes = f, .d = f->d, .root = function, .deep = s->w->deep, .out = &e };

	if (!escapes_prototype(f, new_atom(f->d, function)->symbol->name).stack)
		return true;
	if (f->active[function] || f->depth == MAX_DEPTH)
		return false;
	in.regs = 0;
	in.stack -= f->d->arch->return_size;
	f->active[function] = true;
	f->depth++;
	come_to(&w, function, (int64_t)new_atom(f->d, function)->entry, &in);
	walk_run(&w);
	walk_free(&w);
	f->depth--;
	f->active[function] = false;
	return !e.kind && !w.returns;
}

/* A function whose code is at hand. */
static bool call_body(struct site *s, uint32_t function)
{
	const struct arch *arch = s->w->d->arch;
	bool returns = false;

	if (passes_slots(s->state) && !slots_kept(s, function))
		return false;
	for (uint32_t i = 0; i < N_ARGUMENTS; i++) {
		const struct summary *a;

		if (!(s->state->regs & arch->arguments[i]))
			continue;
		a = escapes_summary(s->w->escapes, function, i, s->w->deep);
		s->w->out->compared |= a->compared;
		if (a->escapes)
			return false;
		returns |= a->returns;
	}
	s->state->regs &= ~arch->clobbered;
	if (returns)
		s->state->regs |= arch->results[0];
	return true;
}

/* A function of which nothing is known but that it is one. */
static void call_unknown(struct site *s, const char *name)
{
	const struct arch *arch = s->w->d->arch;

	struct prototype p = escapes_prototype(s->w->escapes, name);

	for (uint32_t i = 0; i < p.registers; i++)
		if (s->state->regs & arch->arguments[i])
			passed(s, name);
	if (p.stack && passes_slots(s->state))
		passed(s, name);
	/* What is called through memory may be one of the kernel's that save all registers (paravirt). */
	if (!s->insn->from_memory)
		s->state->regs &= ~arch->clobbered;
}

/* A call of @target (NO_ATOM: of what a register says). What is left of the state is that behind the call. */
static void call(struct site *s, uint32_t target)
{
	struct walk *w = s->w;
	const struct atom *t =
		target == NO_ATOM || !new_atom(w->d, target)->symbol ? NULL : new_atom(w->d, target);
	const struct callee *known = NULL;

	switch (t ? w->d->arch->call_kind(t->symbol->name) : CALL_ELSEWHERE) {
	case CALL_NOTHING:
		return;
	case CALL_ASM:
		if (s->state->regs)
			passed(s, t->name);
		return;
	case CALL_ELSEWHERE:
		call_unknown(s, NULL);
		return;
	case CALL_C:
		break;
	}
	if (escapes_is_kernels(w->escapes, target))
		known = callee_find(w->d, t->symbol->name);
	if (known && call_known(s, known))
		return;
	if (!escapes_has_code(w->escapes, target) || !call_body(s, target))
		call_unknown(s, t->name);
}

/* Ways on */

/* The registers in which a function, by its name in the source, returns something. */
static uint32_t results(struct escapes *f, uint32_t function)
{
	struct prototype p = escapes_prototype(f, function == NO_ATOM ? NULL : f->d->new.source[function]);
	uint32_t regs = 0;

	for (uint32_t i = 0; i < p.results; i++)
		regs |= f->d->arch->results[i];
	return regs;
}

static void come_back(struct site *s)
{
	if (s->state->regs & results(s->w->escapes, s->w->root))
		s->w->returns = true;
}

/* Comes to all labels of the function. false: it has none, or not all are known. */
static bool come_to_labels(struct site *s)
{
	struct walk *w = s->w;
	uint32_t n, found = 0;
	const struct label *labels = escapes_labels(w->escapes, &n);

	for (uint32_t i = 0; i < n && w->root != NO_ATOM; i++) {
		if (escapes_root(w->escapes, labels[i].atom) != w->root)
			continue;
		if (labels[i].lonely)
			return false;
		come_to(w, labels[i].atom, labels[i].offset, s->state);
		found++;
	}
	return found;
}

/*
 * To where a register says: a function, as the last deed, or a label of this one (goto *p). A function would not
 * find anything in the registers and slots that belong to this one.
 */
static void jump_anywhere(struct site *s)
{
	bool labels = come_to_labels(s);
	uint32_t regs = s->state->regs;

	call_unknown(s, NULL);
	if (!labels && (regs || s->state->n_slots))
		gone(s->w, ESCAPE_UNKNOWN, s->atom, s->insn->offset, NULL);
}

/* A jump to @offset of @target. */
static void jump(struct site *s, uint32_t target, int64_t offset)
{
	struct walk *w = s->w;
	const struct atom *t = target == NO_ATOM ? NULL : new_atom(w->d, target);

	if (t && t->symbol && w->d->arch->return_thunk &&
	    !strcmp(t->symbol->name, w->d->arch->return_thunk)) {
		come_back(s);
	} else if (t && t->symbol && w->d->arch->call_kind(t->symbol->name) == CALL_ELSEWHERE) {
		jump_anywhere(s);
	} else if (t && escapes_continues(w->escapes, w->root, s->atom, target)) {
		come_to(w, target, offset, s->state);
	} else {
		call(s, target);
		come_back(s);
	}
}

static void branch(struct site *s)
{
	const struct atom *a = new_atom(s->w->d, s->atom);
	const struct ref *r = escapes_ref(s->w->escapes, a, s->insn->offset + s->insn->constant_at);
	struct state copy = *s->state;
	struct site taken = { s->w, s->atom, s->insn, &copy };

	if (s->insn->indirect)
		jump_anywhere(&taken);
	else if (r)
		jump(&taken, r->target, r->addend);
	else
		come_to(s->w, s->atom, s->insn->target, &copy);
}

static void go_on(struct walk *w, uint32_t atom, const struct dataflow_insn *insn, const struct state *s)
{
	const struct code *c = escapes_code(w->escapes, atom);
	uint32_t next = insn->offset + insn->length;

	if (c->continues && next == new_atom(w->d, atom)->size)
		come_to(w, c->back_atom, c->back_offset, s);
	else
		come_to(w, atom, next, s);
}

static void other_ways(struct walk *w, uint32_t atom, const struct dataflow_insn *insn, const struct state *s)
{
	const struct code *c = escapes_code(w->escapes, atom);

	for (uint32_t i = 0; i < c->n_ways; i++)
		if (c->ways[i].from == insn->offset)
			come_to(w, c->ways[i].atom, c->ways[i].offset, s);
}

/* One instruction */

/* Whether what the instruction reads may be the address. */
static bool takes(struct walk *w, const struct visit *v, const struct dataflow_insn *i)
{
	const struct state *s = &v->state;
	bool seed = w->seeded && v->atom == w->seed_atom && v->insn == w->seed_insn;

	if (seed || s->regs & i->values)
		return true;
	if (!i->loads)
		return false;
	if (w->deep && s->regs & i->base)
		return true;
	if (i->from_stack)
		return s->n_slots && (s->lost || state_overlaps(s, s->stack + i->slot));
	return s->n_slots && (i->base & w->d->arch->stack_pointer || w->root == NO_ATOM ||
			      escapes_frame(w->escapes, w->root)->addressed);
}

/*
 * Variables that only the patch has, and that only its code reads and writes by their names: an address that is stored
 * in one goes with the patch, unless what is loaded from there gets away. Such a variable is local and new; whoever
 * takes its address might do anything with it.
 */

enum { NOT_ASKED, IS_OPEN, IS_PRIVATE, IN_PROGRESS };

static bool is_own(const struct diff *d, uint32_t variable)
{
	const struct atom *a = new_atom(d, variable);

	return d->new.role[variable] == ROLE_STATE && a->section && a->symbol && a->local &&
	       d->pairs.twin[variable] == NO_ATOM;
}

/* Whether the reference is that of a memory access, of which nothing gets away. */
static bool keeps(struct escapes *f, uint32_t atom, const struct ref *r)
{
	const struct code *c = is_code(f->d, atom) ? escapes_code(f, atom) : NULL;
	uint32_t n = c ? code_insn_of(c, r->offset) : NO_ATOM;
	const struct dataflow_insn *i = n == NO_ATOM ? NULL : &c->insns[n];
	struct escape e;
	bool returns;

	if (!i || i->kind != GO_ON || i->address || !i->memory_at || i->offset + i->memory_at != r->offset)
		return false;
	if (!i->loads)
		return true;
	walk_from_insn(f, atom, n, true, &e, &returns);
	return !e.kind && !e.compared && !returns;
}

static bool all_keep(struct escapes *f, uint32_t variable)
{
	const struct object *o = f->d->new.object;

	f->work += o->n_refs / 64;
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		/* debug information, and what tools read that the kernel does not */
		if (f->d->new.role[i] == ROLE_IGNORED || f->d->new.role[i] == ROLE_HINT)
			continue;
		for (uint32_t k = a->first_ref; k < a->first_ref + a->n_refs; k++)
			if (o->refs[k].target == variable && !keeps(f, i, &o->refs[k]))
				return false;
	}
	return true;
}

/*
 * While it is being found out, it is assumed. What was found under an assumption that turns out wrong is forgotten:
 * that one is private may have meant that what it holds is stored in this one only.
 */
static bool variable_private(struct escapes *f, uint32_t variable)
{
	bool private;

	if (f->variables[variable] != NOT_ASKED)
		return f->variables[variable] != IS_OPEN;
	if (!is_own(f->d, variable) || f->nested == MAX_NESTED)
		return false;
	f->variables[variable] = IN_PROGRESS;
	f->nested++;
	private = all_keep(f, variable);
	f->nested--;
	f->variables[variable] = private ? IS_PRIVATE : IS_OPEN;
	for (uint32_t i = 0; i < f->d->new.object->n_atoms && !private; i++)
		if (f->variables[i] == IS_PRIVATE)
			f->variables[i] = NOT_ASKED;
	return private;
}

/* Whether the instruction stores in a variable out of which nothing gets. */
static bool stores_within(struct walk *w, const struct visit *v, const struct dataflow_insn *i)
{
	const struct ref *r =
		i->memory_at ? escapes_ref(w->escapes, new_atom(w->d, v->atom), i->offset + i->memory_at) :
			       NULL;

	return r && r->target != NO_ATOM && variable_private(w->escapes, r->target);
}

static void store(struct walk *w, const struct visit *v, const struct dataflow_insn *i, struct state *s)
{
	if (!i->to_stack && stores_within(w, v, i))
		return;
	if (!i->to_stack) {
		gone(w, ESCAPE_STORED, v->atom, i->offset, NULL);
		return;
	}
	if (s->lost || !frame_private(w->escapes, w->root) || !state_add(s, s->stack + i->slot))
		gone(w, ESCAPE_UNKNOWN, v->atom, i->offset, NULL);
}

static void move_stack(struct walk *w, const struct visit *v, const struct dataflow_insn *i, struct state *s)
{
	if (i->moves_unknown) {
		if (s->n_slots)
			gone(w, ESCAPE_UNKNOWN, v->atom, i->offset, NULL);
		s->lost = true;
		s->stack = 0;
	} else if (!s->lost) {
		s->stack += i->moves;
		/* What is below belongs to whoever uses the stack next. */
		if (i->moves > 0)
			state_drop(s, INT32_MIN, s->stack);
	}
}

/* What the instruction does to the state. */
static void act(struct walk *w, const struct visit *v, const struct dataflow_insn *i, struct state *s)
{
	bool in = takes(w, v, i);

	if (in && i->compares)
		w->out->compared = true;
	if (in && i->strange)
		gone(w, ESCAPE_UNKNOWN, v->atom, i->offset, NULL);
	if (in && i->stores)
		store(w, v, i, s);
	else if (i->to_stack && i->fills && !s->lost)
		state_drop(s, s->stack + i->slot, s->stack + i->slot + 1);
	if (in)
		s->regs |= i->writes | i->changes;
	else
		s->regs &= ~i->writes;
	move_stack(w, v, i, s);
}

static void step(struct walk *w, uint32_t visit)
{
	const struct visit v = w->visits[visit];
	const struct dataflow_insn *i = &escapes_code(w->escapes, v.atom)->insns[v.insn];
	struct state s = v.state;
	struct site site = { w, v.atom, i, &s };

	w->visits[visit].queued = false;
	if (!i->length || w->escapes->steps++ >= MAX_STEPS || w->escapes->work++ >= MAX_WORK) {
		gone(w, ESCAPE_UNKNOWN, v.atom, i->offset, NULL);
		return;
	}
	other_ways(w, v.atom, i, &s);
	act(w, &v, i, &s);
	other_ways(w, v.atom, i, &s);
	if (i->kind == GO_RETURN)
		come_back(&site);
	if (i->kind == GO_JUMP || i->kind == GO_BRANCH)
		branch(&site);
	if (i->kind == GO_CALL) {
		const struct ref *r = i->indirect ? NULL :
						    escapes_ref(w->escapes, new_atom(w->d, v.atom),
								i->offset + i->constant_at);

		call(&site, r ? r->target : NO_ATOM);
	}
	if (i->kind == GO_ON || i->kind == GO_CALL || i->kind == GO_BRANCH)
		go_on(w, v.atom, i, &s);
}

/* Puts the instruction that makes the address in the queue, though nothing holds it yet. */
static void begin(struct walk *w)
{
	grow(w);
	w->visits[0] = (struct visit){ .atom = w->seed_atom, .insn = w->seed_insn, .queued = true };
	w->hash[slot_of(w, w->seed_atom, w->seed_insn)] = 0;
	w->queue[w->n_queue++] = w->n_visits++;
}

static void walk_run(struct walk *w)
{
	while (w->n_queue && !w->out->kind)
		step(w, w->queue[--w->n_queue]);
}

static struct walk walk_new(struct escapes *f, uint32_t root, bool deep, struct escape *out)
{
	*out = (struct escape){ .kind = ESCAPE_NONE };
	return (struct walk){ .escapes = f, .d = f->d, .root = root, .deep = deep, .out = out };
}

/* What a function does with its argument number @argument. */
static void summarize(struct escapes *f, uint32_t function, uint32_t argument, bool deep, struct summary *out)
{
	struct state s = { .regs = f->d->arch->arguments[argument] };
	struct escape e;
	struct walk w = walk_new(f, function, deep, &e);

	come_to(&w, function, (int64_t)new_atom(f->d, function)->entry, &s);
	walk_run(&w);
	*out = (struct summary){
		.known = true, .escapes = e.kind, .returns = w.returns, .compared = e.compared
	};
	walk_free(&w);
}

const struct summary *escapes_summary(struct escapes *f, uint32_t function, uint32_t argument, bool deep)
{
	static const struct summary recursion = { .known = true, .escapes = true };
	struct summary *s;

	if (!f->summaries[function])
		f->summaries[function] =
			arena_array(f->d->arena, (size_t)N_ARGUMENTS * 2, sizeof(**f->summaries));
	s = &f->summaries[function][argument * 2 + deep];
	if (s->known)
		return s;
	if (f->active[function] || f->depth == MAX_DEPTH)
		return &recursion;
	f->active[function] = true;
	f->depth++;
	summarize(f, function, argument, deep, s);
	f->depth--;
	f->active[function] = false;
	return s;
}

/*
 * While this is being found out, it is assumed: the first address of the frame to get away does so along a way on
 * which none had got away before.
 */
static bool frame_kept(struct escapes *f, uint32_t atom, uint32_t insn, uint32_t root)
{
	struct escape e;
	struct walk w = walk_new(f, root, true, &e);

	w.seeded = true;
	w.seed_atom = atom;
	w.seed_insn = insn;
	begin(&w);
	walk_run(&w);
	walk_free(&w);
	return !e.kind && !w.returns;
}

static bool part_keeps(struct escapes *f, uint32_t atom, uint32_t root, uint32_t depth)
{
	const struct code *c = depth < MAX_PARTS ? escapes_code(f, atom) : NULL;

	if (!c)
		return false;
	for (uint32_t i = 0; i < c->n_insns; i++)
		if (c->insns[i].takes_frame && !frame_kept(f, atom, i, root))
			return false;
	for (uint32_t i = 0; i < c->n_ways; i++)
		if (f->d->new.role[c->ways[i].atom] == ROLE_PIECE &&
		    !part_keeps(f, c->ways[i].atom, root, depth + 1))
			return false;
	for (uint32_t p = f->d->new.first_child[atom]; p != NO_ATOM; p = f->d->new.next_child[p])
		if (part_only(&f->d->new, p) && !part_keeps(f, p, root, depth + 1))
			return false;
	return true;
}

bool frame_private(struct escapes *f, uint32_t root)
{
	struct frame *frame = root == NO_ATOM ? NULL : escapes_frame(f, root);

	if (!frame)
		return false;
	if (!frame->asked) {
		frame->asked = true;
		frame->kept = true;
		frame->kept = !frame->addressed || part_keeps(f, root, root, 0);
	}
	return frame->kept;
}

void walk_from_insn(struct escapes *f, uint32_t atom, uint32_t insn, bool deep, struct escape *out,
		    bool *returns)
{
	struct walk w = walk_new(f, escapes_root(f, atom), deep, out);

	w.seeded = true;
	w.seed_atom = atom;
	w.seed_insn = insn;
	begin(&w);
	walk_run(&w);
	walk_free(&w);
	*returns = w.returns;
}

void walk_from_result(struct escapes *f, uint32_t atom, uint32_t insn, uint32_t callee, bool deep,
		      struct escape *out, bool *returns)
{
	const struct dataflow_insn *i = &escapes_code(f, atom)->insns[insn];
	struct state s = { .regs = results(f, callee) };
	struct walk w = walk_new(f, escapes_root(f, atom), deep, out);
	struct site site = { &w, atom, i, &s };

	if (i->kind != GO_CALL)
		come_back(&site);
	if (i->kind != GO_JUMP)
		go_on(&w, atom, i, &s);
	walk_run(&w);
	walk_free(&w);
	*returns = w.returns;
}
