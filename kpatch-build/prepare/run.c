// SPDX-License-Identifier: GPL-2.0-only
/* See run.h. */
#include "kpatch-build/prepare/run.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"

int prepare_run(struct build *b, const char *id, const char *what, const char *const *argv, const char *cwd,
		const char *remedy)
{
	char *log = build_work_path(b, "prepare/%s.log", id), *text = NULL;
	size_t size = 0;
	int status, err;

	if (!log)
		return -EIO;
	err = build_run(b, argv, cwd, NULL, log, &status);
	if (err || !status)
		return err;
	file_read(b->arena, log, &text, &size);
	if (text && size > 1500)
		text += size - 1500;
	diag_error(b->diags, id, diag_file(b->kernel.source), remedy, "%s failed (exit code %d): %s", what,
		   status, text ? text : "");
	return -EINVAL;
}
