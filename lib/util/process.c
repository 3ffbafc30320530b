// SPDX-License-Identifier: GPL-2.0-only
/* See process.h. fork() is cheap here: the programs are small when they start children. */
#include "lib/util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/xmalloc.h"

#define TICK_MS 100
#define GRACE_MS 2000 /* from SIGTERM to SIGKILL */

struct monitor {
	sigset_t ours, before;
	int fd;
	int stopped;
};

struct child {
	pid_t pid;
	size_t command;
	uint64_t started;
};

static uint64_t now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int monitor_new(struct monitor **out)
{
	struct monitor *m = xcalloc(1, sizeof(*m));
	int err;

	sigemptyset(&m->ours);
	sigaddset(&m->ours, SIGCHLD);
	sigaddset(&m->ours, SIGINT);
	sigaddset(&m->ours, SIGTERM);
	sigaddset(&m->ours, SIGHUP);
	err = pthread_sigmask(SIG_BLOCK, &m->ours, &m->before);
	if (err) {
		free(m);
		return -err;
	}
	m->fd = signalfd(-1, &m->ours, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->fd < 0) {
		err = errno;
		pthread_sigmask(SIG_SETMASK, &m->before, NULL);
		free(m);
		return -err;
	}
	*out = m;
	return 0;
}

void monitor_free(struct monitor *m)
{
	if (!m)
		return;
	close(m->fd);
	pthread_sigmask(SIG_SETMASK, &m->before, NULL);
	free(m);
}

int monitor_stopped(struct monitor *m)
{
	struct signalfd_siginfo info;

	while (read(m->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD && !m->stopped)
			m->stopped = (int)info.ssi_signo;
	return m->stopped;
}

/* Sleeps until a signal arrives, at most @ms. */
static void monitor_wait(struct monitor *m, int ms)
{
	struct pollfd p = { .fd = m->fd, .events = POLLIN };

	poll(&p, 1, ms);
}

/* In the child: @path becomes descriptor @fd. 0 or -errno. */
static int redirect(const char *path, int flags, int fd)
{
	int from = open(path, flags | O_CLOEXEC, 0666);

	if (from < 0)
		return -errno;
	if (dup2(from, fd) < 0)
		return -errno;
	return 0;
}

static int child_setup(struct monitor *m, const struct command *c, pid_t parent)
{
	const char *out = c->out ? c->out : "/dev/null";
	int err;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return -ESRCH; /* the parent was gone before it could be watched */
	err = redirect("/dev/null", O_RDONLY, STDIN_FILENO);
	if (!err)
		err = redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
	if (!err && c->err)
		err = redirect(c->err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
	else if (!err && dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		err = -errno;
	if (!err && c->cwd && chdir(c->cwd) < 0)
		err = -errno;
	if (!err)
		pthread_sigmask(SIG_SETMASK, &m->before, NULL);
	return err;
}

/* Starts one; a failure in the child before exec comes back through a pipe. 0 or -errno. */
static int child_start(struct monitor *m, const struct command *c, pid_t *pid)
{
	pid_t parent = getpid();
	int fds[2], err = 0;
	ssize_t got;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*pid = fork();
	if (*pid < 0) {
		err = -errno;
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (*pid == 0) {
		err = child_setup(m, c, parent);
		if (!err) {
			/* of the child alone; execvpe() would look the program up in the caller's PATH */
			if (c->env)
				environ = (char **)c->env;
			execvp(c->argv[0], (char *const *)c->argv);
			err = -errno;
		}
		got = write(fds[1], &err, sizeof(err));
		_exit(got < 0 ? 126 : 127);
	}
	setpgid(*pid, *pid);
	close(fds[1]);
	do
		got = read(fds[0], &err, sizeof(err));
	while (got < 0 && errno == EINTR);
	close(fds[0]);
	if (got != (ssize_t)sizeof(err))
		return 0;
	waitpid(*pid, NULL, 0);
	return err;
}

static void child_ended(struct command *c, const struct child *child, int wait_status)
{
	c->usec = now_usec() - child->started;
	c->status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

/* Collects the children that ended. Returns how many are left. */
static size_t reap(struct command *commands, struct child *children, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		int status;

		if (waitpid(children[i].pid, &status, WNOHANG) == children[i].pid)
			child_ended(&commands[children[i].command], &children[i], status);
		else
			children[left++] = children[i];
	}
	return left;
}

static void signal_all(const struct child *children, size_t n, int signal)
{
	for (size_t i = 0; i < n; i++)
		kill(-children[i].pid, signal);
}

static void stop_all(struct monitor *m, struct command *commands, struct child *children, size_t n)
{
	uint64_t deadline = now_usec() + GRACE_MS * 1000;

	signal_all(children, n, SIGTERM);
	while ((n = reap(commands, children, n)) > 0) {
		if (now_usec() > deadline)
			signal_all(children, n, SIGKILL);
		monitor_wait(m, 20);
		monitor_stopped(m);
	}
}

/* What has become of a command, in .status, before it has ended. */
#define WAITING (-2)
#define RUNNING (-3)

/* The first command that may start now; @n if there is none. Those that never can are marked. */
static size_t next_command(struct command *commands, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct command *after = commands[i].after;

		if (commands[i].status != WAITING)
			continue;
		if (!after || after->status == 0)
			return i;
		if (after->status == -1 || after->status > 0)
			commands[i].status = -1;
	}
	return n;
}

/* Starts what can be started. 0 or -errno. */
static int start_more(struct monitor *m, struct command *commands, size_t n, unsigned int jobs,
		      struct child *children, size_t *running)
{
	size_t next;
	int err = 0;

	while (*running < jobs && !err && (next = next_command(commands, n)) < n) {
		struct child *c = &children[*running];

		c->command = next;
		c->started = now_usec();
		commands[next].status = -1;
		err = child_start(m, &commands[next], &c->pid);
		if (!err) {
			commands[next].status = RUNNING;
			(*running)++;
		}
	}
	return err;
}

int process_run(struct monitor *m, struct command *commands, size_t n, unsigned int jobs,
		void (*tick)(void *context, size_t done), void *context)
{
	size_t running = 0, left, done = 0;
	struct child *children;
	int err = 0;

	if (jobs < 1)
		jobs = 1;
	children = xcalloc(jobs, sizeof(*children));
	for (size_t i = 0; i < n; i++)
		commands[i].status = WAITING;
	do {
		err = monitor_stopped(m) ? -EINTR : start_more(m, commands, n, jobs, children, &running);
		if (err) {
			stop_all(m, commands, children, running);
			break;
		}
		left = reap(commands, children, running);
		if (left && left == running)
			monitor_wait(m, TICK_MS);
		done += running - left;
		running = left;
		if (tick)
			tick(context, done);
	} while (running || next_command(commands, n) < n);
	for (size_t i = 0; i < n; i++)
		if (commands[i].status < 0)
			commands[i].status = -1;
	free(children);
	return err;
}
