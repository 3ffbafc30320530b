/* SPDX-License-Identifier: GPL-2.0-only */
/* How the parts of the preparation run a program. */
#ifndef KPATCH_BUILD_PREPARE_RUN_H
#define KPATCH_BUILD_PREPARE_RUN_H

struct build;

/* Runs a program of the preparation in @cwd; its failure, @id, is explained with the end of its output. */
int prepare_run(struct build *b, const char *id, const char *what, const char *const *argv, const char *cwd,
		const char *remedy);

#endif
