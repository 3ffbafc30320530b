/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The builds that a loaded patch was made for, as its runtime tells them (kmod/kpatch-runtime.c,
 * /sys/module/NAME/parameters/targets), and those that it refused.
 */
#ifndef KPATCH_TARGETS_H
#define KPATCH_TARGETS_H

#include "kpatch/kpatch.h"

struct live_patch;

/*
 * Warns of modules that the patch refused ("target-refused"), and of those that it waits for and would
 * refuse, because another build of them is installed ("target-other-build").
 */
void targets_judge(struct kpatch *k, const char *release, const struct live_patch *p);

#endif
