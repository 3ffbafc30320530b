// SPDX-License-Identifier: GPL-2.0-only
/* See run.h. */
#include "kpatch-build/kernel/run.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"

#define SHOWN 1500 /* bytes of the output's end */

const char *run_said(struct build *b, const char *log)
{
	char *text = NULL;
	size_t size = 0;

	if (file_read(b->arena, log, &text, &size))
		return "";
	return text + (size > SHOWN ? size - SHOWN : 0);
}

int run_program(struct build *b, const struct run_failure *failure, const char *const *argv, const char *cwd,
		const char *const *env)
{
	char *log = build_work_path(b, "run/%s.log", failure->id);
	int status, err;

	if (!log)
		return -EIO;
	err = build_run(b, argv, cwd, env, log, &status);
	if (err || !status)
		return err;
	diag_error(b->diags, failure->id, diag_file(failure->place), failure->remedy,
		   "%s failed (exit code %d): %s", failure->what, status, run_said(b, log));
	return -EINVAL;
}
