// SPDX-License-Identifier: GPL-2.0-only
/*
 * See includes.h. What is looked for must not be missed: an object that is compiled in vain costs a
 * second, one that is overlooked makes a patch that is silently half of what it should be. So
 * conditions around an #include are not looked at, and one that the compiler would search for in
 * its -I directories is taken to mean every file whose path ends so and that may be found on such a
 * search; only a quoted one that lies beside the includer is certain. The compiler's own word comes
 * later, from its dependency files (compile.c).
 *
 * An #include of a macro means what some file defines as that macro, so whatever looks like a
 * header in a #define counts as included by that file, with TRACE_INCLUDE_FILE, which has no ".h".
 * A makefile's -include counts for all sources below it, its -I directories for everybody. Any other header that a makefile names may be
 * read by a script, and the user is told.
 *
 * The index is two text files, for included .c files (few) and for headers. A line is the name of
 * a file, or, with one of the characters of enum how before it, what the file includes.
 */
#include "kpatch-build/prepare/includes.h"

#include <ctype.h>
#include <errno.h>
#include <fts.h>
#include <stdint.h>
#include <string.h>

#include "kpatch-build/prepare/owner.h"
#include "lib/arch/arch.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/strmap.h"
#include "lib/util/text.h"

/* How a file names another one. */
enum how {
	QUOTED = '"',	 /* beside it, or else by -I */
	SEARCHED = '<',	 /* by -I */
	FORCED = '!',	 /* a makefile's -include */
	MENTIONED = '=', /* in a makefile */
	DIRECTORY = '+', /* -I in a makefile: "/from/the/root", "../from/its/own", "?end/of/it" */
};

/* The two halves of the index, and where they are while prepare writes them. */
enum half { OF_SOURCES, OF_HEADERS, N_HALVES };

static const char *const half_names[N_HALVES] = { "includes.c", "includes.h" };

struct writer {
	FILE *file[N_HALVES];
	const char *machine;  /* the kernel's own directory below arch/ */
	const char *name;     /* of the file being read */
	bool named[N_HALVES]; /* whether its line has been written */
};

static bool ends_in(const char *text, size_t n, const char *ending)
{
	size_t m = strlen(ending);

	return n >= m && !memcmp(text + n - m, ending, m);
}

static bool is_source(const char *path, size_t n)
{
	return ends_in(path, n, ".c") || ends_in(path, n, ".S");
}

/* What runs while the kernel is built. */
static bool is_program(const char *path)
{
	return !strncmp(path, "scripts/", 8);
}

static bool is_makefile(const char *path)
{
	const char *base = path_base(path);

	return !strncmp(base, "Makefile", 8) || !strncmp(base, "Kbuild", 6);
}

static void put_name(struct writer *w, enum half half)
{
	if (!w->named[half])
		fprintf(w->file[half], "%s\n", w->name);
	w->named[half] = true;
}

static void put(struct writer *w, enum how how, const char *written, size_t n, const char *ending)
{
	enum half half = ends_in(written, n, ".c") ? OF_SOURCES : OF_HEADERS;

	if (!n || memchr(written, '\n', n))
		return;
	put_name(w, half);
	fprintf(w->file[half], "%c%.*s%s\n", how, (int)n, written, ending);
}

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* "#include <x.h>", "#include "x.h"" and what stands behind the name of a macro. */
static void put_file(struct writer *w, const char *open)
{
	size_t n = strcspn(open + 1, *open == '<' ? ">\n" : "\"\n");

	if ((*open == '"' || *open == '<') && (open[n + 1] == '"' || open[n + 1] == '>'))
		put(w, *open == '"' ? QUOTED : SEARCHED, open + 1, n, "");
}

static void scan_define(struct writer *w, const char *name)
{
	size_t n = strcspn(name, " \t\n(");
	const char *value = skip_blanks(name + n), *end = value + strcspn(value, "\n");
	bool trace = n == 18 && !memcmp(name, "TRACE_INCLUDE_FILE", n);

	if (trace && strncmp(path_base(w->name), value, strcspn(value, " \t\n")))
		put(w, QUOTED, value, strcspn(value, " \t\n"), ".h");
	else if ((*value == '"' || *value == '<') && end - value > 4 &&
		 ends_in(value, strcspn(value + 1, "\">\n") + 1, ".h"))
		put_file(w, value);
}

/* A line for each #include, and for each header that is the value of a macro. */
static void scan_source(struct writer *w, const char *text)
{
	for (const char *p = text; (p = strchr(p, '#'));) {
		p = skip_blanks(p + 1);
		/* #include, #include_next, #import */
		if (!strncmp(p, "include", 7))
			put_file(w, skip_blanks(p + strcspn(p, " \t\"<\n")));
		else if (!strncmp(p, "define", 6) && (p[6] == ' ' || p[6] == '\t'))
			scan_define(w, skip_blanks(p + 6));
	}
	if (is_source(w->name, strlen(w->name)))
		put_name(w, OF_HEADERS);
}

/* Takes a leading @prefix off the text from *p to its @end. */
static bool take_off(const char **p, const char *end, const char *prefix)
{
	size_t n = strlen(prefix);

	if ((size_t)(end - *p) < n || memcmp(*p, prefix, n))
		return false;
	*p += n;
	*p += *p < end && **p == '/';
	return true;
}

/* Where a path in a makefile starts. */
enum from { FROM_HERE, FROM_ROOT, FROM_SOMEWHERE };

/* Takes the variables off the beginning of a path: all of *word if nothing but its end is known. */
static enum from path_start(const char **word, const char *end, enum from from)
{
	while (take_off(word, end, "$(srctree)") || take_off(word, end, "$(objtree)"))
		from = FROM_ROOT;
	while (take_off(word, end, "$(src)") || take_off(word, end, "$(obj)"))
		from = FROM_HERE;
	for (const char *p = *word; p < end; p++) {
		if (*p != ')' && *p != '$')
			continue;
		*word = p + 1 + (p + 1 < end && p[1] == '/');
		from = FROM_SOMEWHERE;
	}
	return from;
}

static void put_path(struct writer *w, enum how how, const char *start, const char *path, size_t n)
{
	put_name(w, OF_HEADERS);
	fprintf(w->file[OF_HEADERS], "%c%s%.*s\n", how, start, (int)n, path);
}

/* A word of a makefile that ends in ".h". */
static void scan_header(struct writer *w, const char *line, const char *word, const char *end)
{
	enum how how = MENTIONED;
	const char *before = word;
	enum from from;

	while (before > line && strchr(" \t", before[-1]))
		before--;
	if (before - line > 8 && !memcmp(before - 8, "-include", 8))
		how = FORCED;
	from = path_start(&word, end, FROM_HERE);
	put_path(w, how, from == FROM_ROOT ? "/" : "", word, (size_t)(end - word));
}

/* What follows a "-I". */
static void scan_directory(struct writer *w, const char *word)
{
	const char *end = word + strcspn(word, " \t\n,'\"\\");
	bool prefix = *end == ','; /* $(addprefix -Ihere/,there) */
	enum from from;

	from = path_start(&word, end, FROM_ROOT);
	while (end > word && end[-1] == '/')
		end--;
	if (prefix)
		put_path(w, DIRECTORY, "?", "", 0);
	else
		put_path(w, DIRECTORY,
			 from == FROM_ROOT ? "/" :
			 from == FROM_HERE ? "./" :
					     "?",
			 word, (size_t)(end - word));
}

static void scan_line(struct writer *w, const char *line, const char *next)
{
	for (const char *p = line; p + 1 < next; p++) {
		const char *word = p, *end = p + 2;

		if (p[0] == '-' && p[1] == 'I' && (p == line || strchr(" \t=,(", p[-1])))
			scan_directory(w, skip_blanks(p + 2));
		if (p[0] != '.' || p[1] != 'h' || isalnum((unsigned char)*end) || *end == '_' || *end == '.')
			continue;
		while (word > line && !strchr(" \t:=,'\"", word[-1]))
			word--;
		scan_header(w, line, word, end);
	}
}

static void scan_makefile(struct writer *w, const char *text)
{
	for (const char *line = text; *line;) {
		const char *next = line + strcspn(line, "\n");

		if (*skip_blanks(line) != '#')
			scan_line(w, line, next);
		line = next + (*next == '\n');
	}
}

/* Documentation, tools and other machines' code do not go into this kernel. */
static bool is_outside(const char *machine, const char *path, size_t level)
{
	static const char *const dirs[] = { "Documentation", "tools", "samples", "usr", ".git" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (level == 1 && !strcmp(path, dirs[i]))
			return true;
	return level == 2 && text_starts_with(path, "arch/") && strcmp(path, machine) != 0;
}

static void scan_file(struct writer *w, const char *path, const char *name)
{
	struct arena *arena = arena_new();
	char *text;

	w->name = name;
	memset(w->named, 0, sizeof(w->named));
	/* a symbolic link to nowhere is no reason to fail */
	if (file_read(arena, path, &text, NULL) == 0) {
		if (is_makefile(name))
			scan_makefile(w, text);
		else
			scan_source(w, text);
	}
	arena_free(arena);
}

static int scan_tree(const char *tree, struct writer *w)
{
	char *roots[] = { (char *)tree, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOSTAT | FTS_NOCHDIR, NULL);
	size_t skip = strlen(tree) + 1;
	FTSENT *e;

	if (!fts)
		return -errno;
	while ((e = fts_read(fts))) {
		const char *name = e->fts_level > 0 ? e->fts_path + skip : "";
		size_t n = strlen(name);

		if (e->fts_info == FTS_D && is_outside(w->machine, name, (size_t)e->fts_level))
			fts_set(fts, e, FTS_SKIP);
		if ((e->fts_info == FTS_F || e->fts_info == FTS_NSOK) &&
		    (is_source(name, n) || ends_in(name, n, ".h") || is_makefile(name)))
			scan_file(w, e->fts_path, name);
	}
	fts_close(fts);
	return 0;
}

int includes_index(struct build *b, const char *tree, const char *entry)
{
	struct writer w = { .machine = b->kernel.arch->source.directory };
	int err = 0;

	for (enum half h = 0; h < N_HALVES && !err; h++) {
		w.file[h] = fopen(arena_printf(b->arena, "%s/%s", entry, half_names[h]), "we");
		err = w.file[h] ? 0 : -errno;
	}
	if (!err)
		err = scan_tree(tree, &w);
	for (enum half h = 0; h < N_HALVES; h++) {
		int written = w.file[h] ? file_finish(w.file[h]) : 0;

		err = err ? err : written;
	}
	return err ? build_not_written(b, "cache", entry, err) : 0;
}

/* Reading the index */

/* One line: @includer names @written. */
struct edge {
	const char *includer, *written;
	uint32_t next; /* with the same last component of @written; 0 ends the list */
	char how;
};

struct edges {
	struct edge *edge; /* [0] is unused */
	size_t n;
	struct strmap *by_base; /* last component → first edge */
	/* OF_HEADERS: */
	struct words sources;		    /* all .c and .S files */
	struct words directories, named_by; /* the -I of makefiles, and of which makefile each is */
};

struct includes {
	struct build *build;
	struct edges *half[N_HALVES]; /* NULL: not read yet */
};

struct includes *includes_open(struct build *b)
{
	struct includes *in = arena_alloc(b->arena, sizeof(*in));

	in->build = b;
	return in;
}

void includes_close(struct includes *in)
{
	for (enum half h = 0; in && h < N_HALVES; h++)
		if (in->half[h])
			strmap_free(in->half[h]->by_base);
}

static void add_edge(struct edges *e, const char *includer, const char *line)
{
	struct edge *edge = &e->edge[++e->n];
	const char *base = path_base(line + 1);
	union strmap_value *first = strmap_get(e->by_base, base);

	*edge = (struct edge){ .includer = includer, .written = line + 1, .how = *line };
	if (!first) {
		strmap_set(e->by_base, base, (union strmap_value){ .num = e->n });
		return;
	}
	edge->next = (uint32_t)first->num;
	first->num = e->n;
}

static void add_directory(struct arena *arena, struct edges *e, const char *makefile, const char *line)
{
	words_add(arena, &e->directories, line);
	words_add(arena, &e->named_by, makefile);
}

static int read_half(struct includes *in, enum half half)
{
	struct arena *arena = in->build->arena;
	struct edges *e = arena_alloc(arena, sizeof(*e));
	const char *includer = NULL;
	size_t lines = 0;
	char *text;
	int err = file_read(arena, arena_printf(arena, "%s/%s", in->build->kernel.entry, half_names[half]),
			    &text, NULL);

	if (err)
		return err;
	in->half[half] = e;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	e->edge = arena_array(arena, lines + 1, sizeof(*e->edge));
	e->by_base = strmap_new(lines / 8);
	for (char *line = text; !err && *line;) {
		char *end = line + strcspn(line, "\n"), *next = end + (*end == '\n');

		*end = '\0';
		if (*line == DIRECTORY)
			add_directory(arena, e, includer, line + 1);
		else if (*line != QUOTED && *line != SEARCHED && *line != FORCED && *line != MENTIONED)
			includer = line;
		else if (includer)
			add_edge(e, includer, line);
		else
			err = -EINVAL;
		if (!err && includer == line && half == OF_HEADERS && is_source(line, strlen(line)) &&
		    !is_program(line))
			words_add(arena, &e->sources, line);
		line = next;
	}
	return err;
}

/* Whether @path is below the directory @dir. */
static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strcmp(dir, ".") || (!strncmp(path, dir, n) && path[n] == '/');
}

/* Whether @path is @tail or ends in "/TAIL". */
static bool has_tail(const char *path, const char *tail)
{
	size_t n = strlen(path), m = strlen(tail);

	return ends_in(path, n, tail) && (n == m || !m || path[n - m - 1] == '/');
}

/* Whether two paths have their first two components in common: "drivers/gpu/…". */
static bool is_near(const char *path, const char *other)
{
	size_t n = strcspn(path, "/");

	n += path[n] ? 1 + strcspn(path + n + 1, "/") : 0;
	return !strncmp(path, other, n);
}

/* Whether the -I @written of @makefile lets @includer find what is in @dir. */
static bool is_searched(struct arena *arena, const char *written, const char *makefile, const char *includer,
			const char *dir)
{
	const char *here = path_directory(arena, makefile), *path;

	if (*written == '/')
		path = path_normal(arena, written[1] ? written + 1 : ".");
	else if (*written != '?')
		path = path_normal(arena, arena_printf(arena, "%s/%s", here, written));
	else
		return written[1] ? has_tail(dir, written + 1) : is_below(includer, here);
	/* what a makefile says of its own directory is for the sources that it names, below it or nearby */
	if (path && !strcmp(path, here))
		return !strcmp(path, dir) && ends_in(includer, strlen(includer), ".h") &&
		       is_near(includer, dir);
	return !path || !strcmp(dir, path);
}

/* Whether a search by -I for what @includer includes may look into @dir. */
static bool may_search(struct includes *in, struct arena *arena, const char *includer, const char *dir)
{
	const struct edges *e = in->half[OF_HEADERS];

	if (!e || !strcmp(dir, ".") || !strncmp(dir, "include", 7) || strstr(dir, "/include") ||
	    is_below(includer, dir) || owners_elsewhere(in->build, dir))
		return true;
	for (size_t i = 0; i < e->directories.n; i++)
		if (is_searched(arena, e->directories.word[i], e->named_by.word[i], includer, dir))
			return true;
	return false;
}

/* Whether @e can mean the file @path. @arena: for what is not needed afterwards. */
static bool can_mean(struct includes *in, struct arena *arena, const struct edge *e, const char *path)
{
	const char *tail = e->written, *dir, *beside;

	for (const char *up; (up = strstr(tail, "./"));)
		tail = up + 2;
	if (*tail == '/')
		return !strcmp(tail + 1, path);
	if (!has_tail(path, tail))
		return false;
	if (e->how != SEARCHED) {
		dir = path_directory(arena, e->includer);
		beside = path_normal(arena, arena_printf(arena, "%s/%s", dir, e->written));
		if (!beside || !strcmp(beside, path))
			return true;
		/* found beside the includer, where the search ends */
		if (file_is_regular(arena_printf(arena, "%s/%s", in->build->kernel.tree, beside)))
			return false;
	}
	/* the directory in which the search finds it */
	dir = strlen(path) == strlen(tail) ? "." :
					     arena_strndup(arena, path, strlen(path) - strlen(tail) - 1);
	return tail != e->written || !dir || may_search(in, arena, e->includer, dir);
}

/* One search. */
struct search {
	struct includes *in;
	struct strmap *seen;
	struct words queue;
	struct includers *out;
};

static void found(struct search *s, const char *path)
{
	struct arena *arena = s->in->build->arena;

	if (strmap_get(s->seen, path))
		return;
	strmap_set(s->seen, path, (union strmap_value){ .num = 1 });
	words_add(arena, &s->queue, path);
	if (is_source(path, strlen(path)))
		words_add(arena, &s->out->sources, path);
}

/* What a makefile's -include holds for: all sources, or those below it. */
static void found_forced(struct search *s, const char *makefile)
{
	struct edges *headers = s->in->half[OF_HEADERS];
	const char *dir = path_directory(s->in->build->arena, makefile);
	bool all;

	all = !strcmp(dir, ".") || !strcmp(dir, "scripts") ||
	      !strcmp(dir, s->in->build->kernel.arch->source.directory);
	for (size_t i = 0; i < headers->sources.n; i++) {
		const char *source = headers->sources.word[i];

		if (all || (!strncmp(source, dir, strlen(dir)) && source[strlen(dir)] == '/'))
			found(s, source);
	}
}

/* @direct: the edge leads to the very file that was asked for. */
static void follow(struct search *s, const struct edge *e, bool direct)
{
	struct arena *arena = s->in->build->arena;

	if (e->how == FORCED) {
		found_forced(s, e->includer);
	} else if (e->how == MENTIONED) {
		if (direct)
			words_add(arena, &s->out->makefiles, e->includer);
	} else if (!is_program(e->includer)) {
		found(s, e->includer);
	} else if (direct && e->how == QUOTED) {
		/* <...> are headers of the machine that it runs on */
		words_add(arena, &s->out->programs, e->includer);
	}
}

static int find_includers(struct search *s, const char *path, bool direct)
{
	enum half half = ends_in(path, strlen(path), ".c") ? OF_SOURCES : OF_HEADERS;
	struct arena *arena = arena_new();
	const union strmap_value *first;
	struct edges *e;
	int err = s->in->half[half] ? 0 : read_half(s->in, half);

	if (!err) {
		e = s->in->half[half];
		first = strmap_get(e->by_base, path_base(path));
		for (uint32_t i = first ? (uint32_t)first->num : 0; i; i = e->edge[i].next)
			if (can_mean(s->in, arena, &e->edge[i], path))
				follow(s, &e->edge[i], direct);
	}
	arena_free(arena);
	return err;
}

int includes_find(struct includes *in, const char *path, struct includers *out)
{
	struct search s = { .in = in, .seen = strmap_new(64), .out = out };
	int err = find_includers(&s, path, true);

	for (size_t i = 0; i < s.queue.n && !err; i++)
		err = find_includers(&s, s.queue.word[i], false);
	strmap_free(s.seen);
	return err;
}
