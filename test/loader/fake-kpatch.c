/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kpatch on a machine that is a directory: fake-kpatch ROOT ARGUMENT… runs kpatch ARGUMENT… with
 * ROOT in the place of "/". Nothing of it reaches the kernel. What the kernel would do is done by
 * the program ROOT/kernel, if there is one, which is called with
 *
 *	insert			a module is to be loaded; it is on standard input
 *	remove NAME		a module is to be removed
 *	write PATH VALUE	an attribute is to be written (it is, if this succeeds)
 *	sleep MILLISECONDS NOW	kpatch waits; the fake clock says NOW
 *
 * in ROOT, and whose exit code is the error number of the call. Calls are logged to ROOT/calls.
 * Files in ROOT: release (uname -r), euid (default 0), interrupt (a SIGINT comes in; it is removed then).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kpatch/kpatch.h"

struct machine {
	uint64_t clock; /* milliseconds */
};

static int call_kernel(struct system *s, const uint8_t *input, size_t size, const char *operation,
		       const char *a, const char *b)
{
	char program[PATH_MAX], calls[PATH_MAX];
	int pipe_fds[2] = { -1, -1 }, status;
	FILE *log;
	pid_t pid;

	if (system_path(s, program, "/kernel") || system_path(s, calls, "/calls"))
		return -ENAMETOOLONG;
	log = strcmp(operation, "sleep") ? fopen(calls, "a") : NULL;
	if (log) {
		fprintf(log, "%s%s%s%s%s\n", operation, a ? " " : "", a ? a : "", b ? " " : "", b ? b : "");
		fclose(log);
	}
	if (access(program, X_OK))
		return 0;
	if (input && pipe(pipe_fds))
		return -errno;
	pid = fork();
	if (!pid) {
		if (input) {
			dup2(pipe_fds[0], 0);
			close(pipe_fds[1]);
		}
		if (chdir(s->root))
			_exit(EIO);
		execl(program, program, operation, a, b, NULL);
		_exit(EIO);
	}
	if (input) {
		close(pipe_fds[0]);
		for (size_t n = 0; n < size;) {
			ssize_t put = write(pipe_fds[1], input + n, size - n);

			if (put <= 0)
				break;
			n += (size_t)put;
		}
		close(pipe_fds[1]);
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int fake_uname(struct system *s, struct utsname *out)
{
	memset(out, 0, sizeof(*out));
	return system_read(s, out->release, sizeof(out->release), "/release") > 0 ? 0 : -EIO;
}

static uid_t fake_euid(struct system *s)
{
	char text[16];

	return system_read(s, text, sizeof(text), "/euid") > 0 ? (uid_t)atoi(text) : 0;
}

static int fake_insert(struct system *s, const struct module_image *image)
{
	return call_kernel(s, image->data, image->size, "insert", NULL, NULL);
}

static int fake_remove(struct system *s, const char *module)
{
	return call_kernel(s, NULL, 0, "remove", module, NULL);
}

static int fake_write(struct system *s, const char *path, const char *value)
{
	int fd, err = call_kernel(s, NULL, 0, "write", path + strlen(s->root), value);

	if (err)
		return err;
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* the write made it disappear */
	err = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static uint64_t fake_now(struct system *s)
{
	return ((struct machine *)s->context)->clock;
}

static void fake_sleep(struct system *s, unsigned int milliseconds)
{
	struct machine *m = s->context;
	char ms[16], now[24];

	m->clock += milliseconds;
	snprintf(ms, sizeof(ms), "%u", milliseconds);
	snprintf(now, sizeof(now), "%llu", (unsigned long long)m->clock);
	call_kernel(s, NULL, 0, "sleep", ms, now);
}

static int fake_interrupted(struct system *s)
{
	char path[PATH_MAX];

	return system_path(s, path, "/interrupt") || unlink(path) ? 0 : SIGINT;
}

static void fake_log(struct system *s, const struct log_entry *e)
{
	char path[PATH_MAX];
	FILE *f = system_path(s, path, "/log") ? NULL : fopen(path, "a");

	if (!f)
		return;
	fprintf(f, "<%d> %s|%s|%s|%s|%s\n", e->priority, e->message, e->action, e->patch, e->result,
		e->id ? e->id : "");
	fclose(f);
}

int main(int argc, char **argv)
{
	static const struct system_calls calls = {
		.uname = fake_uname,
		.euid = fake_euid,
		.insert = fake_insert,
		.remove = fake_remove,
		.write = fake_write,
		.now = fake_now,
		.sleep = fake_sleep,
		.interrupted = fake_interrupted,
		.log = fake_log,
	};
	struct machine m = { .clock = 1000 };
	struct system s = { .calls = &calls, .context = &m };

	if (argc < 2)
		return 99;
	signal(SIGPIPE, SIG_IGN);
	s.root = argv[1];
	argv[1] = argv[0];
	return kpatch_run(argc - 1, argv + 1, &s, stdout, stderr);
}
