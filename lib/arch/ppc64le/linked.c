// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ld makes of code that gets at .toc and at what is near it, when it links a kernel (binutils, bfd/elf64-ppc.c, as seen
 * in kernels that it linked). An address in the table that is near the table itself need not be read: ld becomes
 * addi. Of a distance that fits 16 bits the upper half is 0: addis becomes a no-operation, and the instruction with the
 * lower half counts from r2.
 */
#include <elf.h>

#include "lib/arch/ppc64le/ppc64le.h"

/* What a function begins with that computes r2, in the medium code model and in the large one. */
#define ADDIS_R2_R12 0x3c4c0000u /* and a half of the distance */
#define ADDI_R2_R2 0x38420000u
#define LD_R2_R12 0xe84cfff8u /* from 8 bytes in front of the function */
#define ADD_R2_R2_R12 0x7c426214u

#define R2 2u
#define RA_BITS (31u << 16)

/* ld, without the forms that update a register or extend a sign. */
static bool is_ld(uint32_t word)
{
	return ppc_opcode(word) == PPC_LD && !(word & 3);
}

/* All but the lower 16 bits, and of those the ones that belong to the opcode. */
static uint32_t shape_of(uint32_t word)
{
	bool words = ppc_opcode(word) == PPC_LD || ppc_opcode(word) == PPC_STD;

	return word & (words ? 0xffff0003u : 0xffff0000u);
}

bool ppc64le_linked(const uint8_t *ours, const uint8_t *theirs, struct linked_half *out)
{
	uint32_t was = ppc_word(ours), is = ppc_word(theirs), shape = shape_of(was);

	*out = (struct linked_half){ .value = (int16_t)(is & 0xffff) };
	if (ppc_opcode(was) == PPC_ADDIS && ppc_ra(was) == R2 && is == PPC_NOP) {
		out->dropped = true;
		return true;
	}
	if (is_ld(was) && ppc_opcode(is) == PPC_ADDI) {
		out->direct = true;
		shape = (uint32_t)PPC_ADDI << 26 | (shape & 0x03ff0000u);
	}
	if (ppc_ra(was) != R2 && ppc_ra(is) == R2) {
		out->rebased = true;
		shape = (shape & ~RA_BITS) | R2 << 16;
	}
	return shape_of(is) == shape;
}

uint64_t ppc64le_second_entry(const uint8_t *code, size_t size)
{
	uint32_t first, second;

	if (size < (size_t)2 * PPC_INSN)
		return 0;
	first = ppc_word(code);
	second = ppc_word(code + PPC_INSN);
	if (((first & 0xffff0000u) == ADDIS_R2_R12 && (second & 0xffff0000u) == ADDI_R2_R2) ||
	    (first == LD_R2_R12 && second == ADD_R2_R2_R12))
		return (uint64_t)2 * PPC_INSN;
	return 0;
}
