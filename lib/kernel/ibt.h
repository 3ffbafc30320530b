/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Indirect branch tracking. On a kernel with CONFIG_X86_KERNEL_IBT an indirect call or jump must land
 * on an ENDBR instruction. Functions that nobody calls indirectly have none, or the kernel overwrites
 * it at boot (at module load): objtool lists those in .ibt_endbr_seal. Code of a patch that calls one
 * of them through a pointer would fault, on processors that track.
 */
#ifndef KPATCH_KERNEL_IBT_H
#define KPATCH_KERNEL_IBT_H

#include <stdint.h>

#include "lib/kernel/installed.h"
#include "lib/kernel/ksym.h"

struct arena;
struct ibt;

/*
 * Reads the list. *out is NULL if there is none: no IBT, every function may be called. Memory is from
 * @arena, @in is borrowed. 0 or -ENOMEM.
 */
int ibt_new(const struct installed *in, struct arena *arena, struct ibt **out);

/* Why an indirect branch to @address would fault; NULL if it would not, or if it is not code. */
const char *ibt_problem(const struct ibt *ibt, uint64_t address);

/*
 * Makes a source of symbols that adds ksym.no_pointer to what @base answers. @module: of the owner;
 * either may be NULL. All is borrowed but for what comes from @arena. 0 or -ENOMEM.
 */
int ibt_source(const struct ksym_source *base, const struct ibt *vmlinux, const struct ibt *module,
	       struct arena *arena, struct ksym_source *out);

#endif
