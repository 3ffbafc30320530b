// SPDX-License-Identifier: GPL-2.0-only
/*
 * See cache.h. A directory is made in its final place, because what is built in it records
 * absolute paths, and the file "complete" is put into it last. flock() on a file beside it orders
 * the runs: exclusive to make it, shared to use it. The kernel drops the lock of a killed process.
 */
#include "kpatch-build/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/process.h"

#define POLL_NSEC 100000000L

static int cannot(struct build *b, const char *path, int err)
{
	if (err == -EINTR)
		return err;
	build_fails_as(b, EXIT_INTERNAL);
	diag_error(b->diags, err == -ENOSPC ? "disk-full" : "cache", diag_file(path),
		   err == -ENOSPC ? "Make room, or choose another place with --cache" :
				    "Choose another place with --cache",
		   "the cache cannot be used: %s", strerror(-err));
	return err;
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

static int make_entry(struct build *b, const char *path, const char *complete,
		      int (*make)(struct build *b, const char *path))
{
	int err = directory_remove(path);

	if (!err)
		err = directory_make(path, 0777);
	if (err)
		return cannot(b, path, err);
	err = make(b, path);
	if (!err) {
		err = file_write_atomic(complete, "", 0, 0666);
		if (err)
			cannot(b, complete, err);
	}
	if (err)
		directory_remove(path);
	return err;
}

int cache_enter(struct build *b, const char *path, const char *what,
		int (*make)(struct build *b, const char *path), int *lock)
{
	char *lock_path = arena_printf(b->arena, "%s.lock", path);
	char *complete = arena_printf(b->arena, "%s/complete", path);
	int fd, err;

	if (!lock_path || !complete)
		return -ENOMEM;
	fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return cannot(b, lock_path, -errno);
	err = wait_for_lock(b, fd, LOCK_SH, what);
	while (!err && !file_is_regular(complete)) {
		/* the change of lock is not atomic: another run may come first, so look again */
		err = wait_for_lock(b, fd, LOCK_EX, what);
		if (err)
			cannot(b, lock_path, err);
		else if (!file_is_regular(complete))
			err = make_entry(b, path, complete, make);
		if (!err)
			err = wait_for_lock(b, fd, LOCK_SH, what);
	}
	if (err) {
		close(fd);
		return err;
	}
	*lock = fd;
	return 0;
}
