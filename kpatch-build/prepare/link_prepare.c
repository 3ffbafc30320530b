// SPDX-License-Identifier: GPL-2.0-only
/*
 * Once for each kernel: has Kbuild make a module of a few lines outside of the prepared tree, reads
 * off the commands, checks that the result would load (vermagic), and compiles the runtime.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "kpatch-build/kernel/kernel.h"
#include "kpatch-build/prepare/kbuild.h"
#include "kpatch-build/prepare/link_prepare.h"
#include "kpatch-build/prepare/link_tools.h"
#include "lib/kernel/files/module.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"

/* Long and odd enough to be recognized wherever it stands in a command. */
#define PROBE_NAME "kpatch_probe_module"

static const char probe_source[] = "#include <linux/module.h>\n"
				   "static int __init probe(void)\n"
				   "{\n"
				   "\treturn 0;\n"
				   "}\n"
				   "module_init(probe);\n"
				   "MODULE_LICENSE(\"GPL\");\n"
				   "MODULE_DESCRIPTION(\"probe\");\n";

static int write_probe(const char *source, const char *kbuild)
{
	static const char rule[] = "obj-m := " PROBE_NAME ".o\n";
	int ret = file_write(source, probe_source, strlen(probe_source), 0644);

	return ret ? ret : file_write(kbuild, rule, strlen(rule), 0644);
}

static int make_probe(struct build *b, const char *tree, const char *dir)
{
	const char *pahole = arena_printf(b->arena, "%s/pahole", b->kernel.entry);
	const char *const words[] = {
		"make",
		"-s",
		arena_printf(b->arena, "CC=%s", b->kernel.cc),
		arena_printf(b->arena, "KERNELRELEASE=%s", b->kernel.release),
		arena_printf(b->arena, "M=%s", dir),
		"modules",
		/* else it warns of another version than at prepare */
		file_is_regular(pahole) ? arena_printf(b->arena, "PAHOLE=%s", pahole) : NULL,
		b->kernel.make_arch,
		b->kernel.make_cross,
	};
	struct words argv = { 0 }, env = { 0 }; /* the top Makefile finds the rest itself */

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i])
			words_add(b->arena, &argv, words[i]);
	build_environment(b, &env);
	return tool_run(b, "probe-module", argv.word, tree, env.word);
}

/* modpost -w accepts every symbol, which is how Kbuild copes without Module.symvers. */
static int check_modpost(struct build *b, const struct words *modpost)
{
	size_t i;

	for (i = 0; i < modpost->n; i++) {
		if (!strcmp(modpost->word[i], "-w")) {
			diag_error(b->diags, "symvers-missing", diag_file(b->kernel.symvers_path),
				   "Name the Module.symvers of this kernel's headers with --symvers",
				   "the prepared tree has no Module.symvers");
			return -EINVAL;
		}
	}
	return 0;
}

/* A source version would need the dependency files of all sources. */
static void drop_source_version(struct words *modpost)
{
	size_t i, n = 0;

	for (i = 0; i < modpost->n; i++)
		if (strcmp(modpost->word[i], "-a"))
			modpost->word[n++] = modpost->word[i];
	modpost->n = n;
	modpost->word[n] = NULL;
}

/*
 * Kbuild runs objtool on the object of one source file unless the kernel has IBT or LTO; a patch is
 * linked from several, which objtool wants to be told; but not the older one that has subcommands.
 */
static void add_link_option(struct arena *a, struct words *objtool)
{
	struct words words = { 0 };
	size_t i;

	for (i = 0; i < objtool->n; i++)
		if (!strcmp(objtool->word[i], "--link") || (i == 1 && *objtool->word[i] != '-'))
			return;
	for (i = 0; i < objtool->n; i++) {
		words_add(a, &words, objtool->word[i]);
		if (i == 0)
			words_add(a, &words, "--link");
	}
	*objtool = words;
}

/*
 * Objects that Kbuild links into every module (.module-common.o) are kept as they are:
 * "@DIR@/.module-common.o" becomes "@RUNTIME@/.module-common.o".
 */
static int keep_common_objects(struct build *b, struct words *ld, const char *dir, const char *runtime)
{
	size_t i;
	int ret = 0;

	for (i = 1; !ret && i < ld->n; i++) {
		const char *word = ld->word[i], *base, *from, *to;
		size_t length = strlen(word);

		if (strncmp(word, "@DIR@/", 6) || strstr(word, "@NAME@") || length < 2 ||
		    strcmp(word + length - 2, ".o"))
			continue;
		base = path_base(word);
		from = arena_printf(b->arena, "%s/%s", dir, base);
		to = arena_printf(b->arena, "%s/%s", runtime, base);
		ld->word[i] = arena_printf(b->arena, "@RUNTIME@/%s", base);
		ret = file_copy(from, to, 0644);
	}
	return ret;
}

int link_ask_objtool(struct build *b, const struct command_places *places, struct words *objtool)
{
	const char *object = arena_printf(b->arena, "%s/%s.o", places->dir, places->name);
	struct kbuild_object how = { 0 };
	int ret = kbuild_load_environment(b);

	if (!ret && unlink(object)) /* one that is there would be up to date */
		ret = -errno;
	if (!ret)
		ret = kbuild_read_object(b, places->dir, object, &how);
	b->kernel.env = NULL;
	*objtool = how.objtool;
	if (!ret && !how.objtool.n)
		ret = -ENOENT;
	if (!ret)
		words_add(b->arena, objtool, "@DIR@/@NAME@.o");
	return ret;
}

static int learn_commands(struct build *b, const struct command_places *places,
			  struct module_commands *commands)
{
	const char *what = "";
	int ret = commands_learn(b->arena, places, commands, &what);

	if (!ret && !commands->tool[TOOL_OBJTOOL].n && b->kernel.has_objtool) {
		what = "objtool";
		ret = link_ask_objtool(b, places, &commands->tool[TOOL_OBJTOOL]);
	}
	/* Kbuild does not say so in what it notes down of the object */
	if (!ret && b->kernel.has_recordmcount)
		words_add_list(b->arena, &commands->tool[TOOL_OBJTOOL],
			       "@TREE@/scripts/recordmcount @DIR@/@NAME@.o");
	if (ret)
		diag_error(b->diags, "module-commands", diag_file(places->dir),
			   "kpatch-build does not know this kernel's Kbuild: please report it",
			   "the command '%s' of a module's build was not understood", what);
	if (!ret)
		ret = check_modpost(b, &commands->tool[TOOL_MODPOST]);
	if (!ret && b->kernel.has_objtool)
		add_link_option(b->arena, &commands->tool[TOOL_OBJTOOL]);
	if (ret)
		return ret;
	drop_source_version(&commands->tool[TOOL_MODPOST]);
	return keep_common_objects(b, &commands->tool[TOOL_LD], places->dir, places->runtime);
}

/* Whether the kernel clears klp relocations itself, asked of the tree: backports count. */
static bool kernel_clears(struct build *b, const char *tree)
{
	char *path = arena_printf(b->arena, "%s/include/linux/moduleloader.h", tree), *text;

	return !file_read(b->arena, path, &text, NULL) && strstr(text, "clear_relocate_add");
}

int runtime_compile(struct build *b, const struct module_commands *commands,
		    const struct command_places *places, const char *object)
{
	char *source = arena_printf(b->arena, "%s/kpatch-runtime.c", b->options.data_dir);

	return tool_compile(b, commands, places, source, object,
			    kernel_clears(b, places->tree) ? "-DKPATCH_KERNEL_CLEARS=1" : NULL);
}

/* Copies of what the runtime was made from, so that a build can tell when they change. */
static int keep_sources(struct build *b, const char *runtime)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && runtime_sources[i]; i++) {
		char *from = arena_printf(b->arena, "%s/%s", b->options.data_dir, runtime_sources[i]);
		char *to = arena_printf(b->arena, "%s/%s", runtime, runtime_sources[i]);

		ret = file_copy(from, to, 0644);
	}
	return ret;
}

const char *const runtime_sources[] = { "kpatch-runtime.c", "kpatch-abi.h", NULL };

/*
 * Compares the probe's vermagic with that of the kernel's own modules, and notes it down for the
 * self-check of every patch. A kernel without modules has nothing to compare with.
 */
static int note_vermagic(struct build *b, const struct command_places *places)
{
	char *probe_path = arena_printf(b->arena, "%s/" PROBE_NAME ".ko", places->dir);
	char *note = arena_printf(b->arena, "%s/vermagic", places->runtime);
	struct kmodule *own = NULL, *probe = NULL;
	int ret = kernel_open_module(b, &own);

	if (!ret || ret == -ENOENT)
		ret = kmodule_open(probe_path, b->diags, &probe);
	if (!ret && (!probe->vermagic || (own && strcmp(own->vermagic, probe->vermagic)))) {
		diag_error(b->diags, "vermagic-mismatch", diag_file(own ? own->path : probe_path),
			   "Use the source and configuration of exactly this kernel",
			   "the kernel's modules have vermagic '%s', ours would have '%s'",
			   own ? own->vermagic : "?", probe->vermagic ? probe->vermagic : "?");
		ret = -EINVAL;
	}
	if (!ret)
		ret = file_write(note, probe->vermagic, strlen(probe->vermagic), 0644);
	kmodule_free(own);
	kmodule_free(probe);
	return ret;
}

int prepare_link(struct build *b, const char *tree, const char *runtime)
{
	char *source = build_work_path(b, "probe/%s.c", PROBE_NAME);
	char *kbuild = build_work_path(b, "probe/Kbuild");
	char *dir;
	char *list = arena_printf(b->arena, "%s/commands", runtime);
	char *object = arena_printf(b->arena, "%s/kpatch-runtime.o", runtime);
	struct command_places places = { .name = PROBE_NAME, .tree = tree, .runtime = runtime };
	struct module_commands commands;
	int ret;

	if (!source || !kbuild)
		return -EIO;
	dir = path_directory(b->arena, source);
	places.dir = dir;
	ret = write_probe(source, kbuild);
	if (!ret)
		ret = make_probe(b, tree, dir);
	if (!ret)
		ret = learn_commands(b, &places, &commands);
	if (!ret)
		ret = commands_write(b->arena, &commands, list);
	if (!ret)
		ret = note_vermagic(b, &places);
	if (!ret)
		ret = keep_sources(b, runtime);
	if (!ret)
		ret = runtime_compile(b, &commands, &places, object);
	directory_remove(dir);
	return ret;
}
