// SPDX-License-Identifier: GPL-2.0-only
/* See kbuild.h. Reads the prepared tree; writes only the work directory and, at prepare, the entry. */
#include "kpatch-build/prepare/kbuild.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/kernel/files/image.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/process.h"
#include "lib/util/strmap.h"
#include "lib/util/text.h"

#define ENVIRONMENT "environment"
#define QUERY "query.mk"

/*
 * Stands in for scripts/Makefile.build while the top Makefile runs: notes the environment it gets
 * and makes nothing. The top Makefile reaches its makefiles by $(build), which is set to this one.
 */
static const char dump_mk[] = "__dump:\n"
			      "\t@env -0 > $(KPATCH_DUMP).$(subst /,_,$(obj))\n"
			      "ifneq ($(MAKECMDGOALS),)\n"
			      "$(MAKECMDGOALS): __dump\n"
			      "\t@:\n"
			      ".PHONY: $(MAKECMDGOALS)\n"
			      "endif\n"
			      ".PHONY: __dump\n";

/*
 * The rules for .o from .c and from .S are replaced by ones that print. They are expanded in the context of
 * their target, so variables that are set for one target or read $@ have the values of a real build.
 * Objects that exist would be up to date; none exists in the tree. Before 5.18 only the command tells whether objtool
 * is called for an object, and how.
 */
static const char query_mk[] =
	"include scripts/Makefile.build\n"
	"kpatch-parts = $(foreach s,-objs -y -m,$($(patsubst $(obj)/%.o,%,$1)$s))\n"
	"kpatch-objtool = $(if $(objtool-enabled)$(delay-objtool),$(objtool) $(or $(objtool-args),$(objtool_args))"
	"$(if $(delay-objtool),$(if $(filter --link,$(objtool-args)), ,--link)),$(filter-out ; $@,$(cmd_objtool)))\n"
	"define rule_as_o_S\n"
	"$(info object $@)$(info source $<)$(info cc $(CC) $(a_flags))@:\n"
	"endef\n"
	"define rule_cc_o_c\n"
	"$(info object $@)$(info source $<)$(info cc $(CC) $(c_flags))"
	"$(info objtool $(kpatch-objtool))"
	"$(if $(delay-objtool),$(info delayed $(delay-objtool)))"
	"$(if $(part-of-module),$(info module $(part-of-module)))@:\n"
	"endef\n"
	"kpatch-lists:\n"
	"\t$(info builtin $(real-obj-y))$(info library $(lib-y))"
	"$(foreach m,$(filter-out %/modules.order,$(obj-m)),"
	"$(info link $(m) $(or $(addprefix $(obj)/,$(call kpatch-parts,$(m))),$(m))))@:\n"
	"kpatch-objects: $(KPATCH_OBJECTS)\n"
	"\t@:\n"
	".PHONY: kpatch-lists kpatch-objects\n";

/* Variables of the environment that are about the make that wrote it, not about the kernel. */
static bool env_is_about_make(const char *variable)
{
	static const char *const names[] = { "MAKEFLAGS=",
					     "MFLAGS=",
					     "MAKELEVEL=",
					     "MAKEOVERRIDES=",
					     "build=",
					     "obj=",
					     "KPATCH_DUMP=",
					     "PWD=",
					     "OLDPWD=",
					     "SHLVL=",
					     "_=",
					     "TMPDIR=",
					     "PATH=",
					     "HOME=",
					     "LC_ALL=",
					     "need-builtin=",
					     "need-modorder=",
					     "single-build=",
					     "KBUILD_SINGLE_TARGETS=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(variable, names[i], strlen(names[i])))
			return true;
	return false;
}

/*
 * __FILE__ of a header begins with "./" where the kernel was built in its source, and without further flags with nothing
 * where it was built outside; 7.x passes no flag for the former. The tree cannot know which it was; the image does.
 */
static bool built_outside(const struct build *b)
{
	static const char in[] = "\0./include/linux/", out[] = "\0include/linux/";
	const struct elf_section *s = b->image ? kimage_section(b->image, ".rodata") : NULL;

	return s && s->data && !memmem(s->data, s->size, in, sizeof(in) - 1) &&
	       memmem(s->data, s->size, out, sizeof(out) - 1);
}

/* The flags of the preprocessor for a build in the source, to give what the kernel's own build gave. */
static const char *missing_map(const struct build *b, const char *variables, size_t size)
{
	static const char flag[] = "-fmacro-prefix-map=";

	return !memmem(variables, size, flag, sizeof(flag) - 1) && built_outside(b) ?
		       " -fmacro-prefix-map=./=" :
		       "";
}

static int cannot_learn(struct build *b, const char *tree, const char *log)
{
	char *text = NULL;

	file_read(b->arena, log, &text, NULL);
	diag_error(b->diags, "kbuild-environment", diag_file(tree),
		   "Check that the source is a complete kernel source",
		   "the kernel's makefiles could not be run: %.500s", text ? text : "");
	return -EINVAL;
}

int kbuild_learn_environment(struct build *b, const char *tree, const char *entry, const struct words *make)
{
	char *mk = build_work_path(b, "prepare/dump.mk"), *log = build_work_path(b, "prepare/dump.log");
	char *dump = build_work_path(b, "prepare/dump"), *data, *out, *end;
	const char *map;
	struct words argv = { 0 };
	size_t size;
	int err = 0, status;

	if (!mk || !log || !dump)
		return -EIO;
	err = file_write(mk, dump_mk, sizeof(dump_mk) - 1, 0644);
	for (size_t i = 0; i < make->n && !err; i++)
		words_add(b->arena, &argv, make->word[i]);
	if (!err)
		words_add(b->arena, &argv, arena_printf(b->arena, "build=-f %s obj", mk));
	if (!err)
		words_add(b->arena, &argv, arena_printf(b->arena, "KPATCH_DUMP=%s", dump));
	/* any single target makes the top Makefile prepare and then descend from the root */
	if (!err)
		words_add(b->arena, &argv, "init/main.o");
	if (!err)
		err = build_run(b, argv.word, tree, NULL, log, &status);
	if (err)
		return err;
	if (file_read(b->arena, arena_printf(b->arena, "%s..", dump), &data, &size) &&
	    file_read(b->arena, arena_printf(b->arena, "%s.init", dump), &data, &size))
		return cannot_learn(b, tree, log);
	map = missing_map(b, data, size);
	out = end = arena_alloc(b->arena, size + strlen(map) + 1);
	for (char *p = data; p < data + size; p += strlen(p) + 1) {
		if (env_is_about_make(p))
			continue;
		end = stpcpy(end, p);
		if (!strncmp(p, "KBUILD_CPPFLAGS=", 16))
			end = stpcpy(end, map);
		end++;
	}
	err = file_write(arena_printf(b->arena, "%s/" ENVIRONMENT, entry), out, (size_t)(end - out), 0644);
	if (!err)
		err = file_write(arena_printf(b->arena, "%s/" QUERY, entry), query_mk, sizeof(query_mk) - 1,
				 0644);
	return err;
}

int kbuild_load_environment(struct build *b)
{
	struct words env = { 0 };
	size_t size;
	char *data;
	int err =
		file_read(b->arena, arena_printf(b->arena, "%s/" ENVIRONMENT, b->kernel.entry), &data, &size);

	for (char *p = data; !err && p < data + size; p += strlen(p) + 1)
		words_add(b->arena, &env, p);
	if (!err)
		build_environment(b, &env);
	if (!err)
		b->kernel.env = env.word;
	return err;
}

int kbuild_copy_environment(struct build *b, const char *from, const char *to)
{
	static const char *const names[] = { ENVIRONMENT, QUERY };
	int err = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !err; i++)
		err = file_copy(arena_printf(b->arena, "%s/%s", from, names[i]),
				arena_printf(b->arena, "%s/%s", to, names[i]), 0644);
	return err ? build_not_written(b, "cache", to, err) : 0;
}

/* A run of the query makefile for directory @dir of @tree. */
static int query_command(struct build *b, const char *tree, const char *dir, const char *goal,
			 const char *objects, struct command *out)
{
	const char *words[] = { "make",
				"-rR",
				"--no-print-directory",
				"-f",
				arena_printf(b->arena, "%s/" QUERY, b->kernel.entry),
				arena_printf(b->arena, "obj=%s", dir),
				"need-builtin=1",
				"need-modorder=1",
				arena_printf(b->arena, "KPATCH_OBJECTS=%s", objects),
				goal };
	struct words argv = { 0 };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words_add(b->arena, &argv, words[i]);
	*out = (struct command){
		.argv = argv.word,
		.cwd = tree,
		.out = build_work_path(b, "kbuild/%s%s", dir,
				       strcmp(goal, "kpatch-lists") ? ".objects" : ".lists"),
		.err = build_work_path(b, "kbuild/%s.err", dir),
	};
	return out->out && out->err ? 0 : -EIO;
}

/*
 * Runs the query makefile in @tree. *text: what it printed; NULL if make failed. Objects may depend
 * on generated files, which make then generates: into a tree of this run, not the prepared one.
 */
static int query(struct build *b, const char *tree, const char *dir, const char *goal, const char *objects,
		 char **text)
{
	struct command c;
	int err = query_command(b, tree, dir, goal, objects, &c);

	if (!err)
		err = build_run_all(b, &c, 1);
	*text = NULL;
	if (!err && !c.status)
		err = file_read(b->arena, c.out, text, NULL);
	return err;
}

/* Splits "key value" lines. Returns the value of the line at *text and moves on; NULL at the end. */
static char *next_line(char **text, const char **key)
{
	char *line = *text, *blank;

	if (!line || !*line)
		return NULL;
	*text = line + strcspn(line, "\n");
	if (**text)
		*(*text)++ = '\0';
	blank = line + strcspn(line, " ");
	*key = line;
	if (!*blank)
		return blank;
	*blank = '\0';
	return blank + 1;
}

static void parse_directory(struct build *b, char *text, struct kbuild_directory *d)
{
	size_t n_modules = 0;
	const char *key;
	char *value;

	for (const char *p = text; (p = strstr(p, "link ")); p++)
		n_modules++;
	d->modules = arena_array(b->arena, n_modules + 1, sizeof(*d->modules));
	while ((value = next_line(&text, &key))) {
		if (!strcmp(key, "builtin")) {
			words_add_list(b->arena, &d->builtin, value);
		} else if (!strcmp(key, "library")) {
			words_add_list(b->arena, &d->library, value);
		} else if (!strcmp(key, "link")) {
			struct kbuild_module *m = &d->modules[d->n_modules++];
			size_t n = strcspn(value, " ");

			m->object = arena_strndup(b->arena, value, n);
			words_add_list(b->arena, &m->parts, value + n);
		}
	}
}

/* A name with '$' would be run by make, which gets it as a variable. Kbuild's own lists go by blanks. */
static bool is_name(const char *path)
{
	return text_is_plain(path, "/._+,@=~-");
}

static bool has_makefile(struct build *b, const char *dir)
{
	if (!is_name(dir))
		return false;
	return file_is_regular(arena_printf(b->arena, "%s/%s/Kbuild", b->kernel.tree, dir)) ||
	       file_is_regular(arena_printf(b->arena, "%s/%s/Makefile", b->kernel.tree, dir));
}

char *kbuild_lists_path(struct build *b, const char *dir)
{
	return arena_printf(b->arena, "%s/lists/%s.lists", b->kernel.entry, dir);
}

char *kbuild_command_path(struct build *b, const char *object)
{
	const char *normal = path_normal(b->arena, object);

	return normal ? arena_printf(b->arena, "%s/commands/%s", b->kernel.entry, normal) : NULL;
}

/* A cache that cannot be written costs time, nothing else. */
static void cache_lists(struct build *b, const char *dir, const char *text)
{
	const char *cached = kbuild_lists_path(b, dir);

	if (!directory_make_above(cached, 0755))
		file_write_atomic(cached, text, strlen(text), 0644);
}

/* The same with a file of the work directory that is on the disk. */
static void move_lists(struct build *b, const char *dir, const char *from)
{
	const char *cached = kbuild_lists_path(b, dir);

	if (!directory_make_above(cached, 0755) && rename(from, cached))
		unlink(from);
}

/*
 * The lists of a directory as the query prints them, from the cache if they were asked for before.
 * *text: NULL without a makefile, or if it cannot be evaluated by itself.
 */
static int lists_of(struct build *b, const char *dir, char **text)
{
	const char *cached = kbuild_lists_path(b, dir);
	int err;

	*text = NULL;
	if (!has_makefile(b, dir) || file_read(b->arena, cached, text, NULL) == 0)
		return 0;
	err = query(b, b->kernel.tree, dir, "kpatch-lists", "", text);
	if (!err && *text)
		cache_lists(b, dir, *text);
	return err;
}

int kbuild_read_directories(struct build *b, const struct words *dirs)
{
	struct command *commands = arena_array(b->arena, dirs->n, sizeof(*commands));
	const char **dir = arena_array(b->arena, dirs->n, sizeof(*dir));
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < dirs->n && !err; i++) {
		if (!has_makefile(b, dirs->word[i]) || file_is_regular(kbuild_lists_path(b, dirs->word[i])))
			continue;
		dir[n] = dirs->word[i];
		err = query_command(b, b->kernel.tree, dir[n], "kpatch-lists", "", &commands[n]);
		n++;
	}
	if (!err && n > 50)
		build_say(b, "reading the makefiles of %zu directories: once", n);
	if (!err && n)
		err = build_run_all(b, commands, n);
	/* once for all: an empty list in the cache would be a directory that nothing is made of */
	if (!err && n && syncfs(b->cache))
		return 0;
	for (size_t i = 0; i < n && !err; i++)
		if (!commands[i].status)
			move_lists(b, dir[i], commands[i].out);
	return err;
}

int kbuild_read_directory(struct build *b, const char *dir, const struct kbuild_directory **out)
{
	struct kbuild_directory *d;
	union strmap_value *known;
	char *text;
	int err;

	if (!b->directories)
		b->directories = strmap_new(64);
	known = strmap_get(b->directories, dir);
	if (known) {
		*out = known->cptr;
		return 0;
	}
	d = arena_alloc(b->arena, sizeof(*d));
	d->dir = arena_strdup(b->arena, dir);
	err = lists_of(b, dir, &text);
	if (!err && text)
		parse_directory(b, text, d);
	if (err)
		return err;
	*out = text ? d : NULL;
	strmap_set(b->directories, d->dir, (union strmap_value){ .cptr = *out });
	return 0;
}

/* Makefile.build looks for a directory's makefile in $(kbuild-dir), and since 6.7 in $(kbuild-file). */
int kbuild_read_makefile(struct build *b, const char *dir, const char *makefile,
			 const struct kbuild_directory **out)
{
	const char *where = path_directory(b->arena, makefile);
	struct kbuild_directory *d = arena_alloc(b->arena, sizeof(*d));
	const char *in_dir = arena_printf(b->arena, "kbuild-dir=%s", where);
	const char *in_file = arena_printf(b->arena, "kbuild-file=%s", makefile);
	struct words argv = { 0 };
	struct command c;
	char *text;
	int err = is_name(dir) ? 0 : -EINVAL;

	*out = NULL;
	if (!err)
		err = query_command(b, b->kernel.tree, dir, "kpatch-lists", "", &c);
	if (err)
		return err;
	for (size_t i = 0; c.argv[i]; i++)
		words_add(b->arena, &argv, c.argv[i]);
	words_add(b->arena, &argv, in_dir);
	words_add(b->arena, &argv, in_file);
	c.argv = argv.word;
	err = build_run_all(b, &c, 1);
	if (err || c.status)
		return err;
	d->dir = dir;
	err = file_read(b->arena, c.out, &text, NULL);
	if (err)
		return err;
	parse_directory(b, text, d);
	*out = d;
	return 0;
}

int kbuild_read_object(struct build *b, const char *dir, const char *object, struct kbuild_object *out)
{
	const char *known = kbuild_command_path(b, object), *key;
	char *text, *value;
	int err = is_name(dir) && is_name(object) ? 0 : -EINVAL;

	if (!err && (!known || file_read(b->arena, known, &text, NULL)))
		err = query(b, b->pristine ? b->pristine : b->kernel.tree, dir, "kpatch-objects", object,
			    &text);
	if (err)
		return err;
	*out = (struct kbuild_object){ 0 };
	while (!err && (value = next_line(&text, &key))) {
		if (!strcmp(key, "object"))
			out->object = value;
		else if (!strcmp(key, "source"))
			out->source = value;
		else if (!strcmp(key, "cc"))
			err = words_add_shell(b->arena, &out->cc, value);
		else if (!strcmp(key, "objtool"))
			err = words_add_shell(b->arena, &out->objtool, value);
		else if (!strcmp(key, "delayed"))
			out->delayed = true;
		else if (!strcmp(key, "module"))
			out->module = true;
	}
	if (!err && (!out->object || !out->source || !out->cc.n))
		err = -ENOENT;
	return err;
}
