// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page stage, with --report html. Reads the finished manifest, the series and what the stages know of each object; writes
 * one file to the work directory. The same input gives the same bytes: no time and no path of this machine is in it.
 */
#include "kpatch-build/page/page.h"

#include <errno.h>
#include <stdlib.h>

#include "kpatch-build/build.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/file.h"
#include "lib/util/xmalloc.h"

int stage_page(struct build *b)
{
	const struct manifest *m;
	struct file_change *files;
	char *yaml, *text = NULL;
	size_t size, n_files;
	FILE *f;
	int err;

	if (!b->options.report_html)
		return 0;
	b->page = build_work_path(b, "%s.report.html", b->name);
	if (!b->page)
		return -EIO;
	err = file_read(b->arena, b->manifest, &yaml, &size);
	if (!err)
		err = manifest_read(yaml, size, b->manifest, b->arena, b->diags, &m);
	if (!err)
		err = changes_read(b, &files, &n_files);
	if (err)
		return err;
	f = xopen_memstream(&text, &size);
	page_write(b, m, files, n_files, f);
	xclose_memstream(f);
	err = file_write(b->page, text, size, 0644);
	free(text);
	return err ? build_not_written(b, "work-directory", b->page, err) : 0;
}
