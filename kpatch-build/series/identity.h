/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which fixes a patch file has, by what the mails in it say: subject, author, commit, CVE numbers. The plan stage
 * knows nothing of mails; this knows nothing of diffs but where one begins.
 */
#ifndef KPATCH_BUILD_IDENTITY_H
#define KPATCH_BUILD_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct manifest_fix;

#define IDENTITY_TEXT 512   /* bytes of a subject, an author, a "Fixes:" line; what is longer is cut */
#define IDENTITY_LIST 64    /* CVE numbers and "Fixes:" lines of a fix; more are left out */
#define IDENTITY_FIXES 4096 /* fixes of a file; more are left out */

/*
 * The fixes of the patch @file (its name without directory, which is not copied), in their order: one for each mail of `git
 * format-patch` or an mbox of such, that has a subject. None where there is no mail header, which is no error. All strings
 * are of the kind that a manifest accepts, whatever the file says. *out is owned by @arena. *cut: some were left out, see
 * above. 0 or -ENOMEM.
 */
int identity_read(struct arena *arena, const char *file, const char *data, size_t size,
		  const struct manifest_fix **out, size_t *n, bool *cut);

#endif
