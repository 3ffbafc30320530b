// SPDX-License-Identifier: GPL-2.0-only
/* Which changes of build files and assembly change comments, help texts and blanks alone. */
#include "kpatch-build/plan/comments.h"

#include <stdlib.h>

#include "lib/util/arena.h"
#include "test/unit/tap.h"

/* Reads texts of exactly their size: a byte behind them is not ours. */
static const char *removed(struct arena *arena, const char *path, const char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	const char *out;

	if (!copy)
		return NULL;
	memcpy(copy, text, n);
	out = comments_removed(arena, path, copy, n);
	free(copy);
	return out;
}

static bool alike(const char *path, const char *a, const char *b)
{
	struct arena *arena = arena_new();
	const char *was = removed(arena, path, a), *is = removed(arena, path, b);
	bool yes = was && is && !strcmp(was, is);

	arena_free(arena);
	return yes;
}

static void same(const char *path, const char *name, const char *a, const char *b)
{
	ok(alike(path, a, b), "%s: %s is nothing", path, name);
}

static void differs(const char *path, const char *name, const char *a, const char *b)
{
	ok(!alike(path, a, b), "%s: %s is something", path, name);
}

static void test_kconfig(void)
{
	static const char file[] = "fs/Kconfig";

	same(file, "a comment", "config A\n\tbool\n", "# x\nconfig A\n  # y\n\tbool\n");
	same(file, "a help text", "config A\n\thelp\n\t  one\n\n\t  two\nconfig B\n",
	     "config A\n\thelp\n\t  other\n\t    select C\nconfig B\n");
	same(file, "indentation", "config A\n\tbool\n", "config A\n        bool  \n\n");
	differs(file, "what follows a help text", "config A\n\thelp\n\t  one\n\n\tdefault y\nconfig B\n",
		"config A\n\thelp\n\t  one\n\n\tdefault n\nconfig B\n");
	differs(file, "an option in front of it", "config A\n\tbool\n\thelp\n\t  x\n",
		"config A\n\tbool\n\tselect C\n\thelp\n\t  x\n");
	differs(file, "a help text that ends at once", "help\nconfig A\n", "help\nconfig B\n");
	differs(file, "a prompt with a #", "\tbool \"a # b\"\n", "\tbool \"a # c\"\n");
	differs(file, "the word help in a prompt", "\tbool \"help\"\n\t  default y\n",
		"\tbool \"help\"\n\t  default n\n");
}

static void test_makefile(void)
{
	static const char file[] = "fs/nfsd/Makefile";

	same(file, "a comment", "obj-y += a.o\n", "# a\n\nobj-y += a.o\n  # b\n");
	same(file, "blanks between words", "obj-y += a.o \\\n\tb.o\n", "obj-y  +=  a.o \\\n\t\tb.o\n");
	differs(file, "a comment that goes on", "# a\nobj-y += a.o\n", "# a \\\nobj-y += a.o\n");
	differs(file, "a line of it", "# a \\\nobj-y += a.o\n", "# a\nobj-y += a.o\n");
	differs(file, "a comment inside of a list", "o = a \\\n# b\nc = d\n", "o = a \\\nc = d\n");
	differs(file, "an empty line inside of a list", "o = a \\\n\nc\n", "o = a \\\nc\n");
	differs(file, "a recipe", "a:\n\t# x\n", "a:\n\t# y\n");
	differs(file, "a comment in a define", "define a\n# x\nendef\n", "define a\n# y\nendef\n");
	differs(file, "a text", "f = -DX=\"a b\"\n", "f = -DX=\"a  b\"\n");
	differs(file, "a word more", "obj-y += a.o\n", "obj-y += a.o b.o\n");
	same("scripts/Kbuild.include", "a comment after a define", "define a\nendef\n",
	     "define a\nendef\n# x\n");
}

static void test_assembly(void)
{
	static const char file[] = "arch/x86/entry/entry_64.S";

	same(file, "a comment", "\tnop\n", "/* a\n * b */\n\tnop // c\n\n");
	same(file, "a comment between words", "mov %rax, %rbx\n", "\tmov\t%rax,/* x */ %rbx /**/");
	differs(file, "code behind a comment", "/* a */ nop\n", "/* a */ ret\n");
	differs(file, "a comment in a text", ".ascii \"/* a */\"\n", ".ascii \"/* b */\"\n");
	differs(file, "two slashes in a text", ".ascii \"a//b\"\n", ".ascii \"a//c\"\n");
	differs(file, "what follows a text with a quote in it", ".ascii \"\\\"/*\"\n.byte 1 /* */\n",
		".ascii \"\\\"/*\"\n.byte 2 /* */\n");
	differs(file, "what a character hides", "mov $'\", %al // \"a\"\n", "mov $'\", %al // \"b\"\n");
	differs(file, "the end of a macro", "#define A b \\\n\nc\n", "#define A b \\\nc\n");
	differs(file, "a line between", "a\nb\n", "a b\n");
	same("arch/x86/kernel/vmlinux.lds.S", "a comment", "SECTIONS { }", "SECTIONS { /* x */ }\n");
}

int main(void)
{
	test_kconfig();
	test_makefile();
	test_assembly();
	ok(!comments_are_known("fs/a.c") && !comments_are_known("fs/a.map"), "other files are not known");
	return tap_done();
}
