/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child processes, several at a time, and the signals that end a program early.
 *
 * A monitor owns the process's SIGCHLD, SIGINT, SIGTERM and SIGHUP: they are blocked and read from
 * a descriptor, so nothing happens behind anybody's back. Make it before the first thread starts.
 * Every child is the leader of a process group of its own. When the program is told to stop, these groups go
 * first. When it is killed without being told (SIGKILL), the kernel ends the children themselves (PR_SET_PDEATHSIG)
 * but not what they have started: a compiler below make may run to its end then.
 */
#ifndef KPATCH_UTIL_PROCESS_H
#define KPATCH_UTIL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct monitor;

/* *out is owned by the caller. 0 or -errno. */
int monitor_new(struct monitor **out);
/* Gives the signals back to the process. NULL is allowed. */
void monitor_free(struct monitor *m);
/* The signal that asked the program to stop (SIGINT, SIGTERM, SIGHUP), or 0. Never blocks. */
int monitor_stopped(struct monitor *m);

/* One program to run. */
struct command {
	const char *const *argv; /* argv[0] is looked up in PATH of @env; ends with NULL */
	const char *const *env;	 /* "NAME=value", ends with NULL; NULL: the caller's environment */
	const char *cwd;	 /* NULL: the caller's */
	const char *out;	 /* file that stdout goes to; NULL: /dev/null */
	const char *err;	 /* file that stderr goes to; NULL: where stdout goes */
	const char *label;	 /* what it works at, for whoever shows that; NULL: nothing to say */
	/* Starts when that one, earlier in the array, has succeeded; is not run if it failed. */
	const struct command *after;
	/* results */
	int status;    /* exit code; 128 + signal if it was killed; -1: was not run */
	uint64_t usec; /* how long it ran */
};

/*
 * Runs @n commands, at most @jobs at a time, started in the order of the array, and waits for
 * all of them. Standard input is /dev/null. @tick, if given, is called about 10 times a second and
 * whenever a command ends. 0: all were run, look at .status of each. -EINTR: the program was asked
 * to stop; the children are gone. Other -errno: a child could not be started, the others are gone.
 */
int process_run(struct monitor *m, struct command *commands, size_t n, unsigned int jobs,
		void (*tick)(void *context, size_t done), void *context);

#endif
