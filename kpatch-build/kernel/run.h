/* SPDX-License-Identifier: GPL-2.0-only */
/* How a stage runs a program of which nothing but success is wanted. */
#ifndef KPATCH_BUILD_KERNEL_RUN_H
#define KPATCH_BUILD_KERNEL_RUN_H

struct build;

/* What is said if it fails, before the end of its output. */
struct run_failure {
	const char *id, *place, *what, *remedy;
};

/*
 * Runs @argv in @cwd with @env, as build_run() has them; its output is in run/ID.log of the work directory. 0; -EINVAL with a
 * diagnostic; what build_run() returns.
 */
int run_program(struct build *b, const struct run_failure *failure, const char *const *argv, const char *cwd,
		const char *const *env);

/* The end of what a program has written to @log. "": nothing. */
const char *run_said(struct build *b, const char *log);

#endif
