// SPDX-License-Identifier: GPL-2.0-only
/*
 * See series.h. Decides by name what an argument is: "-", a directory, a quilt series, else a file with one patch or with the
 * messages of an mbox.
 */
#include "kpatch-build/series/series.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/series/series_private.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"

static int add_argument(struct build *b, struct series *s, const char *path)
{
	if (!strcmp(path, "-"))
		return series_add_standard_input(b, s);
	if (file_is_directory(path))
		return series_add_folder(b, s, path);
	return series_is_quilt(path) ? series_add_quilt(b, s, path) : series_add_file(b, s, path, 1, false);
}

const char *series_patch_called(struct arena *arena, const struct series_patch *p)
{
	return p->message ? arena_printf(arena, "%s, message %u", p->name, p->message) : p->name;
}

int series_read(struct build *b)
{
	struct series *s = arena_alloc(b->arena, sizeof(*s));
	int err = 0;

	for (size_t i = 0; i < b->options.n_patches; i++) {
		int one = add_argument(b, s, b->options.patches[i]);

		err = err ? err : one;
	}
	if (err || diags_errors(b->diags))
		return err ? err : -EINVAL;
	if (!s->n) {
		diag_error(b->diags, "patch-empty", diag_file(b->options.patches[0]),
			   "Give a unified diff, as git diff or diff -u makes it", "there is no patch in it");
		return -EINVAL;
	}
	if (s->n > 1)
		build_say(b, "series   %zu patches from %zu file%s", s->n, s->n_files,
			  s->n_files == 1 ? "" : "s");
	b->series = s;
	return 0;
}
