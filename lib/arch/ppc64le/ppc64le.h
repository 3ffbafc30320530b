/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this machine have in common. */
#ifndef KPATCH_ARCH_PPC64LE_H
#define KPATCH_ARCH_PPC64LE_H

#include "lib/arch/arch.h"
#include "lib/util/bytes.h"

extern const struct arch arch_ppc64le;
extern const struct special_section ppc64le_specials[];
extern const struct indirection ppc64le_indirection;

#define PPC_INSN 4 /* bytes of each instruction */
#define PPC_NOP 0x60000000u
#define PPC_CLOBBERED 0x1ff9u /* r0, r3 to r12: what a called function may overwrite */
#define PPC_MFLR_R0 0x7c0802a6u

/* Primary opcodes (Power ISA, book I). */
enum ppc_opcode {
	PPC_CMPLI = 10,
	PPC_CMPI = 11,
	PPC_ADDI = 14,
	PPC_ADDIS = 15,
	PPC_BC = 16,
	PPC_B = 18,
	PPC_BRANCH_TO_REGISTER = 19,
	PPC_ORI = 24,
	PPC_EXTENDED = 31,
	PPC_LWZ = 32,
	PPC_LBZU = 35,
	PPC_STW = 36,
	PPC_STWU = 37,
	PPC_STB = 38,
	PPC_STBU = 39,
	PPC_LHZ = 40,
	PPC_LHAU = 43,
	PPC_STH = 44,
	PPC_STHU = 45,
	PPC_LMW = 46,
	PPC_STMW = 47,
	PPC_LD = 58,
	PPC_STD = 62,
};

static inline uint32_t ppc_word(const uint8_t *code)
{
	return (uint32_t)get_unsigned(code, PPC_INSN, false);
}

static inline unsigned int ppc_opcode(uint32_t word)
{
	return word >> 26;
}

/* The three register fields of most instructions; their names in the ISA are RT or RS, RA, RB. */
static inline unsigned int ppc_rt(uint32_t word)
{
	return word >> 21 & 31;
}

static inline unsigned int ppc_ra(uint32_t word)
{
	return word >> 16 & 31;
}

static inline unsigned int ppc_rb(uint32_t word)
{
	return word >> 11 & 31;
}

/* A branch that is always taken, of those with a condition. */
static inline bool ppc_always(uint32_t word)
{
	return (ppc_rt(word) & 0x14) == 0x14;
}

/* Its last bit: the address behind it goes to the link register. */
static inline bool ppc_links(uint32_t word)
{
	return word & 1;
}

/* See struct arch. */
void ppc64le_decode_init(void *state);
void ppc64le_decode(const void *state, const uint8_t *code, size_t size, struct insn *out);
void ppc64le_read_insn(const uint8_t *code, size_t size, uint64_t field, struct insn_flow *out);
void ppc64le_dataflow(const uint8_t *code, size_t size, uint32_t offset, struct dataflow_insn *out);
bool ppc64le_disassemble(const uint8_t *code, size_t size, uint64_t address, char *out, size_t room);
bool ppc64le_is_branch(const struct code_field *f);
bool ppc64le_is_call(const struct code_field *f);
bool ppc64le_is_compared(const struct code_field *f, uint64_t *start);
bool ppc64le_is_stored(const struct code_field *f);
bool ppc64le_only_lines(const uint8_t *was, const uint8_t *is, size_t size, const struct line_questions *ask,
			struct line_arguments *found);
uint64_t ppc64le_second_entry(const uint8_t *code, size_t size);
bool ppc64le_linked(const uint8_t *ours, const uint8_t *theirs, struct linked_half *out);
enum call_kind ppc64le_call_kind(const char *callee);

#endif
