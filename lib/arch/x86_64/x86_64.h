/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this machine have in common. */
#ifndef KPATCH_ARCH_X86_64_H
#define KPATCH_ARCH_X86_64_H

#include "lib/arch/arch.h"

extern const struct arch arch_x86_64;
extern const struct special_section x86_64_specials[];
extern const struct boot_image x86_64_boot_image;

/* rax, rcx, rdx, rsi, rdi and r8 to r11: what a called function may overwrite. */
#define X86_64_CLOBBERED 0x0fc7u

/* The bit of a general register, whole or in part, by Zydis' name for it; 0 for any other. */
uint32_t x86_64_register_bit(int r);

/* See struct arch. */
void x86_64_decode_init(void *state);
void x86_64_decode(const void *state, const uint8_t *code, size_t size, struct insn *out);
void x86_64_read_insn(const uint8_t *code, size_t size, uint64_t field, struct insn_flow *out);
void x86_64_dataflow(const uint8_t *code, size_t size, uint32_t offset, struct dataflow_insn *out);
bool x86_64_disassemble(const uint8_t *code, size_t size, uint64_t address, char *out, size_t room);
bool x86_64_is_branch(const struct code_field *f);
bool x86_64_is_call(const struct code_field *f);
bool x86_64_is_compared(const struct code_field *f, uint64_t *start);
bool x86_64_is_stored(const struct code_field *f);
bool x86_64_only_lines(const uint8_t *was, const uint8_t *is, size_t size, const struct line_questions *ask,
		       struct line_arguments *found);
size_t x86_64_load_variable(uint8_t *code, size_t size, uint32_t *field, int64_t *addend);
enum call_kind x86_64_call_kind(const char *callee);

#endif
