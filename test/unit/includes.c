// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of #includes (kpatch-build/prepare/includes.c) on a small tree of its own: includes DIRECTORY, an
 * empty one. Each case says who must be found, and nobody else.
 */
#include <stdlib.h>

#include "kpatch-build/prepare/includes.h"
#include "lib/arch/arch.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "test/unit/tap.h"

static struct build b;

static void put(const char *path, const char *text)
{
	char *to = arena_printf(b.arena, "%s/tree/%s", b.kernel.entry, path);

	if (directory_make_above(to, 0777) || file_write(to, text, strlen(text), 0666))
		exit(2);
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static const char *joined(struct words *w)
{
	const char *text = "";

	if (w->n)
		qsort(w->word, w->n, sizeof(*w->word), by_name);
	for (size_t i = 0; i < w->n; i++)
		text = arena_printf(b.arena, "%s%s%s", text, *text ? " " : "", w->word[i]);
	return text;
}

static struct includers find(const char *path)
{
	struct includes *in = includes_open(&b);
	struct includers found = { .sources.n = 0 };

	if (!in || includes_find(in, path, &found))
		exit(2);
	includes_close(in);
	return found;
}

/* The sources that are found for @path are those of @want, in the order of their names. */
static void finds(const char *path, const char *want, const char *what)
{
	struct includers found = find(path);

	ok_string(joined(&found.sources), want, what);
}

static void make_tree(void)
{
	put("fs/a/a.h", "");
	put("fs/a/one.c", "#include \"a.h\"\n");
	put("fs/a/two.c", "#include <linux/x.h>\n# include\t\"a.h\"\n#if 0\n#include \"off.h\"\n#endif\n");
	put("fs/a/off.h", "");
	put("fs/a/nested.h", "#include \"a.h\"\n");
	put("fs/a/three.c", "  #  include \"nested.h\"\n");
	put("fs/a/up.c", "#include \"../b/a.h\"\n");
	put("fs/b/a.h", "");
	put("fs/b/one.c", "#include \"a.h\" /* its own */\n");
	put("fs/b/down.c", "#include \"../a/./a.h\"\n");
	put("fs/c/one.c", "#include \"a.h\"\n");	/* not beside it, and no -I leads to fs/a */
	put("fs/a/sub/deep.c", "#include \"off.h\"\n"); /* by -I $(src) of fs/a */
	put("fs/a/Makefile", "ccflags-y := -I$(src)\n");
	put("fs/d/d.h", "");
	put("fs/e/one.c", "#include <d.h>\n");
	put("fs/e/Makefile", "ccflags-y += -I $(srctree)/fs/d\n");
	put("fs/v/inner/v.h", "");
	put("fs/w/one.c", "#include \"v.h\"\n");
	put("fs/w/Makefile", "ccflags-y += -I$(V_PATH)/inner/\n");
	put("fs/u/u.h", "");
	put("fs/u/Makefile", "obj-y += one.o\n");
	put("fs/t/one.c", "#include \"u.h\"\n");
	put("fs/t/Makefile", "ccflags-y += $(addprefix -I$(srctree)/fs/,u v)\n");

	put("include/linux/x.h", "#include <asm/y.h>\n");
	put("include/asm-generic/y.h", "");
	put("arch/x86/include/generated/asm/y.h", "#include <asm-generic/y.h>\n");
	put("arch/arm/include/asm/y.h", "#include <asm-generic/y.h>\n");
	put("arch/arm/kernel/y.c", "#include <asm/y.h>\n");
	put("include/uapi/linux/x.h", "");
	put("kernel/asm.S", "#include <linux/x.h>\n");
	put("kernel/parts.c", "#include \"part.c\"\n#include \"asm.inc\"\n");
	put("kernel/part.c", "#include <linux/z.h>\n");
	put("kernel/code.h", "#include \"inline.c\"\n");
	put("kernel/inline.c", "");
	put("kernel/user.c", "#include \"code.h\"\n");
	put("include/linux/z.h", "");

	put("include/linux/macro.h", "#define MACRO_FILE <linux/target.h>\n#include <linux/indirect.h>\n");
	put("include/linux/indirect.h", "#include MACRO_FILE\n");
	put("include/linux/target.h", "");
	put("kernel/macro.c", "#include <linux/macro.h>\n");
	put("fs/a/trace-events.h",
	    "#define TRACE_INCLUDE_FILE trace-other\n#include <trace/define_trace.h>\n");
	put("fs/a/trace-other.h", "");
	put("fs/a/trace.h", "#define TRACE_INCLUDE_FILE trace\n");
	put("fs/a/events.c", "#include \"trace-events.h\"\n");
	put("fs/b/trace.h", "");
	put("fs/b/events.c", "#include \"trace.h\"\n");

	put("Makefile",
	    "LINUXINCLUDE := -I$(srctree)/include \\\n\t-include $(srctree)/include/linux/forced.h\n");
	put("include/linux/forced.h", "#include <linux/inner.h>\n");
	put("include/linux/inner.h", "");
	put("arch/x86/boot/Makefile", "KBUILD_CFLAGS += -include $(srctree)/include/linux/hidden.h\n");
	put("arch/x86/boot/one.c", "");
	put("include/linux/hidden.h", "");
	put("kernel/Makefile",
	    "# $(srctree)/include/linux/z.h\n$(obj)/t.c: $(srctree)/include/linux/read.h $(src)/gen.sh\n");
	put("include/linux/read.h", "");
	put("scripts/sel/gen.c", "#include \"map.h\"\n#include <linux/read.h>\n");
	put("security/sel/include/map.h", "");
	put("tools/one.c", "#include \"../fs/a/a.h\"\n");
	put("samples/one.c", "#include <linux/x.h>\n");
}

#define ALL                                                                                                  \
	"arch/x86/boot/one.c fs/a/events.c fs/a/one.c fs/a/sub/deep.c fs/a/three.c fs/a/two.c fs/a/up.c "    \
	"fs/b/down.c fs/b/events.c fs/b/one.c fs/c/one.c fs/e/one.c fs/t/one.c fs/w/one.c kernel/asm.S "     \
	"kernel/inline.c kernel/macro.c kernel/part.c kernel/parts.c kernel/user.c"

int main(int argc, char **argv)
{
	struct includers found;

	b.arena = arena_new();
	b.diags = diags_new();
	if (argc != 2 || !b.arena || !b.diags)
		return 2;
	b.kernel.arch = arch_named("x86_64");
	b.kernel.entry = argv[1];
	b.kernel.tree = arena_printf(b.arena, "%s/tree", argv[1]);
	make_tree();
	if (file_write(arena_printf(b.arena, "%s/foreign", argv[1]), "", 0, 0666) ||
	    includes_index(&b, b.kernel.tree, b.kernel.entry))
		return 2;

	finds("fs/a/a.h", "fs/a/one.c fs/a/three.c fs/a/two.c fs/b/down.c",
	      "beside, by ../, through others, with blanks");
	finds("fs/b/a.h", "fs/a/up.c fs/b/one.c", "of two headers of one name, the one beside");
	finds("fs/a/off.h", "fs/a/sub/deep.c fs/a/two.c", "in a condition; by the directory's own -I");
	finds("fs/d/d.h", "fs/e/one.c", "by an -I to another directory");
	finds("fs/v/inner/v.h", "fs/w/one.c", "by an -I of which the end is known");
	finds("fs/u/u.h", "fs/t/one.c", "by an -I of which nothing is known");
	finds("include/linux/x.h", "fs/a/two.c kernel/asm.S", "<> from the root, and from assembly");
	finds("include/uapi/linux/x.h", "fs/a/two.c kernel/asm.S", "the same name under uapi");
	finds("include/asm-generic/y.h", "fs/a/two.c kernel/asm.S",
	      "through a generated wrapper; no other machine's");
	finds("kernel/part.c", "kernel/parts.c", "a .c file in a .c file");
	finds("include/linux/z.h", "kernel/part.c kernel/parts.c", "a header in an included .c file");
	finds("kernel/inline.c", "kernel/user.c", "a .c file in a header");
	finds("include/linux/target.h", "kernel/macro.c", "by a macro");
	finds("fs/a/trace-other.h", "fs/a/events.c", "a trace header's TRACE_INCLUDE_FILE");
	finds("fs/b/trace.h", "fs/b/events.c", "not by another directory's TRACE_INCLUDE_FILE");
	finds("include/linux/forced.h", ALL, "-include for all");
	finds("include/linux/inner.h", ALL, "through an -include for all");
	finds("include/linux/hidden.h", "arch/x86/boot/one.c", "-include for a directory");

	found = find("include/linux/read.h");
	ok_string(joined(&found.makefiles), "kernel/Makefile", "a makefile names it");
	ok_string(joined(&found.programs), "", "<> of a program of the build is not the kernel's");
	found = find("include/linux/z.h");
	ok_string(joined(&found.makefiles), "", "a comment of a makefile does not name it");
	found = find("security/sel/include/map.h");
	ok_string(joined(&found.programs), "scripts/sel/gen.c", "a program of the build includes it");
	ok_string(joined(&found.sources), "", "which is no source of the kernel");
	diags_free(b.diags);
	arena_free(b.arena);
	return tap_done();
}
