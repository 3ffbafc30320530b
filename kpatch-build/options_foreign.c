// SPDX-License-Identifier: GPL-2.0-only
/* See options_foreign.h. */
#include "kpatch-build/options_foreign.h"

#include <stddef.h>
#include <string.h>

/* What the builder of another project, kpatch, calls its options. */
static const struct {
	const char *name;
	char letter; /* 0: it has none */
	const char *here;
} foreign[] = {
	{ "sourcedir", 's', "Say --source DIR here" },
	{ "sourcerpm", 'r', "Say --source FILE here" },
	{ "archversion", 'a', "Say --kernel RELEASE here" },
	{ "vmlinux", 0, "Say --image FILE here, or nothing: the installed image is enough" },
	{ "target", 't', "Leave it out: only what the patch changes is compiled" },
	{ "non-replace", 'R', "Say --no-replace here" },
	{ "skip-cleanup", 0, "Say --keep here" },
	{ "debug", 'd', "Say --verbose here, and --keep for the work directory" },
	{ "skip-compiler-check", 0,
	  "Name the kernel's own compiler with --cc: what another one makes is not what runs" },
	{ "skip-gcc-check", 0,
	  "Name the kernel's own compiler with --cc: what another one makes is not what runs" },
	{ "oot-module", 'e', "Say --oot-module FILE here" },
};

const char *options_foreign(const char *word)
{
	size_t n = strcspn(word, "=");

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if ((n > 2 && n == strlen(foreign[i].name) + 2 &&
		     !memcmp(word + 2, foreign[i].name, n - 2)) ||
		    (word[0] == '-' && word[1] && word[1] == foreign[i].letter && !word[2]))
			return foreign[i].here;
	return NULL;
}
