// SPDX-License-Identifier: GPL-2.0-only
/*
 * Install stage: the finished module, its manifest and its packages go to the output directory. All
 * are written beside their final names, to the disk, and renamed, the module last, so that on any failure there is
 * no module, or the one of the run before.
 */
#include "kpatch-build/install/install.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"

#define MAX_FILES (5 + N_PACKAGE_FORMATS)

static int cannot_write(struct build *b, const char *path, int err)
{
	bool full = error_is_full(err);

	diag_error(b->diags, full ? "disk-full" : "output", diag_file(path),
		   full ? "Make room, or choose another directory with --output" :
			  "Choose another directory with --output",
		   "the result cannot be written: %s", strerror(-err));
	return err;
}

/* A file on its way. */
struct move {
	const char *final;
	struct new_file file;
};

static int write_whole(struct build *b, const char *from, struct new_file *f)
{
	size_t size = 0;
	char *data = NULL;
	int err = file_read(b->arena, from, &data, &size);

	if (!err)
		err = new_file_write(f, data, size);
	return err ? err : new_file_close(f, 0644, true);
}

static int move_all(struct build *b, const char *const *files, struct move *moves, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		err = new_file_open(&moves[i].file, moves[i].final);
		if (!err)
			err = write_whole(b, files[i], &moves[i].file);
		if (err)
			err = cannot_write(b, moves[i].final, err);
	}
	for (size_t i = 0; i < n && !err; i++) {
		err = new_file_publish(&moves[i].file);
		if (err)
			err = cannot_write(b, moves[i].final, err);
	}
	return err;
}

int install_files(struct build *b, const char *const *files, size_t n)
{
	struct move moves[MAX_FILES] = { { .final = NULL } };
	int err = n <= MAX_FILES ? 0 : -EINVAL;

	for (size_t i = 0; i < MAX_FILES; i++)
		moves[i].file.dir = moves[i].file.fd = -1;
	for (size_t i = 0; i < n && !err; i++) {
		moves[i].final = arena_printf(b->arena, "%s/%s", b->options.output, path_base(files[i]));
		err = 0;
	}
	if (!err)
		err = move_all(b, files, moves, n);
	for (size_t i = 0; i < n; i++) {
		/* also where the directory could not be brought to the disk any more */
		if (err)
			new_file_withdraw(&moves[i].file);
		new_file_drop(&moves[i].file);
	}
	build_progress_end(b);
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
	for (size_t i = 0; i < 2; i++)
		if (b->report[i])
			files[n++] = b->report[i];
	if (b->page)
		files[n++] = b->page;
	files[n++] = b->manifest;
	files[n++] = b->module;
	return install_files(b, files, n);
}
