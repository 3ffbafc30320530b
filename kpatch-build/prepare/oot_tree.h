/* SPDX-License-Identifier: GPL-2.0-only */
/* The prepared tree of a module that is not part of the kernel's source. */
#ifndef KPATCH_BUILD_OOT_TREE_H
#define KPATCH_BUILD_OOT_TREE_H

struct build;

/*
 * If build.oot is set, makes the kernel's prepared tree one in which the module's source is the directory OOT_DIRECTORY:
 * kernel.tree, kernel.entry and kernel.symvers are others after this, the environment is to be loaded from there. @key: the
 * kernel's own. 0 or -errno with a diagnostic.
 */
int oot_prepare(struct build *b, const char *key);

#endif
