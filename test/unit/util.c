// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib/util: what other tests do not reach. util DIRECTORY: an empty one to make programs in.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util/arena.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/process.h"
#include "lib/util/words.h"
#include "test/unit/tap.h"

/* What no memory could ever hold ends the program, with the exit code that the system's troubles have. */
static void no_memory(struct arena *a, bool product)
{
	int ends[2], status = 0;
	char said[256] = "";
	pid_t child;

	if (pipe(ends))
		exit(1);
	child = fork();
	if (!child) {
		dup2(ends[1], STDERR_FILENO);
		if (product)
			arena_array(a, SIZE_MAX / 2, 4);
		else
			arena_alloc(a, SIZE_MAX - 4);
		_exit(0);
	}
	close(ends[1]);
	ok(child > 0 && waitpid(child, &status, 0) == child, "a child");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "it ends with 1");
	ok(read(ends[0], said, sizeof(said) - 1) > 0 && strstr(said, ": out of memory\n"), "and says why");
	close(ends[0]);
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

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static bool touch(const char *path)
{
	return !file_write(path, "x", 1, 0644);
}

/* Whether @path can be opened, and if not, whose fault it is. */
static void trusts(const char *path, unsigned int flags, const char *culprit, const char *what)
{
	struct distrust why;
	int fd = directory_open(path, geteuid(), flags, &why);

	ok(culprit ? fd == -EPERM && !strcmp(path_base(why.path), culprit) : fd >= 0, "%s (%d %s)", what, fd,
	   why.path);
	if (fd >= 0)
		close(fd);
}

/* Which directories are opened, and on which part of the way the others fail. */
static void places(void)
{
	ok_number(directory_make("way/to/it", 0755), 0, "a way");
	trusts("way/to/it", 0, NULL, "a directory of ours");
	trusts("way/./to/../to/it/", 0, NULL, "with dots");
	ok(!symlink("to/it", "way/short") && !symlink("/", "way/root"), "links");
	trusts("way/short", 0, NULL, "a link of ours");
	trusts("way/root", 0, NULL, "a link to /");
	chmod("way/to", 0777);
	trusts("way/to/it", 0, "to", "a parent that others may write to");
	trusts("way/short", 0, "to", "the same through a link");
	chmod("way/to", 01777);
	trusts("way/to/it", 0, NULL, "a sticky parent");
	trusts("way/to", 0, "to", "sticky itself");
	trusts("way/to", DIRECTORY_STICKY, NULL, "sticky itself, where that will do");
	chmod("way/to", 0775);
	trusts("way/to/it", 0, "to", "a group is others, too");
	chmod("way/to", 0755);
	trusts("way/new/one", DIRECTORY_MAKE, NULL, "one that is made");
	ok(is_there("way/new/one"), "it is there");
	touch("way/file");
	ok(directory_open("way/file", 0, 0, &(struct distrust){ .path = "" }) == -ENOTDIR, "a file");
	ok(directory_open("way/none", 0, 0, &(struct distrust){ .path = "" }) == -ENOENT, "none");
	ok(!symlink("loop", "way/loop") &&
		   directory_open("way/loop", 0, 0, &(struct distrust){ .path = "" }) == -ELOOP,
	   "a link to itself");
}

#define ALICE 1234

static void places_of_others(void)
{
	struct distrust why;
	int fd = open("way", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ok_number(directory_judge_all(fd, "way", geteuid(), &why), 0, "all is ours");
	chmod("way/file", 0666);
	ok(directory_judge_all(fd, "way", geteuid(), &why) == -EPERM && !strcmp(why.path, "way/file"),
	   "a file that others may write to");
	chmod("way/file", 0644);
	if (geteuid()) {
		close(fd);
		return;
	}
	ok(!lchown("way/short", ALICE, ALICE), "a link of hers");
	trusts("way/short", 0, "short", "is not followed");
	ok(directory_judge_all(fd, "way", 0, &why) == -EPERM && !strcmp(why.path, "way/short"),
	   "nor is it ours");
	unlink("way/short");
	ok(!chown("way/to/it", ALICE, ALICE), "a directory of hers");
	trusts("way/to/it", 0, "it", "is not ours");
	ok(directory_judge_all(fd, "way", 0, &why) == -EPERM && !strcmp(why.path, "way/to/it"),
	   "nor are others deep in ours");
	touch("way/to/it/hers");
	touch("way/to/file");
	ok_number(directory_remove("way"), -EPERM, "what is hers cannot be removed");
	ok(is_there("way/to/it/hers") && !is_there("way/to/file"), "the rest is");
	ok(!chown("way/to/it", 0, 0) && !directory_remove("way") && !is_there("way"), "ours is");
	close(fd);
}

static void make_precious(void)
{
	directory_make("precious/deep", 0755);
	touch("precious/deep/one");
	touch("precious/two");
}

static bool precious_is_whole(void)
{
	return is_there("precious/deep/one") && is_there("precious/two");
}

static void removal(void)
{
	make_precious();
	directory_make("old/sub", 0755);
	touch("old/sub/file");
	chmod("old/sub", 0555);
	ok(!symlink("../precious", "old/link") && !symlink("/nonexistent", "old/dangling"), "links in it");
	ok_number(directory_remove("old"), 0, "a directory with links");
	ok(!is_there("old") && precious_is_whole(), "the links are gone, and nothing else");
	ok(!symlink("precious", "link") && !directory_remove("link"), "a link");
	ok(!is_there("link") && precious_is_whole(), "is what is removed");
	ok_number(directory_remove("none"), 0, "what is not there");
	ok_number(directory_remove("none/none"), 0, "where nothing is");
}

/* Somebody exchanges a directory and a link while it is being removed, as fast as can be. */
static void removal_in_a_race(void)
{
	pid_t swapper = fork();

	while (!swapper)
		syscall(SYS_renameat2, AT_FDCWD, "race/a", AT_FDCWD, "race/b", RENAME_EXCHANGE);
	for (int i = 0; i < 500 && precious_is_whole(); i++) {
		directory_make("race/a", 0755);
		touch("race/a/file");
		if (symlink("../precious", "race/b") && errno != EEXIST)
			ok(false, "a link cannot be made");
		directory_remove("race");
	}
	ok(precious_is_whole(), "what the link leads to is whole");
	kill(swapper, SIGKILL);
	waitpid(swapper, NULL, 0);
}

/* Nothing is there before the name is, and then all. */
static void new_files(struct arena *a)
{
	struct new_file f;
	char *text;

	ok_number(new_file_open(&f, "published"), 0, "a new file");
	ok(strlen(f.temporary) > strlen(".published.") + 30 && is_there(f.temporary),
	   "a name nobody can foresee");
	ok(!new_file_write(&f, "all", 3) && !is_there("published"), "not there yet");
	new_file_drop(&f);
	ok(!is_there(f.temporary), "dropped");
	touch("elsewhere");
	ok(!symlink("elsewhere", "published"), "a link of that name");
	ok_number(file_write_atomic("published", "all", 3, 0640), 0, "written");
	ok(!file_read(a, "published", &text, NULL) && !strcmp(text, "all"), "whole");
	ok(!file_read(a, "elsewhere", &text, NULL) && !strcmp(text, "x"), "in the link's place");
	ok_number(new_file_open(&f, "published"), 0, "another one");
	new_file_withdraw(&f);
	ok(is_there("published"), "what was not published is not taken back");
	ok(!new_file_close(&f, 0600, false) && !new_file_publish(&f), "published");
	new_file_withdraw(&f);
	new_file_drop(&f);
	ok(!is_there("published"), "and taken back");
}

/* In a directory that is known by its descriptor, and under no name that a file could have by itself. */
static void new_files_at(struct arena *a)
{
	int dir = open("at", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct new_file f;
	char *text;

	if (dir < 0)
		dir = mkdir("at", 0755) ? -1 : open("at", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(!rename("at", "elsewhere too"), "its name may change");
	ok_number(file_write_atomic_at(dir, "file", "all", 3, 0640), 0, "written there");
	ok(!file_read(a, "elsewhere too/file", &text, NULL) && !strcmp(text, "all"), "and nowhere else");
	ok_number(new_file_open_at(&f, dir, "file"), 0, "another one");
	ok(new_file_is_temporary(f.temporary), "its name is a temporary one");
	ok(!new_file_is_temporary("file") && !new_file_is_temporary(".file.boot") &&
		   !new_file_is_temporary("file.0123456789abcdef0123456789abcdef") &&
		   !new_file_is_temporary(".file.0123456789abcdef0123456789abcdeg"),
	   "and others are not");
	new_file_drop(&f);
	ok(fcntl(dir, F_GETFD) >= 0, "the directory stays the caller's");
	close(dir);
}

/* What is no file, and what has become another one. */
static void types(struct arena *a)
{
	struct stat st;
	char *text;

	ok(!mkfifo("fifo", 0600), "a FIFO");
	ok_number(file_read(a, "fifo", &text, NULL), -EINVAL, "is not waited for");
	ok_number(file_read(a, "/dev/zero", &text, NULL), -EINVAL, "a device");
	ok_number(file_open_regular("/", &st), -EISDIR, "a directory");
	ok_number(file_open_regular("nothing", &st), -ENOENT, "nothing");
}

static void errors(void)
{
	ok(error_is_full(-ENOSPC) && error_is_full(-EDQUOT) && !error_is_full(-EROFS) && !error_is_full(0),
	   "no room, whoever says so");
	ok(error_is_disks(-EDQUOT) && error_is_disks(-EROFS) && error_is_disks(-EIO) &&
		   !error_is_disks(-EINVAL) && !error_is_disks(-ENOMEM) && !error_is_disks(0),
	   "what is the disk's");
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();

	if (argc != 2)
		return 2;
	no_memory(a, true);
	no_memory(a, false);
	paths(a);
	lookup(a, argv[1]);
	if (chdir(argv[1]))
		return 2;
	places();
	places_of_others();
	removal();
	removal_in_a_race();
	new_files(a);
	new_files_at(a);
	types(a);
	errors();
	arena_free(a);
	return tap_done();
}
