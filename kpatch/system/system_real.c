/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls that reach the kernel; see system.h. */
#include "kpatch/system/system.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* Written by the handler, taken by waiting loops. The only thing that a handler may do. */
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

static int real_uname(struct system *s, struct utsname *out)
{
	return uname(out) ? -errno : 0;
}

static uid_t real_euid(struct system *s)
{
	return geteuid();
}

/*
 * From memory: what was checked is what is inserted, whatever has become of the file while we waited.
 * Straight to the kernel: what libkmod adds to that (dependencies, configuration, aliases) must not count
 * here, and it costs every start of the program the loading of libcrypto.
 */
static int real_insert(struct system *s, const struct module_image *image)
{
	return syscall(SYS_init_module, image->data, image->size, "") ? -errno : 0;
}

static int real_remove(struct system *s, const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static int real_write(struct system *s, const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;
	size_t size = strlen(value);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = write(fd, value, size);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)size)
		err = n < 0 ? -errno : -EIO;
	close(fd);
	return err;
}

/*
 * Fields by name, in the protocol of systemd's journal (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): a line each, which no value
 * here has a second one of.
 */
static bool log_to_journal(const struct log_entry *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), n;
	char text[2048];
	bool sent;

	n = snprintf(
		text, sizeof(text),
		"MESSAGE=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=kpatch\nKPATCH_ACTION=%s\n"
		"KPATCH_PATCH=%s\nKPATCH_RESULT=%s\nKPATCH_ERROR=%s\n",
		e->message, e->priority, LOG_FAC(LOG_DAEMON), e->action, e->patch, e->result,
		e->id ? e->id : "");
	sent = fd >= 0 && n > 0 && (size_t)n < sizeof(text) &&
	       sendto(fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to)) ==
		       n;
	if (fd >= 0)
		close(fd);
	return sent;
}

/* Without a journal, to the kernel's log, where every system keeps it, under a daemon's facility. */
static void real_log(struct system *s, const struct log_entry *e)
{
	char text[900];
	int fd;

	if (log_to_journal(e))
		return;
	fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	snprintf(text, sizeof(text), "<%d>kpatch: %s\n", LOG_MAKEPRI(LOG_DAEMON, e->priority), e->message);
	if (write(fd, text, strlen(text)) < 0)
		errno = 0; /* see above: nobody takes it */
	close(fd);
}

static uint64_t real_now(struct system *s)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Signals cut it short on purpose. */
static void real_sleep(struct system *s, unsigned int milliseconds)
{
	struct timespec t = { .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static int real_interrupted(struct system *s)
{
	int number = caught;

	caught = 0;
	return number;
}

/*
 * Standard descriptors that are closed would become the next file that is opened, and messages be written
 * into it.
 */
static void open_standard(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			abort();
}

/*
 * Nothing that whoever started us left to us may count: environment, umask, signals blocked. A reader who
 * goes away (kpatch load | head) must not end us in mid-transition. What nohup wants ignored stays so.
 */
static void start_clean(void)
{
	static const int stop[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, before;
	sigset_t none;

	open_standard();
	clearenv();
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(stop) / sizeof(*stop); i++)
		if (stop[i] != SIGHUP || sigaction(stop[i], NULL, &before) || before.sa_handler != SIG_IGN)
			sigaction(stop[i], &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void system_real(struct system *out)
{
	static const struct system_calls calls = {
		.uname = real_uname,
		.euid = real_euid,
		.insert = real_insert,
		.remove = real_remove,
		.write = real_write,
		.now = real_now,
		.sleep = real_sleep,
		.interrupted = real_interrupted,
		.log = real_log,
	};

	start_clean();
	*out = (struct system){ .calls = &calls, .root = "" };
}
