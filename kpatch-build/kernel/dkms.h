/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What DKMS knows of a module: /usr/src/NAME-VERSION/dkms.conf and /var/lib/dkms. The former is a script for a shell, which is
 * not run: it is read as text, and what only a shell could tell is not known.
 */
#ifndef KPATCH_BUILD_DKMS_H
#define KPATCH_BUILD_DKMS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/util/words.h"

struct arena;
struct build;

/* An assignment of dkms.conf, quotes taken off, variables as they are. */
struct dkms_value {
	const char *key;  /* "MAKE": with [0] or without; other indices are in the key, "PATCH[1]" */
	const char *text; /* NULL: assigned more than once, so that it depends on what a shell decides */
};

struct dkms {
	const char *package, *version; /* NULL: not known */
	const struct dkms_value *values;
	size_t n_values;
};

/* What the text of a dkms.conf says. Owned by @arena. */
struct dkms *dkms_read(struct arena *arena, const char *text);
/* Whether it makes module @name ('-' and '_' are the same). */
bool dkms_makes(struct arena *arena, const struct dkms *d, const char *name);
/* Whether DKMS changes the source by patches of its own before it builds. */
bool dkms_patches(const struct dkms *d);
/*
 * The command that builds, for DKMS's directory @tree and the kernel's prepared tree @kernel: words, of which the first is
 * make. -ENOENT: it has none, or one that needs a shell.
 */
int dkms_make(struct arena *arena, const struct dkms *d, const char *tree, const char *kernel,
	      const char *release, struct words *out);
/*
 * The source of module @name below options.root: *dir, and what its dkms.conf says. -ENOENT: DKMS has none. -EINVAL with a
 * diagnostic: it has several, and none of them is the one that is installed for this kernel.
 */
int dkms_find(struct build *b, const char *name, const char **dir);

#endif
