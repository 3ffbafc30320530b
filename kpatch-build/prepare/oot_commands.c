// SPDX-License-Identifier: GPL-2.0-only
/*
 * See oot_commands.h. The commands are those of a build elsewhere: with another directory for the source, and another one for
 * the kernel's headers. Both are known from the commands themselves: the source's, because .NAME.o.cmd begins with the path of the
 * object that it is the command of; the headers', because the first of Kbuild's own -I leads to them. Each becomes what it is in
 * the tree here. All is text: nothing out of these files is run but as words of the kernel's own compiler, and of objtool.
 *
 * Reads the directory of the build; writes below kernel.entry.
 */
#include "kpatch-build/prepare/oot_commands.h"

#include <ctype.h>
#include <errno.h>
#include <fts.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/kernel/oot.h"
#include "kpatch-build/prepare/kbuild.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/module.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/text.h"

/* What is being read. */
struct reading {
	struct build *b;
	const char *dir;	/* of the build as it lies there now */
	const char *prefix;	/* for __FILE__ */
	struct words mods;	/* NAME.mod files, from .dir */
	struct words makefiles; /* directories with a makefile, from .dir, "." for itself */
};

/* Files of one kind below @dir, and directories with makefiles. */
static int walk(struct reading *r)
{
	char *roots[] = { (char *)(uintptr_t)r->dir, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	size_t skip = strlen(r->dir) + 1;
	FTSENT *e;

	if (!fts)
		return -errno;
	while ((e = fts_read(fts))) {
		const char *name = arena_strdup(r->b->arena, e->fts_level > 0 ? e->fts_path + skip : ".");

		if (e->fts_info == FTS_D && !strcmp(e->fts_name, ".git"))
			fts_set(fts, e, FTS_SKIP);
		else if (e->fts_info == FTS_D && oot_has_makefile(r->b, e->fts_path))
			words_add(r->b->arena, &r->makefiles, name);
		else if (e->fts_info == FTS_F && text_ends_in(name, ".mod"))
			words_add(r->b->arena, &r->mods, name);
	}
	fts_close(fts);
	return 0;
}

bool oot_is_built(struct build *b, const char *dir)
{
	struct reading r = { .b = b, .dir = dir };

	return !walk(&r) && r.mods.n;
}

/* --- one command --- */

static int unclear(struct reading *r, const char *file, const char *what)
{
	diag_error(
		r->b->diags, "oot-commands", diag_file(file),
		"Build the module again with the kernel's own makefiles, or name its source without what was built in it",
		"%s", what);
	return -EINVAL;
}

/* Whether a path begins at @at in @word: "/usr/src/x" is not in "/a/usr/src/x". */
static bool begins_path(const char *word, const char *at)
{
	bool option = at == word + 2 && *word == '-'; /* -I/usr/src/x */

	return at == word || option || (!isalnum((unsigned char)at[-1]) && !strchr("/._+~-", at[-1]));
}

/* @word with each path that begins with the directory @from beginning with @to. */
static const char *moved(struct arena *arena, const char *word, const char *from, const char *to)
{
	const char *out = "", *rest = word;
	size_t n = strlen(from);

	for (const char *at = word; n && (at = strstr(at, from)); at += n) {
		if (!begins_path(word, at) || (at[n] && at[n] != '/'))
			continue;
		out = arena_printf(arena, "%s%.*s%s", out, (int)(at - rest), rest, to);
		rest = at + n;
	}
	return rest == word ? word : arena_printf(arena, "%s%s", out, rest);
}

/* Whether the word behind this one is a path. */
static bool is_before_path(const char *word)
{
	static const char *const options[] = { "-I", "-include", "-isystem", "-iquote", "-idirafter" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(word, options[i]))
			return true;
	return false;
}

/*
 * Since 6.13 Kbuild runs in the module's directory, and what is in there has a relative path: the source, which is the last of
 * the compiler's words, and what some options name.
 */
static void move_relative(struct arena *arena, struct words *cc)
{
	for (size_t i = 1; i < cc->n; i++) {
		const char *word = cc->word[i];
		size_t n = !strncmp(word, "-I", 2) ? 2 : 0;
		bool path = n || i + 1 == cc->n || is_before_path(cc->word[i - 1]);

		if (path && word[n] && word[n] != '/')
			cc->word[i] = arena_printf(arena, "%.*s" OOT_DIRECTORY "/%s", (int)n, word, word + n);
	}
}

/*
 * The kernel's source in the words of a command: Kbuild names its machine's headers first. What it generated for them (@generated)
 * may be elsewhere. NULL: no word has it.
 */
static const char *headers_of(struct build *b, const struct words *cc, bool generated)
{
	const char *ending = arena_printf(b->arena, "/%s/include%s", b->kernel.arch->source.directory,
					  generated ? "/generated" : "");

	for (size_t i = 0; i < cc->n; i++)
		if (text_starts_with(cc->word[i], "-I") && text_ends_in(cc->word[i], ending))
			return arena_strndup(b->arena, cc->word[i] + 2,
					     strlen(cc->word[i]) - 2 - strlen(ending));
	return NULL;
}

/* A compiler's name without the version behind it: "gcc-12" is "gcc". */
static size_t bare_length(const char *name)
{
	size_t n = strlen(name), digits = n;

	while (digits && (isdigit((unsigned char)name[digits - 1]) || name[digits - 1] == '.'))
		digits--;
	return digits < n && digits && name[digits - 1] == '-' ? digits - 1 : n;
}

/* Whether a command's compiler can be the kernel's own: the same name, perhaps with the machine before or without the version. */
static bool is_kernels_compiler(struct build *b, const char *theirs)
{
	struct words cc = { 0 };
	const char *ours;
	size_t bare;

	words_add_list(b->arena, &cc, b->kernel.cc);
	ours = path_base(cc.word[cc.n - 1]);
	bare = bare_length(ours);
	theirs = path_base(theirs);
	if (!strcmp(theirs, ours) || text_ends_in(theirs, arena_printf(b->arena, "-%s", ours)))
		return true;
	ours = arena_strndup(b->arena, ours, bare);
	return !strcmp(theirs, ours) || text_ends_in(theirs, arena_printf(b->arena, "-%s", ours));
}

static int check_compiler(struct reading *r, const char *file, struct words *cc)
{
	if (cc->n > 1 && !strcmp(path_base(cc->word[0]), "ccache")) {
		cc->word++;
		cc->n--;
	}
	if (is_kernels_compiler(r->b, cc->word[0]))
		return 0;
	build_fails_as(r->b, EXIT_COMPILER);
	diag_error(
		r->b->diags, "oot-compiler", diag_file(file),
		"Name the source without what was built in it, or build the module again with the kernel's compiler",
		"the module was built with %s, the kernel with %s", cc->word[0], r->b->kernel.cc);
	return -EINVAL;
}

/* "cmd_PATH := COMMAND", since 6.3 "savedcmd_PATH": both, of the first line of @text. */
static bool read_line(struct arena *arena, const char *text, const char **path, const char **command)
{
	size_t n = strcspn(text, "\n");
	const char *line = arena_strndup(arena, text, n), *sign = strstr(line, " := ");

	line += text_starts_with(line, "saved") ? strlen("saved") : 0;
	if (!sign || !text_starts_with(line, "cmd_"))
		return false;
	line += strlen("cmd_");
	*path = arena_strndup(arena, line, (size_t)(sign - line));
	*command = sign + strlen(" := ");
	return true;
}

/* As make would give it to the shell: "$$" is one, "\#" and "$(pound)" are a sign that is no comment. False: more than that. */
static bool unescape(struct arena *arena, const char *text, const char **out)
{
	char *copy = arena_strdup(arena, text), *to = copy;

	for (; *text; text++) {
		if (!strncmp(text, "$(pound)", strlen("$(pound)"))) {
			*to++ = '#';
			text += strlen("$(pound)") - 1;
			continue;
		}
		if (*text == '$' && *++text != '$')
			return false;
		if (*text == '\\' && text[1] == '#')
			text++;
		*to++ = *text;
	}
	*to = '\0';
	*out = copy;
	return true;
}

/* The simple commands of a command, which ";" separates. */
struct steps {
	struct words cc, objtool; /* .n is 0: there is none */
};

/* What Kbuild does besides with an object is not done with one that a patch is made from. */
static int read_steps(struct arena *arena, const char *command, struct steps *out)
{
	*out = (struct steps){ .cc = { 0 } };
	for (bool first = true; command; first = false) {
		const char *end = strstr(command, "; ");
		struct words w = { 0 };
		int err = words_add_shell(arena, &w,
					  end ? arena_strndup(arena, command, (size_t)(end - command)) :
						command);
		if (first && err)
			return err;
		if (first)
			out->cc = w;
		else if (!err && w.n > 1 && !strcmp(path_base(w.word[0]), "objtool"))
			out->objtool = w;
		command = end ? strchr(end, ';') + 1 : NULL;
	}
	return out->cc.n ? 0 : -EINVAL;
}

/* .NAME.o.cmd of the object @name, from .dir. *root: where the build was, "": its paths are from there. -ENOENT: there is none. */
static int read_command(struct reading *r, const char *name, const char **root, struct steps *out)
{
	struct arena *a = r->b->arena;
	const char *file = arena_printf(a, "%s/%s/.%s.cmd", r->dir, path_directory(a, name), path_base(name));
	const char *path, *command;
	char *text;
	int err = file_read(a, file, &text, NULL);

	if (err)
		return err == -ENOENT ? err : unclear(r, file, "this file cannot be read");
	if (!read_line(a, text, &path, &command) || !unescape(a, command, &command) ||
	    read_steps(a, command, out))
		return unclear(r, file, "this is no simple command that Kbuild wrote for an object");
	*root = "";
	if (*path != '/' && path_normal(a, path) && !strcmp(path_normal(a, path), name))
		return 0;
	if (!text_ends_in(path, arena_printf(a, "/%s", name)) || *path != '/')
		return unclear(r, file,
			       "this is the command of another object than the one that it lies beside");
	*root = arena_strndup(a, path, strlen(path) - strlen(name) - 1);
	return 0;
}

/* --- as kbuild.c keeps it --- */

/* @word as one word of a shell's command. */
static void put_word(FILE *f, const char *word)
{
	fputs(" '", f);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (const char[]){ *word, '\0' }, f);
	fputc('\'', f);
}

/* The compiler's words but for what is made of what. */
static void put_compiler(struct reading *r, FILE *f, const struct words *cc)
{
	struct words own = { 0 };

	fputs("cc", f);
	words_add_list(r->b->arena, &own, r->b->kernel.cc);
	for (size_t i = 0; i < own.n; i++)
		put_word(f, own.word[i]);
	for (size_t i = 1; i + 1 < cc->n; i++) {
		if (!strcmp(cc->word[i], "-c"))
			continue;
		if (!strcmp(cc->word[i], "-o"))
			i++;
		else
			put_word(f, cc->word[i]);
	}
	put_word(f, arena_printf(r->b->arena, "-fmacro-prefix-map=" OOT_DIRECTORY "/=%s", r->prefix));
	fputc('\n', f);
}

/* A file of the cache, its directories made. */
static int create(struct reading *r, const char *path, FILE **out)
{
	int err = directory_make_above(path, 0755);

	*out = err ? NULL : fopen(path, "we");
	return *out ? 0 : build_not_written(r->b, "cache", path, err ? err : -errno);
}

static int put_command(struct reading *r, const char *object, const struct steps *s)
{
	const char *path = kbuild_command_path(r->b, object);
	const char *source = s->cc.word[s->cc.n - 1];
	FILE *f;
	int err = create(r, path, &f);

	if (err)
		return err;
	fprintf(f, "object %s\nsource %s\n", object, source);
	put_compiler(r, f, &s->cc);
	if (s->objtool.n) {
		fputs("objtool", f);
		for (size_t i = 0; i + 1 < s->objtool.n; i++)
			put_word(f, s->objtool.word[i]);
		fputc('\n', f);
	}
	fputs("module yes\n", f);
	err = file_finish(f);
	return err ? build_not_written(r->b, "cache", path, err) : 0;
}

static void move_all(struct arena *arena, struct words *w, const char *from, const char *to)
{
	for (size_t i = 0; i < w->n; i++)
		w->word[i] = moved(arena, w->word[i], from, to);
}

/* One object of a module; @link: how that was linked, where objtool runs over the whole. */
static int learn_object(struct reading *r, const char *name, const struct steps *link)
{
	const char *file = arena_printf(r->b->arena, "%s/%s", r->dir, name), *root, *headers[2];
	struct steps s;
	int err = read_command(r, name, &root, &s);

	if (err == -ENOENT) /* an object that comes as one, or of another tool */
		return 0;
	if (!err)
		err = check_compiler(r, file, &s.cc);
	if (err)
		return err;
	headers[0] = headers_of(r->b, &s.cc, false);
	headers[1] = headers_of(r->b, &s.cc, true);
	if (!headers[0] || !headers[1])
		return unclear(r, file, "its command names no headers of the kernel");
	if (!text_ends_in(s.cc.word[s.cc.n - 1], ".c"))
		return 0;
	if (!s.objtool.n && link)
		s.objtool = link->objtool;
	if (!*root)
		move_relative(r->b->arena, &s.cc);
	for (size_t i = 0; i < 2; i++) {
		struct words *w = i ? &s.objtool : &s.cc;

		move_all(r->b->arena, w, root, OOT_DIRECTORY);
		for (size_t k = 0; k < 2; k++)
			if (*headers[k] == '/')
				move_all(r->b->arena, w, headers[k], ".");
	}
	return put_command(r, arena_printf(r->b->arena, OOT_DIRECTORY "/%s", name), &s);
}

/* The objects in NAME.mod, from .dir: paths below where the build was. */
static int read_parts(struct reading *r, const char *mod, struct words *parts)
{
	const char *file = arena_printf(r->b->arena, "%s/%s", r->dir, mod), *root = NULL;
	const char *own = arena_printf(r->b->arena, "%.*so", (int)(strlen(mod) - 3), mod);
	struct words all = { 0 };
	struct steps unused;
	char *text;
	int err = file_read(r->b->arena, file, &text, NULL);

	if (!err)
		err = read_command(r, own, &root, &unused);
	if (err)
		return err == -EINVAL ? err :
					unclear(r, file, "of this module, there is no command of Kbuild");
	/* one a line; before 5.19 all in one, and in the next what is missing */
	for (char *p = text; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	words_add_list(r->b->arena, &all, text);
	for (size_t i = 0; i < all.n; i++) {
		const char *name = all.word[i];

		if (!text_ends_in(name, ".o"))
			continue;
		if (*root)
			name = text_starts_with(name, root) && name[strlen(root)] == '/' ?
				       name + strlen(root) + 1 :
				       "..";
		name = path_normal(r->b->arena, name);
		if (!name || !text_is_plain(name, "/._+,@=~-"))
			return unclear(r, file, "it names objects outside of the directory that was built");
		words_add(r->b->arena, parts, name);
	}
	return parts->n ? 0 : unclear(r, file, "it names no objects");
}

/* One module: its line for the lists of its directory, and the commands of its objects. */
static int learn_module(struct reading *r, const char *mod, FILE *lists, struct words *modules)
{
	const char *own = arena_printf(r->b->arena, "%.*so", (int)(strlen(mod) - 3), mod), *root;
	struct words parts = { 0 };
	struct steps link;
	char name[64];
	int err = read_parts(r, mod, &parts);

	if (!err)
		err = kmodule_name_from_path(arena_printf(r->b->arena, "%.*sko", (int)(strlen(mod) - 3), mod),
					     name, sizeof(name));
	if (err)
		return err;
	fprintf(lists, "link " OOT_DIRECTORY "/%s", own);
	for (size_t i = 0; i < parts.n; i++)
		fprintf(lists, " " OOT_DIRECTORY "/%s", parts.word[i]);
	fputc('\n', lists);
	err = read_command(r, own, &root, &link);
	for (size_t i = 0; i < parts.n && !err; i++)
		err = learn_object(r, parts.word[i], &link);
	words_add(r->b->arena, modules, arena_strdup(r->b->arena, name));
	return err;
}

/* What the makefile of one directory makes: nothing, if no module was made there. */
static int learn_directory(struct reading *r, const char *dir, struct words *modules)
{
	const char *in_tree =
		strcmp(dir, ".") ? arena_printf(r->b->arena, OOT_DIRECTORY "/%s", dir) : OOT_DIRECTORY;
	const char *path = kbuild_lists_path(r->b, in_tree);
	FILE *f;
	int err = create(r, path, &f), written;

	if (err)
		return err;
	for (size_t i = 0; i < r->mods.n && !err; i++)
		if (!strcmp(path_directory(r->b->arena, r->mods.word[i]), dir))
			err = learn_module(r, r->mods.word[i], f, modules);
	written = file_finish(f);
	return err || !written ? err : build_not_written(r->b, "cache", path, written);
}

int oot_commands_learn(struct build *b, const char *dir, const char *prefix, struct words *modules)
{
	struct reading r = { .b = b, .dir = dir, .prefix = prefix };
	int err = walk(&r);

	for (size_t i = 0; i < r.makefiles.n && !err; i++)
		err = learn_directory(&r, r.makefiles.word[i], modules);
	return err;
}
