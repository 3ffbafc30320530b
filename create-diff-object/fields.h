/* SPDX-License-Identifier: GPL-2.0-only */
/* What the machine says of the instruction that a reference is part of. Private to create-diff-object/. */
#ifndef KPATCH_FIELDS_H
#define KPATCH_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

struct arch;
struct atom;
struct line_arguments;
struct object;
struct ref;

/* See lib/arch/arch.h. False for references that are not in code. */
bool field_is_branch(const struct arch *arch, const struct atom *a, const struct ref *r);
bool field_is_compared(const struct arch *arch, const struct atom *a, const struct ref *r, uint64_t *start);
/* Whether the branch may lead out of a module: struct indirection. */
bool field_may_leave(const struct arch *arch, const struct atom *a, const struct ref *r);
bool field_is_stored(const struct arch *arch, const struct atom *a, const struct ref *r);

/*
 * Whether the bytes of two functions of one size differ in nothing but constants that are passed to
 * calls and are, in both, the line of that call by the object's debug information. Their references are already
 * known to be the same. *found: which.
 */
bool differ_in_lines(const struct arch *arch, struct object *o, const struct atom *a, struct object *n,
		     const struct atom *b, struct line_arguments *found);

#endif
