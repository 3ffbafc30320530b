// SPDX-License-Identifier: GPL-2.0-only
/* See directory.h. */
#include "lib/util/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/group.h"
#include "lib/util/userns.h"
#include "lib/util/path.h"
#include "lib/util/xmalloc.h"

#define MAX_LINKS 40 /* as the kernel has it */
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

static int distrusted(struct distrust *why, const char *path, const char *format, unsigned int value)
{
	snprintf(why->path, sizeof(why->path), "%s", path);
	snprintf(why->what, sizeof(why->what), format, value);
	why->hidden = false;
	return -EPERM;
}

static int hidden(struct distrust *why, const char *path, uid_t owner)
{
	int err = distrusted(why, path, "it belongs to a user whom this user namespace does not know (%u)",
			     owner);

	why->hidden = true;
	return err;
}

/* With an access list, the group's bits are what any entry of it may do at most. */
static int judge(const char *path, const struct stat *st, uid_t user, bool sticky, struct distrust *why)
{
	if (st->st_uid && st->st_uid != user)
		return userns_hides(st->st_uid) ?
			       hidden(why, path, st->st_uid) :
			       distrusted(why, path, "it belongs to user %u", (unsigned int)st->st_uid);
	if (!S_ISLNK(st->st_mode) && st->st_mode & OTHERS_WRITE && !(sticky && st->st_mode & S_ISVTX))
		return distrusted(why, path, "others may write to it (mode %04o)",
				  (unsigned int)st->st_mode & 07777);
	return 0;
}

int file_judge(const char *path, const struct stat *st, uid_t user, struct distrust *why)
{
	return judge(path, st, user, false, why);
}

/* A walk to a directory: where it is, and what is left to go. */
struct way {
	int fd;		     /* O_PATH */
	char done[PATH_MAX]; /* its name, for messages */
	char todo[PATH_MAX];
	unsigned int links;
	uid_t user;
	unsigned int flags;
	struct distrust *why;
};

/* A group that nobody else is in may write. An access list can name others beside it. */
static bool is_groups_alone(const struct way *w, const struct stat *st)
{
	return st->st_mode & S_IWGRP && group_is_private(st->st_gid, w->user) &&
	       !directory_has_access_list(w->fd);
}

/* @st: of w->done. Where our own number is that of hidden users, it says nothing. What is in a place comes after its way. */
static int judge_on_way(struct way *w, const struct stat *st, bool sticky)
{
	const char *path = *w->done ? w->done : "/";

	return st->st_uid && userns_hides(st->st_uid) ? hidden(w->why, path, st->st_uid) :
							judge(path, st, w->user, sticky, w->why);
}

static int judge_here(struct way *w, bool last)
{
	struct stat st;

	if (fstat(w->fd, &st))
		return -errno;
	if (is_groups_alone(w, &st))
		st.st_mode &= ~(mode_t)S_IWGRP;
	return judge_on_way(w, &st, !last || w->flags & DIRECTORY_STICKY);
}

/* The walk is at @fd now, which is its own. */
static void move(struct way *w, int fd)
{
	close(w->fd);
	w->fd = fd;
}

/* Puts what the link @fd says in front of the rest of the way. */
static int follow(struct way *w, int fd, const struct stat *st)
{
	char text[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlinkat(fd, "", text, sizeof(text) - 1);
	int err = judge_on_way(w, st, true), root;

	if (err)
		return err;
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (++w->links > MAX_LINKS)
		return -ELOOP;
	memcpy(rest, w->todo, sizeof(rest));
	if (snprintf(w->todo, sizeof(w->todo), "%s/%s", text, rest) >= (int)sizeof(w->todo))
		return -ENAMETOOLONG;
	*strrchr(w->done, '/') = '\0';
	if (*text != '/')
		return 0;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	move(w, root);
	*w->done = '\0';
	return 0;
}

static int open_part(struct way *w, const char *name)
{
	const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(w->fd, name, flags);

	if (fd < 0 && errno == ENOENT && w->flags & DIRECTORY_MAKE &&
	    (!mkdirat(w->fd, name, 0755) || errno == EEXIST))
		fd = openat(w->fd, name, flags);
	return fd < 0 ? -errno : fd;
}

/* One part of the path further: the directory that we are in was looked at, so nobody changes what it has. */
static int step(struct way *w, const char *name)
{
	size_t used = strlen(w->done);
	int fd = open_part(w, name), err = fd < 0 ? fd : 0;
	struct stat st;

	if (snprintf(w->done + used, sizeof(w->done) - used, "/%s", name) >= (int)(sizeof(w->done) - used))
		err = -ENAMETOOLONG;
	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err && S_ISDIR(st.st_mode)) {
		move(w, fd);
		return 0;
	}
	if (!err)
		err = S_ISLNK(st.st_mode) ? follow(w, fd, &st) : -ENOTDIR;
	if (fd >= 0)
		close(fd);
	return err;
}

static int go(struct way *w)
{
	int err = 0;

	while (!err) {
		char *name = w->todo + strspn(w->todo, "/"), part[NAME_MAX + 1];
		size_t n = strcspn(name, "/");

		err = judge_here(w, !*name);
		if (err || !*name)
			break;
		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(part, name, n);
		part[n] = '\0';
		memmove(w->todo, name + n, strlen(name + n) + 1);
		if (strcmp(part, "."))
			err = step(w, part);
	}
	return err;
}

int directory_open(const char *path, uid_t user, unsigned int flags, struct distrust *why)
{
	struct way w = { .user = user, .flags = flags, .why = why };
	char here[PATH_MAX] = "";
	int fd, err;

	*why->path = *why->what = '\0';
	if (*path != '/' && !getcwd(here, sizeof(here)))
		return -errno;
	if (snprintf(w.todo, sizeof(w.todo), "%s/%s", here, path) >= (int)sizeof(w.todo))
		return -ENAMETOOLONG;
	w.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w.fd < 0)
		return -errno;
	err = go(&w);
	fd = err ? err : openat(w.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && !err)
		fd = -errno;
	close(w.fd);
	return fd;
}

static int judge_entries(int fd, char path[PATH_MAX], uid_t user, struct distrust *why);

/* @path: of the directory @dir, and again when this returns. */
static int judge_entry(int dir, const char *name, char path[PATH_MAX], uid_t user, struct distrust *why)
{
	size_t used = strlen(path);
	struct stat st;
	int err, fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno; /* one that was on its way to its name */
	if (snprintf(path + used, PATH_MAX - used, "/%s", name) >= (int)(PATH_MAX - used))
		return -ENAMETOOLONG;
	err = judge(path, &st, user, false, why);
	if (!err && S_ISDIR(st.st_mode)) {
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		err = fd < 0 ? -errno : judge_entries(fd, path, user, why);
	}
	path[used] = '\0';
	return err;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Takes @fd over. */
static DIR *entries_of(int fd)
{
	DIR *d = fdopendir(fd);
	int err = errno;

	if (!d)
		close(fd);
	errno = err;
	return d;
}

static int judge_entries(int fd, char path[PATH_MAX], uid_t user, struct distrust *why)
{
	DIR *d = entries_of(fd);
	struct dirent *e;
	int err = d ? 0 : -errno;

	while (!err && (e = readdir(d)))
		if (!is_dots(e->d_name))
			err = judge_entry(dirfd(d), e->d_name, path, user, why);
	if (d)
		closedir(d);
	return err;
}

int directory_judge_all(int fd, const char *path, uid_t user, struct distrust *why)
{
	char buffer[PATH_MAX];
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*why->path = *why->what = '\0';
	if (again < 0)
		return -errno;
	if (snprintf(buffer, sizeof(buffer), "%s", path) >= (int)sizeof(buffer)) {
		close(again);
		return -ENAMETOOLONG;
	}
	return judge_entries(again, buffer, user, why);
}

bool file_is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int directory_open_above(const char *path)
{
	const char *base = path_base(path);
	char *above = base == path ? xstrdup(".") : xstrndup(path, (size_t)(base - path));
	int fd, err;

	fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = -errno;
	free(above);
	return fd < 0 ? err : fd;
}

int directory_make_above(const char *path, mode_t mode)
{
	char *copy = xstrdup(path);
	int err = 0;

	for (char *p = copy + 1; *copy && *p && !err; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			err = -errno;
		*p = '/';
	}
	free(copy);
	return err;
}

int directory_make(const char *path, mode_t mode)
{
	int err = directory_make_above(path, mode);

	if (!err && mkdir(path, mode) < 0 && errno != EEXIST)
		err = -errno;
	if (!err && !file_is_directory(path))
		err = -ENOTDIR;
	return err;
}

/* A directory of ours on file system @device. Returns a descriptor or -errno. */
static int open_own(int parent, const char *name, dev_t device)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (st.st_uid != geteuid())
		err = -EPERM;
	else if (st.st_dev != device)
		err = -EXDEV;
	else if ((st.st_mode & S_IRWXU) != S_IRWXU && fchmod(fd, S_IRWXU))
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

static int remove_entry(int parent, const char *name, dev_t device);

/* Takes @fd over. Goes on after a failure; returns the first. */
static int remove_entries(int fd, dev_t device)
{
	DIR *d = entries_of(fd);
	struct dirent *e;
	int first = d ? 0 : -errno;

	while (d && (e = readdir(d))) {
		int err = is_dots(e->d_name) ? 0 : remove_entry(dirfd(d), e->d_name, device);

		if (!first)
			first = err;
	}
	if (d)
		closedir(d);
	return first;
}

static int remove_entry(int parent, const char *name, dev_t device)
{
	int flags = 0, err = 0, fd;
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	if (S_ISDIR(st.st_mode)) {
		/* by now it may be another one: what has been opened is looked at again */
		fd = open_own(parent, name, device);
		err = fd < 0 ? fd : remove_entries(fd, device);
		flags = AT_REMOVEDIR;
	}
	if (!err && unlinkat(parent, name, flags) && errno != ENOENT)
		err = -errno;
	return err == -ENOENT ? 0 : err;
}

int directory_remove_at(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	return remove_entry(dir, name, st.st_dev);
}

int directory_remove(const char *path)
{
	int dir = directory_open_above(path), err = dir;

	if (dir < 0)
		return err == -ENOENT ? 0 : err;
	err = directory_remove_at(dir, path_base(path));
	close(dir);
	return err;
}
