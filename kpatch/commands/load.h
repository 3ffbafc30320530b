/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading (load_patch.c) and unloading (unload.c), for the commands that do it on the way to something else. */
#ifndef KPATCH_LOAD_H
#define KPATCH_LOAD_H

#include "kpatch/kpatch.h"

struct patch_file;

/*
 * Loads a module and waits until it is in effect; takes it back if that fails. The lock must be
 * held, check_fits() and check_policy() have passed.
 */
enum outcome patch_load(struct kpatch *k, const struct patch_file *f);

/*
 * The same with all checks, for what the user named: a file or an installed patch. With --dry-run
 * only shows what it would do.
 */
enum outcome load_argument(struct kpatch *k, const char *argument);

/*
 * Disables the patch and removes its module. @name as the kernel spells it. If the transition
 * stalls, the patch is enabled again. The lock must be held.
 */
enum outcome patch_unload(struct kpatch *k, const char *name);

/* What an error number of module loading means for a patch module. */
const char *insert_error(int err);

#endif
