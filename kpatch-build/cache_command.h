/* SPDX-License-Identifier: GPL-2.0-only */
/* kpatch-build cache list, kpatch-build cache clean: what is in the cache, whose it is, and how it goes. */
#ifndef KPATCH_BUILD_CACHE_COMMAND_H
#define KPATCH_BUILD_CACHE_COMMAND_H

#include "kpatch-build/build.h"

/* Runs it; prints to standard output. The exit code, errors as diagnostics. */
int cache_command(struct build *b);

#endif
