/* SPDX-License-Identifier: GPL-2.0-only */
/* What x86_64.c has in files of its own. */
#ifndef KPATCH_DIFF_ARCH_X86_64_H
#define KPATCH_DIFF_ARCH_X86_64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "create-diff-object/arch.h"
#include "lib/elf/object.h"

struct dataflow_insn;

/* See struct arch. */
bool x86_64_is_compared(const struct atom *a, const struct ref *r, uint64_t *start);
bool x86_64_is_stored(const struct atom *a, const struct ref *r);
void x86_64_read_insn(const uint8_t *code, size_t size, uint64_t field, struct insn_flow *out);
enum call_kind x86_64_call_kind(const char *callee);
void x86_64_dataflow(const uint8_t *code, size_t size, uint32_t offset, struct dataflow_insn *out);

#endif
