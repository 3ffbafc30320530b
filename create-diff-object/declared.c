// SPDX-License-Identifier: GPL-2.0-only
/* See declared.h. Reads the debug information of one object; an atom is known by its address there. */
#include "create-diff-object/declared.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/debug.h"
#include "lib/util/strmap.h"
#include "lib/util/xmalloc.h"

/* Blocks within blocks, functions inlined in functions. */
#define SCOPE_DEPTH 64

struct declared_at {
	Dwarf_Addr at;
	uint32_t atom;
};

static int by_address(const void *a, const void *b)
{
	const struct declared_at *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static bool declarable(const struct side *s, uint32_t i)
{
	enum role role = s->role[i];

	/* What has no size is where something else is. */
	return s->object->atoms[i].symbol && s->object->atoms[i].section && s->object->atoms[i].size &&
	       (role == ROLE_STATE || role == ROLE_CONST || role == ROLE_CODE);
}

static void find_addresses(struct declarations *x)
{
	struct object *o = x->s->object;

	x->addresses = xcalloc((size_t)o->n_atoms + 1, sizeof(*x->addresses));
	x->by_atom = arena_array(x->arena, o->n_atoms, sizeof(*x->by_atom));
	x->external = strmap_new(64);
	x->absent = strmap_new(64);
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (declarable(x->s, i) && !object_address(o, i, &x->addresses[x->n].at))
			x->addresses[x->n++].atom = i;
	qsort(x->addresses, x->n, sizeof(*x->addresses), by_address);
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

static void remember_die(struct declarations *x, struct strmap *map, const char *key, const Dwarf_Die *die)
{
	if (!strmap_get(map, key))
		strmap_set(map, key,
			   (union strmap_value){ .ptr = arena_memdup(x->arena, die, sizeof(*die)) });
}

const char *declarations_absent_key(struct declarations *x, const char *function, const char *name)
{
	return arena_printf(x->arena, "%s:%s", function ? function : "", name);
}

/* Whether a variable without a size (an empty struct lock_class_key) only happens to be where the atom is. */
static bool is_elsewhere(struct declarations *x, uint32_t atom, const char *name, const Dwarf_Die *typed)
{
	Dwarf_Die die = *typed;
	struct type t;

	if (name && !strcmp(name, x->s->source[atom]))
		return false;
	t = type_of(x->reader, &die);
	return !type_size(x->reader, &t);
}

static void add_variable(struct declarations *x, Dwarf_Die *die, const struct scope *scope)
{
	Dwarf_Die origin = origin_of(x->reader, *die);
	const char *name = dwarf_diename(&origin);
	const Dwarf_Die *typed = dwarf_hasattr(die, DW_AT_type) ? die : &origin;
	Dwarf_Addr at;
	uint32_t atom;

	if (address_of(die, &at)) {
		atom = atom_at(x, at);
		if (atom != NO_ATOM && !x->by_atom[atom].known && !is_elsewhere(x, atom, name, typed))
			x->by_atom[atom] = (struct declared){ true, *typed, *scope, line_of(&origin) };
		return;
	}
	if (!name)
		return;
	if (dwarf_hasattr(die, DW_AT_declaration))
		remember_die(x, x->external, name, die);
	/* what lives in registers, or is a constant, has a location instead */
	else if (!dwarf_hasattr(die, DW_AT_location))
		remember_die(x, x->absent, declarations_absent_key(x, scope->function, name), die);
}

static int walk(struct declarations *x, Dwarf_Die *parent, const struct scope *scope, int left);

/* The function that a DIE describes; one with a cold part is in several places. NO_ATOM: none. */
static uint32_t function_of(const struct declarations *x, Dwarf_Die *die)
{
	Dwarf_Addr base, begin, end;
	ptrdiff_t more = 0;

	while (!type_step(x->reader) && (more = dwarf_ranges(die, more, &base, &begin, &end)) > 0) {
		uint32_t atom = atom_at(x, begin);

		if (atom != NO_ATOM && x->s->role[atom] == ROLE_CODE && !part_only(x->s, atom))
			return atom;
	}
	return NO_ATOM;
}

static int enter_function(struct declarations *x, Dwarf_Die *die, int left)
{
	Dwarf_Die origin = origin_of(x->reader, *die);
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
		add_variable(x, die, scope);
		return 0;
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

	for (end = err ? err : type_first_child(x->reader, parent, &die); !end && !err;
	     end = type_next(x->reader, &die))
		err = walk_one(x, &die, scope, left - 1);
	return err ? err : end < 0 ? end : x->reader->err;
}

int declarations_read(struct type_reader *reader, struct arena *arena, const struct side *s, Dwarf *dwarf,
		      struct declarations *out)
{
	const struct scope file = { 0 };
	Dwarf_CU *unit = NULL;
	Dwarf_Die top;
	int err = 0;

	*out = (struct declarations){ .reader = reader, .arena = arena, .s = s };
	find_addresses(out);
	while (!err && !dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &top, NULL))
		err = walk(out, &top, &file, SCOPE_DEPTH);
	return err;
}

void declarations_free(struct declarations *x)
{
	free(x->addresses);
	strmap_free(x->external);
	strmap_free(x->absent);
}
