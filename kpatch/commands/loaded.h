/* SPDX-License-Identifier: GPL-2.0-only */
/* How a patch as a file, or as it is installed, compares with what is loaded. */
#ifndef KPATCH_LOADED_H
#define KPATCH_LOADED_H

#include "kpatch/kpatch.h"

struct live;
struct manifest;
struct patch_file;
struct stored;

/*
 * Whether what is loaded under that name is this very module, by the build ID that the kernel shows: it is a digest
 * of all that kpatch-build has put into the file (kpatch-build/finish/finish_build_id.c).
 */
bool is_same_build(struct kpatch *k, const struct patch_file *f);

/* What is there under the name of a patch that is to be loaded. */
enum meeting {
	MEET_NOTHING,
	MEET_SAME,     /* this very patch, in effect or on the way there */
	MEET_LEAVING,  /* a patch that is being disabled */
	MEET_LEFTOVER, /* the module of a patch that is gone; it can be removed */
};

/*
 * Could it be loaded as far as its name goes? OUTCOME_CONFLICT with "name-taken" (another build of it, or a module
 * that is no patch, is loaded) or "module-in-memory" (a patch of that name was, and its module stays).
 */
enum outcome meet_name(struct kpatch *k, const struct patch_file *f, const struct live *live,
		       enum meeting *out);

/* What the file of an installed patch tells about it. */
struct installed_facts {
	const char *unusable;		 /* why it cannot be loaded from there; NULL: it can be read */
	bool unverified;		 /* built without a proof that it is for the code that runs */
	bool other_build;		 /* another build of it is loaded */
	const struct manifest *manifest; /* NULL: it has none, or cannot be read */
};

/* Adds no diagnostics. */
struct installed_facts installed_look(struct kpatch *k, const struct live *live, const struct stored *s);

/*
 * For kpatch status: "installed-unusable", "other-build-loaded"; and "patch-unverified", a note, for what is loaded.
 * Returns how many of the diagnostics are no more than notes.
 */
size_t loaded_judge(struct kpatch *k, const struct live *live, const struct stored *list, size_t n);

/* The warning "patch-unverified", if it is so. */
void warn_unverified(struct kpatch *k, const struct patch_file *f);

#endif
