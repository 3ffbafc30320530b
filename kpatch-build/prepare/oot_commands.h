/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a build of a module's source by Kbuild has left behind, as answers to what kbuild.h is asked: which objects a module is
 * linked from (NAME.mod), and by which command each was made (.NAME.o.cmd).
 */
#ifndef KPATCH_BUILD_OOT_COMMANDS_H
#define KPATCH_BUILD_OOT_COMMANDS_H

#include <stdbool.h>

#include "lib/util/words.h"

struct build;

/* Whether Kbuild has built modules in the directory @dir. */
bool oot_is_built(struct build *b, const char *dir);
/*
 * Writes to the entry of kernel.entry what the build in the directory @dir says of the source in kernel.tree/OOT_DIRECTORY:
 * lists and commands, as kbuild.c keeps them. *modules: names as the kernel has them. @prefix: what __FILE__ of the installed
 * module has in front of paths in @dir. 0 or -errno with a diagnostic.
 */
int oot_commands_learn(struct build *b, const char *dir, const char *prefix, struct words *modules);

#endif
