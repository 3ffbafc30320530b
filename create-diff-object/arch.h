/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between machines, as far as the differ is concerned: the shape of branches and of
 * table entries. One file a machine in arch/.
 */
#ifndef KPATCH_DIFF_ARCH_H
#define KPATCH_DIFF_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/elf/object.h"

struct arch {
	uint16_t machine;
	uint32_t pointer_type; /* relocation type of a pointer in data */
	uint8_t text_fill;     /* one-byte instruction that fills gaps between functions */

	/* Whether the reference is the operand of a direct call or jump. */
	bool (*is_branch)(const struct object *o, const struct atom *a, const struct ref *r);

	/*
	 * Whether the reference's address is compared with a value, rather than used to get at something.
	 * *start is where some instruction not behind the field starts (0 will always do), and then where the
	 * one starts that the field is part of: references asked about in order cost one walk.
	 */
	bool (*is_compared)(const struct atom *a, const struct ref *r, uint64_t *start);
	/* Whether the reference's address is written to memory other than the stack. */
	bool (*is_stored)(const struct atom *a, const struct ref *r);

	/*
	 * Constants that the kernel writes into its own code while it boots. Turns the instruction at
	 * @code that loads a 64-bit immediate into one of the same length that loads the variable. Sets
	 * where its operand's field is, the field's relocation type being @operand_type, and the
	 * addend. Its length, or 0: it is no such instruction. The immediate is @immediate_at bytes behind @code.
	 */
	uint32_t operand_type, immediate_at;
	size_t (*load_variable)(uint8_t *code, size_t size, uint32_t *field, int64_t *addend);

	/*
	 * Whether the bytes of two functions of one size differ in nothing but line numbers that are
	 * passed to functions known to take one. Their references are already known to be the same.
	 */
	bool (*only_lines)(const struct object *o, const struct atom *a, const struct object *n,
			   const struct atom *b);
};

extern const struct arch arch_x86_64;

/* The machine's description, or NULL. */
static inline const struct arch *arch_find(uint16_t machine)
{
	return machine == arch_x86_64.machine ? &arch_x86_64 : NULL;
}

#endif
