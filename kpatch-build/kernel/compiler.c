// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which compiler: the one whose version line is in the kernel's configuration. Another one makes
 * other code, which could not be proven to be what runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "kpatch-build/kernel/kernel.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/kconfig.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/process.h"
#include "lib/util/text.h"
#include "lib/util/words.h"

/* First line of `CC --version`, or NULL if there is no such program. */
static const char *version_line(struct build *b, const char *cc)
{
	char *log = build_work_path(b, "compiler/version"), *text;
	struct words argv = { 0 };
	int status = -1;

	words_add_list(b->arena, &argv, cc);
	if (!argv.n)
		return NULL;
	words_add(b->arena, &argv, "--version");
	/* a shell looks the program up, so that a missing one is no error of ours */
	const char *const command[] = { "sh",
					"-c",
					"command -v \"$0\" >/dev/null && exec \"$0\" \"$@\"",
					argv.word[0],
					argv.n > 1 ? argv.word[1] : NULL,
					argv.n > 2 ? argv.word[2] : NULL,
					NULL };

	if (!log || build_run(b, command, NULL, NULL, log, &status) || status ||
	    file_read(b->arena, log, &text, NULL))
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* The program's own name comes first and does not matter: "gcc-12 (…) 12.2.0". */
static bool same_version(const char *a, const char *b)
{
	a = strchr(a, ' ');
	b = strchr(b, ' ');
	return a && b && !strcmp(a, b);
}

static int mismatch(struct build *b, const char *cc, const char *found)
{
	/* the compiler was stopped with us, and said nothing */
	if (monitor_stopped(b->monitor))
		return -EINTR;
	build_fails_as(b, EXIT_COMPILER);
	diag_error(b->diags, "compiler-mismatch", diag_file(cc),
		   "Install the compiler that the kernel was built with, or name it with --cc",
		   "this compiler is '%s', but kernel %s was built with '%s'", found ? found : "(none)",
		   b->kernel.release, b->kernel.cc_version);
	return -EINVAL;
}

static int find_by_name(struct build *b)
{
	const char *text = b->kernel.cc_version, *first, *found, *seen = NULL;
	const char *number = strrchr(text, ' ');
	const char *candidates[3];

	first = arena_strndup(b->arena, text, strcspn(text, " "));
	number = number ? arena_strndup(b->arena, number + 1, strspn(number + 1, "0123456789")) : "";
	candidates[0] = first;
	candidates[1] = arena_printf(b->arena, "gcc-%s", number);
	candidates[2] = "gcc";
	for (size_t i = 0; i < 3 && candidates[0] && candidates[1]; i++) {
		found = version_line(b, candidates[i]);
		if (found && same_version(found, text)) {
			b->kernel.cc = candidates[i];
			return 0;
		}
		if (found)
			seen = found;
	}
	return mismatch(b, first, seen);
}

/* The configuration names a program, and that one is run: it must be called as a gcc is ("MACHINE-linux-gnu-gcc-12"). */
static bool is_gcc(const char *version)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(version, " "), version);
	return strcspn(version, " ") < sizeof(name) && text_is_plain(name, "._+-") &&
	       (strstr(name, "gcc") || !strcmp(name, "cc"));
}

/*
 * Instrumentation that a module's code would have to be built with as well, and that takes part in what the differ compares:
 * counters, tables of what was instrumented, other calling conventions.
 */
static const struct {
	const char *option, *what;
} unsupported[] = {
	{ "CONFIG_KASAN", "checks every access to memory (KASAN)" },
	{ "CONFIG_KCSAN", "looks for data races (KCSAN)" },
	{ "CONFIG_KMSAN", "looks for uses of uninitialised memory (KMSAN)" },
	{ "CONFIG_GCOV_PROFILE_ALL", "counts what is executed (GCOV)" },
	{ "CONFIG_PROFILE_ALL_BRANCHES", "counts its branches" },
	{ "CONFIG_LTO_CLANG", "was optimised at its link (LTO)" },
};

static int refuse_configuration(struct build *b, const struct kconfig *config)
{
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(*unsupported); i++) {
		if (!kconfig_yes(config, unsupported[i].option))
			continue;
		diag_error(b->diags, "config-instrumented", diag_file(b->kernel.config),
			   "Use a kernel without it",
			   "this kernel %s: %s is set, and patches of such kernels cannot be built",
			   unsupported[i].what, unsupported[i].option);
		return -ENOTSUP;
	}
	return 0;
}

/*
 * The makefiles want to be told of a kernel for another machine, and what the names of its compiler and of the tools that
 * belong to that begin with.
 */
static int find_cross(struct build *b)
{
	struct kernel *k = &b->kernel;
	const char *name = path_base(arena_strndup(b->arena, k->cc, strcspn(k->cc, " "))), *gcc;
	size_t directory = strcspn(k->cc, " ") - strlen(name);
	struct utsname here;

	if (uname(&here) || !strcmp(here.machine, k->arch->name))
		return 0;
	gcc = strstr(name, "gcc");
	if (!gcc || gcc == name) {
		build_fails_as(b, EXIT_COMPILER);
		diag_error(
			b->diags, "compiler-mismatch", diag_file(k->cc),
			"Name a compiler for that machine with --cc, as in MACHINE-linux-gnu-gcc",
			"this is a kernel for %s, and the compiler's name does not say that it is one for that",
			k->arch->name);
		return -EINVAL;
	}
	k->make_arch = arena_printf(b->arena, "ARCH=%s", path_base(k->arch->source.directory));
	k->make_cross = arena_printf(b->arena, "CROSS_COMPILE=%.*s%.*s", (int)directory, k->cc,
				     (int)(gcc - name), name);
	return 0;
}

int kernel_find_compiler(struct build *b)
{
	const char *text, *found;
	struct kconfig *config;
	int err = kconfig_open(b->kernel.config, b->diags, &config);

	if (err)
		return err;
	text = kconfig_get(config, "CONFIG_CC_VERSION_TEXT");
	b->kernel.has_objtool = kconfig_yes(config, "CONFIG_OBJTOOL") ||
				kconfig_yes(config, "CONFIG_STACK_VALIDATION"); /* before 5.19 */
	b->kernel.has_recordmcount = kconfig_yes(config, "CONFIG_FTRACE_MCOUNT_USE_RECORDMCOUNT") &&
				     kconfig_yes(config, "CONFIG_HAVE_C_RECORDMCOUNT");
	b->kernel.has_ibt = kconfig_yes(config, "CONFIG_X86_KERNEL_IBT");
	b->kernel.cc_version = text && *text ? arena_strdup(b->arena, text) : NULL;
	if (!kconfig_yes(config, "CONFIG_LIVEPATCH")) {
		diag_error(b->diags, "no-livepatch", diag_file(b->kernel.config), "Use a kernel that has it",
			   "this kernel is built without CONFIG_LIVEPATCH");
		err = -ENOTSUP;
	} else if (kconfig_yes(config, "CONFIG_CC_IS_CLANG")) {
		diag_error(b->diags, "config-compiler", diag_file(b->kernel.config),
			   "Use a kernel that gcc built",
			   "this kernel was built by clang, whose objects are not supported");
		err = -ENOTSUP;
	} else if (!b->kernel.cc_version || !kconfig_yes(config, "CONFIG_CC_IS_GCC")) {
		diag_error(b->diags, "config-compiler", diag_file(b->kernel.config),
			   "Name the full configuration with --config",
			   "the configuration does not say that a gcc built the kernel");
		err = -EINVAL;
	}
	if (!err)
		err = refuse_configuration(b, config);
	if (!err && !b->options.cc && !is_gcc(b->kernel.cc_version)) {
		diag_error(b->diags, "config-compiler", diag_file(b->kernel.config),
			   "Name the full configuration with --config, or the compiler with --cc",
			   "the program that the configuration names is no gcc's: '%s'",
			   b->kernel.cc_version);
		err = -EINVAL;
	}
	kconfig_free(config);
	if (!err && !b->options.cc)
		err = find_by_name(b);
	if (!err && b->options.cc) {
		b->kernel.cc = b->options.cc;
		found = version_line(b, b->options.cc);
		if (!found || !same_version(found, b->kernel.cc_version))
			err = mismatch(b, b->options.cc, found);
	}
	return err ? err : find_cross(b);
}
