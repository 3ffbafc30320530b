/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a patched file is part of.
 */
#ifndef KPATCH_BUILD_AFFECTED_H
#define KPATCH_BUILD_AFFECTED_H

#include "kpatch-build/build.h"

/*
 * Fills in build.units and build.bystanders for those of build.patched that @changed (an array as long)
 * says. -EINVAL with a diagnostic for each file that the kernel is not made of; other -errno.
 */
int affected_find(struct build *b, const bool *changed);

#endif
