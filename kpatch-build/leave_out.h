/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --leave-out: a series of patches of which those that cannot be applied to the running kernel stay away, each as a whole, with
 * those that need them.
 */
#ifndef KPATCH_BUILD_LEAVE_OUT_H
#define KPATCH_BUILD_LEAVE_OUT_H

#include "kpatch-build/build.h"

/*
 * Runs the stages plan, compile, verify and diff, again and again, until nothing that is left is refused. Then they
 * have done what they do in other builds, for what is left; and each patch of build.series has its fate. -errno with
 * diagnostics: what no patch is the cause of, or nothing is left ("no-change").
 */
int leave_out_run(struct build *b);

#endif
