/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that kpatch asks of the machine: where its files are, and the calls that change it
 * or that time passes by. The program uses system_real(); the tests put a directory in the place
 * of "/" and functions of their own in the place of the calls, so that every error path can be
 * walked without root. There is no other way to the kernel.
 */
#ifndef KPATCH_SYSTEM_H
#define KPATCH_SYSTEM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/utsname.h>

struct system;

/* A module as it was read and checked. */
struct module_image {
	const uint8_t *data; /* decompressed */
	size_t size;
};

/* What the system's log is told of something that was done, or was not. */
struct log_entry {
	int priority; /* LOG_* of <syslog.h> */
	const char *action, *patch, *result;
	const char *id;	     /* of the error, or NULL */
	const char *message; /* all of it, in one line */
};

/* The calls. Each returns 0 or -errno unless it says otherwise. */
struct system_calls {
	int (*uname)(struct system *s, struct utsname *out);
	uid_t (*euid)(struct system *s);
	int (*insert)(struct system *s, const struct module_image *image);
	int (*remove)(struct system *s, const char *module);
	/* Writes @value to the attribute at @path, which has the root before it already. */
	int (*write)(struct system *s, const char *path, const char *value);
	uint64_t (*now)(struct system *s); /* milliseconds of a clock that never goes back */
	void (*sleep)(struct system *s, unsigned int milliseconds);
	/*
	 * The signal that asked us to stop (SIGINT, SIGTERM, SIGHUP) since the last call, 0: none.
	 * Whoever is told stops what it is doing and puts things in order, which can be interrupted
	 * by another one.
	 */
	int (*interrupted)(struct system *s);
	/* Where nobody takes it, nothing happens: what was to be done is done without. */
	void (*log)(struct system *s, const struct log_entry *entry);
};

struct system {
	const struct system_calls *calls;
	const char *root; /* before every path, "" for the real one */
	void *context;	  /* of the calls */
};

/*
 * The machine that we run on. Installs the handlers of the signals named above, and does away with
 * what the caller's environment could do to us.
 */
void system_real(struct system *out);

/* A path below the root, formatted into @out. 0 or -ENAMETOOLONG. */
int system_path(const struct system *s, char out[PATH_MAX], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The start of a small text file, up to @size - 1 bytes, NUL-terminated and without the newlines
 * at its end. The path is formatted. Returns the length or -errno.
 */
ssize_t system_read(const struct system *s, char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The same, byte for byte: for files that are not text. */
ssize_t system_read_bytes(const struct system *s, void *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Whether something is at the path. */
bool system_exists(const struct system *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes @value to the attribute at the path. */
int system_write(struct system *s, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
