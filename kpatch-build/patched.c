// SPDX-License-Identifier: GPL-2.0-only
/* The files that the patches change: see build.h. */
#include <string.h>

#include "kpatch-build/build.h"

const struct patched_file *build_patched(const struct build *b, const char *path)
{
	for (size_t i = 0; i < b->n_patched; i++)
		if (!strcmp(b->patched[i].path, path))
			return &b->patched[i];
	return NULL;
}
