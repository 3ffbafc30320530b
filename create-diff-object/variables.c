// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the layout pass: what is declared with the types. A variable that the kernel has must have for the
 * patched code the type that it was made with, whatever its size; of several statics of one name a function's
 * declarations say which is which; and who calls a function from where the patch does not reach passes what
 * the original took.
 *
 * Reads the debug information of both objects (declared.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/declared.h"
#include "create-diff-object/fields.h"
#include "create-diff-object/layout.h"
#include "lib/arch/arch.h"
#include "lib/util/strmap.h"
#include "lib/util/xmalloc.h"

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

static void find_used(struct judging *j)
{
	struct diff *d = j->l->d;
	const struct object *o = d->new.object;

	j->used = arena_array(d->arena, o->n_atoms, sizeof(*j->used));
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		for (uint32_t r = a->first_ref; d->carried[i] && r < a->first_ref + a->n_refs; r++)
			if (o->refs[r].target != NO_ATOM)
				j->used[o->refs[r].target] = true;
	}
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
	const char *key = declarations_absent_key(in, of->by_atom[atom].scope.function, of->s->source[atom]);

	return strmap_get(in->absent, key);
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

	if (state_added(d, n) && !state_was_init(d, n) && j->is.by_atom[n].known &&
	    left_out(&j->was, &j->is, n))
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

/* include/linux/btf_ids.h: whether BPF programs know the function, by what the kernel's BTF says of it. */
static bool has_btf_id(const struct object *o, const char *name)
{
	static const char prefix[] = "__BTF_ID__func__";
	size_t n = strlen(name);

	for (uint32_t i = 1; i < o->n_symbols; i++) {
		const char *s = o->symbols[i].name;

		if (strncmp(s, prefix, sizeof(prefix) - 1) || strncmp(s + sizeof(prefix) - 1, name, n))
			continue;
		s += sizeof(prefix) - 1 + n;
		if (!strncmp(s, "__", 2) && s[2] && strspn(s + 2, "0123456789") == strlen(s + 2))
			return true;
	}
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
	      has_btf_id(d->orig.object, orig_atom(d, o)->name) ? "it has a BTF ID, and BPF programs" :
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
	int err = 0;

	find_used(j);
	d->prototypes = arena_array(d->arena, d->new.object->n_atoms, sizeof(*d->prototypes));
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
	int err = declarations_read(&l->reader, l->d->arena, &l->d->orig, original, &j.was);

	if (!err)
		err = declarations_read(&l->reader, l->d->arena, &l->d->new, patched, &j.is);
	if (!err)
		err = judge_all(&j);
	declarations_free(&j.was);
	declarations_free(&j.is);
	return err;
}
