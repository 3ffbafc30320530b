/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stopwatch N AFTER COMMAND...: runs COMMAND N times, from the fork to its end, and prints the median
 * in microseconds. After each run the shell runs AFTER, which is not measured. Output of both goes to
 * /dev/null. Ends with 1 if anything fails.
 *
 * stopwatch load FILE PATCH: what nobody can do without: finit_module and the wait for the end of
 * the transition, looking at it every millisecond.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_RUNS 1000

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int run(char **command)
{
	int status, null;
	pid_t pid = fork();

	if (!pid) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		execvp(*command, command);
		_exit(127);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 || status ? -1 : 0;
}

/* '0', '1', or 0: no such patch. */
static char transition_of(const char *patch)
{
	char path[300], state = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/livepatch/%s/transition", patch);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, &state, 1) != 1)
		state = 0;
	if (fd >= 0)
		close(fd);
	return state;
}

static int compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static int measure(int n, const char *after, char **command)
{
	char *const shell[] = { "sh", "-c", (char *)after, NULL };
	static long times[MAX_RUNS];

	if (n < 1 || n > MAX_RUNS)
		return 2;
	for (int i = 0; i < n; i++) {
		long began = now();

		if (run(command)) {
			fprintf(stderr, "stopwatch: %s failed\n", *command);
			return 1;
		}
		times[i] = now() - began;
		if (run((char **)shell)) {
			fprintf(stderr, "stopwatch: failed: %s\n", after);
			return 1;
		}
	}
	qsort(times, (size_t)n, sizeof(*times), compare);
	printf("%ld\n", times[n / 2]);
	return 0;
}

static int load(const char *file, const char *patch)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int fd = open(file, O_RDONLY);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0)) {
		perror("finit_module");
		return 1;
	}
	while (transition_of(patch) == '1')
		nanosleep(&pause, NULL);
	return transition_of(patch) != '0';
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "load"))
		return load(argv[2], argv[3]);
	return argc < 4 ? 2 : measure(atoi(argv[1]), argv[2], argv + 3);
}
