/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions about instructions that concern references, and lines of the debug information: put to the machine. */
#include "create-diff-object/fields.h"

#include <elf.h>

#include "lib/arch/arch.h"
#include "lib/elf/object.h"

/* False: the reference is in no code. */
static bool code_field(const struct atom *a, const struct ref *r, struct code_field *f)
{
	*f = (struct code_field){ .code = atom_bytes(a),
				  .size = a->size,
				  .offset = r->offset,
				  .width = r->width,
				  .pc_relative = r->pc_relative };
	return a->section && a->section->flags & SHF_EXECINSTR && f->code;
}

bool field_is_branch(const struct arch *arch, const struct atom *a, const struct ref *r)
{
	struct code_field f;

	return code_field(a, r, &f) && arch->is_branch(&f);
}

bool field_is_compared(const struct arch *arch, const struct atom *a, const struct ref *r, uint64_t *start)
{
	struct code_field f;

	return code_field(a, r, &f) && arch->is_compared(&f, start);
}

bool field_may_leave(const struct arch *arch, const struct atom *a, const struct ref *r)
{
	struct code_field f;

	return code_field(a, r, &f) && arch->indirection->may_leave(&f);
}

bool field_is_stored(const struct arch *arch, const struct atom *a, const struct ref *r)
{
	struct code_field f;

	return code_field(a, r, &f) && arch->is_stored(&f);
}

/* Two versions of a function. */
struct versions {
	struct object *o, *n;
	const struct atom *a, *b;
};

static bool refers(void *of, uint64_t at, size_t size, bool *leaves)
{
	const struct versions *v = of;

	for (uint32_t i = 0; i < v->b->n_refs; i++) {
		const struct ref *r = &v->n->refs[v->b->first_ref + i];

		if (r->offset < at || r->offset >= at + size)
			continue;
		*leaves = r->target != v->b->id;
		return true;
	}
	return false;
}

/* The line of the call itself, or that of the same inlined function there. */
static bool is_line(void *of, uint64_t at, uint32_t was, uint32_t is)
{
	const struct versions *v = of;
	unsigned int lines_a[OBJECT_CALL_LINES], lines_b[OBJECT_CALL_LINES];
	size_t n_a = object_call_lines(v->o, v->a->id, at, lines_a);
	size_t n_b = object_call_lines(v->n, v->b->id, at, lines_b);

	for (size_t i = 0; i < n_a && n_a == n_b; i++)
		if (lines_a[i] == was && lines_b[i] == is)
			return true;
	return false;
}

bool differ_in_lines(const struct arch *arch, struct object *o, const struct atom *a, struct object *n,
		     const struct atom *b, struct line_arguments *found)
{
	struct versions v = { .o = o, .n = n, .a = a, .b = b };
	const struct line_questions ask = { .refers = refers, .is_line = is_line, .of = &v };
	const uint8_t *was = atom_bytes(a), *is = atom_bytes(b);

	*found = (struct line_arguments){ .n = 0 };
	return was && is && a->size == b->size && arch->only_lines(was, is, b->size, &ask, found);
}
