/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Indirect branch tracking. On a kernel with CONFIG_X86_KERNEL_IBT an indirect call or jump must land
 * on an ENDBR instruction. Functions that nobody calls indirectly have none, or the kernel overwrites
 * it at boot (at module load): objtool lists those in a section (arch.seals). Code of a patch that calls one
 * of them through a pointer would fault, on processors that track.
 *
 * Whether the kernel tracks is a property of the kernel. A module says nothing about it: most have no
 * list, because the compiler gave no ENDBR to any function that could do without.
 */
#ifndef KPATCH_KERNEL_IBT_H
#define KPATCH_KERNEL_IBT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/proof/installed.h"
#include "lib/kernel/symbols/ksym.h"

struct arena;
struct ibt;

/* Whether the kernel in @vmlinux tracks: then objtool has made a list for it. */
bool ibt_enabled(const struct installed *vmlinux);

/*
 * Reads the list of a kernel that tracks, or of a module of one. Memory is from @arena, @in is borrowed.
 */
void ibt_new(const struct installed *in, struct arena *arena, struct ibt **out);

/* Why an indirect branch to @address would fault; NULL if it would not, or if it is not code. */
const char *ibt_problem(const struct ibt *ibt, uint64_t address);

/*
 * Makes a source of symbols that adds ksym.no_pointer to what @base answers. @vmlinux: NULL if the kernel
 * does not track. @module: of the owner, or NULL if that is vmlinux. All is borrowed but for what comes
 * from @arena.
 *
 * What another module exports is not looked at: objtool seals no export, and a global function has an
 * ENDBR. Nor are static call trampolines: they have none, and whoever takes the address of one wants the
 * kernel to write to it.
 */
void ibt_source(const struct ksym_source *base, const struct ibt *vmlinux, const struct ibt *module,
		struct arena *arena, struct ksym_source *out);

#endif
