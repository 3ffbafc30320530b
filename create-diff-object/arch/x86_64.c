// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86-64. Instructions have no fixed length, so a line number that is passed on is found
 * by decoding both versions of a function side by side. A direct call or jump is known from its
 * operand: the bytes before a rel32 field are e8, e9 or 0f 80..8f only in a branch, since the
 * ModRM byte of a rip-relative operand is xx000101b or xx001101b and the like, never one of these.
 */
#include <elf.h>
#include <string.h>

#include <Zydis/Zydis.h>

#include "create-diff-object/arch.h"
#include "create-diff-object/arch/x86_64.h"

static bool is_branch(const struct object *o, const struct atom *a, const struct ref *r)
{
	const uint8_t *code = atom_bytes(a);

	if (!a->section || !(a->section->flags & SHF_EXECINSTR) || !code || !r->pc_relative)
		return false;
	if (r->width == 1)
		return true;
	if (r->width != 4 || r->offset < 1 || r->offset > a->size)
		return false;
	if (code[r->offset - 1] == 0xe8 || code[r->offset - 1] == 0xe9)
		return true;
	return r->offset >= 2 && code[r->offset - 2] == 0x0f && (code[r->offset - 1] & 0xf0) == 0x80;
}

/*
 * Line numbers as arguments. __LINE__ is passed in a register or on the stack, loaded with a constant. It is
 * taken for one if it is, in both versions, what that version's debug information says is the line of the
 * very call that it is passed to, and if nothing else is made of it on the way.
 */
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
	struct object *o, *n;
	const struct atom *a, *b;
	const uint8_t *code_a, *code_b;
	/* arguments whose constant differs between the versions, until they are passed */
	bool pending[N_ARGS];
	uint32_t was[N_ARGS], is[N_ARGS];
	struct line_arguments *found;
};

/* Whether the two numbers are the line of the call at @at: its own, or that of the same inlined function there. */
static bool is_line(const struct line_walk *w, uint64_t at, uint32_t was, uint32_t is)
{
	unsigned int lines_a[OBJECT_CALL_LINES], lines_b[OBJECT_CALL_LINES];
	size_t n_a = object_call_lines(w->o, w->a->id, at, lines_a);
	size_t n_b = object_call_lines(w->n, w->b->id, at, lines_b);

	for (size_t i = 0; i < n_a && n_a == n_b; i++)
		if (lines_a[i] == was && lines_b[i] == is)
			return true;
	return false;
}

/* A call: are all constants that differ its line? */
static bool settle(struct line_walk *w, uint64_t at)
{
	struct line_arguments *f = w->found;

	for (unsigned int i = 0; i < N_ARGS; i++) {
		if (!w->pending[i])
			continue;
		if (!is_line(w, at, w->was[i], w->is[i]))
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

/* The reference in an instruction, or NULL. */
static const struct ref *ref_in(const struct line_walk *w, uint64_t at, size_t len)
{
	for (uint32_t i = 0; i < w->b->n_refs; i++) {
		const struct ref *r = &w->n->refs[w->b->first_ref + i];

		if (r->offset >= at && r->offset < at + len)
			return r;
	}
	return NULL;
}

/* A jump or branch. A function that ends in a call jumps there. */
static bool pass_branch(struct line_walk *w, uint64_t at, const ZydisDecodedInstruction *insn)
{
	const struct ref *r;

	if (!anything_pending(w))
		return true;
	r = insn->mnemonic == ZYDIS_MNEMONIC_JMP ? ref_in(w, at, insn->length) : NULL;
	return r && r->target != w->b->id && settle(w, at);
}

static bool walk_step(struct line_walk *w, uint64_t at, const ZydisDecodedInstruction *insn,
		      const ZydisDecodedOperand *ops)
{
	const uint8_t *was = w->code_a + at, *is = w->code_b + at;
	uint8_t arg;

	if (memcmp(was, is, insn->length)) {
		arg = constant_arg(is, insn->length);
		if (arg == NO_ARG || constant_arg(was, insn->length) != arg || w->pending[arg] ||
		    ref_in(w, at, insn->length))
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

static bool only_lines(struct object *o, const struct atom *a, struct object *n, const struct atom *b,
		       struct line_arguments *found)
{
	struct line_walk w = { .o = o,
			       .n = n,
			       .a = a,
			       .b = b,
			       .code_a = atom_bytes(a),
			       .code_b = atom_bytes(b),
			       .found = found };
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;
	ZydisDecoder decoder;

	*found = (struct line_arguments){ .n = 0 };
	if (!w.code_a || !w.code_b || a->size != b->size)
		return false;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (uint64_t at = 0; at < b->size; at += insn.length)
		if (!ZYAN_SUCCESS(
			    ZydisDecoderDecodeFull(&decoder, w.code_b + at, b->size - at, &insn, ops)) ||
		    !walk_step(&w, at, &insn, ops))
			return false;
	return !anything_pending(&w);
}

/*
 * runtime_const_ptr(): movabs $imm64, %reg, ten bytes, becomes mov variable(%rip), %reg, seven, and a
 * no-operation of three. Flags are left alone by both.
 */
static size_t load_variable(uint8_t *code, size_t size, uint32_t *field, int64_t *addend)
{
	static const uint8_t nop3[] = { 0x0f, 0x1f, 0x00 };
	uint8_t high, low;

	if (size < 10 || (code[0] & 0xfe) != 0x48 || (code[1] & 0xf8) != 0xb8)
		return 0;
	high = code[0] & 1;
	low = code[1] & 7;
	code[0] = (uint8_t)(0x48 | high << 2);
	code[1] = 0x8b;
	code[2] = (uint8_t)(0x05 | low << 3);
	memset(code + 3, 0, 4);
	memcpy(code + 7, nop3, sizeof(nop3));
	*field = 3;
	*addend = -4;
	return 10;
}

const struct arch arch_x86_64 = {
	.machine = EM_X86_64,
	.pointer_type = R_X86_64_64,
	.text_fill = 0x90,
	.is_branch = is_branch,
	.is_compared = x86_64_is_compared,
	.is_stored = x86_64_is_stored,
	.read_insn = x86_64_read_insn,
	.operand_type = R_X86_64_PC32,
	.immediate_at = 2,
	.load_variable = load_variable,
	.only_lines = only_lines,
	.dataflow = x86_64_dataflow,
	.arguments = { 1u << 7, 1u << 6, 1u << 2, 1u << 1, 1u << 8, 1u << 9 }, /* rdi rsi rdx rcx r8 r9 */
	.results = { 1u << 0, 1u << 2 },				       /* rax rdx */
	.clobbered = 0x0fc7u, /* rax rcx rdx rsi rdi r8 to r11 */
	.stack_pointer = 1u << 4,
	.return_size = 8,
	.call_kind = x86_64_call_kind,
	.return_thunk = "__x86_return_thunk",
	.site_length_before = 1,
};
