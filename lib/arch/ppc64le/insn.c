// SPDX-License-Identifier: GPL-2.0-only
/*
 * ppc64le instructions, as far as references and control go. All have four bytes (prefixed ones of POWER10, which the
 * kernel's flags forbid, are two of them), and but for branches none counts from its own place: b and bl with 24 bits, bc
 * with 14, both in words.
 */
#include <elf.h>
#include <stdio.h>

#include "lib/arch/ppc64le/ppc64le.h"

/* Extended opcodes of branches to registers, and of returns from interrupts. */
enum { BCLR = 16, RFID = 18, RFSCV = 82, HRFID = 274, BCCTR = 528, BCTAR = 560 };

static unsigned int extended(uint32_t word)
{
	return word >> 1 & 0x3ff;
}

static int64_t sign_extended(uint32_t value, unsigned int bits)
{
	uint32_t sign = 1u << (bits - 1);

	return (int64_t)(value ^ sign) - (int64_t)sign;
}

static bool is_absolute(uint32_t word)
{
	return word & 2;
}

static void take_branch(uint32_t word, struct insn *out)
{
	bool far = ppc_opcode(word) == PPC_B;

	out->flow = ppc_links(word) ? FLOW_CALL : far || ppc_always(word) ? FLOW_JUMP : FLOW_BRANCH;
	if (is_absolute(word))
		return;
	out->relative = true;
	out->width = PPC_INSN;
	out->type = far ? R_PPC64_REL24 : R_PPC64_REL14;
	out->distance = far ? sign_extended(word & 0x03fffffc, 26) : sign_extended(word & 0xfffc, 16);
}

/* Whether it goes to a place that a register has, and does not come back. */
static bool goes_away(uint32_t word)
{
	if (ppc_opcode(word) != PPC_BRANCH_TO_REGISTER)
		return false;
	switch (extended(word)) {
	case BCLR:
	case BCCTR:
	case BCTAR:
		return ppc_always(word) && !ppc_links(word);
	case RFID:
	case RFSCV:
	case HRFID:
		return true;
	default:
		return false;
	}
}

static bool calls_register(uint32_t word)
{
	unsigned int x = extended(word);

	return ppc_opcode(word) == PPC_BRANCH_TO_REGISTER && ppc_links(word) &&
	       (x == BCLR || x == BCCTR || x == BCTAR);
}

void ppc64le_decode_init(void *state)
{
	(void)state;
}

void ppc64le_decode(const void *state, const uint8_t *code, size_t size, struct insn *out)
{
	uint32_t word;

	(void)state;
	*out = (struct insn){ .length = 1 };
	if (size < PPC_INSN)
		return;
	word = ppc_word(code);
	*out = (struct insn){ .length = PPC_INSN, .condition = OTHER_CONDITION };
	out->valid = ppc_opcode(word) != 0;
	out->nop = word == PPC_NOP;
	if (ppc_opcode(word) == PPC_B || ppc_opcode(word) == PPC_BC)
		take_branch(word, out);
	else if (goes_away(word))
		out->flow = FLOW_AWAY;
}

/* What an instruction does with the place that the field in its low half names; half of an address is none yet. */
static uint8_t access_of(uint32_t word)
{
	switch (ppc_opcode(word)) {
	case PPC_STW ... PPC_STBU:
	case PPC_STH ... PPC_STHU:
	case PPC_STMW:
	case PPC_STD:
		return ACCESS_WRITE;
	case PPC_LWZ ... PPC_LBZU:
	case PPC_LHZ ... PPC_LHAU:
	case PPC_LMW:
	case PPC_LD:
		return ACCESS_READ;
	case PPC_ADDIS:
		return 0;
	default:
		return ACCESS_ADDRESS;
	}
}

void ppc64le_read_insn(const uint8_t *code, size_t size, uint64_t field, struct insn_flow *out)
{
	struct insn insn;
	uint32_t word;

	ppc64le_decode(NULL, code, size, &insn);
	*out = (struct insn_flow){ .length = insn.length,
				   .flow = (uint8_t)insn.flow,
				   .distance = insn.distance };
	if (insn.length < PPC_INSN)
		return;
	word = ppc_word(code);
	if (calls_register(word))
		out->flow = FLOW_CALL;
	if (field < insn.length)
		out->access = access_of(word);
	/* The condition registers are told apart by nobody here: each comparison sets what each branch reads. */
	out->compares = ppc_opcode(word) == PPC_CMPI || ppc_opcode(word) == PPC_CMPLI;
	out->tests = out->compares && !(word & 0xffff);
	out->sets_flags = out->compares;
	out->reads_flags = insn.flow == FLOW_BRANCH;
}

static uint32_t at_field(const struct code_field *f)
{
	uint64_t at = f->offset - f->offset % PPC_INSN;

	return f->size >= PPC_INSN && at <= f->size - PPC_INSN ? ppc_word(f->code + at) : 0;
}

bool ppc64le_is_branch(const struct code_field *f)
{
	unsigned int opcode = ppc_opcode(at_field(f));

	return f->pc_relative && f->width == PPC_INSN && (opcode == PPC_B || opcode == PPC_BC);
}

bool ppc64le_is_call(const struct code_field *f)
{
	return ppc64le_is_branch(f) && ppc_links(at_field(f));
}

bool ppc64le_disassemble(const uint8_t *code, size_t size, uint64_t address, char *out, size_t room)
{
	(void)address;
	if (size < PPC_INSN)
		return false;
	snprintf(out, room, ".long 0x%08x", ppc_word(code));
	return true;
}
