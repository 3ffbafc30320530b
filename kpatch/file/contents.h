/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does the manifest of a module tell the truth? What it says is replaced is compared with the
 * metadata that the module's runtime acts on (kmod/kpatch-abi.h).
 */
#ifndef KPATCH_CONTENTS_H
#define KPATCH_CONTENTS_H

#include "kpatch/kpatch.h"

struct patch_file;

/*
 * OUTCOME_BAD_FILE with "manifest-lies": another module name, a function that only one of the two
 * has. "metadata-damaged": the metadata cannot be read.
 */
enum outcome check_contents(struct kpatch *k, const struct patch_file *f);

#endif
