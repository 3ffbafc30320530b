/* SPDX-License-Identifier: GPL-2.0-only */
/* What every command says in the same words: see kpatch.h. */
#include <stdarg.h>
#include <unistd.h>

#include "kpatch/kpatch.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/text.h"

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
	text_print(k->out, text ? text : "out of memory");
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

enum outcome no_memory(struct kpatch *k)
{
	diag_error(k->diags, "no-memory", NULL, NULL, "out of memory");
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
