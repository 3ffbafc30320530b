// SPDX-License-Identifier: GPL-2.0-only
/*
 * ppc64le, with version 2 of the ELF ABI (64-Bit ELF V2 ABI Specification, Power Architecture).
 *
 * Code gets at data through r2, the module's TOC pointer: 32 bits around it are added in two halves, or an entry of
 * .toc has the address. A function that needs r2 computes it at its global entry, from its own address in r12; who has
 * the same r2 calls its local entry, 8 bytes further on. With the large code model the distance from the function to
 * the TOC stands in front of it. Calls of other modules are followed by a no-operation, of which the loader makes
 * a load of r2; calls within a file are not. So nothing but a whole address leads out of a module: fields that
 * are `within` would have to be near it, and the loader does not check that all are.
 */
#include <elf.h>
#include <string.h>

#include "lib/arch/ppc64le/ppc64le.h"

#ifndef R_PPC64_ENTRY
#define R_PPC64_ENTRY 118
#endif

/* clang-format off */
#define WHOLE(type, bytes, ...) [type] = { .name = #type, .width = bytes, ##__VA_ARGS__ }
/* The upper or lower 16 bits of a distance, in the low half of an instruction. */
#define HALF(type, ...) [type] = { .name = #type, .width = 4, .is_signed = true, .within = true, ##__VA_ARGS__ }
#define OF_TOC(type, ...) HALF(type, .from_table = true, ##__VA_ARGS__)
#define HIGH .drops_low = true, .parts = { { 16, 16, 0 } }
#define HIGH_ADJUSTED .rounds = true, HIGH
#define LOW .drops_high = true, .parts = { { 16, 0, 0 } }
#define WORDS .parts = { { 14, 2, 2 } } /* of ld, std, lwa: the lowest two bits are the opcode's */
#define BRANCH(type, bits, ...) [type] = { .name = #type, .width = 4, .pc_relative = true, .is_signed = true, \
					   .parts = { { bits, 2, 2 } }, ##__VA_ARGS__ }
/* clang-format on */

static const struct reloc_type relocs[] = {
	WHOLE(R_PPC64_NONE, 0),
	WHOLE(R_PPC64_ADDR64, 8, .loaded = true),
	WHOLE(R_PPC64_ADDR32, 4, .within = true),
	WHOLE(R_PPC64_REL64, 8, .pc_relative = true, .is_signed = true, .from_itself = true, .loaded = true),
	WHOLE(R_PPC64_REL32, 4, .pc_relative = true, .is_signed = true, .from_itself = true, .within = true),
	BRANCH(R_PPC64_REL24, 24),
	BRANCH(R_PPC64_REL14, 14, .within = true),
	OF_TOC(R_PPC64_TOC16, .parts = { { 16, 0, 0 } }),
	OF_TOC(R_PPC64_TOC16_LO, LOW),
	OF_TOC(R_PPC64_TOC16_HI, HIGH),
	OF_TOC(R_PPC64_TOC16_HA, .reads = true, HIGH_ADJUSTED),
	OF_TOC(R_PPC64_TOC16_DS, .reads = true, WORDS),
	OF_TOC(R_PPC64_TOC16_LO_DS, .reads = true, .drops_high = true, WORDS),
	HALF(R_PPC64_REL16, .pc_relative = true, .from_itself = true, .parts = { { 16, 0, 0 } }),
	HALF(R_PPC64_REL16_LO, .pc_relative = true, .from_itself = true, LOW),
	HALF(R_PPC64_REL16_HI, .pc_relative = true, .from_itself = true, HIGH),
	HALF(R_PPC64_REL16_HA, .pc_relative = true, .from_itself = true, HIGH_ADJUSTED),
	/* where the large code model's global entry may become that of the medium one */
	WHOLE(R_PPC64_ENTRY, 0, .hint = true),
	/* where a caller has its TOC pointer saved: the loader takes it, and nothing else without effect */
	WHOLE(R_PPC64_TOCSAVE, 0),
};

#define STD_R0_LR                                                                                            \
	0xf8010010u /* the link register to its place in the caller's frame: until gcc 5, and with clang */
#define BL 0x48000001u
#define BL_MASK 0xfc000003u

static uint32_t word_at(const uint8_t *code, size_t size, uint64_t at)
{
	return size >= PPC_INSN && at <= size - PPC_INSN ? ppc_word(code + at) : 0;
}

/* Where the function begins for those who have its r2, from the code at the global entry. */
static uint64_t local_entry(const uint8_t *code, size_t size, uint64_t entry)
{
	return entry < size ? entry + ppc64le_second_entry(code + entry, size - entry) : entry;
}

/* mflr r0; bl _mcount, at the local entry. */
static uint64_t trace_call(const uint8_t *code, size_t size, uint64_t entry)
{
	uint64_t at = local_entry(code, size, entry);

	if (word_at(code, size, at) != PPC_MFLR_R0)
		return UINT64_MAX;
	at += PPC_INSN;
	if (word_at(code, size, at) == STD_R0_LR)
		at += PPC_INSN;
	return at;
}

static bool trace_site(const uint8_t *code, size_t size, uint64_t entry, uint64_t offset)
{
	return offset == trace_call(code, size, entry);
}

static int traced_at(const uint8_t *code, size_t size)
{
	uint64_t at = trace_call(code, size, 0);

	return at != UINT64_MAX && (word_at(code, size, at) & BL_MASK) == BL ? (int)at : -1;
}

static bool begins_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* Routines that save and restore registers, of gcc -Os: each module has its own (arch/powerpc/lib/crtsavres.S). */
static bool saves_registers(const char *symbol)
{
	static const char *const names[] = { "_savegpr", "_restgpr", "_savefpr",
					     "_restfpr", "_savevr",  "_restvr" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (begins_with(symbol, names[i]))
			return true;
	return false;
}

static bool made_for_module(const char *symbol)
{
	/* the loader leaves a call of _mcount alone, and knows it by that name */
	return !strcmp(symbol, ".TOC.") || !strcmp(symbol, "_mcount") || saves_registers(symbol);
}

enum call_kind ppc64le_call_kind(const char *callee)
{
	if (!strcmp(callee, "_mcount"))
		return CALL_NOTHING;
	return saves_registers(callee) ? CALL_ASM : CALL_C;
}

const struct arch arch_ppc64le = {
	.machine = EM_PPC64,
	.name = "ppc64le",
	.deb = "ppc64el",
	.abi = 2,
	.abi_mask = EF_PPC64_ABI,
	.kernels = true,
	.source = { .directory = "arch/powerpc",
		    .boot = (const char *const[]){ "arch/powerpc/boot/", "arch/powerpc/purgatory/", NULL },
		    .vdso = "arch/powerpc/kernel/vdso/",
		    .linker_script = "arch/powerpc/kernel/vmlinux.lds.S" },
	.specials = ppc64le_specials,
	.relocs = relocs,
	.n_relocs = sizeof(relocs) / sizeof(relocs[0]),
	.pointer_type = R_PPC64_ADDR64,
	.relative_type = R_PPC64_REL32,
	.call_type = R_PPC64_REL24,
	.guard_type = R_PPC64_TOCSAVE,
	.decode_init = ppc64le_decode_init,
	.decode = ppc64le_decode,
	.read_insn = ppc64le_read_insn,
	.dataflow = ppc64le_dataflow,
	.disassemble = ppc64le_disassemble,
	.is_branch = ppc64le_is_branch,
	.is_call = ppc64le_is_call,
	.is_compared = ppc64le_is_compared,
	.is_stored = ppc64le_is_stored,
	.only_lines = ppc64le_only_lines,
	.trace_symbol = "_mcount",
	.trace_site = trace_site,
	.traced_at = traced_at,
	.arguments = { 1u << 3, 1u << 4, 1u << 5, 1u << 6, 1u << 7, 1u << 8 },
	.results = { 1u << 3, 1u << 4 },
	.clobbered = PPC_CLOBBERED,
	.stack_pointer = 1u << 1,
	.call_kind = ppc64le_call_kind,
	.indirection = &ppc64le_indirection,
	.made_for_module = made_for_module,
};
