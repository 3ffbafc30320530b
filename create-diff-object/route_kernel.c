// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the routes: what the running kernel has. How does the patch get at a symbol of it: by an ordinary import, by
 * one that the livepatch core resolves, or not at all? Reads the source of symbols, and keeps its answers by atom.
 */
#include "create-diff-object/passes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/klp/names.h"
#include "lib/util/vmlinux.h"

struct routing route_refused(const char *id, const char *why, const char *remedy)
{
	return (struct routing){ .route = ROUTE_REFUSED, .id = id, .why = why, .remedy = remedy };
}

const struct lookup *lookup_atom(struct diff *d, uint32_t atom)
{
	struct lookup *l = &d->lookups[atom];
	uint32_t twin = d->pairs.twin[atom];
	const struct atom *a = new_atom(d, atom);
	const struct symbol *definition = NULL;
	const char *name = a->symbol->name;

	if (l->asked)
		return l;
	if (twin != NO_ATOM && orig_atom(d, twin)->symbol) {
		name = orig_atom(d, twin)->symbol->name;
		/* A weak definition may have lost to another one: references mean the winner. */
		if (orig_atom(d, twin)->section &&
		    (d->replaced[atom] || orig_atom(d, twin)->symbol->bind != STB_WEAK))
			definition = orig_atom(d, twin)->symbol;
	}
	l->asked = true;
	l->err = d->input->ksyms->find(d->input->ksyms, name, definition, &l->ksym, &l->why);
	return l;
}

/* Keys that only switch tracing on: without their table entry they stay off. */
static bool is_tracepoint(const char *name)
{
	return !strncmp(name, "__tracepoint_", 13);
}

/*
 * A table that the kernel reads while it loads the patch module, before it resolves what depends on
 * another module.
 */
static struct routing too_late(const struct atom *from, const char *name)
{
	if (from->kind == ATOM_ENTRY && is_tracepoint(name))
		return (struct routing){ .route = ROUTE_OFF,
					 .name = KPATCH_KEY_OFF,
					 .why = "its key is in the module being patched" };
	return route_refused("klp-reference-too-late",
			     "the kernel reads this table before it resolves symbols of the patched module",
			     "Use static_key_enabled() instead of static_branch_likely() or _unlikely(), and "
			     "no alternatives that refer to the module");
}

const char *lookup_failed_as(const struct lookup *l, const char **remedy)
{
	if (l->err == -EKEYREJECTED) {
		*remedy = "Use the source, configuration and compiler of this very kernel";
		return "code-not-verified";
	}
	if (l->err == -EEXIST) {
		*remedy = "Change the definition that the kernel uses: nobody calls this one";
		return "weak-overridden";
	}
	*remedy = "Give the tool the image or module, so that it can prove the position";
	return "symbol-position-unknown";
}

struct routing route_to_symbol(struct diff *d, const struct atom *from, const struct lookup *l,
			       const char *name, bool defined)
{
	struct routing r = { .ksym = l->ksym, .name = name };

	const char *remedy, *id = lookup_failed_as(l, &remedy);

	if (l->err)
		return route_refused(id, l->why ? l->why : "the symbol is ambiguous", remedy);
	switch (l->ksym.where) {
	case KSYM_ABSENT:
		if (defined)
			return route_refused("symbol-not-in-kernel",
					     "the running kernel has no symbol of that name",
					     "Check that source and configuration are those of the kernel");
		r.route = ROUTE_SIBLING;
		r.why = "another object of the patch defines it";
		return r;
	case KSYM_VMLINUX_EXPORT:
		r.route = ROUTE_IMPORT;
		r.why = "exported by vmlinux";
		return r;
	case KSYM_OWNER:
	case KSYM_VMLINUX:
	case KSYM_MODULE_EXPORT:
		break;
	}
	if (!*name || strchr(name, ','))
		return route_refused("reference-not-possible",
				     "the livepatch core cannot read the name of that symbol", NULL);
	r.route = ROUTE_KLP;
	r.why = l->ksym.where == KSYM_MODULE_EXPORT ? "exported by a module, which may be loaded later" :
						      "not exported";
	r.secobj = is_vmlinux(l->ksym.object) ? VMLINUX : d->input->owner;
	if (!klp_object_is_valid(l->ksym.object))
		return route_refused("bad-object-name", "the livepatch core cannot handle the object's name",
				     NULL);
	if (!is_vmlinux(l->ksym.object) && is_vmlinux(d->input->owner))
		return route_refused("symbol-in-module", "code of vmlinux refers to a module's symbol", NULL);
	if (l->ksym.not_held)
		return route_refused(
			"module-not-held", l->ksym.not_held,
			"Look it up with symbol_get() in a callback, and let it go with symbol_put()");
	if (!is_vmlinux(r.secobj) && from->section && from->section->special &&
	    from->section->special->read_early)
		return too_late(from, r.name);
	return r;
}

struct routing route_to_kernel(struct diff *d, const struct atom *from, uint32_t target)
{
	const struct atom *t = new_atom(d, target);
	uint32_t twin = d->pairs.twin[target];
	const char *name = t->symbol->name;

	if (twin != NO_ATOM && orig_atom(d, twin)->symbol)
		name = orig_atom(d, twin)->symbol->name;
	return route_to_symbol(d, from, lookup_atom(d, target), name, t->section != NULL);
}

struct routing route_by_name(struct diff *d, const char *name)
{
	const struct object *o = d->orig.object;
	const struct symbol *definition = NULL;
	const struct atom nowhere = { .kind = ATOM_BYTES };
	struct lookup l = { .asked = true };

	for (uint32_t i = 1; i < o->n_symbols && !definition; i++)
		if (o->symbols[i].section != SECTION_UNDEF && !strcmp(o->symbols[i].name, name))
			definition = &o->symbols[i];
	l.err = d->input->ksyms->find(d->input->ksyms, name, definition, &l.ksym, &l.why);
	return route_to_symbol(d, &nowhere, &l, name, true);
}

static uint64_t address_of(struct diff *d, const char *name)
{
	struct ksym k = { .address = 0 };
	const char *why;

	return d->input->ksyms->find(d->input->ksyms, name, NULL, &k, &why) ? 0 : k.address;
}

static bool in_range(struct diff *d, struct init_range *range, const char *begin, const char *end,
		     const struct ksym *k)
{
	if (!range->asked)
		*range = (struct init_range){ true, address_of(d, begin), address_of(d, end) };
	return range->begin && k->address >= range->begin && k->address < range->end;
}

bool route_in_init(struct diff *d, const struct ksym *k)
{
	return in_range(d, &d->init, "__init_begin", "__init_end", k);
}

bool route_in_sealed(struct diff *d, const struct ksym *k)
{
	return in_range(d, &d->sealed, "__start_ro_after_init", "__end_ro_after_init", k);
}
