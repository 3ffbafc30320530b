// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the types of an object from its debug information, DWARF 4 and 5 as gcc and clang write it for C.
 * Makes nothing, and judges nothing: that is layout.c's.
 *
 * The library checks that it stays in the section, but follows references wherever they lead. So the
 * depth is bounded, siblings have to come one after the other, and each step counts.
 */
#include "create-diff-object/types.h"

#include <errno.h>
#include <string.h>

#include "lib/elf/object.h"

/* Nothing legitimate reads a byte of debug information this often. */
#define READS_A_BYTE 64

static uint64_t debug_size(const struct object *o)
{
	const struct section *s = object_section(o, ".debug_info");

	return s ? s->size : 0;
}

struct type_reader type_reader_of(const struct object *original, const struct object *patched)
{
	return (struct type_reader){ .left = READS_A_BYTE * (debug_size(original) + debug_size(patched)) };
}

static int damaged(struct type_reader *r)
{
	r->err = -EBADMSG;
	return r->err;
}

int type_step(struct type_reader *r)
{
	if (r->err || !r->left)
		return damaged(r);
	r->left--;
	return 0;
}

int type_first_child(struct type_reader *r, Dwarf_Die *die, Dwarf_Die *out)
{
	int found;

	if (type_step(r))
		return r->err;
	found = dwarf_child(die, out);
	return found < 0 ? damaged(r) : found;
}

int type_next(struct type_reader *r, Dwarf_Die *die)
{
	Dwarf_Die here = *die;
	int found;

	if (type_step(r))
		return r->err;
	found = dwarf_siblingof(&here, die);
	/* a sibling's offset is written down, and could lead back */
	if (found < 0 || (!found && die->addr <= here.addr))
		return damaged(r);
	return found;
}

uint64_t type_number(struct type_reader *r, Dwarf_Die *die, unsigned int attribute, uint64_t otherwise)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (type_step(r) || !dwarf_attr(die, attribute, &attr))
		return otherwise;
	if (dwarf_formudata(&attr, &value)) {
		damaged(r);
		return otherwise;
	}
	return value;
}

static const char *name_of(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	return name && *name ? name : NULL;
}

/* One step along DW_AT_type. */
static bool next_type(struct type_reader *r, Dwarf_Die *die, Dwarf_Die *out)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (type_step(r) || !dwarf_attr(die, DW_AT_type, &attr))
		return false;
	if (!dwarf_formref_die(&attr, &type)) {
		damaged(r);
		return false;
	}
	*out = type;
	return true;
}

/* Typedefs of numbers that mean something else in the same bytes than the numbers alone. */
static bool is_unit(const char *name)
{
	return name && (!strncmp(name, "__be", 4) || !strncmp(name, "__le", 4) || !strcmp(name, "ktime_t"));
}

struct type type_of(struct type_reader *r, Dwarf_Die *die)
{
	struct type t = { .die = *die, .dw_tag = DW_TAG_unspecified_type };
	const char *stands_for = NULL;

	for (int depth = 0; depth < 2 * TYPE_DEPTH; depth++) {
		if (!next_type(r, &t.die, &t.die))
			return t;
		switch (dwarf_tag(&t.die)) {
		case DW_TAG_typedef:
			stands_for = name_of(&t.die);
			if (!t.unit && is_unit(stands_for))
				t.unit = stands_for;
			break;
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
			break;
		default:
			t.dw_tag = dwarf_tag(&t.die);
			if (type_has_members(t.dw_tag) || t.dw_tag == DW_TAG_enumeration_type)
				t.name = name_of(&t.die) ? name_of(&t.die) : stands_for;
			return t;
		}
	}
	damaged(r);
	return t;
}

/* The upper bound of an array without elements is -1, or none. */
static uint64_t dimension(struct type_reader *r, Dwarf_Die *range)
{
	return type_number(r, range, DW_AT_count, type_number(r, range, DW_AT_upper_bound, UINT64_MAX) + 1);
}

unsigned int type_dimensions(struct type_reader *r, const struct type *array, uint64_t *out,
			     struct type *element)
{
	unsigned int n = 0;
	Dwarf_Die range;
	int end;

	*element = *array;
	/* an array of arrays that have a name of their own is one */
	while (element->dw_tag == DW_TAG_array_type) {
		for (end = type_first_child(r, &element->die, &range); !end && n < TYPE_DEPTH;
		     end = type_next(r, &range))
			if (dwarf_tag(&range) == DW_TAG_subrange_type)
				out[n++] = dimension(r, &range);
		*element = type_of(r, &element->die);
		if (n == TYPE_DEPTH || r->err) {
			damaged(r);
			return 0;
		}
	}
	return n;
}

uint64_t type_elements(struct type_reader *r, Dwarf_Die *array)
{
	uint64_t n = 1;
	Dwarf_Die range;
	int end;

	for (end = type_first_child(r, array, &range); !end; end = type_next(r, &range)) {
		if (dwarf_tag(&range) == DW_TAG_subrange_type)
			n *= dimension(r, &range);
	}
	return n;
}

uint64_t type_size(struct type_reader *r, const struct type *type)
{
	struct type t = *type;
	uint64_t n = 1, size;

	for (int depth = 0; depth < TYPE_DEPTH; depth++) {
		size = t.dw_tag == DW_TAG_unspecified_type ?
			       0 :
			       type_number(r, &t.die, DW_AT_byte_size, UINT64_MAX);
		if (size != UINT64_MAX)
			return n * size;
		if (t.dw_tag != DW_TAG_array_type)
			return 0;
		n *= type_elements(r, &t.die);
		t = type_of(r, &t.die);
	}
	damaged(r);
	return 0;
}

void type_place(struct type_reader *r, Dwarf_Die *member, uint64_t *bit, uint64_t *width)
{
	uint64_t old, storage;
	struct type type;

	*bit = 8 * type_number(r, member, DW_AT_data_member_location, 0);
	*width = type_number(r, member, DW_AT_bit_size, 0);
	if (!*width)
		return;
	/* DWARF 4: counted from the most significant bit of the unit of storage */
	old = type_number(r, member, DW_AT_bit_offset, UINT64_MAX);
	if (old == UINT64_MAX) {
		*bit += type_number(r, member, DW_AT_data_bit_offset, 0);
		return;
	}
	storage = type_number(r, member, DW_AT_byte_size, 0);
	type = type_of(r, member);
	*bit += 8 * (storage ? storage : type_size(r, &type)) - old - *width;
}

int type_constant(struct type_reader *r, Dwarf_Die *die, struct constant_value *out)
{
	Dwarf_Attribute attr;
	Dwarf_Sword value;
	Dwarf_Word word;
	int form;

	if (type_step(r))
		return r->err;
	if (!dwarf_attr(die, DW_AT_const_value, &attr) || !name_of(die))
		return damaged(r);
	form = dwarf_whatform(&attr);
	if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
		if (dwarf_formsdata(&attr, &value))
			return damaged(r);
	} else {
		if (dwarf_formudata(&attr, &word))
			return damaged(r);
		value = (Dwarf_Sword)word;
	}
	*out = (struct constant_value){ .name = name_of(die), .value = value };
	return 0;
}

/* A typedef or variable of a type that has no name of its own, or an array of or pointer to such. */
static int visit_holder(struct type_reader *r, Dwarf_Die *die, type_visitor visit, void *context)
{
	struct named_type named = { .name = name_of(die) };
	struct type t = { .die = *die };

	for (int depth = 0; named.name && depth < TYPE_DEPTH; depth++) {
		t = type_of(r, &t.die);
		if (type_has_members(t.dw_tag) && !t.name) {
			named.die = t.die;
			return r->err ? r->err : visit(context, &named);
		}
		if (t.dw_tag != DW_TAG_pointer_type && t.dw_tag != DW_TAG_array_type)
			break;
	}
	return r->err;
}

static int visit_one(struct type_reader *r, Dwarf_Die *die, type_visitor visit, void *context)
{
	struct named_type t = { .name = "", .tag = true };

	switch (dwarf_tag(die)) {
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
		if (name_of(die))
			t.name = name_of(die);
		else if (dwarf_tag(die) != DW_TAG_enumeration_type)
			return 0;
		t.die = *die;
		return dwarf_hasattr(die, DW_AT_declaration) ? 0 : visit(context, &t);
	case DW_TAG_typedef:
	case DW_TAG_variable:
		return visit_holder(r, die, visit, context);
	default:
		return 0;
	}
}

int types_visit(struct type_reader *r, Dwarf *dwarf, type_visitor visit, void *context)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die top, die;
	int err = 0, end;

	while (!err && !(end = dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &top, NULL))) {
		for (end = type_first_child(r, &top, &die); !end && !err; end = type_next(r, &die))
			err = visit_one(r, &die, visit, context);
		if (end < 0)
			break;
	}
	return err ? err : end < 0 ? damaged(r) : r->err;
}
