/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86_64's instructions, as far as references go. A pc-relative field counts from the end of the instruction, which is
 * not the end of the field where an immediate follows (cmpl $1, x(%rip)); so the byte that is meant needs the
 * instruction's length, from Zydis.
 */
#include <elf.h>
#include <stdio.h>

#include <Zydis/Zydis.h>

#include "lib/arch/x86_64/x86_64.h"

void x86_64_decode_init(void *state)
{
	_Static_assert(sizeof(ZydisDecoder) <= DECODER_STATE, "room for the decoder");
	ZydisDecoder *d = state;

	ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	/* references need lengths and fields, no operands: three times as fast */
	ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
}

/* Branches: call, jmp, jcc, loop, jrcxz, xbegin. */
static bool branch_field(const ZydisDecodedInstruction *z, struct insn *out)
{
	for (int i = 0; i < 2; i++) {
		if (!z->raw.imm[i].is_relative)
			continue;
		out->field = z->raw.imm[i].offset;
		out->width = z->raw.imm[i].size / 8;
		out->distance = z->raw.imm[i].value.s;
		out->type = out->width == 1 ? R_X86_64_PC8 : R_X86_64_PLT32;
		return true;
	}
	return false;
}

/* Memory operands relative to %rip: mod 0, r/m 5 and a displacement of 32 bits. */
static bool rip_field(const ZydisDecodedInstruction *z, struct insn *out)
{
	if (!(z->attributes & ZYDIS_ATTRIB_HAS_MODRM) || z->raw.modrm.mod != 0 || z->raw.modrm.rm != 5 ||
	    z->raw.disp.size != 32)
		return false;
	out->field = z->raw.disp.offset;
	out->width = 4;
	out->distance = z->raw.disp.value;
	out->type = R_X86_64_PC32;
	return true;
}

/* ret and its far forms, iret, sysret and sysexit, jmp through a register or memory. */
static bool goes_away(const ZydisDecodedInstruction *z)
{
	if (z->opcode_map == ZYDIS_OPCODE_MAP_0F)
		return z->opcode == 0x07 || z->opcode == 0x35;
	if (z->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
		return false;
	switch (z->opcode) {
	case 0xc2:
	case 0xc3:
	case 0xca:
	case 0xcb:
	case 0xcf:
		return true;
	case 0xff:
		return z->raw.modrm.reg == 4 || z->raw.modrm.reg == 5;
	}
	return false;
}

static enum flow_kind flow(const ZydisDecodedInstruction *z, bool branch)
{
	if (!branch)
		return goes_away(z) ? FLOW_AWAY : FLOW_NEXT;
	if (z->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
		return FLOW_BRANCH;
	switch (z->opcode) {
	case 0xe8:
		return FLOW_CALL;
	case 0xe9:
	case 0xeb:
		return FLOW_JUMP;
	default:
		return FLOW_BRANCH;
	}
}

/* The number of jcc's condition, which its opcode ends with. */
static uint8_t condition(const ZydisDecodedInstruction *z)
{
	uint8_t high = z->opcode & 0xf0;

	if ((z->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && high == 0x70) ||
	    (z->opcode_map == ZYDIS_OPCODE_MAP_0F && high == 0x80))
		return z->opcode & 15;
	return OTHER_CONDITION;
}

void x86_64_decode(const void *state, const uint8_t *code, size_t size, struct insn *out)
{
	ZydisDecodedInstruction z;

	*out = (struct insn){ .length = 1 };
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(state, NULL, code, size, &z)))
		return;
	out->length = out->base = z.length;
	out->valid = true;
	out->nop = (z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && z.opcode == 0x90) ||
		   (z.opcode_map == ZYDIS_OPCODE_MAP_0F && z.opcode == 0x1f);
	out->relative = branch_field(&z, out);
	out->flow = flow(&z, out->relative);
	out->condition = condition(&z);
	out->relative = out->relative || rip_field(&z, out);
	/* a width of 2 would be a 16-bit branch, which 64-bit code does not have */
	if (out->relative && out->width != 1 && out->width != 4)
		out->relative = false;
}

bool x86_64_disassemble(const uint8_t *code, size_t size, uint64_t address, char *out, size_t room)
{
	ZydisDisassembledInstruction i;

	if (!ZYAN_SUCCESS(ZydisDisassembleATT(ZYDIS_MACHINE_MODE_LONG_64, address, code, size, &i)))
		return false;
	snprintf(out, room, "%s", i.text);
	return true;
}
