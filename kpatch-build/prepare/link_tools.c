// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs compilers, linkers, objtool and modpost for the link stage. What they print becomes
 * diagnostics, a line each; nothing else is kept of it.
 */
#include "kpatch-build/prepare/link_tools.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"

#define MAX_LINES 20

/*
 * Lines that may be ignored. A warning of objtool or modpost is about code that will run in
 * somebody's kernel, so each of these needs a reason.
 */
static bool harmless(const char *line)
{
	/* Kbuild, when a kernel's configuration asks for BTF of modules: there is no vmlinux here. */
	return strstr(line, "Skipping BTF generation for") &&
	       strstr(line, "due to unavailability of vmlinux");
}

/* One diagnostic a line. Returns how many lines were not harmless. */
static size_t report_output(struct build *b, const char *id, const char *tool, char *text)
{
	size_t n = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		if (!*line || harmless(line))
			continue;
		if (n++ < MAX_LINES)
			diag_error(b->diags, id, diag_file(tool), NULL, "%s", line);
	}
	return n;
}

int tool_run(struct build *b, const char *id, const char *const *argv, const char *cwd,
	     const char *const *env)
{
	const char *tool = path_base(argv[0]);
	char *log = build_work_path(b, "module/%s.log", id), *text;
	int status, ret;

	if (!log)
		return -EIO;
	ret = build_run(b, argv, cwd, env, log, &status);
	if (!ret)
		ret = file_read(b->arena, log, &text, NULL);
	if (ret)
		return ret;
	if (report_output(b, id, tool, text))
		return -EINVAL;
	if (!status)
		return 0;
	diag_error(b->diags, id, diag_file(tool), NULL, "ended with status %d and said nothing", status);
	return -EINVAL;
}

int tool_replay(struct build *b, const char *id, const struct words *words,
		const struct command_places *places)
{
	const char **argv = commands_expand(b->arena, words, places);

	return tool_run(b, id, argv, places->tree, NULL);
}

int tool_compile(struct build *b, const struct module_commands *commands, const struct command_places *places,
		 const char *source, const char *object, const char *define)
{
	const struct words *learned = &commands->tool[TOOL_CC];
	struct words words = { 0 };
	size_t i;

	for (i = 0; i < learned->n; i++) {
		const char *word = learned->word[i];

		if (!strcmp(word, "@DIR@/@NAME@.c"))
			word = source;
		else if (!strcmp(word, "@DIR@/@NAME@.o"))
			word = object;
		words_add(b->arena, &words, word);
		if (i == 0 && define)
			words_add(b->arena, &words, define);
	}
	return tool_replay(b, "runtime-compile", &words, places);
}
