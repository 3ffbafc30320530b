// SPDX-License-Identifier: GPL-2.0-only
/*
 * Line numbers as arguments. __LINE__ is passed in a register or on the stack, loaded with a constant. It is
 * taken for one if it is, in both versions, what that version's debug information says is the line of the
 * very call that it is passed to, and if nothing else is made of it on the way. Instructions have no fixed length, so
 * both versions of a function are decoded side by side.
 */
#include <string.h>

#include <Zydis/Zydis.h>

#include "lib/arch/x86_64/x86_64.h"

enum { ARG_RDI, ARG_RSI, ARG_RDX, ARG_RCX, ARG_R8, ARG_R9, ARG_STACK, N_ARGS, NO_ARG = N_ARGS };

/* The argument that is passed in the register with this number in an instruction. */
static uint8_t arg_of_register(unsigned int reg)
{
	static const uint8_t args[16] = {
		NO_ARG, ARG_RCX, ARG_RDX, NO_ARG, NO_ARG, NO_ARG, ARG_RSI, ARG_RDI,
		ARG_R8, ARG_R9,	 NO_ARG,  NO_ARG, NO_ARG, NO_ARG, NO_ARG,  NO_ARG,
	};

	return args[reg & 15];
}

/*
 * The argument that an instruction loads with a constant, its last four bytes: mov $imm32, %r32; push $imm32. Or
 * NO_ARG.
 */
static uint8_t constant_arg(const uint8_t *code, size_t len)
{
	if (len == 5 && (code[0] & 0xf8) == 0xb8)
		return arg_of_register(code[0] & 7u);
	if (len == 6 && code[0] == 0x41 && (code[1] & 0xf8) == 0xb8)
		return arg_of_register(8 + (code[1] & 7u));
	return len == 5 && code[0] == 0x68 ? ARG_STACK : NO_ARG;
}

static uint32_t immediate(const uint8_t *code, size_t len)
{
	uint32_t value;

	memcpy(&value, code + len - sizeof(value), sizeof(value));
	return value;
}

/* The state of a walk through one function. */
struct line_walk {
	const uint8_t *was_code, *is_code;
	const struct line_questions *ask;
	/* arguments whose constant differs between the versions, until they are passed */
	bool pending[N_ARGS];
	uint32_t was[N_ARGS], is[N_ARGS];
	struct line_arguments *found;
};

/* A call: are all constants that differ its line? */
static bool settle(struct line_walk *w, uint64_t at)
{
	struct line_arguments *f = w->found;

	for (unsigned int i = 0; i < N_ARGS; i++) {
		if (!w->pending[i])
			continue;
		if (!w->ask->is_line(w->ask->of, at, w->was[i], w->is[i]))
			return false;
		if (!f->n++)
			*f = (struct line_arguments){ .n = 1,
						      .call = at,
						      .argument = i == ARG_STACK ? 0 : i + 1,
						      .was = w->was[i],
						      .is = w->is[i] };
		w->pending[i] = false;
	}
	return true;
}

static bool anything_pending(const struct line_walk *w)
{
	for (int i = 0; i < N_ARGS; i++)
		if (w->pending[i])
			return true;
	return false;
}

/* The argument register that is @reg or that @reg is part of, or NO_ARG. */
static uint8_t arg_of(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	if (ZydisRegisterGetClass(whole) != ZYDIS_REGCLASS_GPR64)
		return NO_ARG;
	return arg_of_register((unsigned int)(ZyanU8)ZydisRegisterGetId(whole));
}

static bool is_pending(const struct line_walk *w, ZydisRegister reg)
{
	uint8_t arg = arg_of(reg);

	return arg != NO_ARG && w->pending[arg];
}

/* Whether an instruction reads or writes an argument whose constant differs: then it is used here, or lost. */
static bool uses_pending(const struct line_walk *w, const ZydisDecodedInstruction *insn,
			 const ZydisDecodedOperand *ops)
{
	for (uint8_t i = 0; i < insn->operand_count; i++) {
		if (ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER && is_pending(w, ops[i].reg.value))
			return true;
		if (ops[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		if (is_pending(w, ops[i].mem.base) || is_pending(w, ops[i].mem.index))
			return true;
		/* the stack is as it was until the call */
		if (w->pending[ARG_STACK] && insn->mnemonic != ZYDIS_MNEMONIC_PUSH &&
		    (ops[i].mem.base == ZYDIS_REGISTER_RSP || ops[i].mem.base == ZYDIS_REGISTER_RBP))
			return true;
	}
	return false;
}

/* A jump or branch. A function that ends in a call jumps there. */
static bool pass_branch(struct line_walk *w, uint64_t at, const ZydisDecodedInstruction *insn)
{
	bool leaves = false;

	if (!anything_pending(w))
		return true;
	return insn->mnemonic == ZYDIS_MNEMONIC_JMP &&
	       w->ask->refers(w->ask->of, at, insn->length, &leaves) && leaves && settle(w, at);
}

static bool walk_step(struct line_walk *w, uint64_t at, const ZydisDecodedInstruction *insn,
		      const ZydisDecodedOperand *ops)
{
	const uint8_t *was = w->was_code + at, *is = w->is_code + at;
	bool leaves;
	uint8_t arg;

	if (memcmp(was, is, insn->length)) {
		arg = constant_arg(is, insn->length);
		if (arg == NO_ARG || constant_arg(was, insn->length) != arg || w->pending[arg] ||
		    w->ask->refers(w->ask->of, at, insn->length, &leaves))
			return false;
		w->pending[arg] = true;
		w->was[arg] = immediate(was, insn->length);
		w->is[arg] = immediate(is, insn->length);
		return true;
	}
	if (insn->meta.category == ZYDIS_CATEGORY_CALL)
		return settle(w, at);
	if (insn->meta.branch_type != ZYDIS_BRANCH_TYPE_NONE)
		return pass_branch(w, at, insn);
	return !uses_pending(w, insn, ops);
}

bool x86_64_only_lines(const uint8_t *was, const uint8_t *is, size_t size, const struct line_questions *ask,
		       struct line_arguments *found)
{
	struct line_walk w = { .was_code = was, .is_code = is, .ask = ask, .found = found };
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;
	ZydisDecoder decoder;

	*found = (struct line_arguments){ .n = 0 };
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (uint64_t at = 0; at < size; at += insn.length)
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, is + at, size - at, &insn, ops)) ||
		    !walk_step(&w, at, &insn, ops))
			return false;
	return !anything_pending(&w);
}
