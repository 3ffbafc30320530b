/* SPDX-License-Identifier: GPL-2.0-only */
/* kpatch status --cve. */
#ifndef KPATCH_CVE_H
#define KPATCH_CVE_H

#include "kpatch/kpatch.h"

struct live;
struct stored;

/*
 * Whether the fix of @cve is in effect: OUTCOME_OK; OUTCOME_INCOMPLETE: it waits for a module, or for the end of a transition;
 * OUTCOME_NOT_FOUND: no patch that is loaded has it; OUTCOME_SYSTEM with "manifest-not-at-hand" or
 * "fix-taken-over": that cannot be said. @list: the @n installed patches.
 */
enum outcome cve_answer(struct kpatch *k, const char *cve, const struct live *live, const struct stored *list,
			size_t n);

#endif
