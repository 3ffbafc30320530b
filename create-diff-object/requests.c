// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the patch author vouches for, with the macros of kmod/kpatch-macros.h: differences that the
 * differ would apply or refuse, and that it is to leave alone. The kernel keeps what it has, and whatever
 * the patch carries refers to that.
 *
 * A request is a string in a section .discard.kpatch.request.KIND: the name of a section, function,
 * variable, system call or type, as in the source, so that asking changes nothing in the compiled code.
 * Each difference that is left alone is a warning, and so is a request that met none.
 */
#include "create-diff-object/passes.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name; /* of the section, behind REQUEST_PREFIX */
	const char *macro;
} kinds[] = {
	[REQUEST_SECTION] = { "ignore_section", "KPATCH_IGNORE_SECTION" },
	[REQUEST_FUNCTION] = { "ignore_function", "KPATCH_IGNORE_FUNCTION" },
	[REQUEST_DATA] = { "allow_data", "KPATCH_ALLOW_DATA_CHANGE" },
	[REQUEST_SYSCALL] = { "keep_syscall", "KPATCH_SYSCALL_DEFINE" },
	[REQUEST_LAYOUT] = { "allow_layout", "KPATCH_ALLOW_LAYOUT" },
	[REQUEST_PROTOTYPE] = { "allow_prototype", "KPATCH_ALLOW_PROTOTYPE" },
	[REQUEST_REMOVABLE] = { "removable", "KPATCH_REMOVABLE" },
	[REQUEST_FORCE] = { "force_unsafe", "KPATCH_FORCE_UNSAFE" },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void add(struct diff *d, const struct atom *a)
{
	const char *text = (const char *)atom_bytes(a);
	uint32_t k = 0;

	while (k < N_KINDS && strcmp(a->section->name + strlen(REQUEST_PREFIX), kinds[k].name))
		k++;
	if (k == N_KINDS || !text || a->size < 2 || text[a->size - 1] || a->n_refs) {
		diff_refuse(d, "bad-request", &d->new, a->id, -1,
			    "Use the macros of kpatch-macros.h of this version",
			    "section %s does not hold a name that is understood", a->section->name);
		return;
	}
	d->requests[d->n_requests++] = (struct request){ .kind = k, .name = text, .atom = a->id };
	if (k == REQUEST_FORCE)
		diff_warn(d, "force-unsafe", &d->new, a->id, -1,
			  "Remove it; patch what the function calls if tasks never leave it",
			  "KPATCH_FORCE_UNSAFE(%s) does nothing: the livepatch core has every task leave the "
			  "old function before it runs the new one",
			  text);
}

int pass_requests(struct diff *d)
{
	const struct object *o = d->new.object;
	uint32_t n = 0;

	for (uint32_t i = 0; i < o->n_atoms; i++)
		n += d->new.role[i] == ROLE_REQUEST;
	d->requests = arena_array(d->arena, n, sizeof(*d->requests));
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (d->new.role[i] == ROLE_REQUEST && o->atoms[i].symbol)
			add(d, &o->atoms[i]);
	return 0;
}

static struct request *find(struct diff *d, enum request_kind kind, const char *name)
{
	for (uint32_t i = 0; name && i < d->n_requests; i++)
		if (d->requests[i].kind == kind && !strcmp(d->requests[i].name, name))
			return &d->requests[i];
	return NULL;
}

/* Whether the compiler made @symbol of what is @name in the source: "f", "f.constprop.0". */
static bool made_of(const char *symbol, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(symbol, name, n) && (!symbol[n] || symbol[n] == '.');
}

/* By any of the atom's names: system calls have several. */
static struct request *find_named(struct diff *d, enum request_kind kind, const struct side *s, uint32_t atom)
{
	const struct object *o = s->object;
	const struct atom *a = &o->atoms[atom];

	for (uint32_t i = 0; i < d->n_requests; i++)
		for (uint32_t k = a->first_symbol; k < a->first_symbol + a->n_symbols; k++)
			if (d->requests[i].kind == kind &&
			    made_of(o->symbols[o->atom_symbols[k]].name, d->requests[i].name))
				return &d->requests[i];
	return NULL;
}

/* @name without @prefix, or NULL: it does not begin so. */
static const char *behind(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) ? NULL : name + strlen(prefix);
}

/* The system call that a table entry of SYSCALL_DEFINE() describes. */
static const char *syscall_of(const struct atom *a)
{
	static const char *const prefixes[] = { "__p_syscall_meta__", "__event_enter__", "__event_exit__" };
	const char *name = NULL;

	for (size_t i = 0; a->symbol && i < sizeof(prefixes) / sizeof(prefixes[0]) && !name; i++)
		name = behind(a->name, prefixes[i]);
	return name;
}

/* Values alone may differ: code that runs knows size and kind of what it has. */
static bool same_storage(const struct diff *d, const struct side *s, uint32_t atom)
{
	uint32_t twin = s == &d->new ? d->pairs.twin[atom] : NO_ATOM;

	return twin != NO_ATOM && orig_atom(d, twin)->size == new_atom(d, atom)->size &&
	       !storage_differs(&d->orig, orig_atom(d, twin), &d->new, new_atom(d, atom));
}

static struct request *request_for(struct diff *d, const struct side *s, uint32_t atom)
{
	const struct atom *a = &s->object->atoms[atom];
	struct request *r = a->section ? find(d, REQUEST_SECTION, a->section->name) : NULL;

	if (!r && a->kind == ATOM_FUNC)
		r = find_named(d, REQUEST_FUNCTION, s, function_root(s, atom));
	if (!r && a->kind != ATOM_FUNC && same_storage(d, s, atom))
		r = find_named(d, REQUEST_DATA, s, atom);
	if (!r && s->role[atom] == ROLE_REGISTER)
		r = find(d, REQUEST_SYSCALL, syscall_of(a));
	return r;
}

bool request_leaves(struct diff *d, const struct side *s, uint32_t atom, const char *how)
{
	struct request *r = d->n_requests ? request_for(d, s, atom) : NULL;

	if (!r)
		return false;
	r->used = true;
	diff_warn(d, "difference-ignored", s, atom, -1, NULL, "the kernel's is kept, as %s(%s) asks: %s",
		  kinds[r->kind].macro, r->name, how);
	return true;
}

bool request_allows(struct diff *d, uint32_t atom)
{
	struct request *r = find_named(d, REQUEST_DATA, &d->new, atom);

	if (r)
		r->used = true;
	return r != NULL;
}

bool request_allows_removed(struct diff *d, uint32_t orig)
{
	struct request *r = find_named(d, REQUEST_DATA, &d->orig, orig);

	if (r)
		r->used = true;
	return r != NULL;
}

bool request_allows_prototype(struct diff *d, uint32_t atom, const char *how)
{
	struct request *r = find_named(d, REQUEST_PROTOTYPE, &d->new, atom);

	if (!r)
		return false;
	r->used = true;
	diff_warn(d, "prototype-allowed", &d->new, atom, -1, NULL, "%s, for which %s(%s) vouches", how,
		  kinds[r->kind].macro, r->name);
	return true;
}

bool request_vouches(struct diff *d, const struct diag_place *place, const char *name, const char *what)
{
	struct request *r = find(d, REQUEST_LAYOUT, name);

	if (!r)
		return false;
	r->used = true;
	diag_warning(d->diags, "layout-allowed", place, NULL, "%s, for which %s(%s) vouches", what,
		     kinds[r->kind].macro, r->name);
	return true;
}

/* Whether it has been looked for what the request allows. */
static bool had_its_chance(const struct diff *d, const struct request *r)
{
	if (r->kind == REQUEST_LAYOUT || r->kind == REQUEST_PROTOTYPE)
		return d->types_compared;
	return r->kind != REQUEST_SYSCALL && r->kind != REQUEST_REMOVABLE && r->kind != REQUEST_FORCE;
}

int pass_unused_requests(struct diff *d)
{
	for (uint32_t i = 0; i < d->n_requests; i++)
		if (!d->requests[i].used && had_its_chance(d, &d->requests[i]))
			diff_warn(d, "request-without-effect", &d->new, d->requests[i].atom, -1,
				  "Remove it, or check the name", "%s(%s) met no difference",
				  kinds[d->requests[i].kind].macro, d->requests[i].name);
	return 0;
}

bool request_removable(struct diff *d, uint32_t n_kept)
{
	bool found = false;

	for (uint32_t i = 0; i < d->n_requests; i++) {
		const struct request *r = &d->requests[i];

		if (r->kind != REQUEST_REMOVABLE)
			continue;
		found = true;
		if (n_kept)
			diff_warn(d, "removable-allowed", &d->new, r->atom, -1, NULL,
				  "%u address%s of the patch may get away from its code, and the module is "
				  "removed all the same: %s",
				  n_kept, n_kept == 1 ? "" : "es", r->name);
		else
			diff_warn(d, "request-without-effect", &d->new, r->atom, -1, "Remove it",
				  "%s() met no address that gets away", kinds[r->kind].macro);
	}
	return found;
}
