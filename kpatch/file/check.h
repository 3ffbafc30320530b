/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether a patch module may be loaded into the running kernel, and what that would change. The
 * kernel itself compares nothing but the release and the checksums of imported symbols; code that
 * was built for another build of the same release passes it and takes the machine down.
 */
#ifndef KPATCH_CHECK_H
#define KPATCH_CHECK_H

#include "kpatch/kpatch.h"

struct buildid;
struct live;
struct patch_file;

/* The build ID of the file from which module @name would be loaded. 0 or -errno. */
int installed_build_id(struct kpatch *k, const char *release, const char *name, struct buildid *out);

/*
 * Is it for this kernel? Release, build ID of the kernel, and of each module it patches: of the
 * loaded one, else of the file from which it would be loaded. OUTCOME_WRONG_KERNEL with
 * "other-release", "other-kernel-build", "other-module-build"; OUTCOME_BAD_FILE where the manifest
 * and the module contradict each other ("manifest-lies").
 */
enum outcome check_fits(struct kpatch *k, const struct patch_file *f);
/* Of that only whether manifest and module are for one release: "manifest-lies". */
enum outcome check_vermagic(struct kpatch *k, const struct patch_file *f);

/*
 * Would this kernel take any such module now? OUTCOME_KERNEL_REFUSED with
 * "kernel-without-livepatch", "ftrace-disabled", "modules-disabled", "signature-required".
 */
enum outcome check_policy(struct kpatch *k, const struct patch_file *f);

enum change_kind {
	CHANGE_NEW,   /* patched for the first time */
	CHANGE_AGAIN, /* patched by another patch already */
	CHANGE_BACK,  /* goes back to the original */
};

struct change {
	enum change_kind kind;
	const char *object, *function;
	uint64_t position;
	const char *patch; /* the live patch that it belongs to now, or NULL */
};

struct changes {
	struct change *list;
	size_t n;
	size_t count[3];       /* by kind */
	const char **replaced; /* live patches that go away */
	size_t n_replaced;
};

/* What loading it would change. Without a manifest nothing is known: no changes. */
void check_changes(struct kpatch *k, const struct patch_file *f, const struct live *live,
		   struct changes *out);

/* Adds "functions" and "replaces" to the report. */
void report_changes(struct kpatch *k, const struct changes *c);

#endif
