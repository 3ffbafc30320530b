/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86_64: numbers of relocation types (System V ABI, AMD64 supplement; the kernel's modules use few of them, but objects
 * and hostile files may hold any), the entry of functions, registers.
 */
#include <elf.h>
#include <string.h>

#include "lib/arch/x86_64/x86_64.h"

#define ABSOLUTE(type, bytes, ...) [type] = { .name = #type, .width = bytes, ##__VA_ARGS__ }
#define RELATIVE(type, bytes, ...)                                                                           \
	[type] = { .name = #type, .width = bytes, .pc_relative = true, .is_signed = true, ##__VA_ARGS__ }

static const struct reloc_type relocs[] = {
	ABSOLUTE(R_X86_64_NONE, 0),
	ABSOLUTE(R_X86_64_64, 8, .loaded = true),
	RELATIVE(R_X86_64_PC32, 4, .loaded = true),
	RELATIVE(R_X86_64_PLT32, 4, .loaded = true),
	RELATIVE(R_X86_64_GOTPCREL, 4),
	ABSOLUTE(R_X86_64_32, 4, .loaded = true),
	ABSOLUTE(R_X86_64_32S, 4, .is_signed = true, .loaded = true),
	ABSOLUTE(R_X86_64_16, 2),
	RELATIVE(R_X86_64_PC16, 2),
	ABSOLUTE(R_X86_64_8, 1),
	RELATIVE(R_X86_64_PC8, 1),
	RELATIVE(R_X86_64_PC64, 8, .loaded = true),
	RELATIVE(R_X86_64_GOTPCRELX, 4),
	RELATIVE(R_X86_64_REX_GOTPCRELX, 4),
	ABSOLUTE(R_X86_64_SIZE32, 4),
	ABSOLUTE(R_X86_64_SIZE64, 8),
};

static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

static bool begins_with_endbr(const uint8_t *code, size_t size)
{
	return size >= sizeof(endbr64) && !memcmp(code, endbr64, sizeof(endbr64));
}

/* The call is the first instruction, or the second one after endbr64. */
static bool trace_site(const uint8_t *code, size_t size, uint64_t entry, uint64_t offset)
{
	if (entry > size)
		return false;
	if (begins_with_endbr(code + entry, size - entry))
		entry += sizeof(endbr64);
	/* one opcode byte for a direct call, two for one through the GOT */
	return offset == entry || offset == entry + 1 || offset == entry + 2;
}

/* A call that is to be relocated, or the five-byte no-operation that objtool may make of it; behind an ENDBR. */
static int traced_at(const uint8_t *code, size_t size)
{
	static const uint8_t nop5[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	size_t at = begins_with_endbr(code, size) ? sizeof(endbr64) : 0;

	if (size - at < sizeof(nop5))
		return -1;
	return code[at] == 0xe8 || !memcmp(code + at, nop5, sizeof(nop5)) ? (int)at : -1;
}

/*
 * struct orc_entry: sp_offset, bp_offset, and the registers, the stack's first, in the low bits of the third half-word; since
 * 4.14. At the entry the caller's frame is at SP + 8.
 */
static bool orc_holds_at_entry(const uint8_t *entry, unsigned int stack_pointer)
{
	int16_t sp_offset;

	memcpy(&sp_offset, entry, sizeof(sp_offset));
	return sp_offset == 8 && (entry[4] & 0xfu) == stack_pointer;
}

static const struct unwind orc = {
	.addresses = ".orc_unwind_ip",
	.entries = ".orc_unwind",
	.entry_size = 6,
	.header = "arch/x86/include/asm/orc_types.h",
	.stack_pointer = "ORC_REG_SP",
	.holds_at_entry = orc_holds_at_entry,
};

/*
 * runtime_const_ptr(): movabs $imm64, %reg, ten bytes, becomes mov variable(%rip), %reg, seven, and a
 * no-operation of three. Flags are left alone by both.
 */
size_t x86_64_load_variable(uint8_t *code, size_t size, uint32_t *field, int64_t *addend)
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
	.name = "x86_64",
	.deb = "amd64",
	.follows_values = true,
	.kernels = true,
	.guard_type = R_X86_64_NONE,
	.source = { .directory = "arch/x86",
		    .not_its = "arch/x86/um/", /* of user mode Linux */
		    .boot = (const char *const[]){ "arch/x86/boot/", "arch/x86/realmode/",
						   "arch/x86/purgatory/", NULL },
		    .vdso = "arch/x86/entry/vdso/",
		    .linker_script = "arch/x86/kernel/vmlinux.lds.S" },
	.boot_image = &x86_64_boot_image,
	.specials = x86_64_specials,
	.relocs = relocs,
	.n_relocs = sizeof(relocs) / sizeof(relocs[0]),
	.trace_symbol = "__fentry__",
	.decode = x86_64_decode,
	.decode_init = x86_64_decode_init,
	.trace_site = trace_site,
	.pointer_type = R_X86_64_64,
	.relative_type = R_X86_64_PC32,
	.call_type = R_X86_64_PLT32,
	.disassemble = x86_64_disassemble,
	.traced_at = traced_at,
	.landing_pad = endbr64,
	.landing_pad_size = sizeof(endbr64),
	.seals = ".ibt_endbr_seal",
	.unwind = &orc,
	.text_fill = 0x90,
	.is_branch = x86_64_is_branch,
	.is_call = x86_64_is_call,
	.is_compared = x86_64_is_compared,
	.is_stored = x86_64_is_stored,
	.read_insn = x86_64_read_insn,
	.operand_type = R_X86_64_PC32,
	.immediate_at = 2,
	.load_variable = x86_64_load_variable,
	.only_lines = x86_64_only_lines,
	.dataflow = x86_64_dataflow,
	.arguments = { 1u << 7, 1u << 6, 1u << 2, 1u << 1, 1u << 8, 1u << 9 }, /* rdi rsi rdx rcx r8 r9 */
	.results = { 1u << 0, 1u << 2 },				       /* rax rdx */
	.clobbered = X86_64_CLOBBERED,
	.stack_pointer = 1u << 4,
	.return_size = 8,
	.call_kind = x86_64_call_kind,
	.return_thunk = "__x86_return_thunk",
	.site_length_before = 1,
};
