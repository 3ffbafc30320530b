/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the tools that make a module, and judges what they say.
 */
#ifndef KPATCH_BUILD_LINK_TOOLS_H
#define KPATCH_BUILD_LINK_TOOLS_H

#include "kpatch-build/prepare/link_commands.h"

struct build;

/*
 * Runs @argv in the prepared tree @cwd. @id names the diagnostics: a tool that fails, or one that
 * says anything at all when it should have been silent, is an error with the lines that it said.
 * 0, -EINVAL (the tool objects), other -errno.
 */
int tool_run(struct build *b, const char *id, const char *const *argv, const char *cwd,
	     const char *const *env);

/* The same for a learned command. */
int tool_replay(struct build *b, const char *id, const struct words *words,
		const struct command_places *places);

/*
 * Compiles @source into @object with the flags of a module's object (no objtool, no debug
 * information) and @define, if not NULL, as one more argument.
 */
int tool_compile(struct build *b, const struct module_commands *commands, const struct command_places *places,
		 const char *source, const char *object, const char *define);

#endif
