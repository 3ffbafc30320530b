// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86-64. Instructions have no fixed length, so a line number that was passed in a register is found
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
 * Line numbers as arguments. __LINE__ is passed in a register, loaded with a constant; what tells it
 * from any other constant is that __FILE__ is the argument before it, or that the function called is
 * known to take one. All that differ in a function differ by the same number of lines. Where this is
 * too strict, a function is replaced that need not be; too lax, and a fix is lost in silence.
 */
enum { ARG_RDI, ARG_RSI, ARG_RDX, ARG_RCX, ARG_R8, ARG_R9, ARG_STACK, N_ARGS, NO_ARG = N_ARGS };

/*
 * Functions of the kernel that take a line number without a file or function name beside it. Where a
 * version of the kernel has another argument in that register, @unless is the argument that is then
 * a constant too.
 */
static const struct {
	const char *name;
	uint8_t arg, unless;
} line_takers[] = {
	{ "__ext4_journal_start_sb", ARG_RSI, NO_ARG },	 /* (sb, line, type, …) until 6.2 */
	{ "__ext4_journal_start_sb", ARG_RDX, ARG_RSI }, /* (inode, sb, line, type, …) since 6.3 */
	{ "__ext4_journal_start_reserved", ARG_RSI, NO_ARG }, { "__ext4_new_inode", ARG_STACK, NO_ARG },
	{ "__check_block_validity", ARG_RSI, NO_ARG }, /* a clone without the function's name */
};

/* Families of functions whose line number follows __func__. */
static const char *const line_follows_func[] = { "__ext4_", "ext4_", "__btrfs_", "btrfs_" };

/* The argument that is passed in the register with this number in an instruction. */
static uint8_t arg_of_register(unsigned int reg)
{
	static const uint8_t args[16] = {
		NO_ARG, ARG_RCX, ARG_RDX, NO_ARG, NO_ARG, NO_ARG, ARG_RSI, ARG_RDI,
		ARG_R8, ARG_R9,	 NO_ARG,  NO_ARG, NO_ARG, NO_ARG, NO_ARG,  NO_ARG,
	};

	return args[reg & 15];
}

/* mov $imm32, %r32: the register, or -1. */
static int constant_load(const uint8_t *code, size_t len)
{
	if (len == 5 && (code[0] & 0xf8) == 0xb8)
		return code[0] & 7;
	if (len == 6 && code[0] == 0x41 && (code[1] & 0xf8) == 0xb8)
		return 8 + (code[1] & 7);
	return -1;
}

/* mov $symbol, %reg or lea symbol(%rip), %reg: the register, or -1. */
static int address_load(const uint8_t *code, size_t len)
{
	unsigned int rex = 0;
	int reg = constant_load(code, len);

	if (reg >= 0)
		return reg;
	if (len != 7 || (code[0] & 0xf8) != 0x48)
		return -1;
	rex = code[0];
	if (code[1] == 0xc7 && (code[2] & 0xf8) == 0xc0)
		return (int)(code[2] & 7) + (rex & 1 ? 8 : 0);
	if (code[1] == 0x8d && (code[2] & 0xc7) == 0x05)
		return (int)(code[2] >> 3 & 7) + (rex & 4 ? 8 : 0);
	return -1;
}

/* mov %from, %to of 64 bits. */
static bool register_copy(const uint8_t *code, size_t len, unsigned int *from, unsigned int *to)
{
	if (len != 3 || (code[0] & 0xf2) != 0x40 || !(code[0] & 8) || code[1] != 0x89 || code[2] < 0xc0)
		return false;
	*from = (code[2] >> 3 & 7) + (code[0] & 4 ? 8 : 0);
	*to = (code[2] & 7) + (code[0] & 1 ? 8 : 0);
	return true;
}

/* What a register holds: something else, __FILE__ or __func__. */
enum place { PLACE_NONE, PLACE_FILE, PLACE_FUNC };

/* Whether a reference leads to what __FILE__ or __func__ stand for. */
static enum place names_place(const struct object *o, const struct ref *r)
{
	const struct atom *t = r->target == NO_ATOM ? NULL : &o->atoms[r->target];
	const uint8_t *s = t ? atom_bytes(t) : NULL;
	size_t len;

	if (!s)
		return PLACE_NONE;
	if (t->kind != ATOM_STRING)
		return t->symbol && !strncmp(t->name, "__func__", 8) ? PLACE_FUNC : PLACE_NONE;
	if (r->addend != 0 || t->size < 3 || s[t->size - 1])
		return PLACE_NONE;
	len = strlen((const char *)s);
	return len > 2 && s[len - 2] == '.' && (s[len - 1] == 'c' || s[len - 1] == 'h') ? PLACE_FILE :
											  PLACE_NONE;
}

/* The state of a walk through one function. */
struct line_walk {
	const struct object *o;
	const struct atom *a;
	uint32_t ref;		  /* next reference, from a->first_ref */
	enum place place[N_ARGS]; /* arguments that hold __FILE__ or __func__ */
	bool constant[N_ARGS];	  /* arguments that were loaded with a constant */
	bool pending[N_ARGS];	  /* arguments whose constant differs between the versions */
	int64_t delta;		  /* by how much all of them differ; 0: none seen yet */
	const uint8_t *was, *is;  /* the code of both versions */
	ZydisDecoder decoder;
	bool away; /* behind a jump, on the way to its call only */
};

static bool anything_pending(const struct line_walk *w)
{
	for (int i = 0; i < N_ARGS; i++)
		if (w->pending[i])
			return true;
	return false;
}

/* Whether @callee is the function or a clone of it. */
static bool same_function(const char *name, const char *callee)
{
	size_t n = strlen(name);

	return !strncmp(name, callee, n) && (callee[n] == '\0' || callee[n] == '.');
}

static bool takes_line(const struct line_walk *w, int arg, const char *callee)
{
	enum place before = arg > 0 && arg < ARG_STACK ? w->place[arg - 1] : PLACE_NONE;

	if (before == PLACE_FILE)
		return true;
	for (size_t i = 0;
	     callee && before == PLACE_FUNC && i < sizeof(line_follows_func) / sizeof(line_follows_func[0]);
	     i++)
		if (!strncmp(callee, line_follows_func[i], strlen(line_follows_func[i])))
			return true;
	for (size_t i = 0; callee && i < sizeof(line_takers) / sizeof(line_takers[0]); i++) {
		uint8_t unless = line_takers[i].unless;

		if (line_takers[i].arg == arg && same_function(line_takers[i].name, callee) &&
		    (unless == NO_ARG || !w->constant[unless]))
			return true;
	}
	return false;
}

/* A call: do all constants that differ go to arguments that are line numbers? */
static bool settle(struct line_walk *w, const char *callee)
{
	for (int i = 0; i < N_ARGS; i++)
		if (w->pending[i] && !takes_line(w, i, callee))
			return false;
	memset(w->pending, 0, sizeof(w->pending));
	memset(w->place, 0, sizeof(w->place));
	memset(w->constant, 0, sizeof(w->constant));
	return true;
}

/* push $imm32 */
static bool constant_push(const uint8_t *code, size_t len)
{
	return len == 5 && code[0] == 0x68;
}

/* The argument that an instruction loads with a constant, or NO_ARG. */
static uint8_t constant_arg(const uint8_t *code, size_t len)
{
	int reg = constant_load(code, len);

	if (constant_push(code, len))
		return ARG_STACK;
	return reg < 0 ? NO_ARG : arg_of_register((unsigned int)reg);
}

/* The reference in an instruction, or NULL. */
static const struct ref *ref_in(struct line_walk *w, uint64_t at, size_t len)
{
	while (w->ref < w->a->n_refs && w->o->refs[w->a->first_ref + w->ref].offset < at)
		w->ref++;
	if (w->ref < w->a->n_refs && w->o->refs[w->a->first_ref + w->ref].offset < at + len)
		return &w->o->refs[w->a->first_ref + w->ref];
	return NULL;
}

/* Whether an instruction reads an argument register whose constant differs: then it is used here. */
static bool reads_pending(const struct line_walk *w, const ZydisDecodedInstruction *insn,
			  const ZydisDecodedOperand *ops)
{
	for (uint8_t i = 0; i < insn->operand_count; i++) {
		ZydisRegister regs[2] = { ZYDIS_REGISTER_NONE, ZYDIS_REGISTER_NONE };

		if (ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY) {
			regs[0] = ops[i].mem.base;
			regs[1] = ops[i].mem.index;
		} else if (ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
			   (ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_READ)) {
			regs[0] = ops[i].reg.value;
		}
		for (int r = 0; r < 2; r++) {
			ZydisRegister whole =
				ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, regs[r]);
			uint8_t arg;

			if (ZydisRegisterGetClass(whole) != ZYDIS_REGCLASS_GPR64)
				continue;
			arg = arg_of_register((unsigned int)(ZyanU8)ZydisRegisterGetId(whole));
			if (arg != NO_ARG && w->pending[arg])
				return true;
		}
	}
	return false;
}

/* An instruction that writes an argument register: it holds something else then. */
static void forget_written(struct line_walk *w, const ZydisDecodedInstruction *insn,
			   const ZydisDecodedOperand *ops)
{
	for (uint8_t i = 0; i < insn->operand_count; i++) {
		ZydisRegister whole = ZYDIS_REGISTER_NONE;
		uint8_t arg;

		if (ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    (ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
								 ops[i].reg.value);
		if (ZydisRegisterGetClass(whole) != ZYDIS_REGCLASS_GPR64)
			continue;
		arg = arg_of_register((unsigned int)(ZyanU8)ZydisRegisterGetId(whole));
		if (arg != NO_ARG) {
			w->place[arg] = PLACE_NONE;
			w->constant[arg] = false;
		}
	}
}

/* The last four bytes of an instruction, where a constant_load() or constant_push() has it. */
static int64_t immediate(const uint8_t *code, size_t len)
{
	int32_t value;

	memcpy(&value, code + len - sizeof(value), sizeof(value));
	return value;
}

/* Two constants that may be the numbers of one line, before and after the same shift. */
static bool shifted_line(struct line_walk *w, int64_t was, int64_t is)
{
	if (was <= 0 || is <= 0 || (w->delta && is - was != w->delta))
		return false;
	w->delta = is - was;
	return true;
}

static bool walk_step(struct line_walk *w, uint64_t at, const ZydisDecodedInstruction *insn,
		      const ZydisDecodedOperand *ops);

/* Decodes the instruction at *at, takes it in, and moves on. */
static bool walk_on(struct line_walk *w, uint64_t *at)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;
	uint64_t here = *at;

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&w->decoder, w->is + here, w->a->size - here, &insn, ops)))
		return false;
	*at += insn.length;
	return walk_step(w, here, &insn, ops);
}

/*
 * Calls that differ in their line alone share the rest: mov $line, %edx; jmp to where the others go on. What
 * differs is followed there, to its call; one jump is what compilers make of it.
 */
static bool settles_at(const struct line_walk *from, uint64_t at)
{
	struct line_walk w = *from;

	w.ref = 0;
	w.away = true;
	for (int i = 0; i < 32 && at < w.a->size && anything_pending(&w); i++)
		if (!walk_on(&w, &at))
			return false;
	return !anything_pending(&w);
}

/* A jump or branch inside of the function. */
static bool branch_inside(struct line_walk *w, uint64_t next, const ZydisDecodedInstruction *insn,
			  const ZydisDecodedOperand *ops)
{
	bool good = !anything_pending(w);

	if (!good && !w->away && insn->mnemonic == ZYDIS_MNEMONIC_JMP &&
	    ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		good = settles_at(w, next + (uint64_t)ops[0].imm.value.s);
	memset(w->place, 0, sizeof(w->place));
	memset(w->constant, 0, sizeof(w->constant));
	memset(w->pending, 0, sizeof(w->pending));
	return good;
}

static bool walk_step(struct line_walk *w, uint64_t at, const ZydisDecodedInstruction *insn,
		      const ZydisDecodedOperand *ops)
{
	const uint8_t *was = w->was + at, *is = w->is + at;
	const struct ref *r = ref_in(w, at, insn->length);
	unsigned int from, to;
	uint8_t arg = NO_ARG;
	int reg;

	if (memcmp(was, is, insn->length)) {
		arg = constant_arg(is, insn->length);
		if (arg == NO_ARG || r || constant_arg(was, insn->length) != arg ||
		    !shifted_line(w, immediate(was, insn->length), immediate(is, insn->length)))
			return false;
		w->pending[arg] = true;
		w->constant[arg] = true;
		return true;
	}
	if (insn->meta.category == ZYDIS_CATEGORY_CALL ||
	    (insn->mnemonic == ZYDIS_MNEMONIC_JMP && r && r->target != w->a->id))
		return settle(w, r && r->target != NO_ATOM ? w->o->atoms[r->target].name : NULL);
	if (insn->meta.branch_type != ZYDIS_BRANCH_TYPE_NONE)
		return branch_inside(w, at + insn->length, insn, ops);
	if (reads_pending(w, insn, ops))
		return false;
	forget_written(w, insn, ops);
	arg = constant_arg(is, insn->length);
	if (arg != NO_ARG)
		w->constant[arg] = !r;
	reg = address_load(is, insn->length);
	if (reg >= 0 && arg_of_register((unsigned int)reg) != NO_ARG)
		w->place[arg_of_register((unsigned int)reg)] = r ? names_place(w->o, r) : PLACE_NONE;
	else if (register_copy(is, insn->length, &from, &to) && arg_of_register(to) != NO_ARG)
		w->place[arg_of_register(to)] =
			arg_of_register(from) != NO_ARG ? w->place[arg_of_register(from)] : PLACE_NONE;
	return true;
}

static bool only_lines(const struct object *o, const struct atom *a, const struct object *n,
		       const struct atom *b)
{
	struct line_walk w = { .o = n, .a = b, .was = atom_bytes(a), .is = atom_bytes(b) };

	if (!w.was || !w.is || a->size != b->size)
		return false;
	ZydisDecoderInit(&w.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (uint64_t at = 0; at < b->size;)
		if (!walk_on(&w, &at))
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
	.takes_address = x86_64_takes_address,
	.passed_to = x86_64_passed_to,
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
