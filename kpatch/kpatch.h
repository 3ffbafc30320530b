/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of kpatch share: the state of one run, the kinds of its outcome, and the
 * descriptor of a command. A command reads the state of the machine through system.h, adds what
 * is wrong to the diagnostics, fills the report, and returns an outcome; only cli.c, say.c and report.c
 * print.
 */
#ifndef KPATCH_KPATCH_H
#define KPATCH_KPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kpatch/system/system.h"

struct arena;
struct diags;
struct node;

/* Exit codes, documented in man/kpatch.8. They never change their meaning. */
enum outcome {
	OUTCOME_OK = 0,
	OUTCOME_SYSTEM = 1, /* no memory, unreadable sysfs: nothing of the others */
	OUTCOME_USAGE = 2,
	OUTCOME_BAD_FILE = 3,	  /* damaged, no livepatch module, not to be trusted */
	OUTCOME_WRONG_KERNEL = 4, /* made for another kernel or another build of a module */
	OUTCOME_NOT_FOUND = 5,
	OUTCOME_CONFLICT = 6, /* another patch has that name */
	OUTCOME_KERNEL_REFUSED = 7,
	OUTCOME_STALLED = 8, /* the transition did not end in time */
	OUTCOME_PERMISSION = 9,
	OUTCOME_BUSY = 10,	 /* another kpatch or another transition is in the way */
	OUTCOME_INCOMPLETE = 11, /* done, but something was left behind */
	OUTCOME_INTERRUPTED = 12,
};

enum output_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_YAML, FORMAT_PROMETHEUS };

/* Seconds; most transitions take less than one, and the kernel wakes stalled tasks after 15. */
#define KPATCH_DEFAULT_TIMEOUT 60
/* A machine that boots has few tasks yet, and must come up. */
#define KPATCH_DEFAULT_BOOT_TIMEOUT 30
#define KPATCH_MAX_TIMEOUT 999999

/* What the user asked for, by option. */
struct kpatch_options {
	enum output_format format;
	unsigned int timeout; /* seconds that a transition may take */
	bool timeout_given;   /* on the command line, so /etc/kpatch.yaml does not count */
	bool quiet, verbose;
	bool dry_run;
	bool unchecked; /* take modules without a manifest */
	bool look_only; /* the module is shown and nothing else: whoever made it */
	bool all;
	bool yes;	    /* the user knows the consequences */
	bool done;	    /* boot: the machine is up */
	bool down;	    /* boot: the machine goes down in order */
	bool fixes;	    /* list: the fixes by their names */
	const char *cve;    /* status: the number that is asked for */
	const char *kernel; /* release for install and uninstall; NULL: the running one */
};

/* One run of kpatch. Strings and reports live in the arena. */
struct kpatch {
	struct system system;
	struct kpatch_options options;
	struct arena *arena;
	struct diags *diags;
	struct node *report; /* what --format json and yaml print */
	FILE *out, *err;     /* where text goes */
	size_t diags_shown;
	bool progress_shown; /* a line of it stands on the terminal, and the next text takes its place */
	int lock;	     /* descriptor of the lock that lock.c holds, or -1 */
};

/* Which options a command takes. */
enum {
	OPT_TIMEOUT = 1 << 0,
	OPT_DRY_RUN = 1 << 1,
	OPT_UNCHECKED = 1 << 2,
	OPT_ALL = 1 << 3,
	OPT_YES = 1 << 4,
	OPT_KERNEL = 1 << 5,
	OPT_DONE = 1 << 6,
	OPT_DOWN = 1 << 7,
	OPT_FIXES = 1 << 8,
	OPT_CVE = 1 << 9,
};

struct command {
	const char *name;
	const char *arguments; /* "FILE|NAME…" */
	const char *summary;   /* one line for the list of commands */
	const char *help;      /* the rest of --help */
	unsigned int options;  /* OPT_* */
	int min, max;	       /* number of arguments, max < 0: any; with --all: none */
	enum outcome (*run)(struct kpatch *k, int argc, char **argv);
};

extern const struct command load_command, unload_command, list_command, info_command, check_command,
	status_command, install_command, uninstall_command, enable_command, disable_command, boot_command,
	signal_command, force_command;

/* Runs the program on @system. Returns the exit code. */
int kpatch_run(int argc, char **argv, const struct system *system, FILE *out, FILE *err);

/* say.c */
/*
 * For messages that a person wants to see while time passes. Nothing with --quiet or a format
 * other than text.
 */
void say(struct kpatch *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether say_progress() has a line that it can write again: then there is something to show each second. */
bool progress_is_live(const struct kpatch *k);
/*
 * How far something has come, on standard error: on a terminal one line, written again each time; elsewhere a line for
 * each call.
 */
void say_progress(struct kpatch *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes that line away. Whatever prints calls it first. */
void progress_end(struct kpatch *k);

const char *outcome_name(enum outcome o);

/*
 * Tells the system's log what has become of @action on @patch. Why it failed is the last error that was added since there
 * were @n_diags diagnostics.
 */
void log_action(struct kpatch *k, const char *action, const char *patch, size_t n_diags, enum outcome o);

/* The number of the user who logged in, whatever that one has become since; NULL: nobody did, as at boot. */
const char *who_logged_in(struct kpatch *k);

/* Reports that memory is exhausted. */
enum outcome path_too_long(struct kpatch *k);

/* OUTCOME_OK for root; else OUTCOME_PERMISSION with the diagnostic "needs-root". */
enum outcome need_root(struct kpatch *k, const char *command);

/* The more serious of two outcomes of parts of one run: the first that is not OUTCOME_OK. */
enum outcome worse(enum outcome a, enum outcome b);

#endif
