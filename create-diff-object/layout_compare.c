/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In what two types differ for somebody who has an object of them: see layout.h. Members are paired by name,
 * then those that were only renamed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/layout.h"
#include "create-diff-object/types.h"
#include "lib/arch/arch.h"
#include "lib/util/strmap.h"
#include "lib/util/xmalloc.h"

/* Types that pointers lead to are compared that far, where their names do not decide. */
#define POINTER_DEPTH 6

struct member {
	const char *name;
	uint64_t bit, width; /* width: of a bit field, else 0 */
	Dwarf_Die die;
	struct type type;
	size_t twin; /* in layouts.member; NONE */
};
#define NONE SIZE_MAX

/* What a type is to the bytes of an object. */
enum kind {
	KIND_INTEGER,
	KIND_BOOLEAN,
	KIND_FLOAT,
	KIND_POINTER,
	KIND_ARRAY,
	KIND_STRUCT,
	KIND_UNION,
	KIND_OTHER
};

/* Two types compared: their members are [o, n) and [n, end) of the stack. */
struct span {
	size_t o, n, end;
};

static int push(struct layouts *l, const struct member *m)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 256;
		l->member = xreallocarray(l->member, room, sizeof(*l->member));
		l->room = room;
	}
	l->member[l->n++] = *m;
	return 0;
}

/* Pushes the members of a structure or union at @bit, those of members without a name in their place. */
static int push_members(struct layouts *l, Dwarf_Die *type, uint64_t bit, int depth)
{
	Dwarf_Die die;
	int err = depth > TYPE_DEPTH ? -EBADMSG : 0, end = 0;

	for (end = err ? err : type_first_child(&l->reader, type, &die); !end && !err;
	     end = type_next(&l->reader, &die)) {
		struct member m = { .die = die, .twin = NONE };

		if (dwarf_tag(&die) != DW_TAG_member)
			continue;
		m.name = dwarf_diename(&die);
		m.type = type_of(&l->reader, &die);
		type_place(&l->reader, &die, &m.bit, &m.width);
		m.bit += bit;
		if (m.name)
			err = push(l, &m);
		else if (type_has_members(m.type.dw_tag))
			err = push_members(l, &m.type.die, m.bit, depth + 1);
	}
	return err ? err : end < 0 ? end : l->reader.err;
}

static enum kind kind_of(struct layouts *l, const struct type *t)
{
	Dwarf_Die die = t->die;

	switch (t->dw_tag) {
	case DW_TAG_base_type:
		switch (type_number(&l->reader, &die, DW_AT_encoding, 0)) {
		case DW_ATE_boolean:
			return KIND_BOOLEAN;
		case DW_ATE_float:
			return KIND_FLOAT;
		default:
			return KIND_INTEGER;
		}
	case DW_TAG_enumeration_type:
		return KIND_INTEGER;
	case DW_TAG_pointer_type:
		return KIND_POINTER;
	case DW_TAG_array_type:
		return KIND_ARRAY;
	case DW_TAG_structure_type:
		return KIND_STRUCT;
	case DW_TAG_union_type:
		return KIND_UNION;
	default:
		return KIND_OTHER;
	}
}

const char *layout_text(struct layouts *l, const char *fmt, ...)
{
	const char *made;
	va_list ap;

	va_start(ap, fmt);
	made = arena_vprintf(l->d->arena, fmt, ap);
	va_end(ap);
	return made;
}

/*
 * Whether the type is one that is judged under its name: those that are declared in a function are not, and so
 * are compared wherever they are met.
 */
static bool judged_by_name(struct layouts *l, const struct type *o, const struct type *n)
{
	const union strmap_value *v;
	Dwarf_Die die = o->die, known;

	if (!o->name || !n->name || strcmp(o->name, n->name))
		return false;
	v = strmap_get(l->tags, o->name);
	if (!v)
		v = strmap_get(l->names, o->name);
	if (!v) /* declared and not defined here, or in a function */
		return dwarf_hasattr(&die, DW_AT_declaration);
	known = ((const struct named_type *)v->cptr)->die;
	return dwarf_dieoffset(&known) == dwarf_dieoffset(&die) || dwarf_hasattr(&die, DW_AT_declaration);
}

static bool opaque(struct type *t)
{
	return dwarf_hasattr(&t->die, DW_AT_declaration);
}

/* What a pointer points to; a pointer that may point to anything is no other than one that says to what. */
static const char *pointees_differ(struct layouts *l, struct type *o, struct type *n, int depth)
{
	const char *how;

	/* lists lead to themselves */
	if (depth > POINTER_DEPTH)
		return NULL;
	if (o->dw_tag == DW_TAG_unspecified_type || n->dw_tag == DW_TAG_unspecified_type)
		return NULL;
	if (o->dw_tag == DW_TAG_subroutine_type && n->dw_tag == DW_TAG_subroutine_type)
		return prototype_differs(l, &o->die, &n->die, depth + 1);
	if (type_has_members(o->dw_tag) && o->dw_tag == n->dw_tag && (opaque(o) || opaque(n)))
		return o->name && n->name && strcmp(o->name, n->name) ? "points to another type" : NULL;
	if (judged_by_name(l, o, n))
		return NULL;
	how = type_differs(l, o, n, depth + 1);
	if (how && (!type_has_members(o->dw_tag) || o->name || n->name))
		return layout_text(l, "points to another type, which %s", how);
	return how;
}

static const char *value_differs(struct layouts *l, Dwarf_Die *o, Dwarf_Die *n, int depth)
{
	struct type was = type_of(&l->reader, o), is = type_of(&l->reader, n);
	const char *how;

	/* nobody looks at a value that was not there */
	if (was.dw_tag == DW_TAG_unspecified_type)
		return NULL;
	how = type_differs(l, &was, &is, depth);
	return how ? layout_text(l, "what it returns %s", how) : NULL;
}

/* Moves on to a parameter. 0; 1: there is none; -EBADMSG. */
static int next_parameter(struct layouts *l, Dwarf_Die *die, int end)
{
	while (!end && dwarf_tag(die) != DW_TAG_formal_parameter &&
	       dwarf_tag(die) != DW_TAG_unspecified_parameters)
		end = type_next(&l->reader, die);
	return end;
}

const char *prototype_differs(struct layouts *l, Dwarf_Die *o, Dwarf_Die *n, int depth)
{
	Dwarf_Die a, b;
	int end[2] = { type_first_child(&l->reader, o, &a), type_first_child(&l->reader, n, &b) };

	if (depth > TYPE_DEPTH)
		return NULL;
	for (unsigned int i = 1;; i++) {
		struct type was, is;
		const char *how;

		end[0] = next_parameter(l, &a, end[0]);
		end[1] = next_parameter(l, &b, end[1]);
		if (end[0] < 0 || end[1] < 0)
			return NULL;
		if (end[0] || end[1])
			break;
		if (dwarf_tag(&a) != dwarf_tag(&b))
			return layout_text(l, "parameter %u changes its type", i);
		was = type_of(&l->reader, &a);
		is = type_of(&l->reader, &b);
		how = dwarf_tag(&a) == DW_TAG_formal_parameter ? type_differs(l, &was, &is, depth + 1) : NULL;
		if (how)
			return layout_text(l, "parameter %u %s", i, how);
		end[0] = type_next(&l->reader, &a);
		end[1] = type_next(&l->reader, &b);
	}
	if (end[0] != end[1])
		return end[0] ? "it has another parameter" : "it has a parameter less";
	return value_differs(l, o, n, depth + 1);
}

/* Arrays of one size: [2][3] is read otherwise than [3][2]. */
static const char *arrays_differ(struct layouts *l, const struct type *o, const struct type *n, int depth)
{
	uint64_t was[TYPE_DEPTH], is[TYPE_DEPTH];
	struct type a, b;
	unsigned int n_was = type_dimensions(&l->reader, o, was, &a);
	unsigned int n_is = type_dimensions(&l->reader, n, is, &b);

	if (n_was != n_is || memcmp(was, is, n_was * sizeof(*was)))
		return "changes its type";
	return type_differs(l, &a, &b, depth + 1);
}

/* What is read from the same bytes: a plain number has the machine's own byte order. */
static const char *reading(const struct layouts *l, const struct type *t)
{
	if (!t->unit || strncmp(t->unit, l->d->arch->big_endian ? "__be" : "__le", 4) != 0)
		return t->unit ? t->unit : "";
	return "";
}

static bool units_differ(const struct layouts *l, const struct type *o, const struct type *n)
{
	return strcmp(reading(l, o), reading(l, n)) != 0;
}

/* In what a type is another, for somebody who has an object of it; or NULL. */
const char *type_differs(struct layouts *l, struct type *o, struct type *n, int depth)
{
	uint64_t size[2] = { type_size(&l->reader, o), type_size(&l->reader, n) };
	enum kind kind = kind_of(l, o);
	struct type inner[2];
	Dwarf_Die where;

	if (depth > TYPE_DEPTH) {
		l->reader.err = -EBADMSG;
		return NULL;
	}
	if (size[0] != size[1])
		return layout_text(l, "changes its size from %" PRIu64 " to %" PRIu64, size[0], size[1]);
	if (kind != kind_of(l, n))
		return "changes its type";
	switch (kind) {
	case KIND_ARRAY:
		return arrays_differ(l, o, n, depth);
	case KIND_POINTER:
		inner[0] = type_of(&l->reader, &o->die);
		inner[1] = type_of(&l->reader, &n->die);
		return pointees_differ(l, &inner[0], &inner[1], depth);
	case KIND_STRUCT:
	case KIND_UNION:
		if (judged_by_name(l, o, n))
			return NULL;
		return layout_members_differ(l, &o->die, &n->die, depth + 1, &where);
	case KIND_INTEGER:
		if (units_differ(l, o, n))
			return layout_text(l, "is %s now, and was %s", n->unit ? n->unit : "a plain number",
					   o->unit ? o->unit : "a plain number");
		if (o->dw_tag != DW_TAG_enumeration_type || n->dw_tag != DW_TAG_enumeration_type)
			return NULL;
		return !o->name || !n->name || judged_by_name(l, o, n) ? NULL :
									 layout_constants_differ(l, o, n);
	default:
		return NULL;
	}
}

static bool same_place(const struct member *a, const struct member *b)
{
	return a->bit == b->bit && a->width == b->width;
}

static void pair_up(struct layouts *l, size_t o, size_t n)
{
	l->member[o].twin = n;
	l->member[n].twin = o;
}

static void pair_by_name(struct layouts *l, const struct span *s)
{
	size_t expected = s->o;

	for (size_t n = s->n; n < s->end; n++) {
		for (size_t i = 0; i < s->n - s->o; i++) {
			size_t o = s->o + (expected - s->o + i) % (s->n - s->o);

			if (type_step(&l->reader))
				return;
			if (l->member[o].twin != NONE || strcmp(l->member[o].name, l->member[n].name))
				continue;
			pair_up(l, o, n);
			expected = o + 1;
			break;
		}
	}
}

/* A member that has another name, in a place where there was one of its kind whose name is gone. */
static void pair_renamed(struct layouts *l, const struct span *s, int depth)
{
	for (size_t n = s->n; n < s->end; n++) {
		for (size_t o = s->o; o < s->n && l->member[n].twin == NONE; o++) {
			struct member a = l->member[o], b = l->member[n];

			if (a.twin != NONE || !same_place(&a, &b))
				continue;
			if (!type_step(&l->reader) && !type_differs(l, &a.type, &b.type, depth))
				pair_up(l, o, n);
		}
	}
}

/*
 * Whether a new member is another view of what was there, and each of its own members has its namesake of
 * the original: struct_group() of <linux/stddef.h>.
 */
static bool is_view(struct layouts *l, const struct span *s, size_t added, int depth)
{
	struct member m = l->member[added];
	size_t begin = l->n;
	bool same = type_has_members(m.type.dw_tag) && !push_members(l, &m.type.die, m.bit, depth);

	for (size_t i = begin; i < l->n && same; i++) {
		struct member a, b = l->member[i];
		size_t o = s->o;

		while (o < s->n && !type_step(&l->reader) && strcmp(l->member[o].name, b.name))
			o++;
		same = o < s->n;
		if (!same)
			break;
		a = l->member[o];
		same = same_place(&a, &b) && !type_differs(l, &a.type, &b.type, depth);
	}
	l->n = begin;
	return same;
}

static const char *offset_text(struct layouts *l, const struct member *m)
{
	return m->width ? layout_text(l, "%" PRIu64 " bit %u", m->bit / 8, (unsigned int)(m->bit % 8)) :
			  layout_text(l, "%" PRIu64, m->bit / 8);
}

/* What became of a member, other than that it moved; or NULL. */
static const char *pair_differs(struct layouts *l, size_t n, int depth)
{
	struct member b = l->member[n], a = l->member[b.twin];
	const char *how;

	if (a.width != b.width)
		return layout_text(l, "member %s changes its width from %" PRIu64 " to %" PRIu64 " bits",
				   b.name, a.width, b.width);
	how = type_differs(l, &a.type, &b.type, depth);
	return how ? layout_text(l, "member %s %s", b.name, how) : NULL;
}

/* The first change that is not the consequence of another, or NULL. */
static const char *first_change(struct layouts *l, const struct span *s, int depth, Dwarf_Die *where)
{
	for (size_t n = s->n; n < s->end && !l->reader.err; n++) {
		const char *how = NULL;

		if (l->member[n].twin != NONE)
			how = pair_differs(l, n, depth);
		else if (!is_view(l, s, n, depth))
			how = layout_text(l, "member %s is new at offset %s", l->member[n].name,
					  offset_text(l, &l->member[n]));
		if (how) {
			*where = l->member[n].die;
			return how;
		}
	}
	for (size_t o = s->o; o < s->n; o++)
		if (l->member[o].twin == NONE)
			return layout_text(l, "member %s is gone", l->member[o].name);
	return NULL;
}

static const char *first_move(struct layouts *l, const struct span *s, Dwarf_Die *where)
{
	for (size_t n = s->n; n < s->end; n++) {
		const struct member *b = &l->member[n], *a = b->twin == NONE ? b : &l->member[b->twin];

		if (a->bit == b->bit)
			continue;
		*where = b->die;
		return layout_text(l, "member %s moves from offset %s to %s", b->name, offset_text(l, a),
				   offset_text(l, b));
	}
	return NULL;
}

/* In what two structures or unions differ, or NULL. *where: the DIE that shows it best. */
const char *layout_members_differ(struct layouts *l, Dwarf_Die *o, Dwarf_Die *n, int depth, Dwarf_Die *where)
{
	struct span s = { .o = l->n };
	const char *change = NULL, *move = NULL;
	int err = push_members(l, o, 0, depth);

	s.n = l->n;
	if (!err)
		err = push_members(l, n, 0, depth);
	s.end = l->n;
	*where = *n;
	if (!err) {
		pair_by_name(l, &s);
		pair_renamed(l, &s, depth);
		move = first_move(l, &s, where);
		change = first_change(l, &s, depth, where);
	}
	l->n = s.o;
	if (err)
		l->reader.err = err;
	return change && move ? layout_text(l, "%s, %s", change, move) : change ? change : move;
}

struct diag_place layout_place(struct layouts *l, const char *name, Dwarf_Die *die)
{
	struct diag_place place = { .file = l->d->input->name, .function = name };
	int line;

	place.source = dwarf_decl_file(die);
	if (place.source && !dwarf_decl_line(die, &line))
		place.line = (unsigned int)line;
	return place;
}
