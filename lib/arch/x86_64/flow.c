// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86-64: where control goes after an instruction, and what that does to the memory that its reference names.
 */
#include <Zydis/Zydis.h>

#include "lib/arch/x86_64/x86_64.h"

static enum flow_kind flow_of(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *ops)
{
	bool direct = insn->operand_count && ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;

	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		return FLOW_CALL;
	case ZYDIS_CATEGORY_COND_BR:
		return FLOW_BRANCH;
	case ZYDIS_CATEGORY_UNCOND_BR:
		return direct ? FLOW_JUMP : FLOW_AWAY;
	case ZYDIS_CATEGORY_RET:
		return FLOW_AWAY;
	default:
		return FLOW_NEXT;
	}
}

static uint8_t access_of(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *ops, uint64_t field)
{
	uint8_t access = 0;

	if (!insn->raw.disp.size || insn->raw.disp.offset != field)
		return ACCESS_ADDRESS;
	for (uint8_t i = 0; i < insn->operand_count; i++) {
		if (ops[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		if (ops[i].mem.type == ZYDIS_MEMOP_TYPE_AGEN)
			access |= ACCESS_ADDRESS;
		if (ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_READ)
			access |= ACCESS_READ;
		if (ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			access |= ACCESS_WRITE;
		if (ops[i].mem.index != ZYDIS_REGISTER_NONE ||
		    (ops[i].mem.base != ZYDIS_REGISTER_NONE && ops[i].mem.base != ZYDIS_REGISTER_RIP))
			access |= ACCESS_ELEMENT;
	}
	return access;
}

static bool looks_at_bits(const ZydisDecodedInstruction *insn)
{
	return insn->mnemonic == ZYDIS_MNEMONIC_TEST || insn->mnemonic == ZYDIS_MNEMONIC_BT ||
	       insn->mnemonic == ZYDIS_MNEMONIC_BTS || insn->mnemonic == ZYDIS_MNEMONIC_BTR;
}

/* Bits of two values put together, and whether any is set: two tests in one. */
static bool combines_bits(const ZydisDecodedInstruction *insn)
{
	return insn->mnemonic == ZYDIS_MNEMONIC_AND || insn->mnemonic == ZYDIS_MNEMONIC_OR;
}

/* An exchange that tells whether it took place, and a counter that may have come to zero. */
static bool tells(const struct insn_flow *insn, ZydisMnemonic mnemonic)
{
	return insn->access & ACCESS_READ && insn->access & ACCESS_WRITE &&
	       (mnemonic == ZYDIS_MNEMONIC_CMPXCHG || mnemonic == ZYDIS_MNEMONIC_INC ||
		mnemonic == ZYDIS_MNEMONIC_DEC);
}

/* What is compared, and with what; a register that is tested against itself is compared with zero. */
static void read_comparison(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *ops,
			    struct insn_flow *out)
{
	bool narrows = insn->mnemonic == ZYDIS_MNEMONIC_AND && ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		       ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
	bool test = insn->mnemonic == ZYDIS_MNEMONIC_TEST || narrows;

	if (!test && insn->mnemonic != ZYDIS_MNEMONIC_CMP)
		return;
	if (ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		out->value = ops[1].imm.value.u;
		out->masks = test;
	} else if (!test || ops[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
		   ops[1].reg.value != ops[0].reg.value) {
		return;
	}
	out->bits = (uint8_t)ops[0].size;
	out->narrows = narrows;
}

static void read_condition(ZydisMnemonic mnemonic, struct insn_flow *out)
{
	static const struct {
		ZydisMnemonic yes, no;
		enum branch_when when;
	} known[] = {
		{ ZYDIS_MNEMONIC_JZ, ZYDIS_MNEMONIC_JNZ, WHEN_EQUAL },
		{ ZYDIS_MNEMONIC_JL, ZYDIS_MNEMONIC_JNL, WHEN_LESS },
		{ ZYDIS_MNEMONIC_JLE, ZYDIS_MNEMONIC_JNLE, WHEN_LESS_EQUAL },
		{ ZYDIS_MNEMONIC_JB, ZYDIS_MNEMONIC_JNB, WHEN_BELOW },
		{ ZYDIS_MNEMONIC_JBE, ZYDIS_MNEMONIC_JNBE, WHEN_BELOW_EQUAL },
		{ ZYDIS_MNEMONIC_JS, ZYDIS_MNEMONIC_JNS, WHEN_NEGATIVE },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (mnemonic != known[i].yes && mnemonic != known[i].no)
			continue;
		out->when = (uint8_t)known[i].when;
		out->unless = mnemonic == known[i].no;
	}
}

static bool moves(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *ops)
{
	switch (insn->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		return ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER;
	default:
		return false;
	}
}

/* The flags that tell less from more, and equal from different. */
#define FLAGS (ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_ZF)

static void read_flags(const ZydisAccessedFlags *flags, struct insn_flow *out)
{
	if (!flags)
		return;
	out->sets_flags = (flags->modified | flags->set_0 | flags->set_1 | flags->undefined) & FLAGS;
	out->reads_flags = flags->tested & FLAGS;
}

void x86_64_read_insn(const uint8_t *code, size_t size, uint64_t field, struct insn_flow *out)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;
	ZydisDecoder decoder;

	*out = (struct insn_flow){ .length = 1, .flow = FLOW_NEXT };
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, size, &insn, ops)))
		return;
	out->length = out->base = insn.length;
	out->flow = (uint8_t)flow_of(&insn, ops);
	if (field < insn.length)
		out->access = access_of(&insn, ops, field);
	out->compares = looks_at_bits(&insn) ||
			(insn.mnemonic == ZYDIS_MNEMONIC_CMP && ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE);
	out->tests = looks_at_bits(&insn) || combines_bits(&insn) || (out->compares && !ops[1].imm.value.u) ||
		     tells(out, insn.mnemonic);
	read_flags(insn.cpu_flags, out);
	read_comparison(&insn, ops, out);
	read_condition(insn.mnemonic, out);
	out->moves = moves(&insn, ops);
	out->constant = insn.mnemonic == ZYDIS_MNEMONIC_MOV && out->access & ACCESS_WRITE &&
			ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
	if (out->constant)
		out->value = ops[1].imm.value.u;
	if ((out->flow == FLOW_BRANCH || out->flow == FLOW_JUMP) &&
	    ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		out->distance = ops[0].imm.value.s;
}
