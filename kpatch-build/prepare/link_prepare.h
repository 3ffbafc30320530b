/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the link stage needs of a kernel, made once with its tree: the commands, and the runtime.
 */
#ifndef KPATCH_BUILD_LINK_PREPARE_H
#define KPATCH_BUILD_LINK_PREPARE_H

struct build;

/*
 * Called once for a kernel, when its tree has been prepared and has the kernel's Module.symvers in
 * its root: has Kbuild make a small module outside of the tree, learns the commands from it, and
 * compiles the runtime. @tree: the prepared tree, read only here. @runtime: directory, which exists
 * and is empty, for the results: commands, kpatch-runtime.o, the sources it was made from. Both
 * may be moved afterwards. @release: passed to make as KERNELRELEASE. Returns 0 or -errno with
 * a diagnostic.
 */
int prepare_link(struct build *b, const char *tree, const char *runtime);

/* Compiles kmod/kpatch-runtime.c with the commands of a kernel. Files that it is made from. */
struct module_commands;
struct command_places;
int runtime_compile(struct build *b, const struct module_commands *commands,
		    const struct command_places *places, const char *object);
/*
 * The command TOOL_OBJTOOL of a kernel before 5.18, which calls objtool beside the compiler: no .cmd file tells, so the
 * makefiles are asked. Removes the object of the module in @places, because one that is there would be up to date. 0,
 * -ENOENT (they call none), or -errno.
 */
struct words;
int link_ask_objtool(struct build *b, const struct command_places *places, struct words *objtool);
extern const char *const runtime_sources[]; /* names in options.data_dir; ends with NULL */

#endif
