/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects that an earlier round of this run has compiled (leave_out.c): of the same texts, by the same command, they are the
 * same. Which of the files that patches change an object was made from is in its dependency file.
 */
#ifndef KPATCH_BUILD_AGAIN_H
#define KPATCH_BUILD_AGAIN_H

#include "kpatch-build/compile/compile.h"

/*
 * Puts what the command for @object would make into its place: object, dependency files and the compiler's words. False:
 * it is not there, run the command. Never there but with --leave-out.
 */
bool again_get(struct build *b, const struct compile_job *job, enum variant variant, bool debug,
	       const char *object);
/* Keeps what a command that succeeded has made, as long as there is room. */
void again_put(struct build *b, const struct compile_job *job, enum variant variant, bool debug,
	       const char *object);

#endif
