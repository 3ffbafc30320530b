/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the compiler said, told to the user: failures, warnings that mean wrong code, warnings of the patch.
 */
#include "kpatch-build/compile/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/process.h"

/* What the compiler printed, cut to a length that a person reads. */
const char *compile_output(struct build *b, const struct command *c)
{
	char *text;

	if (file_read(b->arena, c->out, &text, NULL))
		return "";
	return strlen(text) > 6000 ? arena_printf(b->arena, "%.6000s…", text) : text;
}

void compile_report_failure(struct build *b, const struct compile_job *job, enum variant variant,
			    const struct command *c)
{
	const char *object = job->unit.object, *through = job->unit.through;

	if (variant == PATCHED) {
		diag_error(b->diags, "compile-failed", diag_file(job->unit.source), "Correct the patch",
			   "with the patch this%s%s%s does not compile (exit code %d):\n%s",
			   through ? ", which includes " : "", through ? through : "", through ? "," : "",
			   c->status, compile_output(b, c));
		return;
	}
	build_fails_as(b, EXIT_KERNEL);
	diag_error(b->diags, "compile-failed-unpatched", diag_file(object),
		   "Check that source, configuration and compiler are the kernel's",
		   "without the patch this does not compile (exit code %d):\n%s", c->status,
		   compile_output(b, c));
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* Warnings that are errors in all but name: the code does something else than it says. */
static const char *means_wrong_code(const char *original, const char *patched)
{
	static const char *const options[] = {
		"[-Wint-conversion]", "[-Wincompatible-pointer-types]", "[-Wimplicit-function-declaration]",
		"[-Wimplicit-int]",   "[-Wint-to-pointer-cast]",	"[-Wpointer-to-int-cast]",
		"[-Wuninitialized]",  "[-Wreturn-local-addr]",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (count(patched, options[i]) > count(original, options[i]))
			return options[i];
	return NULL;
}

void compile_refuse_wrong_code(struct build *b, const struct compile_job *job, const struct command *original,
			       const struct command *patched)
{
	char *was = NULL, *is = NULL;
	const char *option;

	if (file_read(b->arena, patched->out, &is, NULL) || !*is)
		return;
	if (file_read(b->arena, original->out, &was, NULL))
		was = NULL;
	option = means_wrong_code(was ? was : "", is);
	if (option)
		diag_error(b->diags, "compiler-warning-wrong-code", diag_file(job->unit.source),
			   "Correct the patch: is a part of it missing, as a header?",
			   "with the patch the compiler warns of what cannot be right %s:\n%s", option,
			   compile_output(b, patched));
}

bool compile_report_warnings(struct build *b, const struct compile_job *job, const struct command *original,
			     const struct command *patched)
{
	const char *text = compile_output(b, patched);

	if (!*text || !strcmp(text, compile_output(b, original)))
		return false;
	diag_warning(b->diags, "compiler-warning", diag_file(job->unit.source), NULL,
		     "the compiler says:\n%s", text);
	return true;
}
