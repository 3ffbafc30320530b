/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * New sources: the one change of a makefile that a patch may make is to add their objects to what is linked already.
 */
#ifndef KPATCH_BUILD_ADDITIONS_H
#define KPATCH_BUILD_ADDITIONS_H

#include "kpatch-build/build.h"

struct owners;

/*
 * What the makefile @path has in its text @is beyond @was, both without comments (comments.h): the objects, from the tree's
 * root, in *out. -EINVAL: something else has changed, too.
 */
int additions_read(struct arena *arena, const char *path, const char *was, const char *is, struct words *out);
/*
 * Whether the sources and makefiles that the entries of @p have made or changed go together: each new source is added by a
 * makefile, and each added object has a new source. Diagnostics "patch-new-file", "patch-build-file" if not.
 */
void additions_check(struct build *b, const struct patch_file *p);
/*
 * The kernel objects that the new source @path becomes part of, by what Kbuild makes of the changed makefile. None if the
 * configuration leaves it out. -EINVAL with a diagnostic if anything else becomes of the makefile; other -errno.
 */
int additions_owners(struct build *b, const char *path, struct owners *out);

#endif
