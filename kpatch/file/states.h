/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * States of the system that patches change (struct klp_state). The livepatch core compares those of a new patch with
 * those of all loaded ones and shows them to nobody; the runtime of a patch does, and its manifest has them.
 */
#ifndef KPATCH_STATES_H
#define KPATCH_STATES_H

#include "kpatch/kpatch.h"

struct live;
struct patch_file;

/*
 * Would the core take the patch beside, or in place of, those that are loaded? As klp_is_patch_compatible() has it
 * (kernel/livepatch/state.c): a patch that replaces the others has to know every state of theirs, and no patch may
 * have an older version of one. OUTCOME_KERNEL_REFUSED with "state-unknown" or "state-older". Patches that are on their way out
 * do not count, for a load waits until they are gone; of those that another tool made nothing is known.
 */
enum outcome check_states(struct kpatch *k, const struct patch_file *f, const struct live *live);

#endif
