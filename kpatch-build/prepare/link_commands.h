/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands by which Kbuild makes a module, learned once from the .cmd files it leaves behind
 * and replayed for every patch. A learned command is a list of words; what changes from patch to
 * patch stands in them as @DIR@ (directory of the module's files), @NAME@ (its name with
 * underscores), @TREE@ (the prepared tree, also the working directory) and @RUNTIME@ (the
 * directory of learned things).
 */
#ifndef KPATCH_BUILD_LINK_COMMANDS_H
#define KPATCH_BUILD_LINK_COMMANDS_H

#include <stddef.h>

#include "lib/util/words.h"

struct arena;

enum module_tool {
	TOOL_CC,      /* compile @DIR@/@NAME@.c as part of a module; no objtool */
	TOOL_OBJTOOL, /* objtool over @DIR@/@NAME@.o; absent where the kernel has none */
	TOOL_MODPOST, /* modpost over the objects listed in @DIR@/modules.order */
	TOOL_CC_MOD,  /* compile @DIR@/@NAME@.mod.c, which modpost wrote */
	TOOL_LD,      /* link @DIR@/@NAME@.ko */
	N_MODULE_TOOLS,
};

struct module_commands {
	struct words tool[N_MODULE_TOOLS];
};

/* What the marks stand for in a replay, or stood for when the commands were learned. */
struct command_places {
	const char *dir, *name, *tree, *runtime;
};

/*
 * Takes the commands out of the .cmd files in @places->dir, where Kbuild made the module
 * @places->name. *what names the command that was not understood, on error.
 * 0, -ENOENT (a .cmd file is missing), -EBADMSG (shell syntax beyond words and quotes).
 */
int commands_learn(struct arena *a, const struct command_places *places, struct module_commands *out,
		   const char **what);

/* To and from a text file: "= tool", then one word a line behind a space. 0 or -errno. */
int commands_write(struct arena *a, const struct module_commands *c, const char *path);
int commands_read(struct arena *a, const char *path, struct module_commands *out);

/* The words of one command with every mark filled in, as an argument vector. */
const char **commands_expand(struct arena *a, const struct words *w, const struct command_places *places);

#endif
