// SPDX-License-Identifier: GPL-2.0-only
/* See lines.h. */
#include "lib/arch/lines.h"

bool lines_settle(struct lines *l, uint64_t at, unsigned int first)
{
	struct line_arguments *f = l->found;

	for (unsigned int r = 0; r < LINES_REGISTERS; r++) {
		if (!(l->pending & 1u << r))
			continue;
		if (!l->ask->is_line(l->ask->of, at, l->was[r], l->is[r]))
			return false;
		if (!f->n++)
			*f = (struct line_arguments){ .n = 1,
						      .call = at,
						      .argument = r - first + 1,
						      .was = l->was[r],
						      .is = l->is[r] };
	}
	l->pending = 0;
	return true;
}
