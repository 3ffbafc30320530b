// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of the kernel that keep no pointer that they are given. Each entry was read in the sources of 6.1 and 6.12:
 * what the function does with the argument ends before it returns. One that puts the pointer, or what it found
 * through it, anywhere else is not in here; nor one that only some configuration makes harmless.
 */
#include <string.h>

#include "create-diff-object/escape.h"

#define A0 1u
#define A1 2u
#define A2 4u
#define A3 8u
#define A4 16u
#define A5 32u
#define ALL 63u

/* printf()-like: the format and all that it asks for become text. */
#define PRINTS(function)                                                                                     \
	{                                                                                                    \
		.name = function, .forgets = ALL, .more = true                                               \
	}
#define FORGETS(function, arguments)                                                                         \
	{                                                                                                    \
		.name = function, .forgets = (arguments)                                                     \
	}

static const struct callee callees[] = {
	/* kernel/printk/printk.c, kernel/panic.c, lib/vsprintf.c: formatted into the record at once */
	PRINTS("_printk"),	   PRINTS("_printk_deferred"), PRINTS("__warn_printk"),
	PRINTS("panic"),	   PRINTS("snprintf"),	       PRINTS("scnprintf"),
	PRINTS("sprintf"),	   PRINTS("sscanf"),	       FORGETS("vprintk", ALL),
	FORGETS("vsnprintf", ALL), FORGETS("vscnprintf", ALL), FORGETS("vsprintf", ALL),
};

const struct callee *callee_find(struct diff *d, const char *name)
{
	for (size_t i = 0; i < sizeof(callees) / sizeof(callees[0]); i++)
		if (!strcmp(callees[i].name, name))
			return &callees[i];
	return NULL;
}
