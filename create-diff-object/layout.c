// SPDX-License-Identifier: GPL-2.0-only
/*
 * Do the objects that live in the kernel's memory fit the patched code? They were made, and are used by
 * code that stays, with the layout that the original source gives their types. Compares the structures,
 * unions and enumerations that both objects know, by their debug information, and refuses where a member is
 * new, gone, elsewhere or another, and where a constant has another value. What is new altogether, or gone, is nobody's
 * but the patch's. Without debug information nothing is compared, and the report says so.
 *
 * A type is known by its tag, or where it has none by the typedef or variable that it is declared with.
 * Each is judged alone: a structure that contains one of another size changes as well, one
 * that contains a pointer to it does not. Types that are declared in a function are compared where a variable
 * has one: variables.c.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "create-diff-object/layout.h"
#include "create-diff-object/types.h"
#include "lib/elf/debug.h"
#include "lib/util/strmap.h"

struct original_constant {
	int64_t value;
	bool counts; /* the others of its enumeration */
};

/* The original */

static void remember(struct layouts *l, struct strmap *map, const char *key, const void *what, size_t size)
{
	void *copy;

	if (strmap_get(map, key))
		return;
	copy = arena_memdup(l->d->arena, what, size);
	strmap_set(map, key, (union strmap_value){ .ptr = copy });
}

static int remember_constants(struct layouts *l, Dwarf_Die *enumeration)
{
	Dwarf_Die die;
	int err = 0, end;

	for (end = type_first_child(&l->reader, enumeration, &die); !end && !err;
	     end = type_next(&l->reader, &die)) {
		struct original_constant c;
		struct constant_value value;

		err = type_constant(&l->reader, &die, &value);
		if (err)
			break;
		c = (struct original_constant){ value.value, layout_counts(l, enumeration, &value) };
		remember(l, l->constants, value.name, &c, sizeof(c));
	}
	return err ? err : end < 0 ? end : 0;
}

static int remember_type(void *context, const struct named_type *type)
{
	struct layouts *l = context;
	Dwarf_Die die = type->die;

	if (*type->name)
		remember(l, type->tag ? l->tags : l->names, type->name, type, sizeof(*type));
	return dwarf_tag(&die) == DW_TAG_enumeration_type ? remember_constants(l, &die) : 0;
}

/* Judging */

static const char *keyword(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_structure_type:
		return "struct ";
	case DW_TAG_union_type:
		return "union ";
	default:
		return "enum ";
	}
}

static void report(struct layouts *l, const char *name, Dwarf_Die *die, const char *what)
{
	struct diag_place place = layout_place(l, name, die);

	if (request_vouches(l->d, &place, name, what))
		return;
	diff_refuse_at(l->d, "layout-changed", &place,
		       arena_printf(l->d->arena,
				    "Use a shadow variable for a new member; or say "
				    "KPATCH_ALLOW_LAYOUT(%s) if old and new code get on with it "
				    "(doc/authors.md)",
				    name),
		       "%s: the kernel's objects and the code that is not replaced have the old layout",
		       what);
}

static void judge_members(struct layouts *l, const struct named_type *type)
{
	const union strmap_value *v = strmap_get(type->tag ? l->tags : l->names, type->name);
	struct type was, is = { .die = type->die };
	const char *how, *resized = NULL;
	uint64_t size[2];
	Dwarf_Die where = type->die;

	if (!v)
		return;
	was = (struct type){ .die = ((const struct named_type *)v->cptr)->die };
	was.dw_tag = dwarf_tag(&was.die);
	is.dw_tag = dwarf_tag(&is.die);
	if (was.dw_tag != is.dw_tag) {
		how = layout_text(l, "it was %s", keyword(&was.die));
	} else {
		size[0] = type_size(&l->reader, &was);
		size[1] = type_size(&l->reader, &is);
		how = layout_members_differ(l, &was.die, &is.die, 0, &where);
		if (size[0] != size[1])
			resized = layout_text(l, "its size changes from %" PRIu64 " to %" PRIu64, size[0],
					      size[1]);
	}
	if (resized)
		how = how ? layout_text(l, "%s, and %s", how, resized) : resized;
	if (how && !l->reader.err)
		report(l, type->tag ? layout_text(l, "%s%s", keyword(&is.die), type->name) : type->name,
		       &where, how);
}

static void judge_constant(struct layouts *l, const char *name, Dwarf_Die *enumeration, const char *constant,
			   int64_t was, int64_t is)
{
	struct diag_place place = layout_place(l, name, enumeration);
	const char *what = layout_text(l, "%s changes from %" PRId64 " to %" PRId64, constant, was, is);

	if (request_vouches(l->d, &place, name, what))
		return;
	diff_refuse_at(l->d, "enum-changed", &place,
		       arena_printf(l->d->arena,
				    "Put new constants behind the old ones; or say "
				    "KPATCH_ALLOW_LAYOUT(%s) if old and new code get on with it "
				    "(doc/authors.md)",
				    name),
		       "%s: the kernel's objects and the code that is not replaced have the old value", what);
}

/* The first constant that has another value, but for those that count the others. */
static int judge_constants(struct layouts *l, const struct named_type *type)
{
	Dwarf_Die die, enumeration = type->die;
	const char *name = *type->name ? layout_text(l, "enum %s", type->name) : NULL;
	int end;

	for (end = type_first_child(&l->reader, &enumeration, &die); !end;
	     end = type_next(&l->reader, &die)) {
		struct constant_value c;
		const union strmap_value *v;
		const struct original_constant *was;
		int err = type_constant(&l->reader, &die, &c);

		if (err)
			return err;
		v = strmap_get(l->constants, c.name);
		was = v ? v->cptr : NULL;
		if (!was || was->value == c.value || (was->counts && layout_counts(l, &enumeration, &c)))
			continue;
		judge_constant(l, name ? name : c.name, &enumeration, c.name, was->value, c.value);
		return 0;
	}
	return end < 0 ? end : 0;
}

static int judge_type(void *context, const struct named_type *type)
{
	struct layouts *l = context;
	Dwarf_Die die = type->die;

	if (*type->name)
		strmap_set(l->now, type->name, (union strmap_value){ 0 });
	if (dwarf_tag(&die) == DW_TAG_enumeration_type)
		return judge_constants(l, type);
	judge_members(l, type);
	return l->reader.err;
}

static int compare_types(struct diff *d, Dwarf *original, Dwarf *patched)
{
	struct layouts l = { .d = d, .reader = type_reader_of(d->orig.object, d->new.object) };
	int err;

	l.tags = strmap_new(4096);
	l.names = strmap_new(64);
	l.constants = strmap_new(4096);
	l.now = strmap_new(4096);
	err = types_visit(&l.reader, original, remember_type, &l);
	if (!err)
		err = types_visit(&l.reader, patched, judge_type, &l);
	if (!err)
		err = layout_variables(&l, original, patched);
	free(l.member);
	strmap_free(l.tags);
	strmap_free(l.names);
	strmap_free(l.constants);
	strmap_free(l.now);
	return err;
}

static bool carries_code(const struct diff *d)
{
	for (uint32_t i = 0; i < d->new.object->n_atoms; i++)
		if (d->new.role[i] == ROLE_CODE && d->carried[i])
			return true;
	return false;
}

int pass_layout(struct diff *d)
{
	Dwarf *original, *patched;
	int err;

	if (!carries_code(d))
		return 0;
	err = object_dwarf(d->orig.object, &original);
	if (!err)
		err = object_dwarf(d->new.object, &patched);
	if (!err)
		err = compare_types(d, original, patched);
	d->types_compared = !err;
	if (err == -EBADMSG)
		diff_refuse(d, "debug-info-damaged", NULL, NO_ATOM, -1,
			    "Compile the objects again, or without debug information",
			    "the types cannot be compared: the debug information cannot be read");
	return err == -ENOENT || err == -EBADMSG ? 0 : err;
}
