/* SPDX-License-Identifier: GPL-2.0-only */
/* The fixes that a manifest names: foreign text, printed here and nowhere else. */
#ifndef KPATCH_FIXES_H
#define KPATCH_FIXES_H

#include "kpatch/kpatch.h"

struct manifest_fix;

/* "subject (commit 0123456789ab): CVE-2024-1, CVE-2024-2", without a newline. */
void fix_print(FILE *f, const struct manifest_fix *fix);
/* All that is known of it, as an element of @list. */
void fix_report(struct node *list, const struct manifest_fix *fix);

#endif
