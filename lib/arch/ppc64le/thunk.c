// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a patch calls what is not part of it: through an entry of its .toc, a word that the kernel may write any
 * number of times. A direct call out of a module gets a stub of the loader's, which are few and are never given
 * back, and the no-operation behind it is written over once and for all.
 *
 * The callee has another TOC pointer, which somebody has to take back: the caller itself, where a no-operation follows
 * the call, else a thunk with a frame, which the kernel's stack traces see. The callee finds its address in r12.
 */
#include <elf.h>

#include "lib/arch/ppc64le/ppc64le.h"

#define WORD(w)                                                                                              \
	(uint8_t)((w)&0xff), (uint8_t)((w) >> 8 & 0xff), (uint8_t)((w) >> 16 & 0xff), (uint8_t)((w) >> 24)

/* The caller's place for its TOC pointer, in its own frame (64-Bit ELF V2 ABI, 2.2.2). */
#define STD_R2_24_R1 0xf8410018u
#define LD_R2_24_R1 0xe8410018u
#define LD_R12_ENTRY WORD(0x3d820000u), WORD(0xe98c0000u) /* addis r12,r2,…; ld r12,…(r12) */
#define MTCTR_R12 0x7d8903a6u

static const uint8_t returning[] = {
	WORD(STD_R2_24_R1), LD_R12_ENTRY, WORD(MTCTR_R12), WORD(0x4e800420u), /* bctr */
};

/*
 * 32 bytes of the frame's own, 64 for eight registers that the callee may want to keep in memory, and 64 for eight more
 * arguments, which are at 96 bytes from the caller's stack pointer and from here on are where the callee looks for them.
 */
#define FRAME 160
#define ARGUMENT(i) WORD(0xe8010000u | (FRAME + 96 + 8 * (i))), WORD(0xf8010000u | (96 + 8 * (i)))

static const uint8_t framed[] = {
	WORD(PPC_MFLR_R0),
	WORD(0xf8010010u),		       /* std r0,16(r1) */
	WORD(0xf8210001u | (0x10000 - FRAME)), /* stdu r1,-FRAME(r1) */
	WORD(STD_R2_24_R1),
	ARGUMENT(0), /* ld r0,…(r1); std r0,…(r1) */
	ARGUMENT(1),
	ARGUMENT(2),
	ARGUMENT(3),
	ARGUMENT(4),
	ARGUMENT(5),
	ARGUMENT(6),
	ARGUMENT(7),
	LD_R12_ENTRY,
	WORD(MTCTR_R12),
	WORD(0x4e800421u), /* bctrl */
	WORD(LD_R2_24_R1),
	WORD(0x38210000u | FRAME), /* addi r1,r1,FRAME */
	WORD(0xe8010010u),	   /* ld r0,16(r1) */
	WORD(0x7c0803a6u),	   /* mtlr r0 */
	WORD(0x4e800020u),	   /* blr */
};

#define ENTRY_FIELDS(at)                                                                                     \
	{                                                                                                    \
		{ at, R_PPC64_TOC16_HA },                                                                    \
		{                                                                                            \
			(at) + PPC_INSN, R_PPC64_TOC16_LO_DS                                                 \
		}                                                                                            \
	}

static const uint8_t restore[] = { WORD(LD_R2_24_R1) };

/* bl, and the no-operation behind it. */
static bool may_leave(const struct code_field *f)
{
	return ppc64le_is_call(f) && f->size >= PPC_INSN + f->offset + PPC_INSN &&
	       ppc_word(f->code + f->offset + PPC_INSN) == PPC_NOP;
}

/* Two entries, the first of which computes r2 (64-Bit ELF V2 ABI, 3.4.1); in the upper three bits the way between them. */
static bool finds_table(uint8_t other)
{
	return other >> 5 > 1;
}

/* addis rX,r2,… becomes ld rX,…(r2). */
static bool read_upper(const uint8_t *code, uint8_t *out)
{
	uint32_t word = ppc_word(code);

	if (ppc_opcode(word) != PPC_ADDIS || ppc_ra(word) != 2)
		return false;
	put_unsigned(out, PPC_INSN, false, (uint32_t)PPC_LD << 26 | (word & 0x03ff0000u));
	return true;
}

const struct indirection ppc64le_indirection = {
	.table = ".toc",
	.finds_table = finds_table,
	.may_leave = may_leave,
	.returning = { returning, sizeof(returning), ENTRY_FIELDS(1 * PPC_INSN) },
	.restore = restore,
	.restore_size = sizeof(restore),
	.restore_at = PPC_INSN,
	.framed_words = 16,
	.framed = { framed, sizeof(framed), ENTRY_FIELDS(20 * PPC_INSN) },
	.read_upper = read_upper,
	.upper_type = R_PPC64_TOC16_DS,
	.linked_table = ".got",
	.base_symbol = ".TOC.",
	.base = 0x8000, /* 64-Bit ELF V2 ABI, 3.5.1 */
	.linked = ppc64le_linked,
	.second_entry = ppc64le_second_entry,
	.most = (uint64_t)2 * PPC_INSN,
};
