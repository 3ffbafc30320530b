// SPDX-License-Identifier: GPL-2.0-only
/*
 * Install stage: the finished module, its manifest and its packages go to the output directory. All
 * are written beside their final names and renamed, the module last, so that on any failure there is
 * no module, or the one of the run before.
 */
#include "kpatch-build/install.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"

#define MAX_FILES (2 + N_PACKAGE_FORMATS)

static int cannot_write(struct build *b, const char *path, int err)
{
	diag_error(b->diags, err == -ENOSPC || err == -EDQUOT ? "disk-full" : "output", diag_file(path),
		   err == -ENOSPC || err == -EDQUOT ? "Make room, or choose another directory with --output" :
						      "Choose another directory with --output",
		   "the result cannot be written: %s", strerror(-err));
	return err;
}

static int write_temporary(struct build *b, const char *from, const char *to)
{
	int err = from && to ? file_copy(from, to, 0644) : -ENOMEM;

	return err && err != -ENOMEM ? cannot_write(b, to, err) : err;
}

/* A file on its way. */
struct move {
	const char *temporary, *final;
	bool written, renamed;
};

static int move_all(struct build *b, const char *const *files, struct move *moves, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		moves[i].written = true;
		err = write_temporary(b, files[i], moves[i].temporary);
	}
	for (size_t i = 0; i < n && !err; i++) {
		moves[i].renamed = !rename(moves[i].temporary, moves[i].final);
		if (!moves[i].renamed)
			err = cannot_write(b, moves[i].final, -errno);
	}
	return err;
}

int install_files(struct build *b, const char *const *files, size_t n)
{
	struct move moves[MAX_FILES] = { { .temporary = NULL } };
	const char *dir = b->options.output;
	int err = n <= MAX_FILES ? 0 : -EINVAL;

	for (size_t i = 0; i < n && !err; i++) {
		moves[i].final = arena_printf(b->arena, "%s/%s", dir, path_base(files[i]));
		moves[i].temporary =
			arena_printf(b->arena, "%s/.%s.%d", dir, path_base(files[i]), (int)getpid());
		err = moves[i].final && moves[i].temporary ? 0 : -ENOMEM;
	}
	if (!err)
		err = move_all(b, files, moves, n);
	for (size_t i = 0; i < n && err; i++) {
		if (moves[i].renamed)
			unlink(moves[i].final);
		else if (moves[i].written)
			unlink(moves[i].temporary);
	}
	for (size_t i = n; i-- > 0 && !err;)
		printf("%s\n", moves[i].final);
	return err;
}

int stage_install(struct build *b)
{
	const char *files[MAX_FILES];
	size_t n = 0;

	for (size_t i = b->options.n_packages; i-- > 0;)
		files[n++] = b->packages[i];
	files[n++] = b->manifest;
	files[n++] = b->module;
	return install_files(b, files, n);
}
