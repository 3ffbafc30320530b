/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether two compilations of one source are the same code: the reference (the distribution's own
 * flags, after objtool) and the original (-ffunction-sections -fdata-sections, before objtool).
 *
 * Functions are decoded in step. Lawful differences, and why they are lawful:
 *  - widths of branches: in a section of its own a function cannot reach others with short jumps,
 *    and what was resolved by the assembler becomes a relocation;
 *  - no-operations that align code, which follow from the widths;
 *  - jump label sites: objtool writes a no-operation over a jump (--hacks=jump_label), at the places
 *    that __jump_table names.
 * References must lead to the same function (at the same instruction), the same data object, or
 * equal contents where the data has no name. Data objects and entries of special sections are
 * compared by contents and references.
 */
#ifndef KPATCH_KERNEL_VARIANT_H
#define KPATCH_KERNEL_VARIANT_H

#include <stdint.h>

struct arena;
struct object;

struct variant {
	/*
	 * By atom of the original: why it is not the reference's, one sentence without its full stop;
	 * NULL: it is the same, or nothing that is compared.
	 */
	const char **why;
	uint32_t functions, same; /* named functions of the original; those without a why */
};

/* Compares. Everything is from @arena. A mismatch is no error. */
int variant_compare(const struct object *reference, const struct object *original, struct arena *arena,
		    struct variant *out);

#endif
