/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the objects of a patch may use of each other. New functions and data are shared by ordinary
 * linking. But the kernel applies the klp relocations for a module only while that module is there, so
 * code carried for one module that has any must not be reached from vmlinux or another module: the
 * fields would be zero.
 *
 * An object that two modules are linked from has a unit for each, with references of its own. What such
 * units both add gets the name of the module behind its own, and each module uses what is its.
 *
 * Reads the differ's outputs, and writes those again in which a name has changed.
 */
#include <errno.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/link/link.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/klp/names.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"
#include "lib/util/vmlinux.h"

/* One symbol of the kernel that exists only together with the module @owner, or NULL. */
static const char *needs_module(struct arena *arena, const struct elf_edit *f, const char *owner)
{
	struct klp_ref ref;

	for (uint32_t i = 1; i < f->n_symbols; i++)
		if (elf_edit_undefined(&f->symbols[i]) && !klp_ref_parse(arena, f->symbols[i].name, &ref) &&
		    !strcmp(ref.section_object, owner))
			return ref.name;
	return NULL;
}

/* What @unit defines for others, if it works only with its module: symbol → unit. */
static void note_definitions(struct build *b, const struct elf_edit *f, struct unit *unit,
			     struct strmap *defined)
{
	if (is_vmlinux(unit->owner) || !needs_module(b->arena, f, unit->owner))
		return;
	for (uint32_t i = 1; i < f->n_symbols; i++)
		if (f->symbols[i].section && f->symbols[i].bind != STB_LOCAL)
			strmap_set(defined, f->symbols[i].name, (union strmap_value){ .ptr = unit });
}

static void check_uses(struct build *b, const struct elf_edit *f, const struct unit *unit,
		       const struct elf_edit *const *files, const struct strmap *defined)
{
	for (uint32_t i = 1; i < f->n_symbols; i++) {
		const struct elf_edit_symbol *s = &f->symbols[i];
		const union strmap_value *v = elf_edit_undefined(s) ? strmap_get(defined, s->name) : NULL;
		const struct unit *other = v ? v->ptr : NULL;

		if (!other || !strcmp(other->owner, unit->owner))
			continue;
		build_fails_as(b, EXIT_REFUSED);
		diag_error(b->diags, "shared-with-module", diag_file(unit->object),
			   "Give each kernel object a function of its own, or define it in one of vmlinux's",
			   "it uses the patch's %s from %s, which refers to %s of module %s; that "
			   "module need not be loaded when %s calls it",
			   s->name, other->object,
			   needs_module(b->arena, files[other - b->units], other->owner), other->owner,
			   unit->owner);
	}
}

/* What several owners define. */
struct shared {
	struct strmap *first; /* name → owner of the first definition */
	struct strmap *all;   /* "name.owner" of every definition */
	struct strmap *names; /* those that a second owner defines as well */
};

static bool defines(const struct elf_edit_symbol *s)
{
	return s->bind != STB_LOCAL && !elf_edit_undefined(s);
}

static void note_owner(struct arena *arena, const struct elf_edit_symbol *s, const char *owner,
		       struct shared *shared)
{
	const char *own = arena_printf(arena, "%s.%s", s->name, owner);
	const union strmap_value *first = strmap_get(shared->first, s->name);

	strmap_set(shared->all, own, (union strmap_value){ .num = 1 });
	if (!first)
		strmap_set(shared->first, s->name, (union strmap_value){ .cptr = owner });
	else if (strcmp(first->cptr, owner))
		strmap_set(shared->names, s->name, (union strmap_value){ .num = 1 });
}

static void ambiguous(struct build *b, const struct unit *unit, const char *name)
{
	build_fails_as(b, EXIT_REFUSED);
	diag_error(
		b->diags, "shared-between-modules", diag_file(unit->object),
		"Give it a function of its own, or define that in a file which one kernel object is made from",
		"it uses the patch's %s, of which several modules have a copy each, and %s has none", name,
		unit->owner);
}

/* Gives the names that others have as well, and their uses, the owner's. */
static int rename_shared(struct build *b, struct elf_edit *f, const struct unit *unit, struct shared *shared)
{
	bool changed = false;

	for (uint32_t i = 1; i < f->n_symbols; i++) {
		struct elf_edit_symbol *s = &f->symbols[i];
		const char *own;

		if (s->bind == STB_LOCAL || !strmap_get(shared->names, s->name))
			continue;
		own = arena_printf(b->arena, "%s.%s", s->name, unit->owner);
		if (!strmap_get(shared->all, own)) {
			ambiguous(b, unit, s->name);
			continue;
		}
		s->name = own;
		changed = true;
	}
	return changed ? elf_edit_write(f, unit->diff) : 0;
}

static int separate(struct build *b, struct elf_edit *const *files)
{
	struct shared shared = { strmap_new(64), strmap_new(64), strmap_new(16) };
	int err = 0;

	for (size_t i = 0; i < b->n_units; i++)
		for (uint32_t k = 1; files[i] && k < files[i]->n_symbols; k++)
			if (defines(&files[i]->symbols[k]))
				note_owner(b->arena, &files[i]->symbols[k], b->units[i].owner, &shared);
	for (size_t i = 0; i < b->n_units && !err && strmap_count(shared.names); i++)
		if (files[i])
			err = rename_shared(b, files[i], &b->units[i], &shared);
	strmap_free(shared.first);
	strmap_free(shared.all);
	strmap_free(shared.names);
	return err;
}

static int read_diffs(struct build *b, struct elf_edit **files)
{
	int err = 0;

	for (size_t i = 0; i < b->n_units && !err; i++)
		if (b->units[i].diff)
			err = elf_edit_read(b->units[i].diff, b->arena, b->diags, &files[i]);
	return err;
}

int check_sharing(struct build *b)
{
	struct elf_edit **files = arena_array(b->arena, b->n_units, sizeof(*files));
	struct strmap *defined = strmap_new(64);
	size_t errors = diags_errors(b->diags);
	int err = read_diffs(b, files);

	if (!err)
		err = separate(b, files);
	for (size_t i = 0; i < b->n_units && !err; i++)
		if (files[i])
			note_definitions(b, files[i], &b->units[i], defined);
	for (size_t i = 0; i < b->n_units && !err; i++)
		if (files[i])
			check_uses(b, files[i], &b->units[i], (const struct elf_edit *const *)files, defined);
	strmap_free(defined);
	return !err && diags_errors(b->diags) > errors ? -EINVAL : err;
}
