/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /etc/kpatch.yaml: what an administrator sets once. Every key has a default, the file may be
 * absent, and anything in it that is not understood is an error with its line, never ignored.
 * Documented in man/kpatch.yaml.5.
 */
#ifndef KPATCH_CONFIG_H
#define KPATCH_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "kpatch/kpatch.h"

struct kpatch_config {
	uint64_t timeout;      /* seconds that a transition may take */
	uint64_t boot_timeout; /* the same for patches that are loaded at boot */
	bool boot;	       /* load installed patches at boot */
	bool newer_kernel;     /* kpatch status complains of a newer kernel without a hotfix */
};

/*
 * Reads it; defaults for what it does not say. OUTCOME_BAD_FILE with "config-…" for each wrong
 * line, or if others than root can write to it.
 */
enum outcome config_read(struct kpatch *k, struct kpatch_config *out);

/* Reads it and takes from it what the command line left open: the timeout. */
enum outcome config_apply(struct kpatch *k, struct kpatch_config *out);

#endif
