// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a field the operand of a branch? And is an address compared, or stored, rather than used to get at what is there? Two forms: an instruction
 * that has the address itself (cmp $address, …), and one that loads it into a register (mov, lea)
 * which a later one compares or stores. The register is followed through copies to wherever it is written anew,
 * straight on: past conditional jumps, as far as the next place that cannot be fallen into.
 */
#include <Zydis/Zydis.h>

#include "lib/arch/x86_64/x86_64.h"

/*
 * A direct call or jump is known from its operand: the bytes before a rel32 field are e8, e9 or 0f 80..8f only in a
 * branch, since the ModRM byte of a rip-relative operand is xx000101b or xx001101b and the like, never one of these.
 */
bool x86_64_is_branch(const struct code_field *f)
{
	const uint8_t *code = f->code;

	if (!f->pc_relative)
		return false;
	if (f->width == 1)
		return true;
	if (f->width != 4 || f->offset < 1 || f->offset > f->size)
		return false;
	if (code[f->offset - 1] == 0xe8 || code[f->offset - 1] == 0xe9)
		return true;
	return f->offset >= 2 && code[f->offset - 2] == 0x0f && (code[f->offset - 1] & 0xf0) == 0x80;
}

bool x86_64_is_call(const struct code_field *f)
{
	return f->pc_relative && f->width == 4 && f->offset && f->offset <= f->size &&
	       f->code[f->offset - 1] == 0xe8;
}

struct scan {
	ZydisDecoder decoder;
	const uint8_t *code;
	uint64_t at, size; /* of the next instruction; of the code */
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
};

static bool step(struct scan *s)
{
	if (s->at >= s->size || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&s->decoder, s->code + s->at,
								     s->size - s->at, &s->insn, s->ops)))
		return false;
	s->at += s->insn.length;
	return true;
}

/* The bit of a general register, whole or in part; 0 for any other operand. */
static uint32_t register_bit(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER ? x86_64_register_bit(op->reg.value) : 0;
}

/* Whether the instruction compares one of @held with something that is no constant. */
static bool compares(const struct scan *s, uint32_t held)
{
	if (s->insn.mnemonic != ZYDIS_MNEMONIC_CMP)
		return false;
	return s->ops[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	       s->ops[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	       (register_bit(&s->ops[0]) | register_bit(&s->ops[1])) & held;
}

/* Which registers hold the address after the instruction, of those that did before. */
static uint32_t held_after(const struct scan *s, uint32_t held)
{
	uint32_t written = 0;
	bool copy = s->insn.mnemonic == ZYDIS_MNEMONIC_MOV && register_bit(&s->ops[1]) & held;

	if (s->insn.meta.category == ZYDIS_CATEGORY_CALL)
		return held & ~X86_64_CLOBBERED;
	for (uint8_t i = 0; i < s->insn.operand_count; i++)
		if (s->ops[i].actions & ZYDIS_OPERAND_ACTION_WRITE)
			written |= register_bit(&s->ops[i]);
	return (held & ~written) | (copy ? register_bit(&s->ops[0]) : 0);
}

/* Whether the instruction writes one of @held to memory other than the stack. */
static bool stores(const struct scan *s, uint32_t held)
{
	return s->insn.mnemonic == ZYDIS_MNEMONIC_MOV && s->ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       s->ops[0].mem.base != ZYDIS_REGISTER_RSP && register_bit(&s->ops[1]) & held;
}

static bool later(struct scan *s, uint32_t held, bool (*what)(const struct scan *s, uint32_t held))
{
	while (held && step(s)) {
		if (what(s, held))
			return true;
		if (s->insn.mnemonic == ZYDIS_MNEMONIC_JMP || s->insn.mnemonic == ZYDIS_MNEMONIC_RET)
			return false;
		held = held_after(s, held);
	}
	return false;
}

/* Whether a field of the instruction at @start is its immediate, or the displacement of lea. */
static bool is_address(const struct scan *s, uint64_t start, uint64_t field)
{
	const ZydisDecodedInstruction *insn = &s->insn;

	if (insn->raw.disp.size && start + insn->raw.disp.offset == field)
		return insn->mnemonic == ZYDIS_MNEMONIC_LEA;
	for (size_t i = 0; i < sizeof(insn->raw.imm) / sizeof(insn->raw.imm[0]); i++)
		if (insn->raw.imm[i].size && start + insn->raw.imm[i].offset == field)
			return !insn->raw.imm[i].is_relative;
	return false;
}

/*
 * Goes to the instruction that the field is part of, and says whether that has the address itself,
 * as an immediate or the operand of lea; anything else reads what is there.
 */
static bool find_address(struct scan *s, const struct code_field *f, uint64_t *start)
{
	*s = (struct scan){ .code = f->code, .size = f->size, .at = *start };
	if (f->width < 4 || f->size < f->width || f->offset > f->size - f->width)
		return false;
	ZydisDecoderInit(&s->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	while (s->at <= f->offset)
		if (!step(s))
			return false;
	*start = s->at - s->insn.length;
	return is_address(s, *start, f->offset);
}

static bool is_load(const struct scan *s)
{
	return s->insn.mnemonic == ZYDIS_MNEMONIC_MOV || s->insn.mnemonic == ZYDIS_MNEMONIC_LEA;
}

bool x86_64_is_compared(const struct code_field *f, uint64_t *start)
{
	struct scan s;

	if (!find_address(&s, f, start))
		return false;
	if (s.insn.mnemonic == ZYDIS_MNEMONIC_CMP)
		return true;
	return is_load(&s) && later(&s, register_bit(&s.ops[0]), compares);
}

bool x86_64_is_stored(const struct code_field *f)
{
	uint64_t start = 0;
	struct scan s;

	if (!find_address(&s, f, &start) || !is_load(&s))
		return false;
	if (s.ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY)
		return s.ops[0].mem.base != ZYDIS_REGISTER_RSP;
	return later(&s, register_bit(&s.ops[0]), stores);
}
