/* SPDX-License-Identifier: GPL-2.0-only */
/* What every command says in the same words: see kpatch.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "kpatch/kpatch.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/text.h"
#include "lib/util/xmalloc.h"

#define NO_LOGIN "4294967295" /* a daemon's; see proc(5) */

static bool is_silent(const struct kpatch *k)
{
	return k->options.quiet || k->options.format != FORMAT_TEXT;
}

void say(struct kpatch *k, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	if (is_silent(k))
		return;
	progress_end(k);
	va_start(ap, fmt);
	text = arena_vprintf(k->arena, fmt, ap);
	va_end(ap);
	text_print(k->out, text);
	fputc('\n', k->out);
	fflush(k->out);
}

bool progress_is_live(const struct kpatch *k)
{
	return isatty(fileno(k->err));
}

#define CLEAR_LINE "\r\033[K"

void say_progress(struct kpatch *k, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	if (is_silent(k))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	progress_end(k);
	text_print(k->err, text);
	k->progress_shown = progress_is_live(k);
	if (!k->progress_shown)
		fputc('\n', k->err);
	fflush(k->err);
}

void progress_end(struct kpatch *k)
{
	if (k->progress_shown)
		fputs(CLEAR_LINE, k->err);
	k->progress_shown = false;
}

const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {
		"ok",	     "system-error", "usage",	       "bad-file", "wrong-kernel",
		"not-found", "conflict",     "kernel-refused", "stalled",  "permission",
		"busy",	     "incomplete",   "interrupted",
	};

	return names[o];
}

/* The first error among the diagnostics from @first on, or NULL. */
static const struct diag *first_error(const struct kpatch *k, size_t first)
{
	for (size_t i = first; i < diags_count(k->diags); i++)
		if (diags_get(k->diags, i)->severity == DIAG_ERROR)
			return diags_get(k->diags, i);
	return NULL;
}

const char *who_logged_in(struct kpatch *k)
{
	char user[16];

	if (system_read(&k->system, user, sizeof(user), "/proc/self/loginuid") <= 0 ||
	    !strcmp(user, NO_LOGIN) || user[strspn(user, "0123456789")])
		return NULL;
	return arena_strdup(k->arena, user);
}

/* "ACTION PATCH: RESULT: WHY [ID], by user N": who logged in, whatever he has become since. */
static char *log_text(struct kpatch *k, const struct log_entry *e, const char *patch, const struct diag *why)
{
	const char *user = who_logged_in(k);
	char *text = NULL;
	size_t size;
	FILE *f = xopen_memstream(&text, &size);

	text_print(f, e->action);
	fputc(' ', f);
	text_print(f, patch);
	fprintf(f, ": %s", e->result);
	if (why) {
		fputs(": ", f);
		text_print(f, why->what);
		fprintf(f, " [%s]", why->id);
	}
	if (user)
		fprintf(f, ", by user %s", user);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

void log_action(struct kpatch *k, const char *action, const char *patch, size_t n_diags, enum outcome o)
{
	const struct diag *why = o ? first_error(k, n_diags) : NULL;
	struct log_entry e = { .priority = o ? LOG_ERR : LOG_INFO,
			       .action = action,
			       .result = outcome_name(o),
			       .id = why ? why->id : NULL };
	char *text;

	/* a line of the journal's protocol; what is printed of it is printed as text */
	e.patch = text_is_plain(patch, "._+~-/") ? patch : "?";
	e.message = text = log_text(k, &e, patch, why);
	if (text)
		k->system.calls->log(&k->system, &e);
	free(text);
}

enum outcome path_too_long(struct kpatch *k)
{
	diag_error(k->diags, "path-too-long", NULL, NULL, "a path that is needed is too long");
	return OUTCOME_SYSTEM;
}

enum outcome need_root(struct kpatch *k, const char *command)
{
	if (k->system.calls->euid(&k->system) == 0)
		return OUTCOME_OK;
	diag_error(k->diags, "needs-root", NULL, "Run it as root", "only root may %s", command);
	return OUTCOME_PERMISSION;
}

enum outcome worse(enum outcome a, enum outcome b)
{
	return a ? a : b;
}
