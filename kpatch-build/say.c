/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a build says while it works, how far it has come, what was wrong, and how a failed one ends: see build.h. All of it
 * goes to standard error. Only the program's first thread speaks.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "lib/util/diag.h"
#include "lib/util/text.h"

#define CLEAR_LINE "\r\033[K"
#define COLUMNS_MAX 200

double build_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void build_progress_end(struct build *b)
{
	if (b->shown.on_line)
		fputs(CLEAR_LINE, b->progress);
	b->shown.on_line = false;
}

void build_say(struct build *b, const char *fmt, ...)
{
	va_list ap;

	if (!b->progress)
		return;
	build_progress_end(b);
	va_start(ap, fmt);
	vfprintf(b->progress, fmt, ap);
	va_end(ap);
	fputc('\n', b->progress);
	fflush(b->progress);
}

/* Columns that the terminal has for a line which must not wrap, or none are known. */
static size_t columns(FILE *f)
{
	struct winsize size = { .ws_col = 0 };

	if (ioctl(fileno(f), TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
		return 79;
	return size.ws_col - 1 < COLUMNS_MAX ? size.ws_col - 1 : COLUMNS_MAX;
}

/* "compile 12/38  net/ipv4/tcp_input.o  14 s": the elapsed time stays when the rest is too long for the terminal. */
static void show_line(struct build *b, size_t done, size_t total, const char *what, long elapsed)
{
	char left[COLUMNS_MAX + 1], right[32];
	size_t room = columns(b->progress);
	int n = snprintf(right, sizeof(right), "  %ld s", elapsed);

	room = room > (size_t)n ? room - (size_t)n : 0;
	if (total > 1)
		snprintf(left, sizeof(left), "%s %zu/%zu%s%s", b->shown.stage, done, total, *what ? "  " : "",
			 what);
	else
		snprintf(left, sizeof(left), "%s%s%s", b->shown.stage, *what ? "  " : "", what);
	if (strlen(left) > room)
		left[room] = '\0';
	fputs(CLEAR_LINE, b->progress);
	text_print(b->progress, left);
	fputs(right, b->progress);
	fflush(b->progress);
	b->shown.on_line = true;
}

void build_progress(struct build *b, size_t done, size_t total, const char *what)
{
	struct progress *p = &b->shown;
	long elapsed = (long)(build_clock() - b->started);

	if (!b->progress || !p->stage || !isatty(fileno(b->progress)))
		return;
	if (p->of_total) {
		done += p->of_done;
		total = p->of_total;
	}
	/* it is asked ten times a second */
	if (p->on_line && p->done == done && p->elapsed == elapsed && p->what == what)
		return;
	p->done = done;
	p->elapsed = elapsed;
	p->what = what;
	show_line(b, done, total, what ? what : "", elapsed);
}

void build_progress_within(struct build *b, size_t done, size_t total)
{
	b->shown.of_done = done;
	b->shown.of_total = total;
}

void build_stage(struct build *b, const char *stage, bool in_rounds)
{
	b->shown.stage = stage;
	b->shown.elapsed = -1; /* a new line, whatever stands there */
	build_progress_within(b, 0, 0);
	if (!b->progress)
		return;
	if (isatty(fileno(b->progress)))
		build_progress(b, 0, 0, NULL);
	else if (!in_rounds && !b->options.verbose) /* which says it when a stage is through */
		build_say(b, "%4ld s  %s", (long)(build_clock() - b->started), stage);
}

void build_print_diags(struct build *b, size_t *printed)
{
	if (*printed < diags_count(b->diags) && b->progress)
		build_progress_end(b);
	for (; *printed < diags_count(b->diags); (*printed)++) {
		const struct diag *d = diags_get(b->diags, *printed);

		if (d->severity == DIAG_NOTE && b->options.quiet)
			continue;
		if (b->options.diagnostics_json)
			diag_print_json(stderr, d);
		else
			diag_print(stderr, d);
	}
}

int build_fails_as(struct build *b, enum exit_kind kind)
{
	if (!b->fails_as)
		b->fails_as = kind;
	return -EINVAL;
}
