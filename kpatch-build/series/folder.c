// SPDX-License-Identifier: GPL-2.0-only
/*
 * A directory of patches, as git format-patch(1) fills one: those whose names say so, in the order of their names; or in
 * the order of its series file, if it has one.
 */
#include "kpatch-build/series/series_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/text.h"
#include "lib/util/words.h"

static bool is_patch(const char *name)
{
	static const char *const endings[] = { ".patch", ".diff", ".mbox", ".mbx" };
	static const char *const packed[] = { "", ".gz", ".xz" };

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		for (size_t j = 0; j < sizeof(packed) / sizeof(*packed); j++) {
			size_t n = strlen(name), tail = strlen(endings[i]) + strlen(packed[j]);

			if (*name != '.' && n > tail && text_ends_in(name, packed[j]) &&
			    !strncmp(name + n - tail, endings[i], strlen(endings[i])))
				return true;
		}
	return false;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* *others: names of files that are left alone, the dotted ones apart. */
static int read_names(struct build *b, const char *path, struct words *names, size_t *others)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int err = 0;

	if (!dir) {
		err = -errno;
		diag_error(b->diags, "file-unreadable", diag_file(path), NULL,
			   "cannot read the directory: %s", strerror(-err));
		return err;
	}
	errno = 0;
	while (!err && (e = readdir(dir))) {
		const char *name = arena_strdup(b->arena, e->d_name);

		if (is_patch(name))
			words_add(b->arena, names, name);
		else
			*others += *name != '.';
		errno = 0;
	}
	if (!err)
		err = -errno;
	closedir(dir);
	return err;
}

int series_add_folder(struct build *b, struct series *s, const char *path)
{
	const char *list = arena_printf(b->arena, "%s/series", path);
	struct words names = { 0 };
	size_t others = 0;
	int err;

	if (file_is_regular(list))
		return series_add_quilt(b, s, list);
	err = read_names(b, path, &names, &others);
	if (err)
		return err;
	if (!names.n) {
		diag_error(b->diags, "patch-empty", diag_file(path),
			   "Give a directory as git format-patch fills it, or one with a file 'series'",
			   "no file in this directory is called as a patch is (.patch, .diff, .mbox)");
		return -EINVAL;
	}
	qsort(names.word, names.n, sizeof(*names.word), by_name);
	diag_note(b->diags, "series-taken", diag_file(path), NULL,
		  "takes %zu file%s, %s to %s, in the order of their names; %zu other%s left alone", names.n,
		  names.n == 1 ? "" : "s", names.word[0], names.word[names.n - 1], others,
		  others == 1 ? " is" : "s are");
	for (size_t i = 0; i < names.n; i++) {
		const char *file = arena_printf(b->arena, "%s/%s", path, names.word[i]);

		series_add_file(b, s, file, 1, true);
	}
	return diags_errors(b->diags) ? -EINVAL : 0;
}
