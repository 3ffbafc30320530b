/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manifests of loaded patches: the kernel shows none of it. A load leaves the manifest in /run/kpatch, where it lives as
 * long as the kernel does; for a patch that something else loaded, the file that is installed may have it. It
 * counts if it is of the very build that is loaded.
 */
#ifndef KPATCH_KEPT_H
#define KPATCH_KEPT_H

#include "kpatch/kpatch.h"

struct live;
struct manifest;
struct patch_file;
struct stored;

/* Keeps the manifest of a module that is about to be loaded. The warning "manifest-not-kept" if that fails. */
void manifest_keep(struct kpatch *k, const struct patch_file *f);
/* It is not loaded any more. */
void manifest_forget(struct kpatch *k, const char *name);
/*
 * The manifest of the loaded patch @name, NULL: it is not at hand. @list: the @n installed patches. Adds no diagnostics; a
 * file in /run/kpatch that others than root could have written does not count.
 */
const struct manifest *manifest_of_loaded(struct kpatch *k, const char *name, const struct stored *list,
					  size_t n);
/* The same of each of the loaded patches, in their order. */
const struct manifest **manifests_of_loaded(struct kpatch *k, const struct live *live,
					    const struct stored *list, size_t n);

#endif
