/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which of the patched files a compilation read, by the list that it wrote.
 */
#include "kpatch-build/compile/compile.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/compile/shadow.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/text.h"

/*
 * What @word of a dependency file is to the patched file @path: 1 if it is that. If it is that file in the
 * prepared tree instead, read on a path that leads out of the shadow, the object is not what it
 * should be: -EXDEV.
 */
static int is_file(struct build *b, struct arena *arena, const char *word, const char *path)
{
	char resolved[PATH_MAX], wanted[PATH_MAX];

	if (strcmp(path_base(word), path_base(path)))
		return 0;
	if (!realpath(*word == '/' ? word : arena_printf(arena, "%s/%s", b->shadow, word), resolved))
		return 0;
	if (!realpath(arena_printf(arena, "%s/%s", b->shadow, path), wanted))
		return -errno;
	if (!strcmp(resolved, wanted))
		return 1;
	return text_ends_in(resolved, arena_printf(arena, "/tree/%s", path)) ? -EXDEV : 0;
}

static int is_patched(struct build *b, struct arena *arena, const char *word)
{
	int found = 0;

	for (size_t i = 0; i < b->n_patched && !found; i++)
		found = is_file(b, arena, word, b->patched[i].path);
	return found;
}

int compile_dependencies(struct arena *arena, const char *path, struct words *out)
{
	char *text, *colon;
	int err = file_read(arena, path, &text, NULL);

	if (err)
		return err;
	colon = strstr(text, ": ");
	if (colon)
		text = colon + 1;
	for (char *word = strtok_r(text, " \n\\", &text); word && !err; word = strtok_r(NULL, " \n\\", &text))
		words_add(arena, out, word);
	return err;
}

int compile_reads_patched(struct build *b, const struct compile_job *job, bool *read)
{
	struct arena *arena = arena_new(); /* of its own: there can be thousands of these files */
	struct words files = { 0 };
	int err = compile_dependencies(arena, arena_printf(arena, "%s.d", job->patched), &files);

	*read = false;
	for (size_t i = 0; i < files.n && err >= 0; i++) {
		err = is_patched(b, arena, files.word[i]);
		*read |= err == 1;
	}
	arena_free(arena);
	if (err == -EXDEV)
		diag_error(b->diags, "shadow-left", diag_file(job->unit.source), "Please report this",
			   "a patched file is included on a way that leads "
			   "around the patched tree");
	return err < 0 ? err : 0;
}

int compile_reads_file(struct build *b, const struct compile_job *job, const char *path, bool *read)
{
	struct arena *arena = arena_new();
	struct words files = { 0 };
	int err = compile_dependencies(arena, arena_printf(arena, "%s.d", job->patched), &files);

	*read = false;
	for (size_t i = 0; i < files.n && err >= 0 && !*read; i++) {
		err = is_file(b, arena, files.word[i], path);
		*read = err == 1;
	}
	arena_free(arena);
	return err < 0 ? err : 0;
}
