/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the check pass share: what must be there, and how a difference is reported.
 */
#include <stdarg.h>

#include "create-diff-object/check.h"

void check_problem(struct check *c, uint32_t atom, const char *what, ...)
{
	va_list ap;
	char *text;

	va_start(ap, what);
	text = arena_vprintf(c->d->arena, what, ap);
	va_end(ap);
	if (c->problems++ < 10)
		diff_refuse(c->d, "self-check-failed", &c->d->new, atom, -1,
			    "Please report this as a bug of create-diff-object", "%s", text);
}

bool check_carried(const struct diff *d, uint32_t i)
{
	return d->included[i].in && d->new.role[i] != ROLE_CALLBACK;
}
