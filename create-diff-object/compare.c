// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a pair the same? Bytes outside of reference fields, references, and the table entries
 * that describe a function. Line numbers are taken out where a table is known to hold
 * one, or where the debug information says that it is one; nothing else is. Each atom is judged alone: what the parts of a function mean for each
 * other is decided in changes.c.
 */
#include "create-diff-object/passes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/fields.h"
#include "lib/arch/arch.h"
#include "lib/util/xmalloc.h"

/* Values refer to values (a table of strings); nothing real is nested deeper. */
#define MAX_DEPTH 32

#define SAME UINT64_MAX

static bool value_role(uint8_t role)
{
	return role == ROLE_LITERAL || role == ROLE_FRESH || role == ROLE_ENTRY;
}

static bool refs_same_depth(struct diff *d, const struct ref *o, const struct ref *n, unsigned int depth);

/* The first byte that differs in [from, to), or SAME. Without bytes (bss) all are zero. */
static uint64_t range_differs(const uint8_t *x, const uint8_t *y, uint64_t from, uint64_t to)
{
	if (!x && !y)
		return SAME;
	if (x && y && !memcmp(x + from, y + from, to - from))
		return SAME;
	for (uint64_t i = from; i < to; i++)
		if ((x ? x[i] : 0) != (y ? y[i] : 0))
			return i;
	return SAME;
}

/*
 * The first offset at which two atoms differ apart from the bytes that references fill in, or SAME.
 * References themselves are compared elsewhere; here one that only one side has counts.
 */
static uint64_t bytes_differ(const struct diff *d, const struct atom *a, const struct atom *b,
			     const uint8_t *x, const uint8_t *y)
{
	uint64_t size = a->size < b->size ? a->size : b->size, from = 0, at;
	uint32_t n = a->n_refs < b->n_refs ? a->n_refs : b->n_refs;
	size_t in_field;

	for (uint32_t i = 0; i < n; i++) {
		const struct ref *p = &d->orig.object->refs[a->first_ref + i];
		const struct ref *q = &d->new.object->refs[b->first_ref + i];

		if (p->offset != q->offset || p->width != q->width || p->type != q->type) {
			uint64_t first = p->offset < q->offset ? p->offset : q->offset;

			if (first > size)
				first = size;
			at = first > from ? range_differs(x, y, from, first) : SAME;
			return at != SAME ? at : first;
		}
		if (p->offset > from && p->offset <= size) {
			at = range_differs(x, y, from, p->offset);
			if (at != SAME)
				return at;
		}
		if (p->offset + p->width > from)
			from = p->offset + p->width;
		if (from > size)
			continue;
		in_field = reloc_differs_around(arch_reloc(d->arch, p->type), d->arch->big_endian,
						x + p->offset, y + p->offset);
		if (in_field < p->width)
			return p->offset + in_field;
	}
	if (from < size) {
		at = range_differs(x, y, from, size);
		if (at != SAME)
			return at;
	}
	if (a->size != b->size)
		return size;
	return a->n_refs == b->n_refs ? SAME : 0;
}

static const uint8_t *without_line(const struct object *o, const struct atom *a, uint8_t *buf, size_t size)
{
	return atom_without_line(o, a, atom_bytes(a), buf, size);
}

/*
 * What has been found to hold the same is one class, of atoms of both sides: nameless data that is referred to
 * twice at each of many levels would otherwise be compared twice as often at each. Only equality is kept, because
 * one difference ends the whole comparison. Originals come first, then patched ones.
 */
static uint32_t class_of(uint32_t *classes, uint32_t atom)
{
	while (classes[atom] != atom)
		atom = classes[atom] = classes[classes[atom]];
	return atom;
}

static bool known_same(const struct diff *d, uint32_t orig, uint32_t new)
{
	uint32_t *c = d->same_values;

	return c && class_of(c, orig) == class_of(c, d->orig.object->n_atoms + new);
}

static void note_same(const struct diff *d, uint32_t orig, uint32_t new)
{
	uint32_t *c = d->same_values;

	if (c)
		c[class_of(c, d->orig.object->n_atoms + new)] = class_of(c, orig);
}

static bool contents_same(struct diff *d, uint32_t orig, uint32_t new, unsigned int depth)
{
	const struct atom *a = orig_atom(d, orig), *b = new_atom(d, new);
	uint8_t buf_a[256], buf_b[256];

	if (depth > MAX_DEPTH || a->size != b->size || a->n_refs != b->n_refs)
		return false;
	if (bytes_differ(d, a, b, without_line(d->orig.object, a, buf_a, sizeof(buf_a)),
			 without_line(d->new.object, b, buf_b, sizeof(buf_b))) != SAME)
		return false;
	for (uint32_t i = 0; i < a->n_refs; i++)
		if (!refs_same_depth(d, &d->orig.object->refs[a->first_ref + i],
				     &d->new.object->refs[b->first_ref + i], depth + 1))
			return false;
	return true;
}

static bool values_same_depth(struct diff *d, uint32_t orig, uint32_t new, unsigned int depth)
{
	if (known_same(d, orig, new))
		return true;
	if (!contents_same(d, orig, new, depth))
		return false;
	note_same(d, orig, new);
	return true;
}

bool values_same(struct diff *d, uint32_t orig, uint32_t new)
{
	return values_same_depth(d, orig, new, 0);
}

/* The string that a reference into a string atom means, or NULL if it leads elsewhere. */
static const char *string_at(const struct object *o, const struct ref *r)
{
	const struct atom *a = &o->atoms[r->target];
	const uint8_t *bytes = atom_bytes(a);

	if (a->kind != ATOM_STRING || !bytes || r->addend < 0 || (uint64_t)r->addend >= a->size)
		return NULL;
	if (bytes[a->size - 1] || a->section->entsize > 1)
		return NULL;
	return (const char *)bytes + r->addend;
}

static bool same_place(const struct atom *a, const struct ref *o, const struct atom *b, const struct ref *n)
{
	return o->addend - (int64_t)a->entry == n->addend - (int64_t)b->entry;
}

/* Targets without an identity of their own: what counts is what they hold. */
static bool value_targets_same(struct diff *d, const struct ref *o, const struct ref *n, unsigned int depth)
{
	const struct atom *a = orig_atom(d, o->target), *b = new_atom(d, n->target);
	const char *s = string_at(d->orig.object, o), *t = string_at(d->new.object, n);

	if (s && t)
		return !strcmp(s, t);
	if (strcmp(d->orig.base[a->id] ? d->orig.base[a->id] : "",
		   d->new.base[b->id] ? d->new.base[b->id] : ""))
		return false;
	return same_place(a, o, b, n) && values_same_depth(d, a->id, b->id, depth);
}

static bool anonymous_value(const struct side *s, uint32_t atom)
{
	const struct atom *a = &s->object->atoms[atom];

	return value_role(s->role[atom]) ||
	       (!a->symbol &&
		(s->role[atom] == ROLE_PIECE || s->role[atom] == ROLE_CODE || s->role[atom] == ROLE_INIT));
}

static bool same_alias(const struct symbol *o, const struct symbol *n)
{
	return !o == !n && (!o || !strcmp(o->name, n->name));
}

static bool refs_same_depth(struct diff *d, const struct ref *o, const struct ref *n, unsigned int depth)
{
	const struct atom *a, *b;

	if (o->through_table != n->through_table)
		return false;
	if (o->target == NO_ATOM || n->target == NO_ATOM)
		return o->target == n->target && o->addend == n->addend;
	a = orig_atom(d, o->target);
	b = new_atom(d, n->target);
	if (!same_alias(weak_alias(d->orig.object, o), weak_alias(d->new.object, n)))
		return false;
	if (anonymous_value(&d->orig, a->id) || anonymous_value(&d->new, b->id)) {
		if (d->orig.role[a->id] != d->new.role[b->id] || !a->symbol != !b->symbol)
			return false;
		return value_targets_same(d, o, n, depth);
	}
	if (d->pairs.twin[b->id] == NO_ATOM && !a->symbol && !b->symbol && a->section && b->section &&
	    !strcmp(a->section->name, b->section->name))
		return same_place(a, o, b, n) && a->offset == b->offset &&
		       values_same_depth(d, a->id, b->id, depth);
	return d->pairs.twin[b->id] == a->id && same_place(a, o, b, n);
}

/* A string as C writes it, shortened: reasons are one line of printable text. */
static const char *quoted(struct arena *arena, const char *s)
{
	enum { MAX = 60 };
	char *text = arena_alloc(arena, 4 * MAX + 8), *p = text;
	size_t i;

	*p++ = '"';
	for (i = 0; i < MAX && s[i]; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '\n')
			p += sprintf(p, "\\n");
		else if (c == '\t')
			p += sprintf(p, "\\t");
		else if (c == '"' || c == '\\')
			p += sprintf(p, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			p += sprintf(p, "\\x%02x", c);
		else
			*p++ = (char)c;
	}
	strcpy(p, s[i] ? "\"..." : "\"");
	return text;
}

const char *ref_text(struct diff *d, const struct object *o, const struct ref *r)
{
	const struct atom *a;
	const char *s;
	int64_t off;

	if (r->target == NO_ATOM)
		return "nothing";
	a = &o->atoms[r->target];
	s = string_at(o, r);
	off = r->addend - (int64_t)a->entry;
	if (s)
		s = quoted(d->arena, s);
	else if (off)
		s = arena_printf(d->arena, "%s%s0x%" PRIx64, a->name, off < 0 ? "-" : "+",
				 (uint64_t)(off < 0 ? -off : off));
	else
		s = a->name;
	return s ? s : "?";
}

bool refs_same(struct diff *d, const struct ref *o, const struct ref *n, const char **reason)
{
	const char *was, *is;

	if (refs_same_depth(d, o, n, 0))
		return true;
	if (!reason)
		return false;
	was = ref_text(d, d->orig.object, o);
	is = ref_text(d, d->new.object, n);
	if (strcmp(was, is))
		*reason = arena_printf(d->arena, "refers to %s instead of %s", is, was);
	else
		*reason = arena_printf(d->arena, "refers to another %s", is);
	return false;
}

static struct verdict changed(uint64_t offset, const char *reason)
{
	return (struct verdict){ VERDICT_CHANGED, reason ? reason : "differs", offset };
}

static struct verdict compare_refs(struct diff *d, const struct atom *a, const struct atom *b)
{
	for (uint32_t i = 0; i < a->n_refs; i++) {
		const struct ref *p = &d->orig.object->refs[a->first_ref + i];
		const struct ref *q = &d->new.object->refs[b->first_ref + i];
		const char *reason = NULL;

		/* Fields that references fill are zero in the file: the bytes do not tell where they are. */
		if (p->offset != q->offset || p->type != q->type)
			return changed(q->offset,
				       arena_printf(d->arena, "its references differ from +0x%" PRIx32 " on",
						    q->offset));
		if (!refs_same(d, p, q, &reason))
			return changed(q->offset, reason);
	}
	return (struct verdict){ .state = VERDICT_SAME };
}

static const char *entry_what(const struct atom *a)
{
	return a->section->special && a->section->special->what ? a->section->special->what :
								  a->section->name;
}

static int entry_compare(const void *x, const void *y)
{
	const struct atom *a = *(const struct atom *const *)x, *b = *(const struct atom *const *)y;
	int order = strcmp(a->section->name, b->section->name);

	return order ? order : a->id < b->id ? -1 : a->id > b->id;
}

/*
 * The table entries of a function, by section name and then in file order: the order of the
 * sections themselves depends on what the file uses first.
 */
static const struct atom **sorted_entries(const struct side *s, uint32_t function, size_t *n_out)
{
	const struct atom **list;
	size_t n = 0;

	for (uint32_t e = s->first_entry[function]; e != NO_ATOM; e = s->next_entry[e])
		n += s->role[e] == ROLE_ENTRY;
	list = xmalloc((n ? n : 1) * sizeof(*list));
	n = 0;
	for (uint32_t e = s->first_entry[function]; e != NO_ATOM; e = s->next_entry[e])
		if (s->role[e] == ROLE_ENTRY)
			list[n++] = &s->object->atoms[e];
	qsort(list, n, sizeof(*list), entry_compare);
	*n_out = n;
	return list;
}

static struct verdict compare_entry_lists(struct diff *d, const struct atom *const *o, size_t n_o,
					  const struct atom *const *n, size_t n_n)
{
	size_t i;

	for (i = 0; i < n_o && i < n_n; i++) {
		int order = strcmp(o[i]->section->name, n[i]->section->name);

		if (order > 0)
			break;
		if (order < 0)
			return changed(0, arena_printf(d->arena, "it has one %s less", entry_what(o[i])));
		if (!values_same(d, o[i]->id, n[i]->id))
			return changed(0, arena_printf(d->arena, "its %s differs", entry_what(n[i])));
	}
	if (i < n_n)
		return changed(0, arena_printf(d->arena, "it has another %s", entry_what(n[i])));
	if (i < n_o)
		return changed(0, arena_printf(d->arena, "it has one %s less", entry_what(o[i])));
	return (struct verdict){ .state = VERDICT_SAME };
}

/* The tables that describe a function: which entries, in which order, with which contents. */
static struct verdict compare_entries(struct diff *d, uint32_t orig, uint32_t new)
{
	const struct atom **o, **n;
	struct verdict v;
	size_t n_o, n_n;

	if (d->orig.first_entry[orig] == NO_ATOM && d->new.first_entry[new] == NO_ATOM)
		return (struct verdict){ .state = VERDICT_SAME };
	o = sorted_entries(&d->orig, orig, &n_o);
	n = sorted_entries(&d->new, new, &n_n);
	v = compare_entry_lists(d, o, n_o, n, n_n);
	free(n);
	free(o);
	return v;
}

/* What was left out of account is said. */
static void note_lines(struct diff *d, uint32_t new, const struct line_arguments *f)
{
	const char *which = "an argument on the stack";

	if (f->argument)
		which = arena_printf(d->arena, "argument %u", f->argument);
	diff_note(d, "line-number-ignored", &d->new, new, (int64_t)f->call, NULL,
		  "%s of this call is its line number, %u before and %u now, which counts as no change%s",
		  which ? which : "an argument", f->was, f->is,
		  f->n > 1 ? ", and so with other calls of the function" : "");
}

/* Whether nothing but the lines of calls differs. */
static bool only_lines(struct diff *d, const struct atom *a, const struct atom *b,
		       struct line_arguments *found)
{
	return d->input->lines_move && differ_in_lines(d->arch, d->orig.object, a, d->new.object, b, found);
}

static struct verdict compare_code(struct diff *d, uint32_t orig, uint32_t new)
{
	const struct atom *a = orig_atom(d, orig), *b = new_atom(d, new);
	uint64_t at = bytes_differ(d, a, b, atom_bytes(a), atom_bytes(b));
	struct line_arguments lines = { .n = 0 };
	struct verdict v;

	if (at != SAME && (a->size != b->size || a->n_refs != b->n_refs))
		return changed(at, arena_printf(d->arena, "instructions differ at +0x%" PRIx64, at));
	v = compare_refs(d, a, b);
	if (at != SAME && (v.state == VERDICT_SAME || at < v.offset) && !only_lines(d, a, b, &lines))
		return changed(at, arena_printf(d->arena, "instructions differ at +0x%" PRIx64, at));
	if (v.state != VERDICT_SAME)
		return v;
	if (a->traced != b->traced)
		return changed(0, b->traced ? "it can be traced now" : "it cannot be traced any more");
	v = compare_entries(d, orig, new);
	if (v.state == VERDICT_SAME && lines.n)
		note_lines(d, new, &lines);
	return v;
}

/* Read-only data cannot be written, and code reaches per-CPU data by offset. */
const char *storage_differs(const struct side *o, const struct atom *a, const struct side *n,
			    const struct atom *b)
{
	static const char sealed[] = "ro_after_init";

	if (!a->section || !b->section)
		return NULL;
	if (a->section->per_cpu != b->section->per_cpu)
		return b->section->per_cpu ? "it is per-CPU data now" : "it is no per-CPU data any more";
	if (o->role[a->id] == ROLE_CONST && n->role[b->id] == ROLE_STATE)
		return "it is writable now";
	if (strstr(a->section->name, sealed) && !strstr(b->section->name, sealed))
		return "it is writable after boot now";
	return NULL;
}

static struct verdict compare_data(struct diff *d, uint32_t orig, uint32_t new)
{
	const struct atom *a = orig_atom(d, orig), *b = new_atom(d, new);
	const char *storage = storage_differs(&d->orig, a, &d->new, b);
	uint8_t buf_a[256], buf_b[256];
	uint64_t at;

	if (storage)
		return changed(0, storage);
	if (a->size != b->size)
		return changed(0, arena_printf(d->arena,
					       "its size changes from %" PRIu64 " to %" PRIu64 " bytes",
					       a->size, b->size));
	at = bytes_differ(d, a, b, without_line(d->orig.object, a, buf_a, sizeof(buf_a)),
			  without_line(d->new.object, b, buf_b, sizeof(buf_b)));
	if (at != SAME)
		return changed(at, arena_printf(d->arena, "its initial value differs at +0x%" PRIx64, at));
	return compare_refs(d, a, b);
}

static struct verdict compare_init(struct diff *d, uint32_t orig, uint32_t new)
{
	if (new_atom(d, new)->kind == ATOM_FUNC)
		return compare_code(d, orig, new);
	return compare_data(d, orig, new);
}

static struct verdict judge(struct diff *d, uint32_t n)
{
	uint32_t o = d->pairs.twin[n];
	enum role role = d->new.role[n];

	if (role == ROLE_EXTERN || !new_atom(d, n)->symbol || value_role(role))
		return (struct verdict){ .state = VERDICT_NONE };
	if (role == ROLE_IGNORED || role == ROLE_CALLBACK || role == ROLE_REQUEST || role == ROLE_HINT)
		return (struct verdict){ .state = VERDICT_NONE };
	if (o == NO_ATOM)
		return (struct verdict){ .state = VERDICT_NEW };
	if (role == ROLE_CODE)
		return compare_code(d, o, n);
	if (role == ROLE_INIT)
		return compare_init(d, o, n);
	return compare_data(d, o, n);
}

int pass_compare(struct diff *d)
{
	uint32_t n = d->new.object->n_atoms, all = d->orig.object->n_atoms + n;

	d->verdicts = arena_array(d->arena, n, sizeof(*d->verdicts));
	d->same_values = arena_array(d->arena, all, sizeof(*d->same_values));
	for (uint32_t i = 0; i < all; i++)
		d->same_values[i] = i;
	for (uint32_t i = 0; i < n; i++)
		d->verdicts[i] = judge(d, i);
	return 0;
}
