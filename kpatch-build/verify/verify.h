/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the verify stage hands on: for each unit how much of the installed code was proven to be
 * the compiled code, and what was not.
 */
#ifndef KPATCH_BUILD_VERIFY_H
#define KPATCH_BUILD_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/files/buildid.h"

/* One function (or data object) that is not, or not exactly, what the kernel runs. */
struct verify_exception {
	const char *function;
	const char *what; /* one sentence without its full stop */
	bool lawful;	  /* explained: overridden weak function, … */
};

struct build;
struct kmodule;
struct unit;

struct verify_report {
	bool proven;		 /* false: positions come from names only, nothing was compared */
	struct buildid build_id; /* of vmlinux or of the module's file; size 0: it has none */
	struct kmodule *module;	 /* opened, until verify_release(); NULL for vmlinux */
	uint32_t functions;	 /* in the reference object */
	uint32_t matched;	 /* of them: equal to the installed code */
	const struct verify_exception *exceptions; /* the others */
	size_t n_exceptions;
};

/* Whether all that goes into the patch was proven to be for what the kernel runs. */
bool build_proven(const struct build *b);

/* Frees what stage_verify() has opened for a unit, its symbol source and its report included. */
void verify_release(struct unit *u);

#endif
