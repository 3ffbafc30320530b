/* SPDX-License-Identifier: GPL-2.0-only */
/* See tasks.h. */
#include "kpatch/live/tasks.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kpatch/live/sysfs.h"
#include "kpatch/system/system.h"
#include "lib/util/arena.h"

#define PF_KTHREAD 0x00200000UL

/* Called for each task in the state looked for. Non-zero ends the walk with that result. */
typedef int (*visit_fn)(void *context, pid_t pid, pid_t tid);

static DIR *open_directory_at(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	return d;
}

/* 0, 1 or -1 as the kernel says; -errno - 10 on failure, so that the two cannot be mixed up. */
#define STATE_ERROR (-10)

static int read_state(int at, const char *tid)
{
	char path[300], text[8] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/patch_state", tid);
	fd = openat(at, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return STATE_ERROR - errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atoi(text) : STATE_ERROR - (n ? errno : ENODATA);
}

static int walk_threads(int at, const char *pid, int state, visit_fn visit, void *context)
{
	char path[300];
	struct dirent *e;
	int err = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/task", pid);
	d = open_directory_at(at, path);
	if (!d)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	while (!err && (e = readdir(d))) {
		int got;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		got = read_state(dirfd(d), e->d_name);
		if (got == state)
			err = visit(context, atoi(pid), atoi(e->d_name));
		else if (got == STATE_ERROR - EACCES || got == STATE_ERROR - EPERM)
			err = -EACCES;
		/* Any other error: the task has just ended. */
	}
	closedir(d);
	return err;
}

static int walk_tasks(const struct system *s, int state, visit_fn visit, void *context)
{
	char path[PATH_MAX];
	struct dirent *e;
	int err = system_path(s, path, "/proc");
	DIR *d;

	if (err)
		return err;
	d = opendir(path);
	if (!d)
		return -errno;
	while (!err && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			err = walk_threads(dirfd(d), e->d_name, state, visit, context);
	closedir(d);
	return err;
}

static int count_one(void *context, pid_t pid, pid_t tid)
{
	++*(long *)context;
	return 0;
}

long tasks_count(const struct system *s, int state)
{
	long n = 0;
	int err = walk_tasks(s, state, count_one, &n);

	return err ? err : n;
}

struct search {
	const struct system *system;
	struct arena *arena;
	const struct live_patch *patch;
	size_t max;
	struct blockers found;
};

/* "[<0>] name+0x12/0x34 [module]": the name, cut out in place; *module is "" without one. */
static char *frame_name(char *line, const char **module)
{
	char *name = strstr(line, "] "), *end;

	*module = "";
	if (!name)
		return NULL;
	name += 2;
	end = strchr(name, '[');
	if (end) {
		*module = end + 1;
		end[strcspn(end, "]")] = '\0';
	}
	name[strcspn(name, "+ ")] = '\0';
	return *name ? name : NULL;
}

/* The function itself, or a part that the compiler split from it (foo.cold, foo.isra.0). */
static bool is_part_of(const char *frame, const char *function)
{
	size_t n = strlen(function);

	return !strncmp(frame, function, n) && (!frame[n] || frame[n] == '.');
}

static bool concerns(const struct live_patch *p, const char *frame, const char *module)
{
	if (!p)
		return false;
	if (!strcmp(module, p->name))
		return true;
	for (size_t i = 0; i < p->n_objects; i++)
		for (size_t j = 0; j < p->objects[i].n_functions; j++)
			if (is_part_of(frame, p->objects[i].functions[j].name))
				return true;
	return false;
}

static void read_stack(struct search *w, struct blocker *b)
{
	char text[4096], *line = text, *next;

	if (system_read(w->system, text, sizeof(text), "/proc/%d/task/%d/stack", b->pid, b->tid) <= 0)
		return;
	for (; line && !b->holder; line = next) {
		const char *module;
		char *name;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		name = frame_name(line, &module);
		if (!name)
			continue;
		if (!b->top)
			b->top = arena_strdup(w->arena, name);
		if (concerns(w->patch, name, module))
			b->holder = arena_strdup(w->arena, name);
	}
}

/* "PID (comm) S ppid pgrp session tty tpgid flags …"; comm may hold anything, even ')'. */
static void read_stat(struct search *w, struct blocker *b)
{
	char text[1024], *open, *end;
	unsigned long flags;

	b->comm = "?";
	b->state = '?';
	if (system_read(w->system, text, sizeof(text), "/proc/%d/task/%d/stat", b->pid, b->tid) <= 0)
		return;
	open = strchr(text, '(');
	end = strrchr(text, ')');
	if (!open || !end || end < open)
		return;
	if (sscanf(end + 1, " %c %*d %*d %*d %*d %*d %lu", &b->state, &flags) == 2)
		b->kernel_thread = flags & PF_KTHREAD;
	for (char *p = open + 1; p < end; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	b->comm = arena_strndup(w->arena, open + 1, (size_t)(end - open - 1));
}

static int describe_one(void *context, pid_t pid, pid_t tid)
{
	struct search *w = context;
	struct blocker *b;

	w->found.n_tasks++;
	if (w->found.n_list == w->max)
		return 0;
	b = &w->found.list[w->found.n_list++];
	b->pid = pid;
	b->tid = tid;
	read_stat(w, b);
	read_stack(w, b);
	return 0;
}

int tasks_find(const struct system *s, struct arena *a, int state, const struct live_patch *patch, size_t max,
	       struct blockers *out)
{
	struct search w = { .system = s, .arena = a, .patch = patch, .max = max };
	int err;

	w.found.list = arena_array(a, max, sizeof(*w.found.list));
	err = walk_tasks(s, state, describe_one, &w);
	if (!err)
		*out = w.found;
	return err;
}
