/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the objects of a patch may use of each other. New functions and data are shared by ordinary
 * linking. But the kernel applies the klp relocations for a module only while that module is there, so
 * code carried for one module that has any must not be reached from vmlinux or another module: the
 * fields would be zero. Reads the differ's outputs; changes nothing.
 */
#include <errno.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/elfile.h"
#include "kpatch-build/link.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"

/* One symbol of the kernel that exists only together with the module @owner, or NULL. */
static const char *needs_module(struct arena *arena, const struct elfile *f, const char *owner)
{
	struct klp_ref ref;

	for (uint32_t i = 1; i < f->n_symbols; i++)
		if (elfile_undefined(&f->symbols[i]) && !parse_klp_ref(arena, f->symbols[i].name, &ref) &&
		    !strcmp(ref.section_object, owner))
			return ref.name;
	return NULL;
}

/* What @unit defines for others, if it works only with its module: symbol → unit. */
static int note_definitions(struct build *b, const struct elfile *f, struct unit *unit,
			    struct strmap *defined)
{
	int err = 0;

	if (!strcmp(unit->owner, "vmlinux") || !needs_module(b->arena, f, unit->owner))
		return 0;
	for (uint32_t i = 1; i < f->n_symbols && !err; i++)
		if (f->symbols[i].section && f->symbols[i].bind != STB_LOCAL)
			err = strmap_set(defined, f->symbols[i].name, (union strmap_value){ .ptr = unit });
	return err;
}

static void check_uses(struct build *b, const struct elfile *f, const struct unit *unit,
		       const struct elfile *const *files, const struct strmap *defined)
{
	for (uint32_t i = 1; i < f->n_symbols; i++) {
		const struct elfile_symbol *s = &f->symbols[i];
		const union strmap_value *v = elfile_undefined(s) ? strmap_get(defined, s->name) : NULL;
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

int check_sharing(struct build *b)
{
	struct elfile **files = arena_array(b->arena, b->n_units, sizeof(*files));
	struct strmap *defined = strmap_new(64);
	size_t errors = diags_errors(b->diags);
	int err = files && defined ? 0 : -ENOMEM;

	for (size_t i = 0; i < b->n_units && !err; i++) {
		if (!b->units[i].diff)
			continue;
		err = elfile_read(b->units[i].diff, b->arena, b->diags, &files[i]);
		if (!err)
			err = note_definitions(b, files[i], &b->units[i], defined);
	}
	for (size_t i = 0; i < b->n_units && !err; i++)
		if (files[i])
			check_uses(b, files[i], &b->units[i], (const struct elfile *const *)files, defined);
	strmap_free(defined);
	return !err && diags_errors(b->diags) > errors ? -EINVAL : err;
}
