// SPDX-License-Identifier: GPL-2.0-only
/* See option.h. */
#include "lib/util/option.h"

#include <getopt.h>
#include <stdlib.h>

#include "lib/util/text.h"
#include "lib/util/xmalloc.h"

const char *option_nearest(const struct option *options, const char *word)
{
	const char **names, *nearest;
	size_t n = 0;

	if (!text_starts_with(word, "--"))
		return NULL;
	while (options[n].name)
		n++;
	names = xcalloc(n + 1, sizeof(*names));
	for (size_t i = 0; i < n; i++)
		names[i] = options[i].name;
	nearest = text_nearest(word + 2, names, n);
	free(names);
	return nearest;
}
