// SPDX-License-Identifier: GPL-2.0-only
/* See run.h. */
#include "kpatch-build/prepare/run.h"

#include "kpatch-build/build.h"
#include "kpatch-build/kernel/run.h"

int prepare_run(struct build *b, const char *id, const char *what, const char *const *argv, const char *cwd,
		const char *remedy)
{
	const struct run_failure failure = {
		.id = id, .place = b->kernel.source, .what = what, .remedy = remedy
	};

	return run_program(b, &failure, argv, cwd, NULL);
}
