// SPDX-License-Identifier: GPL-2.0-only
/*
 * What prepare makes of a tree: the configuration that is put back (config.c), the commands that Kbuild leaves behind
 * (link_commands.c), and what its makefiles say (kbuild.c, owner.c), on small trees of its own: prepared DIRECTORY, an empty one.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "kpatch-build/prepare/config.h"
#include "kpatch-build/prepare/kbuild.h"
#include "kpatch-build/prepare/link_commands.h"
#include "kpatch-build/prepare/link_prepare.h"
#include "kpatch-build/prepare/owner.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/image.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/process.h"
#include "lib/util/strmap.h"
#include "test/unit/tap.h"

static struct build b;

static char *in_tree(const char *path)
{
	return arena_printf(b.arena, "%s/%s", b.kernel.tree, path);
}

static void put(const char *path, const char *text)
{
	char *to = in_tree(path);

	if (directory_make_above(to, 0777) || file_write(to, text, strlen(text), 0666))
		exit(2);
}

static const char *get(const char *path)
{
	char *text;

	return file_read(b.arena, in_tree(path), &text, NULL) ? "(none)" : text;
}

#define SAME "CONFIG_A=y\nCONFIG_HEX=10\n"
#define AUTOCONF "#define CONFIG_A 1\n#define CONFIG_HEX 0x10\n"

/* A tree as make leaves it without a Rust compiler. */
static void make_tree(const char *more)
{
	put(".config", "# CONFIG_OLD is not set\n" SAME "CONFIG_RUSTC_VERSION=0\nCONFIG_NEW=y\n");
	put("include/config/auto.conf", SAME "CONFIG_TEXT=some text\nCONFIG_RUSTC_VERSION=0\nCONFIG_NEW=y\n");
	put("include/generated/autoconf.h",
	    AUTOCONF "#define CONFIG_RUSTC_VERSION 0\n#define CONFIG_NEW 1\n");
	put("Makefile", "ifdef CONFIG_RUST\nprepare: rust\nendif\nifdef CONFIG_FLAGS_TOO\nendif\n");
	put("arch/x86/Makefile", "ifdef CONFIG_FLAGS\nKBUILD_CFLAGS += -mfoo\nendif\n");
	put("wanted",
	    arena_printf(b.arena,
			 SAME "CONFIG_RUST=y\nCONFIG_RUSTC_VERSION=108501\nCONFIG_QR_URL=\"a \\\"b\\\" c\"\n"
			      "CONFIG_PHY=m\n%s",
			 more));
	b.kernel.config = in_tree("wanted");
}

static void test_restored(void)
{
	make_tree("");
	ok_number(config_restore(&b, b.kernel.tree), 0, "what make dropped is put back");
	ok_string(diags_get(b.diags, diags_count(b.diags) - 1)->id, "config-restored", "and said");
	ok_string(get(".config"), get("wanted"), ".config is the kernel's");
	ok_string(
		get("include/config/auto.conf"),
		SAME
		"CONFIG_TEXT=some text\nCONFIG_RUST=y\nCONFIG_RUSTC_VERSION=108501\nCONFIG_QR_URL=a \"b\" c\n"
		"CONFIG_PHY=m\n",
		"auto.conf: strings without quotes, as the others there; what is not the kernel's is gone");
	ok_string(get("include/generated/autoconf.h"),
		  AUTOCONF "#define CONFIG_RUST 1\n#define CONFIG_RUSTC_VERSION 108501\n"
			   "#define CONFIG_QR_URL \"a \\\"b\\\" c\"\n#define CONFIG_PHY_MODULE 1\n",
		  "autoconf.h: y, a number, a string and m; a number in make's own form stays");
}

static void test_quoted(void)
{
	make_tree("");
	put("include/config/auto.conf", SAME "CONFIG_TEXT=\"some text\"\n");
	ok_number(config_restore(&b, b.kernel.tree), 0, "auto.conf of older kernels");
	ok_string(get("include/config/auto.conf"),
		  SAME "CONFIG_TEXT=\"some text\"\nCONFIG_RUST=y\nCONFIG_RUSTC_VERSION=108501\n"
		       "CONFIG_QR_URL=\"a \\\"b\\\" c\"\nCONFIG_PHY=m\n",
		  "has strings as .config has them");
}

/* A source without some patch lacks that patch's options, which no tool brings back. */
static void test_unknown(void)
{
	make_tree("CONFIG_PREEMPT_LAZY=y\n");
	put("lib/Kconfig", "config RUST\n\tbool\nmenuconfig PHY\n\ttristate\n  config QR_URL\n\tstring\n");
	put("init/Kconfig.rust", "config RUSTC_VERSION\n\tint\nconfig PREEMPT_LAZY_TOO\n");
	ok_number(config_restore(&b, b.kernel.tree), 0, "an option that the source does not have");
	ok_string(get("../unknown_options"), "CONFIG_PREEMPT_LAZY\n", "alone is noted down");
	config_warn(&b);
	ok_string(diags_get(b.diags, diags_count(b.diags) - 1)->id, "config-changed",
		  "for each build to say");
	unlink(in_tree("../unknown_options"));
	make_tree("");
	ok(!config_restore(&b, b.kernel.tree) && !strcmp(get("../unknown_options"), "(none)"),
	   "not those that a tool would bring");
}

static void test_unchanged(void)
{
	size_t said = diags_count(b.diags);

	put(".config", "#\n" SAME);
	put("wanted", SAME "# CONFIG_B is not set\n");
	ok_number(config_restore(&b, b.kernel.tree), 0, "a configuration that came through");
	ok_string(get(".config"), "#\n" SAME, "nothing is written");
	ok_number((long long)diags_count(b.diags), (long long)said, "or said");
}

static void test_lost(void)
{
	make_tree("CONFIG_FLAGS=y\n");
	ok_number(config_restore(&b, b.kernel.tree), -EINVAL,
		  "an option that chooses flags cannot be put back");
	ok_string(diags_get(b.diags, diags_count(b.diags) - 1)->id, "config-lost", "id");
	ok(strstr(get(".config"), "CONFIG_RUSTC_VERSION=0"), "nothing is written");
	make_tree("CONFIG_FLAG=y\n");
	ok_number(config_restore(&b, b.kernel.tree), 0, "a name that is part of such a one's is another");
}

#define CMD(target, command) "savedcmd_" target " := " command "\n"

/* Kbuild since 6.13 works in the module's directory and calls its files by their names. */
static void test_commands(const char *dir, bool inside)
{
	const char *at = inside ? "" : arena_printf(b.arena, "%s/", dir);
	struct command_places places = { dir, "probe", b.kernel.tree, "/runtime" };
	struct module_commands commands = { 0 };
	const char *what = "", *text = "";
	const struct {
		const char *name, *command;
	} files[] = {
		{ "probe.o", "gcc -I./include -DMODULE -c -o %1$sprobe.o %1$sprobe.c" },
		{ "Module.symvers",
		  "modpost -o %1$sModule.symvers -T %1$smodules.order -i Module.symvers.in" },
		{ "probe.mod.o", "gcc -c -o %1$sprobe.mod.o %1$sprobe.mod.c" },
		{ "probe.ko",
		  "ld -r -m elf_x86_64 -o %1$sprobe.ko %1$sprobe.o %1$sprobe.mod.o %1$s.module-common.o" },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char command[256];

		snprintf(command, sizeof(command), files[i].command, at);
		put(arena_printf(b.arena, "module/.%s.cmd", files[i].name),
		    arena_printf(b.arena, CMD("%s%s", "%s"), at, files[i].name, command));
		put(arena_printf(b.arena, "module/%s", files[i].name), "");
	}
	for (const char *const *f =
		     (const char *const[]){ "probe.c", "probe.mod.c", ".module-common.o", NULL };
	     *f; f++)
		put(arena_printf(b.arena, "module/%s", *f), "");
	ok(!commands_learn(b.arena, &places, &commands, &what), "commands, files called by %s",
	   inside ? "name" : "path");
	for (size_t i = 0; i < commands.tool[TOOL_LD].n; i++)
		text = arena_printf(b.arena, "%s %s", text, commands.tool[TOOL_LD].word[i]);
	ok_string(
		text,
		" ld -r -m elf_x86_64 -o @DIR@/@NAME@.ko @DIR@/@NAME@.o @DIR@/@NAME@.mod.o @DIR@/.module-common.o",
		"the link's");
	ok_string(commands.tool[TOOL_CC].word[5], "@DIR@/@NAME@.o", "the compiler's output");
	ok_string(commands.tool[TOOL_MODPOST].word[2], "@DIR@/Module.symvers", "modpost's");
	ok_string(commands.tool[TOOL_MODPOST].word[6], "Module.symvers.in",
		  "a word that is no file there stays");
}

/* What all forms of Kbuild have in common, as far as the query looks at it. */
#define MAKEFILE_BUILD                                                                                       \
	"include $(firstword $(wildcard $(obj)/Kbuild $(obj)/Makefile))\n"                                   \
	"real-obj-y := $(addprefix $(obj)/,$(patsubst %/,%/built-in.a,$(obj-y)))\n"                          \
	"obj-m := $(addprefix $(obj)/,$(obj-m))\n"                                                           \
	"CC := gcc\n"                                                                                        \
	"c_flags = -O2\n"                                                                                    \
	"$(obj)/%.o: $(obj)/%.c\n\t$(rule_cc_o_c)\n"

/* Until 6.1 the top Makefile has the list of directories, and until 5.18 only the command itself says what objtool is to do. */
static void make_older_kbuild(const char *cmd_objtool)
{
	put("Makefile", "export KBUILD_VMLINUX_OBJS := fs/built-in.a drivers/built-in.a\n"
			"init/main.o:\n\t@$(MAKE) $(build)=init\n");
	put("Kbuild", "");
	put("scripts/Makefile.build",
	    arena_printf(b.arena, "%scmd_objtool = $(if $(filter $@,$(no-objtool)),,%s)\n", MAKEFILE_BUILD,
			 cmd_objtool));
}

static void make_newer_kbuild(void)
{
	put("Makefile",
	    "export KBUILD_VMLINUX_OBJS := ./built-in.a\ninit/main.o:\n\t@$(MAKE) $(build)=init\n");
	put("Kbuild", "obj-y := fs/ drivers/\n");
	put("scripts/Makefile.build", MAKEFILE_BUILD "objtool-enabled = $(if $(filter $@,$(no-objtool)),,y)\n"
						     "objtool := tools/objtool\n"
						     "objtool-args = --orc\n"
						     "cmd_objtool = $(if $(objtool-enabled), ; wrong $@)\n");
}

static void make_sources(void)
{
	put("fs/Makefile", "obj-y := proc/\n");
	put("fs/proc/Makefile", "obj-y := x.o quiet.o\nno-objtool := fs/proc/quiet.o\n");
	put("fs/proc/x.c", "");
	put("fs/proc/quiet.c", "");
	put("fs/nfsd/Makefile", "obj-m := nfsd.o single.o\nnfsd-y := a.o\nnfsd-m := b.o\nnfsd-objs := c.o\n");
	put("samples/Makefile", "obj-y := y.o\n");
	put("../foreign", "");
}

static const char *joined(const struct words *w)
{
	const char *text = "";

	for (size_t i = 0; i < w->n; i++)
		text = arena_printf(b.arena, "%s %s", text, w->word[i]);
	return text;
}

static void test_kbuild(const char *form, const char *objtool)
{
	const struct kbuild_directory *d = NULL;
	struct kbuild_object x = { 0 }, quiet = { 0 };
	struct owners owners = { 0 };
	struct words make = { 0 };

	make_sources();
	strmap_free(b.directories);
	b.directories = NULL;
	b.pristine = b.kernel.tree;
	words_add(b.arena, &make, "make");
	directory_remove(arena_printf(b.arena, "%s/lists", b.kernel.entry));
	ok(!kbuild_learn_environment(&b, b.kernel.tree, b.kernel.entry, &make) &&
		   !kbuild_load_environment(&b),
	   "the makefiles of %s are run", form);
	ok(!owners_find(&b, "fs/proc/x.o", &owners) && owners.n == 1 &&
		   !strcmp(owners.owner[0].name, "vmlinux"),
	   "%s: an object of vmlinux", form);
	ok(!owners_find(&b, "samples/y.o", &owners) && !owners.n, "%s: one whose directory is not linked",
	   form);
	ok(!kbuild_read_directory(&b, "fs/nfsd", &d) && d && d->n_modules == 2, "%s: two modules", form);
	ok_string(d ? joined(&d->modules[0].parts) : "", " fs/nfsd/c.o fs/nfsd/a.o fs/nfsd/b.o",
		  "the parts of one");
	ok_string(d ? joined(&d->modules[1].parts) : "", " fs/nfsd/single.o", "one of a single object");
	ok(!kbuild_read_object(&b, "fs/proc", "fs/proc/x.o", &x) &&
		   !kbuild_read_object(&b, "fs/proc", "fs/proc/quiet.o", &quiet),
	   "%s: commands of two objects", form);
	ok_string(joined(&x.cc), " gcc -O2", "the compiler's");
	ok_string(joined(&x.objtool), objtool, "objtool's");
	ok_string(joined(&quiet.objtool), "", "none where Kbuild calls none");
}

/* Of a module's object that is there already. */
static void test_asked_objtool(void)
{
	struct command_places places = { in_tree("module"), "probe", b.kernel.tree, "/runtime" };
	struct words objtool = { 0 };

	put("module/Makefile", "obj-m := probe.o\n");
	put("module/probe.c", "");
	put("module/probe.o", "");
	b.pristine = NULL;
	ok_number(link_ask_objtool(&b, &places, &objtool), 0, "objtool's call is asked of the makefiles");
	ok_string(joined(&objtool), " tools/objtool orc generate @DIR@/@NAME@.o",
		  "with its options, for any module");
	put("module/Makefile", "obj-m := probe.o\nno-objtool := $(obj)/probe.o\n");
	put("module/probe.o", "");
	ok_number(link_ask_objtool(&b, &places, &objtool), -ENOENT, "no call, no guess");
}

/* KBUILD_CPPFLAGS as learned of a kernel with @size bytes of @rodata, whose makefiles export @flags. */
static const char *cppflags(const char *flags, const char *rodata, size_t size)
{
	struct elf_section sections[] = {
		{ .name = "" },
		{ .name = ".rodata", .size = size, .data = (const uint8_t *)rodata },
	};
	struct kimage image = { .sections = sections, .n_sections = 2 };
	struct words make = { 0 };

	b.image = &image;
	put("Makefile",
	    arena_printf(b.arena, "export KBUILD_CPPFLAGS := %s\ninit/main.o:\n\t@$(MAKE) $(build)=init\n",
			 flags));
	words_add(b.arena, &make, "make");
	if (kbuild_learn_environment(&b, b.kernel.tree, b.kernel.entry, &make) || kbuild_load_environment(&b))
		return "(nothing)";
	b.image = NULL;
	for (const char *const *env = b.kernel.env; *env; env++)
		if (!strncmp(*env, "KBUILD_CPPFLAGS=", 16))
			return *env + 16;
	return "(none)";
}

/* Debian builds outside of the source, and 7.x has a flag for that; a build in the source has none. */
static void test_prefix_map(void)
{
	static const char outside[] = "text\0include/linux/fs.h",
			  inside[] = "text\0./include/linux/fs.h\0include/linux/fs.h";

	ok_string(cppflags("-DA", outside, sizeof(outside)), "-DA -fmacro-prefix-map=./=",
		  "a kernel whose strings name headers without ./ gets the flag for that");
	ok_string(cppflags("-DA", inside, sizeof(inside)), "-DA", "one with ./ does not");
	ok_string(cppflags("-DA", "text", 5), "-DA", "nor one that names none");
	ok_string(cppflags("-fmacro-prefix-map=x=", outside, sizeof(outside)),
		  "-fmacro-prefix-map=x=", "nor one whose makefiles have such a flag");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	b.arena = arena_new();
	b.diags = diags_new();
	b.kernel.arch = arch_named("x86_64");
	b.kernel.entry = argv[1];
	b.work = argv[1];
	b.options.jobs = 1;
	if (monitor_new(&b.monitor))
		return 2;
	b.kernel.tree = arena_printf(b.arena, "%s/tree", argv[1]);
	test_restored();
	test_quoted();
	test_unknown();
	test_unchanged();
	test_lost();
	test_commands(in_tree("module"), false);
	test_commands(in_tree("module"), true);
	b.kernel.tree = arena_printf(b.arena, "%s/kbuild", argv[1]);
	make_older_kbuild("tools/objtool orc generate --no-fp $@");
	test_kbuild("5.10", " tools/objtool orc generate --no-fp");
	make_older_kbuild(" ; tools/objtool orc generate $@");
	test_kbuild("5.15", " tools/objtool orc generate");
	test_asked_objtool();
	make_newer_kbuild();
	test_kbuild("6.1", " tools/objtool --orc");
	test_prefix_map();
	strmap_free(b.directories);
	monitor_free(b.monitor);
	diags_free(b.diags);
	arena_free(b.arena);
	return tap_done();
}
