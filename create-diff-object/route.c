// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where does a reference lead, once it is part of the patch? To an atom of the patch, to an export of vmlinux, or to
 * something that the livepatch core resolves; else it is refused. Each answer has its reason. Changes nothing but the
 * cache of symbol look-ups, so that the check pass can ask again; pass_routes() asks for what the patch has.
 */
#include "create-diff-object/passes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "create-diff-object/fields.h"
#include "create-diff-object/indirect.h"
#include "kmod/kpatch-abi.h"
#include "lib/arch/arch.h"
#include "lib/util/vmlinux.h"

static struct routing patch(const char *why)
{
	return (struct routing){ .route = ROUTE_PATCH, .why = why };
}

static bool describes_code(uint8_t role)
{
	return role == ROLE_ENTRY || role == ROLE_HINT || role == ROLE_PIECE || role == ROLE_CALLBACK;
}

/*
 * Where patches stack, a later one may replace what this one calls: the call then goes to the kernel's own
 * function, which ftrace redirects to the newest. With atomic replace there is no later one beside it.
 * A task that is inside of a function is in the state of that function, so what calls itself need not ask.
 */
static bool by_ftrace(const struct diff *d, const struct ref *ref, bool own)
{
	return d->input->stacked && d->replaced[ref->target] && !own && !is_short(ref);
}

static struct routing decide_code(struct diff *d, const struct atom *from, const struct ref *ref)
{
	const struct atom *t = new_atom(d, ref->target);
	bool entry = ref->addend == (int64_t)t->entry;
	bool code = from->section && d->new.role[from->id] == ROLE_CODE;
	bool own = from->id == t->id ||
		   (code && function_root(&d->new, from->id) == function_root(&d->new, t->id));

	if (!t->symbol)
		return patch("code without a symbol");
	if (!d->carried[t->id] && !d->copied[t->id]) {
		if (entry)
			return route_to_kernel(d, from, t->id);
		return route_refused("reference-into-function",
				     "it leads into the middle of a function that the patch does not replace",
				     NULL);
	}
	if (!entry || part_only(&d->new, t->id) || d->pairs.twin[t->id] == NO_ATOM)
		return patch(own ? "the same function" : "code of the patch");
	if (describes_code(d->new.role[from->id]))
		return patch("describes code of the patch");
	/* The copy of an unchanged function is for those alone who reach no other. */
	if (d->copied[t->id] && !own && !is_short(ref))
		return route_to_kernel(d, from, t->id);
	if (field_is_branch(d->arch, from, ref) && !by_ftrace(d, ref, own))
		return patch(d->copied[t->id] ? "a branch that reaches no further" :
						"a call of the new version");
	if (d->copied[t->id])
		return route_to_kernel(d, from, t->id);
	if (!d->replaced[t->id])
		return route_refused("pointer-to-untraceable",
				     "it takes the address of a changed function that ftrace cannot redirect",
				     "Change a traceable caller instead");
	/* A pointer may outlive the patch: let it lead to the original, which ftrace redirects. */
	return route_to_kernel(d, from, t->id);
}

/* Strings and constants are copied where only their values count: those are the same, their addresses are not. */
static struct routing decide_literal(struct diff *d, const struct atom *from, const struct ref *ref)
{
	struct routing own;

	if (from->section && kernels_own_route(d, from, ref, &own))
		return own;
	if (from->section && kernels_own_known_by_address(d, from, ref))
		return route_refused(
			"literal-compared",
			"its address gets away, and code of the kernel compares pointers with the "
			"address of its own, which is not known here",
			"Have that code compare the contents, with strcmp()");
	if (from->section && kernels_own_compares(d, ref) && !kernels_own_limit(d, from, ref))
		return route_refused(
			"literal-compared",
			"it compares a pointer with the address of this constant, of which the patch "
			"has a copy at another address than the kernel's",
			"Compare the contents, with strcmp()");
	return patch("a value");
}

/* The kernel's variable keeps its labels (&&label) of code that the patch replaces. */
static const struct atom *replaced_with_labels(const struct diff *d, const struct atom *t)
{
	for (uint32_t i = t->first_ref; i < t->first_ref + t->n_refs; i++) {
		const struct ref *r = &d->new.object->refs[i];

		if (r->target != NO_ATOM && d->new.role[r->target] == ROLE_CODE && d->carried[r->target] &&
		    r->addend != (int64_t)new_atom(d, r->target)->entry)
			return new_atom(d, r->target);
	}
	return NULL;
}

static struct routing decide_data(struct diff *d, const struct atom *from, const struct ref *ref)
{
	const struct atom *t = new_atom(d, ref->target), *code;

	if (!t->symbol)
		return route_refused("anonymous-data", "it refers to writable data without a symbol", NULL);
	if (d->carried[t->id])
		return patch("data of the patch");
	if (d->pairs.twin[t->id] != NO_ATOM && (code = replaced_with_labels(d, t)))
		return route_refused("reference-into-function",
				     arena_printf(d->arena,
						  "the kernel's leads into the middle of %s, which the "
						  "patch replaces",
						  code->name),
				     "Make the table of labels a const one of the function");
	if (d->pairs.twin[t->id] != NO_ATOM)
		return route_to_kernel(d, from, t->id);
	if (d->pairs.how[t->id] == MATCH_UNDECIDED)
		return route_refused("static-local-undecided",
				     "it cannot be told which variable of the running kernel this is",
				     "Rename the variable in the patch, or keep the uses of the others as "
				     "they were");
	return patch("new data");
}

/*
 * Whether a reference is a pointer that something may call through: no branch, and not in a table that
 * says something about code.
 */
static bool is_pointer(const struct diff *d, const struct side *s, const struct atom *from,
		       const struct ref *ref)
{
	switch ((enum role)s->role[from->id]) {
	case ROLE_ENTRY:
	case ROLE_HINT:
	case ROLE_CALLBACK: /* the callback is the patch's own */
	case ROLE_REGISTER: /* lists functions that may fail, …; is never carried */
	case ROLE_IGNORED:
		return false;
	default:
		return !field_is_branch(d->arch, from, ref);
	}
}

/*
 * Whether the original object, too, has a pointer to what the patched one calls @target. One in a function
 * to itself does not count for others: objtool takes that for a place to print or to compare.
 */
static bool pointed_to_before(const struct diff *d, const struct atom *from, uint32_t target)
{
	const struct object *o = d->orig.object;
	uint32_t twin = d->pairs.twin[target];
	bool self = function_root(&d->new, from->id) == function_root(&d->new, target);

	for (uint32_t i = 0; i < o->n_atoms && twin != NO_ATOM; i++) {
		const struct atom *a = &o->atoms[i];

		if (!self && function_root(&d->orig, i) == function_root(&d->orig, twin))
			continue;
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++)
			if (o->refs[r].target == twin && is_pointer(d, &d->orig, a, &o->refs[r]))
				return true;
	}
	return false;
}

/*
 * A pointer that nobody had when the kernel was built, to a function that can therefore not be called
 * through one. Where the object had such a pointer before, the kernel's build has seen it.
 */
static struct routing check_pointer(struct diff *d, const struct atom *from, const struct ref *ref,
				    struct routing r)
{
	if ((r.route != ROUTE_KLP && r.route != ROUTE_IMPORT) || !r.ksym.no_pointer ||
	    !is_pointer(d, &d->new, from, ref) || pointed_to_before(d, from, ref->target))
		return r;
	return route_refused("no-indirect-target",
			     arena_printf(d->arena,
					  "it is not made for calls through a pointer, which would "
					  "fault on processors with IBT: %s",
					  r.ksym.no_pointer),
			     "Call it directly, or point to a new function that does");
}

/* Whether code of the original object that is not __init itself uses what the patched one calls @target. */
static bool used_by_code_before(const struct diff *d, uint32_t target)
{
	const struct object *o = d->orig.object;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++)
			if (d->orig.role[i] == ROLE_CODE && o->refs[r].target == d->pairs.twin[target])
				return true;
	}
	return false;
}

/*
 * The kernel knows the names of __init code and data still, but has freed their memory. Code that used
 * them before (__ref) has its own means of not doing so too late.
 */
static struct routing decide_init(struct diff *d, const struct atom *from, const struct atom *t)
{
	if (t->symbol && d->pairs.twin[t->id] != NO_ATOM && used_by_code_before(d, t->id))
		return route_to_kernel(d, from, t->id);
	return route_refused("reference-to-init",
			     arena_printf(d->arena,
					  "it refers to %s, which is __init or __exit: the running "
					  "kernel does not have it any longer",
					  t->name),
			     "Use or add something that is neither");
}

/* A symbol of another object. Where that has it, only its address in the kernel tells. */
static struct routing decide_extern(struct diff *d, const struct atom *from, const struct atom *t)
{
	struct routing r;

	if (made_for_module(d, t->id))
		return (struct routing){ .route = ROUTE_IMPORT,
					 .name = t->symbol->name,
					 .why = "each module has its own",
					 .ksym = { .where = KSYM_VMLINUX_EXPORT, .object = VMLINUX } };
	r = route_to_kernel(d, from, t->id);
	if (r.route == ROUTE_KLP && is_vmlinux(r.ksym.object) && route_in_init(d, &r.ksym))
		return decide_init(d, from, t);
	return r;
}

/*
 * Whether a weak name of the target is another object's in the running kernel; then *out leads there.
 * What the target itself is called decides nothing, because it has that name in its own object only.
 */
static bool overridden(struct diff *d, const struct atom *from, const struct ref *ref, struct routing *out)
{
	const struct symbol *s = weak_alias(d->new.object, ref);
	struct lookup l = { .asked = true }, own;

	if (!s || d->pairs.twin[ref->target] == NO_ATOM)
		return false;
	l.err = d->input->ksyms->find(d->input->ksyms, s->name, NULL, &l.ksym, &l.why);
	own = *lookup_atom(d, ref->target);
	if (!l.err && (l.ksym.where == KSYM_ABSENT ||
		       (!own.err && own.ksym.address && own.ksym.address == l.ksym.address)))
		return false;
	*out = route_to_symbol(d, from, &l, s->name, true);
	return true;
}

static struct routing decide(struct diff *d, uint32_t atom, const struct ref *ref)
{
	const struct atom *from = new_atom(d, atom), *t;
	struct routing other;

	if (ref->target == NO_ATOM)
		return route_refused("reference-to-nothing", "it leads to no known code or data", NULL);
	t = new_atom(d, ref->target);
	if (overridden(d, from, ref, &other))
		return other;
	switch ((enum role)d->new.role[t->id]) {
	case ROLE_LITERAL:
		return decide_literal(d, from, ref);
	case ROLE_FRESH:
		return patch("a static of the call site");
	case ROLE_CODE:
		return decide_code(d, from, ref);
	case ROLE_STATE:
	case ROLE_CONST:
		return decide_data(d, from, ref);
	case ROLE_PIECE:
		if (t->symbol && d->pairs.twin[t->id] != NO_ATOM)
			return route_to_kernel(d, from, t->id);
		return patch("comes along with its user");
	case ROLE_ENTRY:
	case ROLE_HINT:
		return patch("describes code of the patch");
	case ROLE_INIT:
		return decide_init(d, from, t);
	case ROLE_REGISTER:
		if (t->symbol && d->pairs.twin[t->id] != NO_ATOM)
			return route_to_kernel(d, from, t->id);
		break;
	case ROLE_EXTERN:
		if (t->kind == ATOM_EXTERN && t->symbol)
			return decide_extern(d, from, t);
		break;
	case ROLE_UNKNOWN:
		if (t->symbol && d->pairs.twin[t->id] != NO_ATOM)
			return route_to_kernel(d, from, t->id);
		return route_refused("unknown-section",
				     arena_printf(d->arena,
						  "it needs section %s, whose "
						  "meaning is not known",
						  t->section->name),
				     NULL);
	case ROLE_REQUEST:
	case ROLE_CALLBACK: /* becomes metadata and is gone */
	case ROLE_IGNORED:
		break;
	}
	return route_refused("reference-not-possible",
			     arena_printf(d->arena, "it refers to %s, which a patch cannot carry", t->name),
			     NULL);
}

static struct routing check_reach(const struct ref *ref, struct routing r)
{
	if (!is_short(ref) || r.route == ROUTE_PATCH || r.route == ROUTE_REFUSED)
		return r;
	return route_refused("short-branch",
			     "it is a branch of one byte, which cannot lead out of the patch module",
			     "Change the function that it leads to as well");
}

static bool refers_into(const struct object *o, const struct atom *from, const struct atom *t)
{
	for (uint32_t i = from->first_ref; i < from->first_ref + from->n_refs; i++)
		if (o->refs[i].target == t->id && o->refs[i].addend < (int64_t)t->size)
			return true;
	return false;
}

/* Whether the kernel has both, the one right behind the other: then the byte is the same one. */
static bool neighbours_in_kernel(const struct diff *d, uint32_t a, uint32_t b)
{
	uint32_t x = d->pairs.twin[a], y = d->pairs.twin[b];

	return x != NO_ATOM && y != NO_ATOM && !d->carried[a] && !d->carried[b] &&
	       orig_atom(d, x)->section == orig_atom(d, y)->section &&
	       orig_atom(d, x)->offset + orig_atom(d, x)->size == orig_atom(d, y)->offset;
}

/* An address that code compares with, at which the code itself need not be allowed to read. */
static bool is_limit(struct diff *d, const struct atom *from, const struct ref *ref)
{
	uint64_t start = 0;

	return from->section && field_is_compared(d->arch, from, ref, &start);
}

/*
 * In a section that several variables share (__read_mostly, …) a local one is named by its offset, and
 * the end of an array is the start of what follows. Whoever uses the array may mean either. A loop over
 * a member of the array's elements ends that member's offset further on.
 */
static struct routing check_boundary(struct diff *d, const struct atom *from, const struct ref *ref,
				     struct routing r)
{
	const struct object *o = d->new.object;
	const struct atom *t = ref->target == NO_ATOM ? NULL : new_atom(d, ref->target), *before;

	if (!t || !t->id || r.route == ROUTE_REFUSED || !t->size || ref->decoded ||
	    o->symbols[ref->symbol].type != STT_SECTION ||
	    (d->new.role[t->id] != ROLE_STATE && d->new.role[t->id] != ROLE_CONST))
		return r;
	before = t - 1;
	if (before->section != t->section || !before->size || !before->symbol ||
	    before->offset + before->size != t->offset || !refers_into(o, from, before) ||
	    neighbours_in_kernel(d, before->id, t->id) || (ref->addend && !is_limit(d, from, ref)))
		return r;
	return route_refused(
		"end-or-start",
		arena_printf(d->arena,
			     "whether the end of %s or the start of %s is meant cannot be "
			     "told, and in the patched kernel these are two places",
			     before->name, t->name),
		"Put the variable that is new into a section of its own, without __read_mostly or the "
		"like");
}

struct routing route_decide(struct diff *d, uint32_t atom, const struct ref *ref)
{
	struct routing r = check_reach(ref, decide(d, atom, ref));

	r = check_boundary(d, new_atom(d, atom), ref, r);
	r = indirect_check(d, atom, ref, r);

	return check_pointer(d, new_atom(d, atom), ref, r);
}
