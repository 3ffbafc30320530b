/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manifests of loaded patches: the kernel shows none of it. A load leaves the manifest in /run/kpatch, where it lives as
 * long as the kernel does; for a patch that something else loaded, the file that is installed may have it. It
 * counts if it is of the very build that is loaded.
 */
#ifndef KPATCH_KEPT_H
#define KPATCH_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "kpatch/kpatch.h"

struct live;
struct manifest;
struct node;
struct patch_file;
struct stored;

/* What a load knew beside the manifest. */
struct load_facts {
	int64_t when;	      /* seconds since 1970, from the file's date */
	const char *build_id; /* of the module that is loaded: a digest of all that is in it */
	const char *signer;   /* what the signature says; NULL: none */
	const char *user;     /* number of who had logged in; NULL: nobody, as at boot */
};

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
/* What the load of @name left beside it, by kpatch. false, and all of @out NULL: another tool loaded it, or what it left does not count. */
bool load_facts_of(struct kpatch *k, const char *name, struct load_facts *out);
/* "2026-11-30T20:15:00Z" */
const char *load_time(struct kpatch *k, const struct load_facts *facts);
/* All of it into the report, null where it is not known. */
void load_facts_report(struct kpatch *k, struct node *in, const struct load_facts *facts);
/* The manifests of all loaded patches, in their order. */
const struct manifest **manifests_of_loaded(struct kpatch *k, const struct live *live,
					    const struct stored *list, size_t n);

#endif
