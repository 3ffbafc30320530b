// SPDX-License-Identifier: GPL-2.0-only
/*
 * See config.h. Without a Rust compiler the makefiles drop CONFIG_RUST and what depends on it, and say nothing; C code asks
 * for some of these options. Reads the kernel's configuration; writes .config, auto.conf and autoconf.h of the tree, only
 * if there is something to put right.
 */
#include "kpatch-build/prepare/config.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/input.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/text.h"
#include "lib/util/words.h"

#define UNKNOWN "unknown_options" /* in the cache's entry: options that the source does not have */
#define CONFIG_LIMIT (16u << 20)  /* fifty times the usual */

/* What make has changed. */
struct changes {
	struct words wanted; /* lines of the kernel's configuration */
	struct words
		options; /* whose lines of the tree's are wrong: those, and what the kernel's does not set */
	const char *decisive; /* the first one that chooses flags */
};

/* The option that a line sets: what is before '='. NULL: it sets none. */
static const char *option_of(struct arena *a, const char *line)
{
	size_t n = strcspn(line, "=\n");

	return text_starts_with(line, "CONFIG_") && line[n] == '=' ? arena_strndup(a, line, n) : NULL;
}

/* How Rust code is compiled is of no concern to a patch, which has none. */
static bool about_rust(const char *option)
{
	return !strcmp(option, "CONFIG_RUST") || text_starts_with(option, "CONFIG_RUST_") ||
	       text_starts_with(option, "CONFIG_RUSTC_") || text_starts_with(option, "CONFIG_BINDGEN_");
}

/* Whether @text has @option as a whole word. */
static bool names_option(const char *text, const char *option)
{
	size_t n = strlen(option);

	for (const char *p = text; (p = strstr(p, option)); p += n)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_", p[n]) || !p[n])
			return true;
	return false;
}

/* The makefiles that choose the flags of all code, as one text. They have run with what make has made of the configuration. */
static char *top_makefiles(struct build *b, const char *tree)
{
	const char *patterns[] = {
		arena_printf(b->arena, "%s/Makefile", tree),
		arena_printf(b->arena, "%s/%s/Makefile", tree, b->kernel.arch->source.directory),
		arena_printf(b->arena, "%s/scripts/Makefile.*", tree),
	};
	char *all = arena_strdup(b->arena, ""), *text;
	glob_t found = { 0 };

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		if (!patterns[i] || glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &found) == GLOB_NOSPACE)
			all = NULL;
	for (size_t i = 0; i < found.gl_pathc && all; i++)
		if (!file_read(b->arena, found.gl_pathv[i], &text, NULL))
			all = arena_printf(b->arena, "%s%s\n", all, text);
	globfree(&found);
	return all;
}

/* Notes @option as changed. */
static int note(struct build *b, const char *option, const char *makefiles, struct changes *c)
{
	if (!c->decisive && !about_rust(option) && names_option(makefiles, option))
		c->decisive = option;
	words_add(b->arena, &c->options, option);
	return 0;
}

/* How the compiler was called: "gcc-12", with the machine in front of it behind distcc. The rest of the text says which it is. */
static const char *without_name(const char *line)
{
	return line + strcspn(line, " \n");
}

/* Whether @made, which begins with a newline, sets @option as the line @own does. */
static bool is_set(struct arena *a, const char *made, const char *option, const char *own)
{
	const char *set = strstr(made, arena_printf(a, "\n%s=", option));

	if (!set)
		return false;
	set++;
	if (!strcmp(option, "CONFIG_CC_VERSION_TEXT")) {
		set = without_name(set);
		own = without_name(own);
	}
	return strcspn(set, "\n") == strlen(own) && text_starts_with(set, own);
}

/* What the kernel's configuration @given sets, and @made, which begins with a newline, has not so. */
static void find_lost(struct build *b, const char *given, const char *made, const char *makefiles,
		      struct changes *c)
{
	for (const char *line = given; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *option = option_of(b->arena, line);
		const char *own = option ? arena_strndup(b->arena, line, strcspn(line, "\n")) : NULL;

		if (!option || is_set(b->arena, made, option, own))
			continue;
		words_add(b->arena, &c->wanted, own);
		note(b, option, makefiles, c);
	}
}

/* What @made sets, and @given, which begins with a newline, does not. */
static int find_gained(struct build *b, const char *made, const char *given, const char *makefiles,
		       struct changes *c)
{
	int err = 0;

	for (const char *line = made; *line && !err; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *option = option_of(b->arena, line);

		if (option && !strstr(given, arena_printf(b->arena, "\n%s=", option)))
			err = note(b, option, makefiles, c);
	}
	return err;
}

/* Whether @line, of auto.conf or autoconf.h, is about a changed option. */
static bool is_about_change(const struct changes *c, const char *line)
{
	size_t n;

	line += text_starts_with(line, "#define ") ? 8 : 0;
	n = strcspn(line, "= \n");
	for (size_t i = 0; i < c->options.n; i++) {
		size_t length = strlen(c->options.word[i]);

		if (!strncmp(line, c->options.word[i], length) &&
		    (n == length || (n == length + 7 && !strncmp(line + length, "_MODULE", 7))))
			return true;
	}
	return false;
}

/* As a line of autoconf.h: y is 1, and m is that of another name. */
static void define(FILE *f, const char *option, const char *value)
{
	bool module = !strcmp(value, "m");

	fprintf(f, "#define %s%s %s\n", option, module ? "_MODULE" : "",
		module || !strcmp(value, "y") ? "1" : value);
}

/* As a line of auto.conf. @plain: newer kernels have strings there without quotes and escapes. */
static void assign(FILE *f, const char *option, const char *value, bool plain)
{
	size_t n = strlen(value);

	if (!plain || *value != '"' || n < 2) {
		fprintf(f, "%s=%s\n", option, value);
		return;
	}
	fprintf(f, "%s=", option);
	for (const char *p = value + 1; p < value + n - 1; p++) {
		p += *p == '\\';
		fputc(*p, f);
	}
	fputc('\n', f);
}

/* Writes auto.conf or autoconf.h anew: what it has, but for what was changed. */
static int rewrite(struct build *b, const char *path, const struct changes *c)
{
	char *was = NULL;
	int err = file_read(b->arena, path, &was, NULL);
	FILE *f = err ? NULL : fopen(path, "we");
	bool header = !err && strstr(was, "#define "), plain = !err && !strstr(was, "=\"");

	if (!err && !f)
		err = -errno;
	for (const char *line = was; f && *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (!is_about_change(c, line))
			fprintf(f, "%.*s\n", (int)strcspn(line, "\n"), line);
	for (size_t i = 0; f && i < c->wanted.n; i++) {
		const char *option = option_of(b->arena, c->wanted.word[i]);
		const char *value = c->wanted.word[i] + strcspn(c->wanted.word[i], "=") + 1;

		if (header)
			define(f, option, value);
		else
			assign(f, option, value, plain);
	}
	if (f)
		err = file_finish(f);
	return err ? build_not_written(b, "cache", path, err) : 0;
}

/* In this order: make asks whether .config is newer than the others. */
static int write_files(struct build *b, const char *tree, const char *given, const struct changes *c)
{
	const char *config = arena_printf(b->arena, "%s/.config", tree);
	int err = file_write(config, given, strlen(given), 0644);

	if (err)
		return build_not_written(b, "cache", config, err);
	err = rewrite(b, arena_printf(b->arena, "%s/include/config/auto.conf", tree), c);
	return err ? err : rewrite(b, arena_printf(b->arena, "%s/include/generated/autoconf.h", tree), c);
}

/* Whether some Kconfig file in @tree has @option. 1, 0 or -errno. */
static int is_known(struct build *b, const char *tree, const char *option)
{
	const char *pattern = arena_printf(b->arena, "[[:space:]]*(menu)?config[[:space:]]+%s[[:space:]]*",
					   option + strlen("CONFIG_"));
	const char *argv[] = { "grep", "-rqxE", "--include=Kconfig*", pattern, tree, NULL };
	const char *log = build_work_path(b, "prepare/kconfig.log");
	int status, err = log ? build_run(b, argv, NULL, NULL, log, &status) : -EIO;

	return err ? err : status == 0;
}

/* Writes down which options the source does not even have. */
static int note_unknown(struct build *b, const char *tree, const struct changes *c)
{
	const char *note = arena_printf(b->arena, "%s/../" UNKNOWN, tree), *list = "";
	int err = 0;

	for (size_t i = 0; i < c->wanted.n && !err; i++) {
		const char *option = option_of(b->arena, c->wanted.word[i]);
		int known = is_known(b, tree, option);

		err = known < 0 ? known : 0;
		if (!known)
			list = arena_printf(b->arena, "%s%s\n", list, option);
	}
	if (err)
		return err;
	err = *list ? file_write(note, list, strlen(list), 0644) : 0;
	return err ? build_not_written(b, "cache", note, err) : 0;
}

void config_warn(struct build *b)
{
	const char *note = arena_printf(b->arena, "%s/" UNKNOWN, b->kernel.entry);
	char *list;
	size_t n = 0;

	if (file_read(b->arena, note, &list, NULL))
		return;
	for (const char *p = list; (p = strchr(p, '\n')); p++)
		n++;
	diag_warning(b->diags, "config-changed", diag_file(b->kernel.source),
		     "Name the source that the kernel was built from, with all patches",
		     "this source has no option %.*s, which the kernel's configuration sets%s",
		     (int)strcspn(list, "\n"), list, n > 1 ? ", nor others" : "");
}

int config_restore(struct build *b, const char *tree)
{
	const char *makefiles = top_makefiles(b, tree);
	struct changes c = { 0 };
	uint8_t *text = NULL;
	size_t size;
	char *given, *made;
	int err = input_read_text(b->kernel.config, "kernel configuration", CONFIG_LIMIT, b->diags, &text,
				  &size);

	given = err ? NULL : arena_strndup(b->arena, (char *)text, size);
	free(text);
	if (!err)
		err = file_read(b->arena, arena_printf(b->arena, "%s/.config", tree), &made, NULL);
	if (!err)
		find_lost(b, given, arena_printf(b->arena, "\n%s", made), makefiles, &c);
	if (!err)
		err = find_gained(b, made, arena_printf(b->arena, "\n%s", given), makefiles, &c);
	if (!err)
		err = note_unknown(b, tree, &c);
	if (err || !c.options.n)
		return err;
	if (c.decisive) {
		diag_error(
			b->diags, "config-lost", diag_file(b->kernel.config),
			"Use the configuration and the tools that the kernel was built with",
			"the source does not take %s as it is, by which the kernel's makefiles choose compiler flags",
			c.decisive);
		return -EINVAL;
	}
	diag_note(b->diags, "config-restored", diag_file(b->kernel.config), NULL,
		  "the source's makefiles changed %zu of its options here, %s the first; they were put back",
		  c.options.n, c.options.word[0]);
	return write_files(b, tree, given, &c);
}
