// SPDX-License-Identifier: GPL-2.0-only
/*
 * See cache.h. A directory is made in its final place, because what is built in it records
 * absolute paths, and the file "complete", which names the kernel, is put into it last. flock() on a file beside it orders
 * the runs: exclusive to make it, shared to use it. The kernel drops the lock of a killed process.
 *
 * The cache and the way to it are looked at when it is opened (lib/util/directory.h), an entry with all that is in it
 * when it is entered. After that nobody else can change or exchange them, so that the programs which are run in them
 * can be given paths.
 */
#include "kpatch-build/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/group.h"
#include "lib/util/process.h"

#define POLL_NSEC 100000000L

/* A home directory that is not there is not made; where root may not write, it is on another machine. */
static const char *remedy(const struct build *b, int err)
{
	if (error_is_full(err))
		return "Make room, or choose another place with --cache";
	if (b->options.cache_home && !*b->options.cache_home)
		return "Set HOME, or name a directory of your own with --cache";
	if (!geteuid() && (err == -EACCES || err == -EPERM))
		return "Where root may not write, as in a home on NFS, name a directory on this machine with --cache";
	return "Name a directory of your own with --cache";
}

static int cannot(struct build *b, const char *path, int err)
{
	if (err == -EINTR)
		return err;
	build_fails_as(b, EXIT_INTERNAL);
	diag_error(b->diags, error_is_full(err) ? "disk-full" : "cache", diag_file(path), remedy(b, err),
		   "the cache cannot be used: %s", strerror(-err));
	return err;
}

/* What was built from what another user wrote would be that user's. */
static int not_trusted(struct build *b, const struct distrust *why)
{
	build_fails_as(b, EXIT_INTERNAL);
	diag_error(
		b->diags, "cache-not-trusted", diag_file(why->path),
		why->hidden ?
			"Build outside of the namespace, in a container that has a root, or with bwrap as doc/trust.md has it" :
			"Name a directory of your own with --cache; or make sure that nobody has changed what is there, then "
			"chown it or chmod go-w it",
		"%s, who could change what is built from the cache", why->what);
	return -EPERM;
}

/* What an open or a look at the cache came to. */
static int explain(struct build *b, const char *path, int err, const struct distrust *why)
{
	return *why->path ? not_trusted(b, why) : cannot(b, path, err);
}

/* The home that the cache would be in must be there; below it, what is missing is made. */
static int check_home(struct build *b)
{
	const char *home = b->options.cache_home;

	if (!home || !*home || file_is_directory(home))
		return 0;
	build_fails_as(b, EXIT_INTERNAL);
	diag_error(b->diags, "cache", diag_file(home), "Name a directory of your own with --cache",
		   "there is no such home directory, which the cache is to be in");
	return -ENOENT;
}

int cache_open(struct build *b)
{
	struct distrust why;
	int err = check_home(b);

	b->cache = -1;
	if (err)
		return err;
	b->cache = directory_open(b->options.cache, geteuid(), DIRECTORY_MAKE | DIRECTORY_STICKY, &why);
	return b->cache < 0 ? explain(b, b->options.cache, b->cache, &why) : 0;
}

void cache_close(struct build *b)
{
	if (b->cache >= 0)
		close(b->cache);
	b->cache = -1;
}

/* Takes the lock, saying so once if another run holds it. 0, -EINTR or -errno. */
static int wait_for_lock(struct build *b, int fd, int operation, const char *what)
{
	bool said = false;

	while (flock(fd, operation | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (monitor_stopped(b->monitor))
			return -EINTR;
		if (!said)
			build_say(b, "waiting for another kpatch-build that is making %s", what);
		said = true;
		nanosleep(&(const struct timespec){ .tv_nsec = POLL_NSEC }, NULL);
	}
	return 0;
}

/* On the disk before the name "complete" is there: the power may fail. */
static int complete_entry(struct build *b, int entry, const char *complete)
{
	const char *label = arena_printf(b->arena, "%s %s\n", b->kernel.release,
					 b->kernel.package ? b->kernel.package : "");
	int err = syncfs(entry) ? -errno : file_write_atomic(complete, label, strlen(label), 0644);

	return err ? cannot(b, complete, err) : 0;
}

static int make_entry(struct build *b, const char *name, const char *path, const char *complete,
		      int (*make)(struct build *b, const char *path))
{
	int err = directory_remove_at(b->cache, name), entry = -1;

	if (!err && mkdirat(b->cache, name, 0755))
		err = -errno;
	if (!err)
		entry = openat(b->cache, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!err && entry < 0)
		err = -errno;
	if (!err)
		err = directory_drop_default_list(entry);
	if (err) {
		if (entry >= 0)
			close(entry);
		return cannot(b, path, err);
	}
	err = make(b, path);
	if (!err)
		err = complete_entry(b, entry, complete);
	close(entry);
	if (err)
		directory_remove_at(b->cache, name);
	return err;
}

/* A file of ours, and not one that a link leads to. */
static int open_lock(struct build *b, const char *name, const char *path)
{
	int fd = openat(b->cache, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	struct distrust why = { .path = "" };
	struct stat st;
	int err = 0;

	if (fd < 0)
		return cannot(b, path, -errno);
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -ENOTSUP;
	else
		err = file_judge(path, &st, geteuid(), &why);
	if (!err)
		return fd;
	close(fd);
	return explain(b, path, err, &why);
}

/* With @all that is in it: one makefile that another user may write to is enough. */
static int judge_entry(struct build *b, const char *path, bool all)
{
	struct distrust why;
	int entry = directory_open(path, geteuid(), 0, &why), err = entry < 0 ? entry : 0;

	if (!err && all)
		err = directory_judge_all(entry, path, geteuid(), &why);
	if (entry >= 0)
		close(entry);
	if (err == -ENOENT && !all)
		return 0; /* to be made */
	return err ? explain(b, path, err, &why) : 0;
}

/* Programs that the kernel's makefiles build there are run there. */
static int check_can_run(struct build *b)
{
	struct statvfs s;

	if (fstatvfs(b->cache, &s) || !(s.f_flag & ST_NOEXEC))
		return 0;
	build_fails_as(b, EXIT_INTERNAL);
	diag_error(
		b->diags, "cache", diag_file(b->options.cache),
		"Name a directory on another file system with --cache",
		"the cache cannot be used: it is on a file system that is mounted noexec, and the kernel's "
		"build runs programs that it makes");
	return -EACCES;
}

int cache_enter(struct build *b, const char *name, const char *what,
		int (*make)(struct build *b, const char *path), int *lock)
{
	const char *lock_name = arena_printf(b->arena, "%s.lock", name);
	const char *path = arena_printf(b->arena, "%s/%s", b->options.cache, name);
	const char *lock_path = arena_printf(b->arena, "%s.lock", path);
	const char *complete = arena_printf(b->arena, "%s/complete", path);
	int err = check_can_run(b), fd;

	if (err)
		return err;
	fd = open_lock(b, lock_name, lock_path);
	if (fd < 0)
		return fd;
	err = judge_entry(b, path, false);
	if (!err)
		err = wait_for_lock(b, fd, LOCK_SH, what);
	while (!err && !file_is_regular(complete)) {
		/* the change of lock is not atomic: another run may come first, so look again */
		err = wait_for_lock(b, fd, LOCK_EX, what);
		if (err)
			cannot(b, lock_path, err);
		else if (!file_is_regular(complete))
			err = make_entry(b, name, path, complete, make);
		if (!err)
			err = wait_for_lock(b, fd, LOCK_SH, what);
	}
	if (!err)
		err = judge_entry(b, path, true);
	if (err) {
		close(fd);
		return err;
	}
	futimens(fd, NULL); /* when it was used, for people who want to know */
	*lock = fd;
	return 0;
}
