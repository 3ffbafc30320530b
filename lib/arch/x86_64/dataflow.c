// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an x86-64 instruction does with values: dataflow.h. Zydis knows all operands, hidden ones included, so few
 * instructions need words of their own: those that move the stack pointer, string instructions, and idioms
 * that read a register whose value does not matter.
 */
#include <string.h>

#include <Zydis/Zydis.h>

#include "lib/arch/dataflow.h"
#include "lib/arch/x86_64/x86_64.h"

#define RSP (1u << 4)
#define RAX (1u << 0)
#define RSI (1u << 6)
#define POINTER 8 /* bytes */

struct decoded {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
};

uint32_t x86_64_register_bit(int r)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

	if (ZydisRegisterGetClass(whole) != ZYDIS_REGCLASS_GPR64)
		return 0;
	return 1u << ((unsigned int)(ZyanU8)ZydisRegisterGetId(whole) & 31);
}

/* Flags hold no address, and the instruction pointer is where it is. */
static bool harmless_register(ZydisRegister r)
{
	ZydisRegisterClass c = ZydisRegisterGetClass(r);

	return c == ZYDIS_REGCLASS_FLAGS || c == ZYDIS_REGCLASS_IP;
}

static void take_register(const ZydisDecodedOperand *op, struct dataflow_insn *out)
{
	uint32_t r = x86_64_register_bit(op->reg.value);

	if (!r) {
		if ((op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) && !harmless_register(op->reg.value))
			out->strange = true;
		return;
	}
	if (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
		out->values |= r;
	/* Writing 32 bits clears the others, writing fewer leaves them. */
	if (op->actions == ZYDIS_OPERAND_ACTION_WRITE || op->actions == ZYDIS_OPERAND_ACTION_READWRITE) {
		if (op->size >= 32)
			out->writes |= r;
		else
			out->changes |= r;
	} else if (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) {
		out->changes |= r;
	}
}

static bool stack_slot(const ZydisDecodedOperand *op)
{
	return op->mem.base == ZYDIS_REGISTER_RSP && op->mem.index == ZYDIS_REGISTER_NONE &&
	       op->mem.segment != ZYDIS_REGISTER_FS && op->mem.segment != ZYDIS_REGISTER_GS &&
	       op->mem.disp.value >= INT32_MIN && op->mem.disp.value <= INT32_MAX;
}

static void take_memory(const ZydisDecodedOperand *op, struct dataflow_insn *out)
{
	uint32_t base = x86_64_register_bit(op->mem.base) | x86_64_register_bit(op->mem.index);

	if (op->mem.type == ZYDIS_MEMOP_TYPE_AGEN) {
		out->values |= base;
		out->address = true;
		return;
	}
	if (op->mem.type != ZYDIS_MEMOP_TYPE_MEM) {
		out->strange = true;
		out->values |= base;
		return;
	}
	if (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ && op->size >= POINTER * 8) {
		out->loads = true;
		out->from_stack = stack_slot(op);
		out->base |= base;
	}
	if (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) {
		out->stores = true;
		out->to_stack = stack_slot(op);
		out->fills = op->size == POINTER * 8 && !(op->actions & ZYDIS_OPERAND_ACTION_CONDWRITE);
	}
	out->reads_slot |= op->actions & ZYDIS_OPERAND_ACTION_MASK_READ && stack_slot(op);
	if (stack_slot(op))
		out->slot = (int32_t)op->mem.disp.value;
}

static void take_kind(const struct decoded *d, struct dataflow_insn *out)
{
	switch (d->insn.meta.category) {
	case ZYDIS_CATEGORY_CALL:
		out->kind = GO_CALL;
		break;
	case ZYDIS_CATEGORY_RET:
		out->kind = GO_RETURN;
		break;
	case ZYDIS_CATEGORY_UNCOND_BR:
		out->kind = GO_JUMP;
		break;
	case ZYDIS_CATEGORY_COND_BR:
		out->kind = GO_BRANCH;
		break;
	case ZYDIS_CATEGORY_SYSTEM:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_SYSRET:
	case ZYDIS_CATEGORY_INTERRUPT:
	case ZYDIS_CATEGORY_IO:
	case ZYDIS_CATEGORY_IOSTRINGOP:
		out->strange = true;
		break;
	default:
		break;
	}
}

/* Calls, jumps and returns: their operands are no data. */
static void keep_to_branch(const struct decoded *d, uint32_t offset, struct dataflow_insn *out)
{
	out->indirect = d->ops[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE;
	out->from_memory = d->ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY;
	if (!out->indirect && d->ops[0].imm.is_relative)
		out->target = (int64_t)offset + d->insn.length + d->ops[0].imm.value.s;
	out->values = out->base = out->writes = out->changes = 0;
	out->loads = out->stores = out->from_stack = out->to_stack = out->fills = out->reads_slot = false;
	out->strange = false;
}

/* push and pop: the hidden operands are what Zydis says they are, the widths are checked here. */
static void take_push(const struct decoded *d, struct dataflow_insn *out)
{
	bool memory = d->ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY;

	out->values &=
		d->ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER ? x86_64_register_bit(d->ops[0].reg.value) : 0;
	out->takes_frame = out->values & RSP;
	out->stores = out->to_stack = out->fills = true;
	out->from_stack = out->reads_slot = false;
	/* One record holds one slot: what another slot may hold is taken for a load of anything. */
	out->loads = memory;
	out->base = memory ? out->base | RSP : 0;
	out->slot = -POINTER;
	out->moves = -POINTER;
}

static void take_pop(const struct decoded *d, struct dataflow_insn *out)
{
	bool memory = d->ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY;

	out->values = 0;
	out->loads = true;
	out->from_stack = out->reads_slot = true;
	out->stores = memory;
	out->to_stack = out->fills = false;
	out->base = 0;
	out->slot = 0;
	out->moves = POINTER;
	if (d->ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER && x86_64_register_bit(d->ops[0].reg.value) == RSP)
		out->moves_unknown = true;
}

/* What becomes of the stack pointer. It is no register to be followed otherwise. */
static void take_stack_pointer(const struct decoded *d, struct dataflow_insn *out)
{
	const ZydisDecodedOperand *to = &d->ops[0], *by = &d->ops[1];
	bool written = (out->writes | out->changes) & RSP;

	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_PUSHFQ:
		take_push(d, out);
		break;
	case ZYDIS_MNEMONIC_POP:
	case ZYDIS_MNEMONIC_POPFQ:
		take_pop(d, out);
		break;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		if (written && by->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && to->size == POINTER * 8)
			out->moves = (int32_t)(d->insn.mnemonic == ZYDIS_MNEMONIC_ADD ? by->imm.value.s :
											-by->imm.value.s);
		else
			out->moves_unknown = written;
		out->takes_frame = !written && out->values & RSP;
		break;
	case ZYDIS_MNEMONIC_LEA:
		if (written && stack_slot(by))
			out->moves = (int32_t)by->mem.disp.value;
		else
			out->moves_unknown = written;
		out->takes_frame = !written && out->values & RSP;
		break;
	default:
		out->moves_unknown = written;
		out->takes_frame = out->values & RSP;
	}
	if (d->insn.operand_width == 16 && out->moves)
		out->moves_unknown = true;
	out->values &= ~RSP;
	out->writes &= ~RSP;
	out->changes &= ~RSP;
}

/* movs, stos, lods, cmps, scas: their pointers move on, and stay what they are. */
static void take_string(const struct decoded *d, struct dataflow_insn *out)
{
	out->values = 0;
	out->base = out->writes = out->changes = 0;
	out->fills = out->from_stack = out->to_stack = false;
	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MOVSB:
	case ZYDIS_MNEMONIC_MOVSW:
	case ZYDIS_MNEMONIC_MOVSD:
	case ZYDIS_MNEMONIC_MOVSQ:
		out->loads = true;
		out->base = RSI;
		break;
	case ZYDIS_MNEMONIC_STOSB:
	case ZYDIS_MNEMONIC_STOSW:
	case ZYDIS_MNEMONIC_STOSD:
	case ZYDIS_MNEMONIC_STOSQ:
		out->values = RAX;
		break;
	case ZYDIS_MNEMONIC_LODSB:
	case ZYDIS_MNEMONIC_LODSW:
	case ZYDIS_MNEMONIC_LODSD:
	case ZYDIS_MNEMONIC_LODSQ:
		out->writes = RAX;
		out->base = RSI;
		break;
	default: /* They compare. */
		break;
	}
}

/* Instructions that read a register of which nothing is left. */
static bool ignores_value(const struct decoded *d)
{
	if (d->insn.mnemonic != ZYDIS_MNEMONIC_XOR && d->insn.mnemonic != ZYDIS_MNEMONIC_SUB &&
	    d->insn.mnemonic != ZYDIS_MNEMONIC_SBB)
		return false;
	return d->ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       d->ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER && d->ops[0].reg.value == d->ops[1].reg.value;
}

static bool does_nothing(const struct decoded *d)
{
	return d->insn.meta.category == ZYDIS_CATEGORY_NOP ||
	       d->insn.meta.category == ZYDIS_CATEGORY_WIDENOP ||
	       d->insn.meta.category == ZYDIS_CATEGORY_PREFETCH || d->insn.mnemonic == ZYDIS_MNEMONIC_NOP ||
	       d->insn.mnemonic == ZYDIS_MNEMONIC_ENDBR64 || d->insn.mnemonic == ZYDIS_MNEMONIC_UD2 ||
	       d->insn.mnemonic == ZYDIS_MNEMONIC_INT3;
}

static void take_operands(const struct decoded *d, struct dataflow_insn *out)
{
	for (uint8_t i = 0; i < d->insn.operand_count; i++) {
		if (d->ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER)
			take_register(&d->ops[i], out);
		else if (d->ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
			take_memory(&d->ops[i], out);
	}
	if (ignores_value(d))
		out->values = 0;
	out->compares = d->insn.mnemonic == ZYDIS_MNEMONIC_CMP || d->insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG;
}

void x86_64_dataflow(const uint8_t *code, size_t size, uint32_t offset, struct dataflow_insn *out)
{
	ZydisDecoder decoder;
	struct decoded d;

	*out = (struct dataflow_insn){ .offset = offset };
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code + offset, size - offset, &d.insn, d.ops)))
		return;
	out->length = d.insn.length;
	if (does_nothing(&d))
		return;
	out->memory_at = d.insn.raw.disp.size ? d.insn.raw.disp.offset : 0;
	out->constant_at = d.insn.raw.imm[0].size ? d.insn.raw.imm[0].offset : 0;
	take_kind(&d, out);
	take_operands(&d, out);
	if (out->kind != GO_ON)
		keep_to_branch(&d, offset, out);
	else if (d.insn.meta.category == ZYDIS_CATEGORY_STRINGOP)
		take_string(&d, out);
	else
		take_stack_pointer(&d, out);
}

/* Called from inline assembly, with arguments in registers of its choice (arch/x86/include/asm of 6.1 and 6.12). */
static const char *const assembly[] = {
	"__put_user_",	  "__get_user_",	  "__sw_hweight",	  "this_cpu_cmpxchg",
	"cmpxchg",	  "clear_user_",	  "copy_user_",		  "clear_page_",
	"atomic64_",	  "rep_movs_alternative", "rep_stos_alternative", "__raw_callee_save_",
	"hypercall_page", "vmread_error_tramp",	  "xen_hypercall_",
};

/* They save all registers, or are where a tracer or a mitigation comes in. */
static const char *const bystanders[] = {
	"__fentry__",
	"preempt_schedule_thunk",
	"preempt_schedule_notrace_thunk",
	"__SCT__preempt_schedule",
	"__SCT__preempt_schedule_notrace",
};

enum call_kind x86_64_call_kind(const char *callee)
{
	static const char thunk[] = "__x86_indirect_";

	if (!strncmp(callee, thunk, sizeof(thunk) - 1))
		return CALL_ELSEWHERE;
	for (size_t i = 0; i < sizeof(bystanders) / sizeof(bystanders[0]); i++)
		if (!strcmp(callee, bystanders[i]))
			return CALL_NOTHING;
	for (size_t i = 0; i < sizeof(assembly) / sizeof(assembly[0]); i++)
		if (!strncmp(callee, assembly[i], strlen(assembly[i])))
			return CALL_ASM;
	return CALL_C;
}
