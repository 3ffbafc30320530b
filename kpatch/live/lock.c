/* SPDX-License-Identifier: GPL-2.0-only */
/* See lock.h. */
#include "kpatch/live/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kpatch/live/transition.h"
#include "lib/util/arena.h"
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

/* The process that has the lock on the file, by the kernel's list of locks; 0: it is not in there. */
static int holder_of(struct kpatch *k, const struct stat *file)
{
	static char text[65536];
	unsigned int major, minor;
	unsigned long inode;
	char *line, *rest;
	int pid;

	if (system_read(&k->system, text, sizeof(text), "/proc/locks") <= 0)
		return 0;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (sscanf(line, "%*u: FLOCK ADVISORY WRITE %d %x:%x:%lu ", &pid, &major, &minor, &inode) ==
			    4 &&
		    makedev(major, minor) == file->st_dev && inode == file->st_ino)
			return pid;
	return 0;
}

/* Who has the lock, as far as that can be told: its command line and its number. */
static const char *describe_holder(struct kpatch *k, int lock)
{
	char words[200];
	struct stat st;
	int pid = fstat(lock, &st) ? 0 : holder_of(k, &st);
	ssize_t n =
		pid > 0 ? system_read_bytes(&k->system, words, sizeof(words), "/proc/%d/cmdline", pid) : 0;
	const char *text;

	for (ssize_t i = 0; i < n - 1; i++)
		if (!words[i])
			words[i] = ' ';
	text = n > 1 ? arena_printf(k->arena, "%.*s (process %d)", (int)n - !words[n - 1], words, pid) : NULL;
	return text ? text : "another kpatch";
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
			say(k, "waiting for %s to end", describe_holder(k, fd));
		told = true;
		if (err == EWOULDBLOCK && !stop && calls->now(&k->system) < deadline) {
			calls->sleep(&k->system, 50);
			continue;
		}
		if (!stop)
			diag_error(k->diags, "lock-held", diag_file(LOCK_FILE), "Try again when it has ended",
				   "%s is at work", describe_holder(k, fd));
		close(fd);
		return stop ? OUTCOME_INTERRUPTED : OUTCOME_BUSY;
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
