/* SPDX-License-Identifier: GPL-2.0-only */
/* All patches that are installed for the running kernel, for load --all, boot and status. */
#ifndef KPATCH_BOOT_H
#define KPATCH_BOOT_H

#include "kpatch/kpatch.h"

struct live;
struct stored;

/*
 * The live patch that makes loading list[i] pointless, or worse: one that is installed too, comes
 * later in the order of loading, replaces all others, and is loaded. NULL: none.
 */
const char *installed_superseded(struct kpatch *k, const struct live *live, const struct stored *list,
				 size_t n, size_t i);

/*
 * Loads them in their order, but for those that are disabled, held back or superseded. One that
 * cannot be loaded does not keep the others from it. The lock must be held.
 */
enum outcome installed_load(struct kpatch *k);

#endif
