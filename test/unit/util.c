// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib/util: what other tests do not reach. util DIRECTORY: an empty one to make programs in.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/util/arena.h"
#include "lib/util/file.h"
#include "lib/util/process.h"
#include "lib/util/words.h"
#include "test/unit/tap.h"

/* What is left of a text for which there was no memory must not end a command line. */
static void no_memory(struct arena *a)
{
	struct words w = { 0 };

	ok_number(words_add(a, &w, "cc"), 0, "a word");
	ok_number(words_add(a, &w, NULL), -ENOMEM, "no word");
	ok_number(words_add(a, &w, "-c"), 0, "another word");
	ok(w.n == 2 && !strcmp(w.word[1], "-c") && !w.word[2], "the list has the two");
	ok(!path_normal(a, NULL), "no path");
}

static void paths(struct arena *a)
{
	ok_string(path_normal(a, "a//b/./c/../d/"), "a/b/d", "blanks, dots and a way back");
	ok_string(path_normal(a, "/a/.."), "/", "back at the root");
	ok_string(path_normal(a, "."), ".", "nothing but a dot");
	ok(!path_normal(a, "a/../../b"), "out of where it begins");
}

/* A program DIRECTORY/NAME/which that ends with @code. */
static char *program(struct arena *a, const char *directory, const char *name, int code)
{
	char *path = arena_printf(a, "%s/%s/which", directory, name);
	char *text = arena_printf(a, "#!/bin/sh\nexit %d\n", code);

	if (directory_make_above(path, 0777) || file_write(path, text, strlen(text), 0777) ||
	    chmod(path, 0777))
		ok(false, "%s cannot be made", path);
	return arena_printf(a, "PATH=%s/%s", directory, name);
}

static int run_which(struct monitor *m, const char *path)
{
	const char *const argv[] = { "which", NULL }, *const env[] = { path, NULL };
	struct command c = { .argv = argv, .env = path ? env : NULL };
	int err = process_run(m, &c, 1, 1, NULL, NULL);

	return err ? err : c.status;
}

/* The environment that a program is given says where it is found, not the caller's. */
static void lookup(struct arena *a, const char *directory)
{
	char *callers = program(a, directory, "callers", 3), *given = program(a, directory, "given", 4);
	struct monitor *m = NULL;

	ok_number(monitor_new(&m), 0, "a monitor");
	putenv(callers);
	ok_number(run_which(m, NULL), 3, "the caller's PATH");
	ok_number(run_which(m, given), 4, "the PATH that is given");
	ok_number(run_which(m, "PATH=/nonexistent"), -ENOENT, "a PATH without the program");
	ok_number(run_which(m, NULL), 3, "the caller's PATH is still its own");
	monitor_free(m);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();

	if (argc != 2)
		return 2;
	no_memory(a);
	paths(a);
	lookup(a, argv[1]);
	arena_free(a);
	return tap_done();
}
