/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For machines that pass the first arguments in registers of rising numbers: which registers have a constant that may be
 * a line, between its load and the call that gets it. Only for the machines' folders.
 */
#ifndef KPATCH_ARCH_LINES_H
#define KPATCH_ARCH_LINES_H

#include "lib/arch/arch.h"

#define LINES_REGISTERS 32u

struct lines {
	const struct line_questions *ask;
	uint32_t pending; /* registers with a constant that differs, until it is passed */
	uint32_t was[LINES_REGISTERS], is[LINES_REGISTERS];
	struct line_arguments *found;
};

/* The call at @at: are all constants that differ its line? The first argument is in register @first. */
bool lines_settle(struct lines *l, uint64_t at, unsigned int first);

#endif
