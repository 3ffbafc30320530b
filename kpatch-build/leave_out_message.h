/* SPDX-License-Identifier: GPL-2.0-only */
/* What the message of a refusal tells, for leave_out.c: which other patch is missed, and whether two say the same. */
#ifndef KPATCH_BUILD_LEAVE_OUT_MESSAGE_H
#define KPATCH_BUILD_LEAVE_OUT_MESSAGE_H

#include <stdbool.h>

struct arena;
struct build;
struct diag;
struct series_patch;

/*
 * The patch before @p that is left out and brings a name which the message about @p has, and @p uses. One that was left out
 * because it misses the name itself does not bring it.
 */
const struct series_patch *message_introducer(struct build *b, const struct series_patch *p,
					      const struct diag *d);
/* The message in one line: of what a compiler said, the first error. */
const char *message_in_short(struct arena *a, const struct diag *d);
/*
 * Whether it is the same refusal, wherever its line is by now. Of a part of a series, the compiler may miss what the rest
 * brings: that is another one. A message of the differ that names instructions may name others.
 */
bool message_same(const struct diag *x, const struct diag *y);

#endif
