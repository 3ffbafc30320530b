// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decides once what each atom of an object is to a live patch, and indexes what belongs to each
 * function: its split parts and the table entries that describe it.
 */
#include "create-diff-object/passes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

/*
 * Statics that kernel macros make, one per call site, and whose only state is whether or how
 * often that site was reached: a copy starts afresh and does no harm. (Unlike these, the ___done
 * of DO_ONCE() guards the initialisation of something that must not be initialised again.)
 */
static const char *const fresh_names[] = {
	"__key", "__warned",	       "__already_done", "__print_once",
	"_rs",	 "__UNIQUE_ID_ddebug", "___tp_str",	 "__trace_printk_fmt",
};

/* The same, where the macro puts them into a table of their own: elsewhere they are the author's. */
static const char *const fresh_entry_names[] = { "descriptor", "_entry", "_entry_ptr" };

/* Values that the compiler or a macro names: known by their contents. */
static const char *const literal_names[] = {
	"__func__", "__FUNCTION__", "__PRETTY_FUNCTION__",
	"CSWTCH",   "__loc", /* KUnit: file and line of an assertion */
};

static bool listed(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, list[i]))
			return true;
	return false;
}
#define LISTED(name, list) listed(name, list, sizeof(list) / sizeof((list)[0]))

/* Whether the compiler numbered the name: "buf.3", not "buf". */
static bool numbered(const struct side *s, uint32_t atom)
{
	const char *name = s->object->atoms[atom].name;

	return s->base[atom] && strcmp(name, s->base[atom]);
}

static enum role data_role(const struct side *s, const struct atom *a)
{
	const char *source = s->source[a->id];

	if (!a->symbol)
		return ROLE_STATE;
	if (numbered(s, a->id) && LISTED(source, fresh_names))
		return ROLE_FRESH;
	if (LISTED(s->base[a->id], fresh_names) && numbered(s, a->id))
		return ROLE_FRESH;
	if (a->section->kind == SECTION_SPECIAL && numbered(s, a->id) &&
	    (LISTED(source, fresh_entry_names) || LISTED(s->base[a->id], fresh_entry_names)))
		return ROLE_FRESH;
	if (a->section->once && strncmp(source, "___done", 7))
		return ROLE_FRESH;
	return ROLE_STATE;
}

/*
 * A table of labels (&&label): it leads into the middle of its function and its parts only, belongs to it
 * as a jump table does, and one that leads into other code than its user's is of no use.
 */
static bool table_of_labels(const struct side *s, const struct atom *a)
{
	const struct object *o = s->object;

	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++) {
		const struct atom *t = o->refs[i].target == NO_ATOM ? NULL : &o->atoms[o->refs[i].target];

		if (!t || t->kind != ATOM_FUNC ||
		    (o->refs[i].addend == (int64_t)t->entry && t->parent == NO_ATOM))
			return false;
	}
	return a->n_refs;
}

static enum role rodata_role(const struct side *s, const struct atom *a)
{
	if (!a->symbol)
		return ROLE_LITERAL;
	if (LISTED(s->source[a->id], literal_names))
		return ROLE_LITERAL;
	if (a->local && numbered(s, a->id) && (!a->n_refs || table_of_labels(s, a)))
		return ROLE_LITERAL;
	return ROLE_CONST;
}

/* MODULE_IMPORT_NS(): the link stage adds what the patch module itself needs. */
static bool imports_namespace(const struct atom *a)
{
	const char *text = (const char *)atom_bytes(a);

	return !strcmp(a->section->name, ".modinfo") && text && a->size && !text[a->size - 1] &&
	       strstr(text, "import_ns=");
}

static enum role special_role(const struct side *s, const struct atom *a)
{
	switch (a->section->special ? a->section->special->owner : OWNER_NOBODY) {
	case OWNER_CODE:
		return a->owner != NO_ATOM ? ROLE_ENTRY : ROLE_UNKNOWN;
	case OWNER_REFERRED:
		if (a->symbol && data_role(s, a) == ROLE_FRESH)
			return ROLE_FRESH;
		return ROLE_PIECE;
	case OWNER_NOBODY:
		break;
	}
	/* An index of format strings for tools; the kernel works without. */
	if (!strcmp(a->section->name, ".printk_index") || imports_namespace(a))
		return ROLE_IGNORED;
	return ROLE_REGISTER;
}

static enum role discard_role(const struct atom *a)
{
	if (!strncmp(a->section->name, CALLBACK_PREFIX, strlen(CALLBACK_PREFIX)))
		return ROLE_CALLBACK;
	if (!strncmp(a->section->name, REQUEST_PREFIX, strlen(REQUEST_PREFIX)))
		return ROLE_REQUEST;
	/* Keeps a symbol from being optimized away; in a patch it would only demand more symbols. */
	if (!strcmp(a->section->name, ".discard.addressable"))
		return ROLE_IGNORED;
	return a->owner != NO_ATOM ? ROLE_HINT : ROLE_IGNORED;
}

static enum role atom_role(const struct side *s, const struct atom *a)
{
	if (!a->section)
		return ROLE_EXTERN;
	switch (a->section->kind) {
	case SECTION_TEXT:
		return ROLE_CODE;
	case SECTION_INIT:
		return ROLE_INIT;
	case SECTION_DATA:
	case SECTION_BSS:
		return data_role(s, a);
	case SECTION_RODATA:
		return rodata_role(s, a);
	case SECTION_STRINGS:
	case SECTION_CONSTANTS:
		return ROLE_LITERAL;
	case SECTION_SPECIAL:
		return special_role(s, a);
	case SECTION_EXPORT:
		return ROLE_REGISTER;
	case SECTION_DISCARD:
		return discard_role(a);
	case SECTION_META:
	case SECTION_RELA:
	case SECTION_TOOL:
	case SECTION_DEBUG:
		return ROLE_IGNORED;
	case SECTION_UNKNOWN:
		break;
	}
	return ROLE_UNKNOWN;
}

static uint32_t *none_array(struct arena *arena, uint32_t n)
{
	uint32_t *a = arena_array(arena, n, sizeof(*a));

	memset(a, 0xff, n * sizeof(*a));
	return a;
}

/* Lists are filled from the end, so that they come out in file order. */
static void link_parts(struct side *s)
{
	const struct object *o = s->object;

	for (uint32_t i = o->n_atoms; i-- > 0;) {
		const struct atom *a = &o->atoms[i];

		if (a->parent != NO_ATOM) {
			s->next_child[i] = s->first_child[a->parent];
			s->first_child[a->parent] = i;
		}
		if ((s->role[i] == ROLE_ENTRY || s->role[i] == ROLE_HINT) && a->owner != NO_ATOM) {
			s->next_entry[i] = s->first_entry[a->owner];
			s->first_entry[a->owner] = i;
		}
	}
}

static void side_alloc(struct diff *d, struct side *s)
{
	uint32_t n = s->object->n_atoms;

	s->role = arena_array(d->arena, n, sizeof(*s->role));
	s->base = arena_array(d->arena, n, sizeof(*s->base));
	s->source = arena_array(d->arena, n, sizeof(*s->source));
	s->first_child = none_array(d->arena, n);
	s->next_child = none_array(d->arena, n);
	s->first_entry = none_array(d->arena, n);
	s->next_entry = none_array(d->arena, n);
}

void roles_assign(struct diff *d, struct object *o, struct side *out)
{
	struct side s = { .object = o };

	side_alloc(d, &s);
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		if (a->symbol) {
			s.base[i] = name_base(d->arena, a->name);
			s.source[i] = name_source(d->arena, a->name);
		}
		s.role[i] = atom_role(&s, a);
	}
	link_parts(&s);
	*out = s;
}

bool refers_to(const struct object *o, const struct atom *a, uint32_t target)
{
	for (uint32_t r = a->first_ref; r < a->first_ref + a->n_refs; r++)
		if (o->refs[r].target == target)
			return true;
	return false;
}

bool part_only(const struct side *s, uint32_t atom)
{
	const struct atom *a = &s->object->atoms[atom];

	return a->parent != NO_ATOM && !a->traced;
}

uint32_t function_root(const struct side *s, uint32_t atom)
{
	/* A damaged chain of parents must end: it cannot be longer than there are atoms. */
	for (uint32_t i = 0; i < s->object->n_atoms && part_only(s, atom); i++)
		atom = s->object->atoms[atom].parent;
	return atom;
}
