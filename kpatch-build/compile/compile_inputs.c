// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a patched object was made from. A patch is text that others wrote: #include, and .incbin in an asm statement, take
 * any file of the builder's into the module. So every file that compiler and assembler read must be part of the
 * kernel's source, or be read without the patch as well.
 *
 * Reads the dependency files that both write, with links followed; changes nothing.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kpatch-build/compile/compile.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/path.h"

const char *const compile_macros[] = { "kpatch-macros.h", "kpatch-syscall.h" };

static bool is_below(const char *path, const char *directory)
{
	char resolved[PATH_MAX];
	size_t n;

	if (!realpath(directory, resolved))
		return false;
	n = strlen(resolved);
	return !strncmp(path, resolved, n) && path[n] == '/';
}

/* The compiler's own headers: directories that the kernel's makefiles name with -isystem. */
static bool is_compilers(const struct compile_job *job, const char *path)
{
	for (size_t i = 1; i < job->how.cc.n; i++)
		if (!strcmp(job->how.cc.word[i - 1], "-isystem") && is_below(path, job->how.cc.word[i]))
			return true;
	return false;
}

/* gcc hands its output to the assembler in a file that is gone by now. */
static bool is_temporary(const struct build *b, const char *word)
{
	size_t n = strlen(b->work);

	return !strncmp(word, b->work, n) && !strncmp(word + n, "/tmp/", 5) && !strstr(word, "/../");
}

/* Whether @word, as it was read in the directory @from, is a file of the prepared tree or the compiler's own. */
static bool is_of_the_kernel(struct build *b, struct arena *arena, const struct compile_job *job,
			     const char *from, const char *word, char resolved[PATH_MAX])
{
	const char *full = *word == '/' ? word : arena_printf(arena, "%s/%s", from, word);

	if (!full || !realpath(full, resolved)) {
		*resolved = '\0'; /* below nothing */
		return false;
	}
	return is_below(resolved, b->kernel.tree) || is_below(resolved, b->kernel.own_tree) ||
	       is_compilers(job, resolved);
}

static bool is_of_the_tree(struct build *b, struct arena *arena, const struct compile_job *job,
			   const char *word)
{
	char resolved[PATH_MAX];

	return is_temporary(b, word) || is_of_the_kernel(b, arena, job, b->shadow, word, resolved) ||
	       is_below(resolved, b->shadow) || is_below(resolved, b->pristine);
}

/* @ending: which of the two dependency files of each object. */
static int check(struct build *b, struct arena *arena, const struct compile_job *job, const char *ending)
{
	struct words original = { 0 }, patched = { 0 };
	int err = compile_dependencies(arena, arena_printf(arena, "%s%s", job->patched, ending), &patched);

	/* without it nothing was read without the patch */
	(void)compile_dependencies(arena, arena_printf(arena, "%s%s", job->original, ending), &original);
	for (size_t i = 0; i < patched.n && !err; i++) {
		if (is_of_the_tree(b, arena, job, patched.word[i]) || words_has(&original, patched.word[i]))
			continue;
		build_fails_as(b, EXIT_REFUSED);
		diag_error(
			b->diags, "file-from-outside", diag_file(job->unit.source),
			"Put what is needed of it into the patch",
			"the patched code reads %s, which is not part of the kernel's source, and would bring it into "
			"the module",
			patched.word[i]);
		err = -EINVAL;
	}
	return err;
}

/* kpatch-macros.h and its like, which both trees have of the program's own (compile.c). */
static bool is_macros(const struct build *b, const char *resolved)
{
	size_t n = strlen(b->pristine);

	for (size_t i = 0; i < N_MACRO_HEADERS; i++)
		if (!strncmp(resolved, b->pristine, n) &&
		    !strncmp(resolved + n, "/include/", strlen("/include/")) &&
		    !strcmp(resolved + n + strlen("/include/"), compile_macros[i]))
			return true;
	return false;
}

/* A patched file, by the name that the list has for it. */
static bool is_patched(const struct build *b, const char *word, const char *resolved)
{
	size_t n = strlen(b->shadow);

	return !strncmp(resolved, b->shadow, n) && resolved[n] == '/' && build_patched(b, resolved + n + 1) &&
	       !strcmp(path_base(word), path_base(resolved));
}

/* Whether nothing but the tree, and for a patched object the patched files, is in one list of what was read. */
static bool only_the_tree(struct build *b, struct arena *arena, const struct compile_job *job,
			  enum variant variant, const char *list)
{
	const char *directory = variant == PATCHED ? b->shadow : b->pristine;
	struct words files = { 0 };
	char resolved[PATH_MAX];

	if (compile_dependencies(arena, list, &files))
		return false;
	for (size_t i = 0; i < files.n; i++) {
		const char *word = files.word[i];

		/* the assembler lists what the compiler calls its text, too, which is no path */
		if (!is_temporary(b, word) && strcmp(word, path_base(job->how.source)) != 0 &&
		    !is_of_the_kernel(b, arena, job, directory, word, resolved) && !is_macros(b, resolved) &&
		    (variant != PATCHED || !is_patched(b, word, resolved)))
			return false;
	}
	return true;
}

bool compile_reads_only_the_tree(struct build *b, const struct compile_job *job, enum variant variant,
				 const char *object)
{
	struct arena *arena = arena_new();
	const char *assembler = arena_printf(arena, "%s.as.d", object);
	bool only = only_the_tree(b, arena, job, variant, arena_printf(arena, "%s.d", object)) &&
		    (access(assembler, F_OK) || only_the_tree(b, arena, job, variant, assembler));

	arena_free(arena);
	return only;
}

int compile_check_inputs(struct build *b, const struct compile_job *job)
{
	struct arena *arena = arena_new();
	int err = job->patched_kept ? 0 : check(b, arena, job, ".d");

	if (!err && !job->patched_kept)
		err = check(b, arena, job, ".as.d");
	arena_free(arena);
	return err;
}
