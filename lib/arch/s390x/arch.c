// SPDX-License-Identifier: GPL-2.0-only
/*
 * s390x (ELF Application Binary Interface s390x Supplement). It is big-endian. Distances count half-words from the start
 * of their instruction, two bytes in front of the field: so a relocation of one has an addend of two more than is meant.
 *
 * Code gets at what another object defines through an entry of the GOT (GOTENT), which the kernel's loader fills once
 * for each symbol of a module and never again: a patch that has one for what is in another module would use the old
 * address when that is loaded anew, and nobody would say so. The way around that is not built, so no patches are made.
 *
 * A function begins with a branch that goes nowhere, of six bytes and without a relocation, which ftrace writes over;
 * the compiler lists them in __mcount_loc.
 */
#include <elf.h>
#include <string.h>

#include "lib/arch/s390x/s390x.h"

/* clang-format off */
#define WHOLE(type, bytes, ...) [type] = { .name = #type, .width = bytes, ##__VA_ARGS__ }
#define RELATIVE(type, bytes, ...) WHOLE(type, bytes, .pc_relative = true, .is_signed = true, ##__VA_ARGS__)
/* half-words */
#define DOUBLED(type, bytes) RELATIVE(type, bytes, .parts = { { 8 * (bytes), 1, 0 } })

static const struct reloc_type relocs[] = {
	WHOLE(R_390_NONE, 0),
	WHOLE(R_390_8, 1),
	WHOLE(R_390_16, 2),
	WHOLE(R_390_32, 4),
	WHOLE(R_390_64, 8),
	RELATIVE(R_390_PC32, 4),
	RELATIVE(R_390_PC64, 8),
	DOUBLED(R_390_PC16DBL, 2),
	DOUBLED(R_390_PLT16DBL, 2),
	DOUBLED(R_390_PC32DBL, 4),
	DOUBLED(R_390_PLT32DBL, 4),
	DOUBLED(R_390_GOTENT, 4),
};
/* clang-format on */

static const uint8_t jgnop[] = { 0xc0, 0x04, 0, 0, 0, 0 };

/* No reference belongs to it: the table of such places leads to the entry. */
static bool trace_site(const uint8_t *code, size_t size, uint64_t entry, uint64_t offset)
{
	return offset == entry && entry <= size && size - entry >= sizeof(jgnop) &&
	       !memcmp(code + entry, jgnop, sizeof(jgnop));
}

static int traced_at(const uint8_t *code, size_t size)
{
	return trace_site(code, size, 0, 0) ? 0 : -1;
}

#define THUNK "__s390_indirect_jump_r"

/* A thunk goes on to where a register says. */
static enum call_kind call_kind(const char *callee)
{
	return strncmp(callee, THUNK, sizeof(THUNK) - 1) ? CALL_C : CALL_ELSEWHERE;
}

const struct arch arch_s390x = {
	.machine = EM_S390,
	.name = "s390x",
	.deb = "s390x",
	.big_endian = true,
	.compares_only = true,
	.source = { .directory = "arch/s390",
		    .boot = (const char *const[]){ "arch/s390/boot/", "arch/s390/purgatory/", NULL },
		    .vdso = "arch/s390/kernel/vdso64/",
		    .linker_script = "arch/s390/kernel/vmlinux.lds.S" },
	.specials = s390x_specials,
	.relocs = relocs,
	.n_relocs = sizeof(relocs) / sizeof(relocs[0]),
	.pointer_type = R_390_64,
	.relative_type = R_390_PC32,
	.call_type = R_390_PLT32DBL,
	.guard_type = R_390_NONE,
	.decode_init = s390x_decode_init,
	.decode = s390x_decode,
	.read_insn = s390x_read_insn,
	.dataflow = s390x_dataflow,
	.disassemble = s390x_disassemble,
	.text_fill = 0x07, /* twice: bcr 0,%r7 */
	.is_branch = s390x_is_branch,
	.is_call = s390x_is_call,
	.is_compared = s390x_is_compared,
	.is_stored = s390x_is_stored,
	.only_lines = s390x_only_lines,
	.trace_symbol = "__fentry__",
	.trace_site = trace_site,
	.traced_at = traced_at,
	.arguments = { 1u << 2, 1u << 3, 1u << 4, 1u << 5, 1u << 6 },
	.results = { 1u << 2, 1u << 3 },
	.clobbered = S390_CLOBBERED,
	.stack_pointer = 1u << 15,
	.call_kind = call_kind,
	.return_thunk = THUNK "14",
};
