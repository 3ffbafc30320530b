// SPDX-License-Identifier: GPL-2.0-only
/*
 * A patch of several files: one uses what another defines. New functions and data are provided by the
 * object that has them. A function that only loses its "static" is the running kernel's, and the
 * object that defined it knows where. What nobody has is refused here, with the place of its use; the
 * linker and modpost would know no more than the name.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/diff/diff_siblings.h"
#include "lib/elf/object.h"
#include "lib/util/diag.h"
#include "lib/util/vmlinux.h"

/* A symbol that the object defines with that name, local or not; NULL: none or several. */
static const struct symbol *defined(const struct object *o, const char *name, bool local)
{
	const struct symbol *found = NULL;

	for (uint32_t i = 1; i < o->n_symbols; i++) {
		const struct symbol *s = &o->symbols[i];

		if (!symbol_in_section(o, s) || (s->bind == STB_LOCAL) != local || strcmp(s->name, name))
			continue;
		if (found)
			return NULL;
		found = s;
	}
	return found;
}

/* Code of vmlinux can be used by all, that of a module by the module. */
static bool reaches(const struct unit *from, const struct unit *to)
{
	return is_vmlinux(to->owner) || !strcmp(from->owner, to->owner);
}

static int find(const struct ksym_source *source, const char *name, const struct symbol *definition,
		struct ksym *out, const char **why)
{
	const struct siblings *s = source->context;
	int err = s->unit->ksyms.find(&s->unit->ksyms, name, definition, out, why);

	if (err || out->where != KSYM_ABSENT || (definition && definition->section != SECTION_UNDEF))
		return err;
	for (size_t i = 0; i < s->build->n_units; i++) {
		const struct unit *u = &s->build->units[i];
		const struct symbol *was;

		if (u == s->unit || !u->original_object || !u->patched_object || !reaches(s->unit, u))
			continue;
		was = defined(u->original_object, name, true);
		if (was && defined(u->patched_object, name, false))
			return u->ksyms.find(&u->ksyms, name, was, out, why);
	}
	return 0;
}

static bool find_literal(const struct ksym_source *source, const struct atom *literal, struct ksym_place *out)
{
	const struct siblings *s = source->context;
	const struct ksym_source *own = &s->unit->ksyms;

	return own->find_literal && own->find_literal(own, literal, out);
}

static bool boot_only(const struct ksym_source *source, const char *name)
{
	const struct siblings *s = source->context;
	const struct ksym_source *own = &s->unit->ksyms;

	return own->boot_only && own->boot_only(own, name);
}

struct ksym_source siblings_source(struct siblings *s)
{
	return (struct ksym_source){
		.find = find, .boot_only = boot_only, .find_literal = find_literal, .context = s
	};
}

static bool provided(const struct build *b, const char *name)
{
	for (size_t i = 0; i < b->n_units; i++)
		for (size_t k = 0; k < b->units[i].report.n_provided; k++)
			if (!strcmp(b->units[i].report.provided[k], name))
				return true;
	return false;
}

/* Whether code of @from begins to use something that is new in @u. */
static bool begins_to_use(const struct unit *from, const struct unit *u)
{
	for (size_t i = 0; i < from->report.n_needs; i++)
		for (size_t k = 0; k < u->report.n_provided; k++)
			if (!strcmp(from->report.needs[i].name, u->report.provided[k]))
				return true;
	return false;
}

/* The variable that @from has lost and that may be @new of @u; or NULL. */
static const struct diff_state *lost_as(const struct unit *from, const struct unit *u,
					const struct diff_state *new)
{
	for (size_t k = 0; k < from->report.n_removed_state; k++)
		if (!strcmp(from->report.removed_state[k].name, new->name))
			return &from->report.removed_state[k];
	return from->report.n_removed_state && begins_to_use(from, u) ? &from->report.removed_state[0] : NULL;
}

/*
 * Refuses a variable that one object has lost and @u has for the first time, or has under another name for the
 * object's code: its value would be lost.
 */
static int check_moved(const struct build *b, const struct unit *u, const struct diff_state *new,
		       struct diags *diags)
{
	for (size_t i = 0; i < b->n_units; i++) {
		const struct unit *from = &b->units[i];
		const struct diff_state *lost =
			from != u && !strcmp(from->owner, u->owner) ? lost_as(from, u, new) : NULL;

		if (!lost)
			continue;
		diag_error(
			diags, "variable-moved", &new->place,
			"Leave the variable in the file where the kernel has it; or say "
			"KPATCH_ALLOW_DATA_CHANGE() of the new one if it is another",
			"%s is new here, and %s has %s no longer%s: if it has moved, its value in the running "
			"kernel would be lost",
			new->name, from->object,
			strcmp(lost->name, new->name) ? lost->name : "one of that name",
			strcmp(lost->name, new->name) ? " and begins to use what is new in this file" : "");
		return -EINVAL;
	}
	return 0;
}

/* Whether another object of the patch mentions the function: then the header that declares it was seen by all. */
static bool known_elsewhere(const struct build *b, const struct unit *u, const char *name)
{
	for (size_t i = 0; i < b->n_units; i++) {
		const struct object *o = b->units[i].patched_object;

		for (uint32_t k = 1; &b->units[i] != u && o && k < o->n_symbols; k++)
			if (o->symbols[k].section == SECTION_UNDEF && !strcmp(o->symbols[k].name, name))
				return true;
	}
	return false;
}

/* A function that is global has callers in other files, who pass what the original takes. */
static int check_prototype(const struct build *b, const struct unit *u, const struct diff_state *f,
			   struct diags *diags)
{
	if (known_elsewhere(b, u, f->name))
		return 0;
	diag_error(diags, "prototype-changed", &f->place,
		   "Change its declaration and its callers in the same patch, or add a function; or say "
		   "KPATCH_ALLOW_PROTOTYPE() of it if this file has all callers",
		   "%s: it is global, and the patch changes no other file that calls it", f->how);
	return -EINVAL;
}

int siblings_check(const struct build *b, const struct unit *u, struct diags *diags)
{
	int err = 0;

	for (size_t i = 0; i < u->report.n_needs; i++) {
		const struct diff_need *need = &u->report.needs[i];

		if (provided(b, need->name))
			continue;
		diag_error(diags, "symbol-undefined", &need->place,
			   "Define it in a file of the patch, or use what the kernel has",
			   "it uses %s, which neither the kernel nor the patch has as a global symbol",
			   need->name);
		err = -EINVAL;
	}
	for (size_t i = 0; i < u->report.n_new_state; i++)
		if (check_moved(b, u, &u->report.new_state[i], diags))
			err = -EINVAL;
	for (size_t i = 0; i < u->report.n_prototypes; i++)
		if (check_prototype(b, u, &u->report.prototypes[i], diags))
			err = -EINVAL;
	return err;
}
