/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which fix a message of a patch file is, by what it says: subject, author, commit, CVE numbers. The plan stage
 * knows nothing of mails; this knows nothing of diffs but where one begins.
 */
#ifndef KPATCH_BUILD_IDENTITY_H
#define KPATCH_BUILD_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct manifest_fix;

#define IDENTITY_TEXT 512 /* bytes of a subject, an author, a "Fixes:" line; what is longer is cut */
#define IDENTITY_LIST 64  /* CVE numbers and "Fixes:" lines of a fix; more are left out */

/*
 * The fix that one message of the patch file @file is (its name without directory, which is not copied), as git format-patch
 * writes it. *out: NULL where there is no mail's header with a subject, which is no error; owned by @arena. All strings are
 * of the kind that a manifest accepts, whatever the file says. *cut: something was left out, see above.
 */
int identity_read(struct arena *arena, const char *file, const char *data, size_t size,
		  struct manifest_fix **out, bool *cut);

#endif
