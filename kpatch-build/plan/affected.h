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

/* Notes that a file of the patches is no part of this kernel and stays away. */
void left_out_add(struct build *b, const char *path);

#endif
