/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One kpatch at a time changes the machine: a lock on /run/kpatch.lock, which the kernel releases
 * when its holder ends, however that happens. Nothing else depends on the file's existence.
 */
#ifndef KPATCH_LOCK_H
#define KPATCH_LOCK_H

#include "kpatch/kpatch.h"

/*
 * Waits up to --timeout for another kpatch to end. OUTCOME_BUSY ("lock-held"), or
 * OUTCOME_SYSTEM ("lock-failed").
 */
enum outcome lock_take(struct kpatch *k);
void lock_release(struct kpatch *k);

#endif
