// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the layout pass: what is declared with the types. A variable that the kernel has must have for the
 * patched code the type that it was made with, whatever its size; of several statics of one name a function's
 * declarations say which is which; and who calls a function from where the patch does not reach passes what
 * the original took.
 *
 * Reads the debug information of both objects; an atom is known by its address there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/fields.h"
#include "create-diff-object/layout.h"
#include "lib/arch/arch.h"
#include "lib/elf/debug.h"
#include "lib/util/strmap.h"

/* Blocks within blocks, functions inlined in functions. */
#define SCOPE_DEPTH 64

/* Where a declaration stands. */
struct scope {
	const char *function; /* NULL: the file */
	int line;	      /* of the function */
	unsigned int depth;   /* blocks of the function around it */
};

struct declared {
	bool known;
	Dwarf_Die die; /* the one with the type, for a function with the parameters */
	struct scope scope;
	int line;
};

struct address {
	Dwarf_Addr at;
	uint32_t atom;
};

/* One object's declarations. */
struct declarations {
	struct layouts *l;
	struct side *s;
	struct address *addresses;
	size_t n;
	struct declared *by_atom;
	struct strmap *external; /* name → Dwarf_Die: variables that another object defines */
	struct strmap *absent;	 /* "function:name" or ":name" → Dwarf_Die: variables that are nowhere */
};

static int by_address(const void *a, const void *b)
{
	const struct address *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static bool declarable(const struct side *s, uint32_t i)
{
	enum role role = s->role[i];

	/* What has no size is where something else is. */
	return s->object->atoms[i].symbol && s->object->atoms[i].section && s->object->atoms[i].size &&
	       (role == ROLE_STATE || role == ROLE_CONST || role == ROLE_CODE);
}

static int find_addresses(struct declarations *x)
{
	struct object *o = x->s->object;

	x->addresses = calloc((size_t)o->n_atoms + 1, sizeof(*x->addresses));
	x->by_atom = arena_array(x->l->d->arena, o->n_atoms, sizeof(*x->by_atom));
	x->external = strmap_new(64);
	x->absent = strmap_new(64);
	if (!x->addresses || !x->by_atom || !x->external || !x->absent)
		return -ENOMEM;
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (declarable(x->s, i) && !object_address(o, i, &x->addresses[x->n].at))
			x->addresses[x->n++].atom = i;
	qsort(x->addresses, x->n, sizeof(*x->addresses), by_address);
	return 0;
}

static uint32_t atom_at(const struct declarations *x, Dwarf_Addr at)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (x->addresses[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < x->n && x->addresses[low].at == at ? x->addresses[low].atom : NO_ATOM;
}

/* What a copy of a declaration is a copy of: of an inlined function, of one declared before. */
static Dwarf_Die origin_of(struct type_reader *r, Dwarf_Die die)
{
	for (int depth = 0; depth < TYPE_DEPTH; depth++) {
		Dwarf_Attribute attr;
		Dwarf_Die to;

		if (type_step(r) || (!dwarf_attr(&die, DW_AT_abstract_origin, &attr) &&
				     !dwarf_attr(&die, DW_AT_specification, &attr)))
			break;
		if (!dwarf_formref_die(&attr, &to))
			break;
		/* "extern" has no bounds of an array, say: the definition has the better type */
		if (!dwarf_hasattr(&to, DW_AT_type) && dwarf_hasattr(&die, DW_AT_type))
			break;
		die = to;
	}
	return die;
}

static bool address_of(Dwarf_Die *die, Dwarf_Addr *out)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr(die, DW_AT_location, &attr) || dwarf_getlocation(&attr, &ops, &n) || n != 1 ||
	    ops[0].atom != DW_OP_addr)
		return false;
	*out = ops[0].number;
	return true;
}

static int line_of(Dwarf_Die *die)
{
	int line;

	return dwarf_decl_line(die, &line) ? 0 : line;
}

static int remember_die(struct declarations *x, struct strmap *map, const char *key, const Dwarf_Die *die)
{
	Dwarf_Die *copy = key ? arena_memdup(x->l->d->arena, die, sizeof(*die)) : NULL;

	if (!copy)
		return -ENOMEM;
	return strmap_get(map, key) ? 0 : strmap_set(map, key, (union strmap_value){ .ptr = copy });
}

static const char *absent_key(struct declarations *x, const char *function, const char *name)
{
	return arena_printf(x->l->d->arena, "%s:%s", function ? function : "", name);
}

/* Whether a variable without a size (an empty struct lock_class_key) only happens to be where the atom is. */
static bool is_elsewhere(struct declarations *x, uint32_t atom, const char *name, const Dwarf_Die *typed)
{
	Dwarf_Die die = *typed;
	struct type t;

	if (name && !strcmp(name, x->s->source[atom]))
		return false;
	t = type_of(&x->l->reader, &die);
	return !type_size(&x->l->reader, &t);
}

static int add_variable(struct declarations *x, Dwarf_Die *die, const struct scope *scope)
{
	Dwarf_Die origin = origin_of(&x->l->reader, *die);
	const char *name = dwarf_diename(&origin);
	const Dwarf_Die *typed = dwarf_hasattr(die, DW_AT_type) ? die : &origin;
	Dwarf_Addr at;
	uint32_t atom;

	if (address_of(die, &at)) {
		atom = atom_at(x, at);
		if (atom != NO_ATOM && !x->by_atom[atom].known && !is_elsewhere(x, atom, name, typed))
			x->by_atom[atom] = (struct declared){ true, *typed, *scope, line_of(&origin) };
		return 0;
	}
	if (!name)
		return 0;
	if (dwarf_hasattr(die, DW_AT_declaration))
		return remember_die(x, x->external, name, die);
	/* what lives in registers, or is a constant, has that instead */
	if (dwarf_hasattr(die, DW_AT_location))
		return 0;
	return remember_die(x, x->absent, absent_key(x, scope->function, name), die);
}

static int walk(struct declarations *x, Dwarf_Die *parent, const struct scope *scope, int left);

/* The function that a DIE describes; one with a cold part is in several places. NO_ATOM: none. */
static uint32_t function_of(const struct declarations *x, Dwarf_Die *die)
{
	Dwarf_Addr base, begin, end;
	ptrdiff_t more = 0;

	while (!type_step(&x->l->reader) && (more = dwarf_ranges(die, more, &base, &begin, &end)) > 0) {
		uint32_t atom = atom_at(x, begin);

		if (atom != NO_ATOM && x->s->role[atom] == ROLE_CODE && !part_only(x->s, atom))
			return atom;
	}
	return NO_ATOM;
}

static int enter_function(struct declarations *x, Dwarf_Die *die, int left)
{
	Dwarf_Die origin = origin_of(&x->l->reader, *die);
	struct scope inner = { dwarf_diename(&origin), line_of(&origin), 0 };
	uint32_t atom = dwarf_tag(die) == DW_TAG_subprogram ? function_of(x, die) : NO_ATOM;

	if (atom != NO_ATOM && !x->by_atom[atom].known)
		x->by_atom[atom] = (struct declared){ true, origin, { 0 }, inner.line };
	return inner.function ? walk(x, die, &inner, left) : 0;
}

static int walk_one(struct declarations *x, Dwarf_Die *die, const struct scope *scope, int left)
{
	struct scope inner = *scope;

	switch (dwarf_tag(die)) {
	case DW_TAG_variable:
		return add_variable(x, die, scope);
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
		return enter_function(x, die, left);
	case DW_TAG_lexical_block:
		inner.depth++;
		return walk(x, die, &inner, left);
	default:
		return 0;
	}
}

static int walk(struct declarations *x, Dwarf_Die *parent, const struct scope *scope, int left)
{
	Dwarf_Die die;
	int err = left ? 0 : -EBADMSG, end = 0;

	for (end = err ? err : type_first_child(&x->l->reader, parent, &die); !end && !err;
	     end = type_next(&x->l->reader, &die))
		err = walk_one(x, &die, scope, left - 1);
	return err ? err : end < 0 ? end : x->l->reader.err;
}

static int declarations_read(struct layouts *l, struct side *s, Dwarf *dwarf, struct declarations *out)
{
	const struct scope file = { 0 };
	Dwarf_CU *unit = NULL;
	Dwarf_Die top;
	int err;

	*out = (struct declarations){ .l = l, .s = s };
	err = find_addresses(out);
	while (!err && !dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &top, NULL))
		err = walk(out, &top, &file, SCOPE_DEPTH);
	return err;
}

static void declarations_free(struct declarations *x)
{
	free(x->addresses);
	strmap_free(x->external);
	strmap_free(x->absent);
}

/* Variables */

struct judging {
	struct layouts *l;
	struct declarations was, is;
	bool *used; /* by patched atom: code of the patch refers to it */
};

/* Whether layout.c has judged the type under the variable's name: it has no other. */
static bool judged_as_type(struct judging *j, Dwarf_Die *die)
{
	struct type t = { .die = *die };

	for (int depth = 0; depth < TYPE_DEPTH; depth++) {
		t = type_of(&j->l->reader, &t.die);
		if (t.dw_tag != DW_TAG_pointer_type && t.dw_tag != DW_TAG_array_type)
			break;
	}
	return type_has_members(t.dw_tag) && !t.name && dwarf_diename(die) &&
	       strmap_get(j->l->names, dwarf_diename(die));
}

/*
 * Two structures of one layout: whether one of them has only been renamed, or the variable is, or points to, another
 * one than before. Where a version knows both, they are two.
 */
static const char *other_of_two(struct judging *j, struct type o, struct type n)
{
	struct layouts *l = j->l;

	for (int depth = 0; depth < TYPE_DEPTH && o.dw_tag == n.dw_tag; depth++) {
		if (o.dw_tag != DW_TAG_pointer_type && o.dw_tag != DW_TAG_array_type)
			break;
		o = type_of(&l->reader, &o.die);
		n = type_of(&l->reader, &n.die);
	}
	if (o.dw_tag != n.dw_tag || !type_has_members(o.dw_tag) || !o.name || !n.name ||
	    !strcmp(o.name, n.name))
		return NULL;
	if (!strmap_get(l->tags, n.name) && !strmap_get(l->names, n.name) && !strmap_get(l->now, o.name))
		return NULL;
	return layout_text(l, "changes its type from %s to %s", o.name, n.name);
}

static void judge_type(struct judging *j, uint32_t atom, Dwarf_Die *was, Dwarf_Die *is)
{
	struct diff *d = j->l->d;
	const char *name = new_atom(d, atom)->name, *how;
	struct type o = type_of(&j->l->reader, was), n = type_of(&j->l->reader, is);
	struct diag_place place;

	/* an array that is declared without its bounds is no other */
	if (dwarf_hasattr(is, DW_AT_declaration) && o.dw_tag == DW_TAG_array_type &&
	    n.dw_tag == DW_TAG_array_type) {
		o = type_of(&j->l->reader, &o.die);
		n = type_of(&j->l->reader, &n.die);
	}
	how = type_differs(j->l, &o, &n, 0);
	if (!how)
		how = other_of_two(j, o, n);
	if (!how || j->l->reader.err || judged_as_type(j, is) || request_allows(d, atom))
		return;
	place = layout_place(j->l, name, is);
	diff_refuse_at(
		d, "variable-type-changed", &place,
		arena_printf(d->arena,
			     "Use a new variable; or say KPATCH_ALLOW_DATA_CHANGE(%s) if what the kernel "
			     "has stored there means the same",
			     d->new.source[atom]),
		"%s: the running kernel's has been written as what it was", how);
}

static void judge_variable(struct judging *j, uint32_t n)
{
	struct diff *d = j->l->d;
	uint32_t o = d->pairs.twin[n];
	const union strmap_value *v, *w;
	Dwarf_Die a, b;

	if (o == NO_ATOM)
		return;
	if (d->new.role[n] == ROLE_EXTERN && j->used[n]) {
		v = strmap_get(j->was.external, new_atom(d, n)->name);
		w = strmap_get(j->is.external, new_atom(d, n)->name);
		if (!v || !w)
			return;
		a = *(const Dwarf_Die *)v->cptr;
		b = *(const Dwarf_Die *)w->cptr;
		judge_type(j, n, &a, &b);
	}
	if ((d->new.role[n] != ROLE_STATE && d->new.role[n] != ROLE_CONST) || !j->was.by_atom[o].known ||
	    !j->is.by_atom[n].known || (!j->used[n] && new_atom(d, n)->local) ||
	    orig_atom(d, o)->size != new_atom(d, n)->size)
		return;
	judge_type(j, n, &j->was.by_atom[o].die, &j->is.by_atom[n].die);
}

static int find_used(struct judging *j)
{
	struct diff *d = j->l->d;
	const struct object *o = d->new.object;

	j->used = arena_array(d->arena, o->n_atoms, sizeof(*j->used));
	if (!j->used)
		return -ENOMEM;
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		for (uint32_t r = a->first_ref; d->carried[i] && r < a->first_ref + a->n_refs; r++)
			if (o->refs[r].target != NO_ATOM)
				j->used[o->refs[r].target] = true;
	}
	return 0;
}

/* Statics of functions */

static bool same_name_beside(const struct declarations *x, uint32_t a, uint32_t b)
{
	const struct declared *p = &x->by_atom[a], *q = &x->by_atom[b];

	return a != b && p->known && q->known && q->scope.function && x->s->role[b] == ROLE_STATE &&
	       !strcmp(x->s->source[a], x->s->source[b]) && !strcmp(p->scope.function, q->scope.function);
}

/* Lines by which a declaration has moved within its function. */
static int shift_of(const struct judging *j, uint32_t n)
{
	const struct declared *p = &j->was.by_atom[j->l->d->pairs.twin[n]], *q = &j->is.by_atom[n];

	return (q->line - q->scope.line) - (p->line - p->scope.line);
}

/* Why a static that was paired by its uses may be another one, by its declaration; or NULL. */
static const char *other_static(const struct judging *j, uint32_t n)
{
	const struct diff *d = j->l->d;
	const struct declared *p = &j->was.by_atom[d->pairs.twin[n]], *q = &j->is.by_atom[n];

	if (!p->scope.function || !q->scope.function)
		return NULL;
	if (strcmp(p->scope.function, q->scope.function))
		return "is declared in another function";
	/* blocks without variables do not show: one more around it may be as old as the function */
	if (!p->scope.depth != !q->scope.depth)
		return "is declared in another block";
	for (uint32_t i = 0; i < d->new.object->n_atoms; i++)
		if (same_name_beside(&j->is, n, i) && d->pairs.twin[i] != NO_ATOM &&
		    j->was.by_atom[d->pairs.twin[i]].known && shift_of(j, i) != shift_of(j, n))
			return "has moved, against another one of its name";
	return NULL;
}

static void judge_static(struct judging *j, uint32_t n)
{
	struct diff *d = j->l->d;
	uint32_t o = d->pairs.twin[n];
	const char *why;

	if (d->new.role[n] != ROLE_STATE || o == NO_ATOM || !j->used[n] || !j->was.by_atom[o].known ||
	    !j->is.by_atom[n].known || d->pairs.how[n] == MATCH_NAME)
		return;
	why = other_static(j, n);
	if (why && !request_allows(d, n))
		diff_refuse(
			d, "static-local-undecided", &d->new, n, -1,
			"Give a new variable another name, or keep the block and the order of the old ones",
			"it cannot be told whether it is the kernel's %s: it %s", orig_atom(d, o)->name, why);
}

/* Variables that the compiler has left out */

/* The functions that used a variable of the original and are still there. */
static const char *users_of(struct judging *j, uint32_t orig)
{
	struct diff *d = j->l->d;
	const struct object *o = d->orig.object;
	const char *list = NULL;
	uint32_t last = NO_ATOM;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		uint32_t root = d->orig.role[i] == ROLE_CODE ? function_root(&d->orig, i) : NO_ATOM;

		for (uint32_t r = a->first_ref; root != NO_ATOM && r < a->first_ref + a->n_refs; r++) {
			if (o->refs[r].target != orig || root == last || d->pairs.back[root] == NO_ATOM)
				continue;
			list = layout_text(j->l, "%s%s%s", list ? list : "", list ? ", " : "",
					   o->atoms[root].name);
			last = root;
		}
	}
	return list;
}

static const union strmap_value *left_out(struct declarations *in, const struct declarations *of,
					  uint32_t atom)
{
	const char *key = absent_key(in, of->by_atom[atom].scope.function, of->s->source[atom]);

	if (!key)
		in->l->reader.err = -ENOMEM;
	return key ? strmap_get(in->absent, key) : NULL;
}

/* Without its last writer a static is a constant for the compiler, in all functions that read it. */
static void judge_folded(struct judging *j, uint32_t orig)
{
	struct diff *d = j->l->d;
	const union strmap_value *v;
	struct diag_place place;
	const char *users;
	Dwarf_Die die;

	if (!state_removed(d, orig) || !j->was.by_atom[orig].known)
		return;
	v = left_out(&j->is, &j->was, orig);
	users = v ? users_of(j, orig) : NULL;
	if (!users || request_allows_removed(d, orig))
		return;
	die = *(const Dwarf_Die *)v->cptr;
	place = layout_place(j->l, orig_atom(d, orig)->name, &die);
	diff_refuse_at(
		d, "variable-folded", &place,
		arena_printf(
			d->arena,
			"Keep a function that writes it, or remove the variable with all of its uses; or say "
			"KPATCH_ALLOW_DATA_CHANGE(%s) if it is unused, or its initial value is right",
			d->orig.source[orig]),
		"nothing writes it any more, so that the compiler puts its initial value in its place; the "
		"running kernel's may have another. It is used by %s",
		users);
}

/* The kernel has no such variable, because nothing wrote it, or nothing read it. */
static void judge_revived(struct judging *j, uint32_t n)
{
	struct diff *d = j->l->d;

	if (state_added(d, n) && j->is.by_atom[n].known && left_out(&j->was, &j->is, n))
		diff_warn(
			d, "variable-revived", &d->new, n, -1, NULL,
			"the compiler had left it out of the running kernel; it starts with its initial value");
}

/* Functions */

static bool exported(const struct object *o, const char *name)
{
	static const char *const prefixes[] = { "__ksymtab_", "__export_symbol_" };

	for (uint32_t i = 1; i < o->n_symbols; i++)
		for (size_t k = 0; k < sizeof(prefixes) / sizeof(prefixes[0]); k++)
			if (!strncmp(o->symbols[i].name, prefixes[k], strlen(prefixes[k])) &&
			    !strcmp(o->symbols[i].name + strlen(prefixes[k]), name))
				return true;
	return false;
}

/* Whether anything but calls refers to the function: pointers are called by code that nobody sees. */
static bool address_taken(const struct diff *d, uint32_t f)
{
	const struct object *o = d->new.object;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		enum role role = d->new.role[i];

		if (role == ROLE_IGNORED || role == ROLE_HINT || role == ROLE_ENTRY ||
		    role == ROLE_REGISTER || role == ROLE_REQUEST || !a->section)
			continue;
		for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++)
			if (o->refs[r].target == f && o->refs[r].addend == (int64_t)o->atoms[f].entry &&
			    function_root(&d->new, i) != f && !field_is_branch(d->arch, a, &o->refs[r]))
				return true;
	}
	return false;
}

static void judge_function(struct judging *j, uint32_t n)
{
	struct diff *d = j->l->d;
	uint32_t o = d->pairs.twin[n];
	const char *how, *who;

	if (d->new.role[n] != ROLE_CODE || !d->carried[n] || o == NO_ATOM || !j->was.by_atom[o].known ||
	    !j->is.by_atom[n].known)
		return;
	how = prototype_differs(j->l, &j->was.by_atom[o].die, &j->is.by_atom[n].die, 0);
	if (!how || j->l->reader.err)
		return;
	who = exported(d->orig.object, orig_atom(d, o)->name) ?
		      "it is exported, and modules that the patch does not know" :
	      address_taken(d, n) ? "its address is taken, and what calls it through a pointer may" :
				    NULL;
	if (!who && new_atom(d, n)->local)
		return;
	if (request_allows_prototype(d, n, how))
		return;
	if (!who) {
		d->prototypes[d->n_prototypes++] = (struct diff_state){
			.name = d->new.source[n], .how = how, .place = diff_place(d, &d->new, n, -1)
		};
		return;
	}
	diff_refuse(
		d, "prototype-changed", &d->new, n, -1,
		arena_printf(
			d->arena,
			"Leave it as it is and add a function; or say KPATCH_ALLOW_PROTOTYPE(%s) if there "
			"are no such callers",
			d->new.source[n]),
		"%s: %s still pass what the original takes", how, who);
}

static int judge_all(struct judging *j)
{
	struct diff *d = j->l->d;
	int err = find_used(j);

	d->prototypes = arena_array(d->arena, d->new.object->n_atoms, sizeof(*d->prototypes));
	if (!d->prototypes)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->new.object->n_atoms && !err; i++) {
		judge_variable(j, i);
		judge_static(j, i);
		judge_revived(j, i);
		judge_function(j, i);
		err = j->l->reader.err;
	}
	for (uint32_t i = 0; i < d->orig.object->n_atoms && !err; i++) {
		judge_folded(j, i);
		err = j->l->reader.err;
	}
	return err;
}

int layout_variables(struct layouts *l, Dwarf *original, Dwarf *patched)
{
	struct judging j = { .l = l };
	int err = declarations_read(l, &l->d->orig, original, &j.was);

	if (!err)
		err = declarations_read(l, &l->d->new, patched, &j.is);
	if (!err)
		err = judge_all(&j);
	declarations_free(&j.was);
	declarations_free(&j.is);
	return err;
}
