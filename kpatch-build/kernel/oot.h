/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module that is not part of the kernel's source: where its installed file and its source are. Prepare makes of the source a
 * directory of a tree (prepare/oot_tree.h), and from then on it is a module like any other.
 */
#ifndef KPATCH_BUILD_OOT_H
#define KPATCH_BUILD_OOT_H

#include <stdbool.h>

struct build;

/* Where the module's source is in the tree: no directory of a kernel is called so. */
#define OOT_DIRECTORY "oot"

struct oot {
	const char *name;	 /* as the kernel has it */
	const char *file;	 /* as it is installed */
	const char *source;	 /* directory */
	const struct dkms *dkms; /* what the source's dkms.conf says, NULL: there is none */
};

/*
 * Fills in build.oot if the options name such a module: which file, which source, and whether they are for this kernel. Needs
 * kernel.release and kernel.modules. 0 or -errno with a diagnostic.
 */
int oot_find(struct build *b);
/* Whether @path is in the directory @dir: a Makefile or a Kbuild. */
bool oot_has_makefile(struct build *b, const char *dir);

#endif
