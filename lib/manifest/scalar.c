/* SPDX-License-Identifier: GPL-2.0-only */
/* See scalar.h. */
#include "lib/manifest/scalar.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_word(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (!strcasecmp(s, *words))
			return true;
	return false;
}

/* Hexadecimal, octal and binary numbers, with the underscores that YAML 1.1 allows. */
static bool is_other_base(const char *s)
{
	s += *s == '-' || *s == '+';
	return s[0] == '0' && s[1] && strchr("xXoObB", s[1]) && s[2] &&
	       !s[2 + strspn(s + 2, "0123456789abcdefABCDEF_")];
}

enum scalar_kind scalar_kind(const char *plain)
{
	static const char *const others[] = { "",  "~",	   "null",  "yes",  "no",    "on",    "off",  "y",
					      "n", "true", "false", ".inf", "-.inf", "+.inf", ".nan", NULL };
	size_t digits = strspn(plain, "0123456789");

	if (!strcmp(plain, "true") || !strcmp(plain, "false"))
		return SCALAR_BOOL;
	if (is_word(plain, others) || is_other_base(plain))
		return SCALAR_OTHER;
	if (digits && !plain[digits])
		return SCALAR_NUMBER;
	/* Fractions, exponents, signs, digit groups, and 1.1's numbers to the base of 60. */
	if (strcspn(plain, "0123456789") < 3 && !plain[strspn(plain, "0123456789+-.eE_:")] &&
	    plain[strspn(plain, "+-.eE_:")])
		return SCALAR_OTHER;
	return SCALAR_STRING;
}

const char *scalar_kind_name(enum scalar_kind kind)
{
	switch (kind) {
	case SCALAR_STRING:
		return "a string";
	case SCALAR_NUMBER:
		return "a number";
	case SCALAR_BOOL:
		return "true or false";
	case SCALAR_OTHER:
		break;
	}
	return "an unquoted value that YAML takes for something else";
}

int scalar_number(const char *plain, uint64_t *value)
{
	size_t digits = strspn(plain, "0123456789");
	unsigned long long n;

	if (!digits || plain[digits] || (plain[0] == '0' && digits > 1))
		return -EINVAL;
	errno = 0;
	n = strtoull(plain, NULL, 10);
	if (errno)
		return -ERANGE;
	*value = n;
	return 0;
}
