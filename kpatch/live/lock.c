/* SPDX-License-Identifier: GPL-2.0-only */
/* See lock.h. */
#include "kpatch/live/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch/live/transition.h"
#include "lib/util/diag.h"

#define LOCK_FILE "/run/kpatch.lock"

/* An initramfs may come without /run. */
static int open_lock(struct kpatch *k)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	char path[PATH_MAX], directory[PATH_MAX];
	struct stat st;
	int fd;

	if (system_path(&k->system, path, LOCK_FILE) || system_path(&k->system, directory, "/run"))
		return -ENAMETOOLONG;
	fd = open(path, flags, 0600);
	if (fd < 0 && errno == ENOENT && !mkdir(directory, 0755))
		fd = open(path, flags, 0600);
	if (fd < 0)
		return -errno;
	/* One that somebody else made can be held by that somebody for ever. */
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (st.st_uid && !*k->system.root)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

enum outcome lock_take(struct kpatch *k)
{
	const struct system_calls *calls = k->system.calls;
	uint64_t deadline = transition_deadline(k);
	bool told = false;
	int fd = open_lock(k);

	if (fd < 0) {
		diag_error(k->diags, "lock-failed", diag_file(LOCK_FILE), NULL, "cannot be opened: %s",
			   strerror(-fd));
		return OUTCOME_SYSTEM;
	}
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		int err = errno, stop = calls->interrupted(&k->system);

		if (err == EWOULDBLOCK && !told)
			say(k, "waiting for another kpatch to end");
		told = true;
		if (err == EWOULDBLOCK && !stop && calls->now(&k->system) < deadline) {
			calls->sleep(&k->system, 50);
			continue;
		}
		close(fd);
		if (stop)
			return OUTCOME_INTERRUPTED;
		diag_error(k->diags, "lock-held", diag_file(LOCK_FILE), "Try again when it has ended",
			   "another kpatch is at work");
		return OUTCOME_BUSY;
	}
	k->lock = fd;
	return OUTCOME_OK;
}

void lock_release(struct kpatch *k)
{
	if (k->lock >= 0)
		close(k->lock);
	k->lock = -1;
}
