// SPDX-License-Identifier: GPL-2.0-only
/*
 * Learns the commands of a module's build from Kbuild's .cmd files, and keeps them as text.
 *
 * Such a file starts with "cmd_TARGET := COMMAND" ("savedcmd_TARGET" since 6.3): shell text in
 * which $ is written $$ and # is written $(pound). Only words, quotes and the operators between
 * simple commands are understood; anything else is refused, because a command that was not
 * understood must not be replayed.
 */
#include "kpatch-build/prepare/link_commands.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/util/arena.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/words.h"

static const char *const tool_names[N_MODULE_TOOLS] = {
	[TOOL_CC] = "cc",	  [TOOL_OBJTOOL] = "objtool", [TOOL_MODPOST] = "modpost",
	[TOOL_CC_MOD] = "cc-mod", [TOOL_LD] = "ld",
};

/* Undoes what Kbuild's make-cmd does to the text, in place. */
static void unescape_make(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '$' && s[1] == '$') {
			*to++ = '$';
			s += 2;
		} else if (!strncmp(s, "$(pound)", 8)) {
			*to++ = '#';
			s += 8;
		} else if (s[0] == '\\' && s[1] == '#') {
			*to++ = '#';
			s += 2;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* The command in the .cmd file at @path. *inside: it was run in the directory of the module, which Kbuild does since 6.13. */
static int read_cmd(struct arena *a, const char *path, char **out, bool *inside)
{
	char *text, *line, *end;
	int ret = file_read(a, path, &text, NULL);

	if (ret)
		return ret;
	if (strncmp(text, "cmd_", 4) && strncmp(text, "savedcmd_", 9))
		return -EBADMSG;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	line = strstr(text, " := ");
	if (!line)
		return -EBADMSG;
	*inside = text[strcspn(text, "_") + 1] != '/';
	*out = line + 4;
	unescape_make(*out);
	return 0;
}

/* The length of the simple command that @s starts with: up to an operator outside of quotes. */
static size_t simple_length(const char *s)
{
	const char *p;
	char quote = 0;

	for (p = s; *p && (quote || !strchr(";|&", *p)); p++) {
		if (quote == *p)
			quote = 0;
		else if (!quote && (*p == '\'' || *p == '"'))
			quote = *p;
	}
	return p - s;
}

/*
 * The first simple command of @text, or the one that runs a program called @program. One that is
 * more than words and quotes is passed over while looking for @program.
 */
static int find_command(struct arena *a, const char *text, const char *program, struct words *out)
{
	while (*text) {
		size_t length = simple_length(text);
		const char *command = arena_strndup(a, text, length);
		int ret;

		*out = (struct words){ 0 };
		ret = words_add_shell(a, out, command);
		if (ret && !program)
			return ret;
		if (!ret && out->n && (!program || !strcmp(path_base(out->word[0]), program)))
			return 0;
		text += length;
		text += strspn(text, ";|&");
	}
	return -ENOENT;
}

/* A copy of @s in which every @from is @to. */
static const char *replaced(struct arena *a, const char *s, const char *from, const char *to)
{
	size_t n = 0, from_length = from ? strlen(from) : 0;
	const char *p;
	char *copy, *end;

	if (!from_length)
		return s;
	for (p = s; (p = strstr(p, from)); p += from_length)
		n++;
	if (!n)
		return s;
	copy = end = arena_alloc(a, strlen(s) + n * strlen(to) + 1);
	if (!copy)
		return NULL;
	while ((p = strstr(s, from))) {
		end = mempcpy(end, s, p - s);
		end = stpcpy(end, to);
		s = p + from_length;
	}
	strcpy(end, s);
	return copy;
}

/* Dependency files are of no use to a replay, and debug information costs a third of the time. */
static bool useless(const char *word)
{
	return !strncmp(word, "-Wp,-MMD", 8) || !strncmp(word, "-Wp,-MD", 7) || !strcmp(word, "-g") ||
	       !strncmp(word, "-gdwarf", 7) || !strncmp(word, "-gz", 3);
}

/* A file of the module's directory that a command run there calls by its name alone gets its path. */
static const char *in_directory(struct arena *a, const char *word, const struct command_places *places)
{
	const char *path =
		strchr(word, '/') || *word == '-' ? NULL : arena_printf(a, "%s/%s", places->dir, word);

	return path && file_is_regular(path) ? path : word;
}

static void mark_words(struct arena *a, struct words *w, const struct command_places *places, bool inside)
{
	size_t i, n = 0;

	for (i = 0; i < w->n; i++) {
		const char *word = w->word[i];

		if (useless(word))
			continue;
		if (inside)
			word = in_directory(a, word, places);
		word = replaced(a, word, places->dir, "@DIR@");
		word = replaced(a, word, places->tree, "@TREE@");
		word = replaced(a, word, places->name, "@NAME@");
		w->word[n++] = word;
	}
	w->n = n;
	w->word[n] = NULL;
}

static int learn(struct arena *a, const struct command_places *places, const char *target,
		 const char *program, struct words *out)
{
	char *path = arena_printf(a, "%s/.%s.cmd", places->dir, target), *text;
	bool inside = false;
	int ret = read_cmd(a, path, &text, &inside);

	if (!ret)
		ret = find_command(a, text, program, out);
	if (!ret)
		mark_words(a, out, places, inside);
	return ret;
}

/* modpost reads its list from a pipe on some kernels; a replay gives it the file. */
static void list_from_file(struct words *w)
{
	size_t i;

	for (i = 1; i < w->n; i++)
		if (!strcmp(w->word[i - 1], "-T"))
			w->word[i] = "@DIR@/modules.order";
}

int commands_learn(struct arena *a, const struct command_places *places, struct module_commands *out,
		   const char **what)
{
	const struct {
		const char *target, *program;

	} from[N_MODULE_TOOLS] = {
		[TOOL_CC] = { arena_printf(a, "%s.o", places->name), NULL },
		[TOOL_OBJTOOL] = { arena_printf(a, "%s.o", places->name), "objtool" },
		[TOOL_MODPOST] = { "Module.symvers", "modpost" },
		[TOOL_CC_MOD] = { arena_printf(a, "%s.mod.o", places->name), NULL },
		[TOOL_LD] = { arena_printf(a, "%s.ko", places->name), NULL },
	};
	size_t i;

	*out = (struct module_commands){ 0 };
	for (i = 0; i < N_MODULE_TOOLS; i++) {
		int ret = learn(a, places, from[i].target, from[i].program, &out->tool[i]);

		if (ret == -ENOENT && i == TOOL_OBJTOOL)
			out->tool[i] = (struct words){ 0 };
		else if (ret) {
			*what = tool_names[i];
			return ret;
		}
	}
	list_from_file(&out->tool[TOOL_MODPOST]);
	return 0;
}

int commands_write(struct arena *a, const struct module_commands *c, const char *path)
{
	char *text = arena_strdup(a, "");
	size_t i, j;

	for (i = 0; i < N_MODULE_TOOLS; i++) {
		text = arena_printf(a, "%s= %s\n", text, tool_names[i]);
		for (j = 0; j < c->tool[i].n; j++)
			text = arena_printf(a, "%s %s\n", text, c->tool[i].word[j]);
	}
	return file_write_atomic(path, text, strlen(text), 0644);
}

static struct words *tool_words(struct module_commands *c, const char *name)
{
	size_t i;

	for (i = 0; i < N_MODULE_TOOLS; i++)
		if (!strcmp(name, tool_names[i]))
			return &c->tool[i];
	return NULL;
}

int commands_read(struct arena *a, const char *path, struct module_commands *out)
{
	struct words *tool = NULL;
	char *text, *line;
	int ret = file_read(a, path, &text, NULL);

	*out = (struct module_commands){ 0 };
	while (!ret && (line = strsep(&text, "\n"))) {
		if (!strncmp(line, "= ", 2)) {
			tool = tool_words(out, line + 2);
			if (!tool)
				return -EBADMSG;
		} else if (line[0] == ' ' && tool) {
			words_add(a, tool, line + 1);
		} else if (line[0]) {
			return -EBADMSG;
		}
	}
	return ret;
}

const char **commands_expand(struct arena *a, const struct words *w, const struct command_places *places)
{
	const char **argv = arena_array(a, w->n + 1, sizeof(*argv));
	size_t i;

	for (i = 0; i < w->n; i++) {
		const char *word = replaced(a, w->word[i], "@DIR@", places->dir);

		word = replaced(a, word, "@NAME@", places->name);
		word = replaced(a, word, "@TREE@", places->tree);
		argv[i] = replaced(a, word, "@RUNTIME@", places->runtime);
	}
	return argv;
}
