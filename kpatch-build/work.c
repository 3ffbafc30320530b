// SPDX-License-Identifier: GPL-2.0-only
/*
 * The private work directory and the programs that stages run in it.
 *
 * Work directories are CACHE/work-XXXXXX; each holds a locked file while its owner lives, so that
 * the next run can tell the leftovers of a killed one, or of one that could not remove all, and remove them.
 * One that --keep is for says so by a file. Everything that a child makes, temporary files included, is in there.
 */
#include "kpatch-build/work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "kpatch-build/cache.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/process.h"
#include "lib/util/words.h"

#define PREFIX "work-"
#define LOCK ".lock"
#define KEPT ".kept"

/* Is it of this user, and not to be kept? */
static bool may_be_swept(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 && st.st_uid == geteuid() &&
	       fstatat(dir, KEPT, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/*
 * Removes the work directory @name if whoever made it is gone. A removal that did not come to its end can have taken
 * the lock's file; its maker may not have come to making it. Whoever makes it and has the lock has the directory.
 */
static void sweep_one(int cache, const char *name)
{
	int dir = openat(cache, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), fd = -1;

	if (dir >= 0 && may_be_swept(dir))
		fd = openat(dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    may_be_swept(dir)) /* asked again: it may be kept since */
		directory_remove_at(cache, name);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
}

void work_sweep(int cache)
{
	int fd = openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			sweep_one(cache, e->d_name);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

int build_not_written(struct build *b, const char *id, const char *path, int err)
{
	bool full = error_is_full(err);

	if (err == -ENOMEM || err == -EINTR)
		return err;
	build_fails_as(b, EXIT_INTERNAL);
	diag_error(b->diags, full ? "disk-full" : id, diag_file(path),
		   full ? "Make room, or choose another place with --cache" :
			  "Choose another place with --cache",
		   "cannot be written: %s", strerror(-err));
	return err;
}

static int cannot_make(struct build *b, const char *path, int err)
{
	return build_not_written(b, "work-directory", path, err);
}

/*
 * Another run's sweep can come between the directory and its lock, and take it for a leftover: then the lock is
 * its, or cannot be made, or has no name any more.
 */
static bool was_swept(int lock, int err)
{
	struct stat st;

	return err == -EWOULDBLOCK || err == -EEXIST || err == -ENOENT ||
	       (!err && fstat(lock, &st) == 0 && !st.st_nlink);
}

/* One attempt; -EAGAIN: it was swept. */
static int make_one(struct build *b)
{
	const char *cache = b->options.cache;
	char *path, *lock;
	int err = 0;

	path = arena_printf(b->arena, "%s/" PREFIX "XXXXXX", cache);
	if (!mkdtemp(path))
		return cannot_make(b, path, -errno);
	lock = arena_printf(b->arena, "%s/" LOCK, path);
	b->work_lock = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (b->work_lock < 0 || flock(b->work_lock, LOCK_EX | LOCK_NB) < 0)
		err = -errno;
	if (was_swept(b->work_lock, err)) {
		if (b->work_lock >= 0)
			close(b->work_lock);
		return -EAGAIN;
	}
	if (err) {
		directory_remove(path);
		return cannot_make(b, lock, err);
	}
	b->work = path;
	return 0;
}

int work_make(struct build *b)
{
	int err = cache_open(b);

	if (err)
		return err;
	work_sweep(b->cache);
	err = -EAGAIN;
	for (int tries = 0; tries < 10 && err == -EAGAIN; tries++)
		err = make_one(b);
	if (err)
		return err == -EAGAIN ? cannot_make(b, b->options.cache, err) : err;
	return build_work_path(b, "tmp/.") ? 0 : -EIO; /* which has said why */
}

void work_remove(struct build *b)
{
	if (!b->work)
		return;
	if (b->options.keep) {
		char *lock = arena_printf(b->arena, "%s/" LOCK, b->work);
		char *kept = arena_printf(b->arena, "%s/" KEPT, b->work);

		rename(lock, kept);
		build_say(b, "kept %s", b->work);
	} else {
		directory_remove(b->work);
	}
	close(b->work_lock);
	cache_close(b);
}

char *build_work_path(struct build *b, const char *fmt, ...)
{
	char *tail, *path;
	va_list ap;
	int err;

	va_start(ap, fmt);
	tail = arena_vprintf(b->arena, fmt, ap);
	va_end(ap);
	path = arena_printf(b->arena, "%s/%s", b->work, tail);
	err = directory_make_above(path, 0777);
	if (err) {
		cannot_make(b, path, err);
		return NULL;
	}
	return path;
}

void build_environment(struct build *b, struct words *env)
{
	const char *path = getenv("PATH"), *home = getenv("HOME");

	words_add(b->arena, env, arena_printf(b->arena, "PATH=%s", path && *path ? path : "/usr/bin:/bin"));
	/* without it, ccache asks who the user is; with a wrong one, it fails */
	if (home && *home)
		words_add(b->arena, env, arena_printf(b->arena, "HOME=%s", home));
	words_add(b->arena, env, arena_printf(b->arena, "TMPDIR=%s/tmp", b->work));
	words_add(b->arena, env, "LC_ALL=C");
}

static bool log_mentions(struct build *b, const char *log, const char *text)
{
	char *data;

	return log && file_read(b->arena, log, &data, NULL) == 0 && strstr(data, text);
}

static bool disk_is_full(const char *path)
{
	struct statvfs s;

	return statvfs(path, &s) == 0 && (s.f_bavail * s.f_frsize < 65536 || (s.f_files && !s.f_favail));
}

/* A failed program may have failed for want of room, whatever it says itself. */
static int explain_full_disk(struct build *b, const struct command *c)
{
	const char *log = c->err ? c->err : c->out;

	if (!c->status)
		return 0;
	if (!log_mentions(b, log, "No space left on device") &&
	    !log_mentions(b, log, "Disk quota exceeded") && !disk_is_full(b->work))
		return 0;
	diag_error(b->diags, "disk-full", diag_file(b->options.cache),
		   "Make room, or choose another place with --cache", "no space left on the device");
	build_fails_as(b, EXIT_INTERNAL);
	return -ENOSPC;
}

static int cannot_run(struct build *b, const struct command *commands, size_t n, int err)
{
	const char *program = "a program";

	for (size_t i = n; i-- > 0;)
		if (commands[i].status == -1)
			program = commands[i].argv[0];
	if (err == -EINTR)
		return err;
	diag_error(b->diags, error_is_full(err) ? "disk-full" : "cannot-run", diag_file(program),
		   err == -ENOENT ? "Install it" : NULL, "cannot be run: %s", strerror(-err));
	build_fails_as(b, EXIT_INTERNAL);
	return err;
}

/* What runs, for people. */
struct running {
	struct build *b;
	const struct command *commands;
	size_t n;
};

static void tick(void *context, size_t done)
{
	const struct running *r = context;
	const struct command *at = &r->commands[done < r->n ? done : r->n - 1];

	/* they are started in order, so that about this one is being worked at */
	build_progress(r->b, done, r->n, at->label ? at->label : path_base(at->argv[0]));
}

int build_run_all(struct build *b, struct command *commands, size_t n)
{
	struct words own = { 0 };
	struct running running = { b, commands, n };
	const char *const *env = b->kernel.env;
	int err;

	if (!env) {
		build_environment(b, &own);
		env = own.word;
	}
	for (size_t i = 0; i < n; i++)
		if (!commands[i].env)
			commands[i].env = env;
	err = process_run(b->monitor, commands, n, b->options.jobs, tick, &running);
	if (err)
		return cannot_run(b, commands, n, err);
	for (size_t i = 0; i < n && !err; i++)
		err = explain_full_disk(b, &commands[i]);
	return err;
}

int build_run(struct build *b, const char *const *argv, const char *cwd, const char *const *env,
	      const char *log, int *status)
{
	struct command c = { .argv = argv, .cwd = cwd, .env = env, .out = log };
	int err = build_run_all(b, &c, 1);

	if (!err)
		*status = c.status;
	return err;
}
