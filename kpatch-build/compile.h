/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compiling the objects of the units.
 */
#ifndef KPATCH_BUILD_COMPILE_H
#define KPATCH_BUILD_COMPILE_H

#include "kpatch-build/build.h"

/*
 * Compiles original and patched object of a unit once more, with debug information, so that the
 * differ's messages can name source lines. The paths in the unit lead to the new objects. 0 or -errno.
 */
int compile_with_debug(struct build *b, struct unit *u);

#endif
