/* SPDX-License-Identifier: GPL-2.0-only */
/* Building a module's source where nobody has built it: for what Kbuild says on the way, and what it generates. */
#ifndef KPATCH_BUILD_OOT_BUILD_H
#define KPATCH_BUILD_OOT_BUILD_H

struct build;

/*
 * Copies build.oot's source to a directory of the work directory and builds it there with the tree kernel.tree, as its
 * dkms.conf says or as Kbuild does by itself. *dir: that directory. 0 or -errno with a diagnostic.
 */
int oot_build(struct build *b, const char **dir);
/* Copies the directory @from to @to, which is empty, without what a build leaves in it. 0 or -errno with a diagnostic. */
int oot_copy(struct build *b, const char *from, const char *to);
/* Makes the directory @to, with links to all that is in @from but @without. 0 or -errno with a diagnostic. */
int oot_link_tree(struct build *b, const char *from, const char *to, const char *without);

#endif
