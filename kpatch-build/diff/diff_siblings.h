/* SPDX-License-Identifier: GPL-2.0-only */
/* What the objects of one patch are to each other. */
#ifndef KPATCH_BUILD_DIFF_SIBLINGS_H
#define KPATCH_BUILD_DIFF_SIBLINGS_H

#include "lib/kernel/symbols/ksym.h"

struct build;
struct diags;
struct unit;

/* Context of the source below: the unit that asks. Must live as long as the source. */
struct siblings {
	const struct build *build;
	const struct unit *unit;
};

/*
 * The unit's source of symbols, which besides knows those that the patch makes global: what is static
 * in the running kernel and is used by another file of the patch. All units' objects must be open.
 */
struct ksym_source siblings_source(struct siblings *s);

/*
 * Refuses what the unit's report needs of other objects and none provides: "symbol-undefined"; a variable that
 * has come to it from another object: "variable-moved"; a global function that takes something else and that
 * no other object of the patch mentions: "prototype-changed".
 * All units must have been diffed. -EINVAL with a diagnostic for each.
 */
int siblings_check(const struct build *b, const struct unit *u, struct diags *diags);

#endif
