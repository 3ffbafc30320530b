/* SPDX-License-Identifier: GPL-2.0-only */
/* --fetch: the files of a kernel that is not installed, or not whole, from the distribution's archive. */
#ifndef KPATCH_BUILD_KERNEL_FETCH_H
#define KPATCH_BUILD_KERNEL_FETCH_H

struct build;

/*
 * Unless the files of kernel.release are all below options.root, and of one version: gets its packages and unpacks them in the
 * cache, once, as an ordinary user may; options.root leads there then. Whether a package is what the distribution has
 * signed is looked at by the distribution's own program. 0 or -errno with a diagnostic.
 */
int kernel_fetch(struct build *b);

#endif
