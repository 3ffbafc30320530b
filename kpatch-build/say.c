/* SPDX-License-Identifier: GPL-2.0-only */
/* What a stage says while it works, and how a failed build ends: see build.h. */
#include <errno.h>
#include <stdarg.h>

#include "kpatch-build/build.h"

void build_say(struct build *b, const char *fmt, ...)
{
	va_list ap;

	if (!b->progress)
		return;
	va_start(ap, fmt);
	vfprintf(b->progress, fmt, ap);
	va_end(ap);
	fputc('\n', b->progress);
	fflush(b->progress);
}

int build_fails_as(struct build *b, enum exit_kind kind)
{
	if (!b->fails_as)
		b->fails_as = kind;
	return -EINVAL;
}
