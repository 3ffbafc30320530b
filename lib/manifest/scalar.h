/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a YAML scalar without quotes means. Other readers of our files follow YAML 1.1 or 1.2, so
 * everything that either takes for something else than a string counts as that.
 */
#ifndef KPATCH_MANIFEST_SCALAR_H
#define KPATCH_MANIFEST_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

enum scalar_kind {
	SCALAR_STRING,
	SCALAR_NUMBER,
	SCALAR_BOOL,  /* "true" and "false" only */
	SCALAR_OTHER, /* null, yes and no, fractions, other bases, …: never what we want */
};

enum scalar_kind scalar_kind(const char *plain);
/* "a string", "a number", … for messages. */
const char *scalar_kind_name(enum scalar_kind kind);
/* Decimal digits without a leading zero. 0, -EINVAL or -ERANGE. */
int scalar_number(const char *plain, uint64_t *value);

#endif
