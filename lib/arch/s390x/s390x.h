/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this machine have in common. */
#ifndef KPATCH_ARCH_S390X_H
#define KPATCH_ARCH_S390X_H

#include "lib/arch/arch.h"
#include "lib/util/bytes.h"

extern const struct arch arch_s390x;
extern const struct special_section s390x_specials[];

#define S390_CLOBBERED 0x403fu /* %r0 to %r5, %r14: what a called function may overwrite */
#define S390_ALWAYS 15u	       /* a branch's mask of conditions that all of them fit */

struct dataflow_insn;

void s390x_decode_init(void *state);
void s390x_decode(const void *state, const uint8_t *code, size_t size, struct insn *out);
void s390x_read_insn(const uint8_t *code, size_t size, uint64_t field, struct insn_flow *out);
bool s390x_is_branch(const struct code_field *f);
bool s390x_is_call(const struct code_field *f);
bool s390x_disassemble(const uint8_t *code, size_t size, uint64_t address, char *out, size_t room);

void s390x_dataflow(const uint8_t *code, size_t size, uint32_t offset, struct dataflow_insn *out);
bool s390x_is_compared(const struct code_field *f, uint64_t *start);
bool s390x_is_stored(const struct code_field *f);
bool s390x_only_lines(const uint8_t *was, const uint8_t *is, size_t size, const struct line_questions *ask,
		      struct line_arguments *found);

/* Bytes of the instruction that begins with @first: its upper two bits say it. */
static inline size_t s390x_length(uint8_t first)
{
	return first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
}

#endif
