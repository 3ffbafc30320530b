/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration of the prepared tree, where the makefiles have made another one of the kernel's.
 */
#ifndef KPATCH_BUILD_CONFIG_H
#define KPATCH_BUILD_CONFIG_H

struct build;

/*
 * Compares the configuration that make has left in @tree with the kernel's. Options that it changed get their values
 * back, in all files that C code and makefiles are given them by. To be called when the top makefile has run for the
 * last time: it would change them again. -EINVAL with a diagnostic: the top makefiles have chosen flags by one of them.
 */
int config_restore(struct build *b, const char *tree);

/*
 * Warns of options that the prepared source does not have, though the kernel's configuration sets them: it is not what the
 * kernel was built from.
 */
void config_warn(struct build *b);

#endif
