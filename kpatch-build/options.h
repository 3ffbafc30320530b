/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of kpatch-build.
 */
#ifndef KPATCH_BUILD_OPTIONS_H
#define KPATCH_BUILD_OPTIONS_H

#include "kpatch-build/build.h"

/* What to do. */
enum options_action { OPTIONS_BUILD, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_CACHE };

/*
 * Reads the command line into @out, with defaults for what was not given; strings are owned by
 * @arena. Reads the environment variables HOME and XDG_CACHE_HOME for the place of the cache, and
 * nothing else. -EINVAL with a diagnostic "usage" each.
 */
int options_parse(struct arena *arena, struct diags *diags, int argc, char **argv, struct options *out,
		  enum options_action *action);

/*
 * The cache where the user has not named one, as the XDG base directory specification says: cache and cache_home of @out.
 */
void options_cache(struct arena *arena, struct options *out);
/* Whether make, a shell and rpm take the cache's path for a path. 0, or -EINVAL with a diagnostic. */
int options_check_cache(struct diags *diags, const struct options *o);
/* Whether @name is the URI of something in a token (PKCS#11, RFC 7512), and not the name of a file. */
bool options_is_token(const char *name);
/* --diagnostics: false if there is no format of that name. */
bool options_diagnostics(const char *name, bool *json);
#define OPTIONS_VERSION_MAX 32 /* leaves room in a module's name */

/* The help text. */
void options_help(FILE *f);

/*
 * Name of the module for the patch file @patch: "livepatch-" and the file's base name without its ending (and .gz or .xz behind that), everything
 * but letters and digits turned to '-', at most KLP_OBJECT_MAX characters.
 */
const char *options_name_from_patch(struct arena *arena, const char *patch);

#endif
