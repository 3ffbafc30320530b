// SPDX-License-Identifier: GPL-2.0-only
/*
 * See includes.h. The index is a text file, one "INCLUDER INCLUDED" a line, INCLUDED as it is
 * written in the #include. Conditions around an #include are not looked at: that finds too many
 * includers, never too few, and too many only cost a compilation.
 */
#include "kpatch-build/includes.h"

#include <ctype.h>
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/strmap.h"

#define INDEX "includes"

static bool ends_in(const char *text, size_t n, const char *ending)
{
	size_t m = strlen(ending);

	return n >= m && !memcmp(text + n - m, ending, m);
}

/* Writes a line for each #include of a .c file in @text. */
static void scan(FILE *f, const char *name, const char *text)
{
	for (const char *p = text; (p = strstr(p, "include")); p += 7) {
		const char *before = p, *open, *close;

		while (before > text && (before[-1] == ' ' || before[-1] == '\t'))
			before--;
		if (before == text || before[-1] != '#')
			continue;
		open = p + 7 + strspn(p + 7, " \t");
		if (*open != '"' && *open != '<')
			continue;
		close = open + 1 + strcspn(open + 1, "\">\n");
		if (ends_in(open, (size_t)(close - open), ".c"))
			fprintf(f, "%s %.*s\n", name, (int)(close - open - 1), open + 1);
	}
}

/* Documentation and the tools do not go into a kernel. */
static bool is_outside(const char *name)
{
	static const char *const dirs[] = { "Documentation", "tools", "scripts", "samples", ".git" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (!strcmp(name, dirs[i]))
			return true;
	return false;
}

static int scan_tree(const char *tree, FILE *f)
{
	char *roots[] = { (char *)tree, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOSTAT | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int err = 0;

	if (!fts)
		return -errno;
	while (!err && (e = fts_read(fts))) {
		struct arena *arena;
		char *text;

		if (e->fts_info == FTS_D && e->fts_level == 1 && is_outside(e->fts_name))
			fts_set(fts, e, FTS_SKIP);
		if ((e->fts_info != FTS_F && e->fts_info != FTS_NSOK) ||
		    (!ends_in(e->fts_name, e->fts_namelen, ".c") &&
		     !ends_in(e->fts_name, e->fts_namelen, ".h")))
			continue;
		arena = arena_new();
		if (!arena)
			err = -ENOMEM;
		else if (file_read(arena, e->fts_path, &text, NULL) == 0)
			scan(f, e->fts_path + strlen(tree) + 1, text);
		arena_free(arena);
	}
	fts_close(fts);
	return err;
}

int includes_index(struct build *b, const char *tree, const char *entry)
{
	FILE *f = fopen(arena_printf(b->arena, "%s/" INDEX, entry), "we");
	int err = f ? scan_tree(tree, f) : -errno;

	if (f && (ferror(f) || fclose(f)) && !err)
		err = -EIO;
	if (err)
		diag_error(b->diags, err == -ENOSPC ? "disk-full" : "cache", diag_file(entry), NULL,
			   "the index of the source cannot be written: %s", strerror(-err));
	return err;
}

/* Whether @written, in an #include of @includer, can mean the file @path. */
static bool can_mean(struct build *b, const char *includer, const char *written, const char *path)
{
	const char *dir = path_directory(b->arena, includer);
	const char *beside = path_normal(b->arena, arena_printf(b->arena, "%s/%s", dir, written));
	const char *tail = written;
	size_t n;

	if (beside && !strcmp(beside, path))
		return true;
	if (beside && file_is_regular(arena_printf(b->arena, "%s/%s", b->kernel.tree, beside)))
		return false;	/* found beside the includer, so the search ends there */
	/* through -I: any file whose path ends so */
	while (!strncmp(tail, "../", 3) || !strncmp(tail, "./", 2))
		tail = strchr(tail, '/') + 1;
	n = strlen(path);
	return ends_in(path, n, tail) && (n == strlen(tail) || path[n - strlen(tail) - 1] == '/');
}

static int find_more(struct build *b, char *text, const char *path, struct strmap *seen,
		     struct words *out)
{
	const char *base = path_base(path);
	int err = 0;

	for (char *line = text; *line && !err; ) {
		size_t n = strcspn(line, "\n"), m = strcspn(line, " ");
		char *includer, *written;

		if (m < n && ends_in(line, n, base)) {
			includer = arena_strndup(b->arena, line, m);
			written = arena_strndup(b->arena, line + m + 1, n - m - 1);
			if (!includer || !written)
				return -ENOMEM;
			if (!strmap_get(seen, includer) && can_mean(b, includer, written, path)) {
				err = strmap_set(seen, includer, (union strmap_value){ .num = 1 });
				if (!err)
					err = words_add(b->arena, out, includer);
			}
		}
		line += n + (line[n] == '\n');
	}
	return err;
}

int includes_find(struct build *b, const char *path, struct words *out)
{
	struct strmap *seen = strmap_new(16);
	size_t first = out->n;
	char *text;
	int err = seen ? file_read(b->arena, arena_printf(b->arena, "%s/" INDEX, b->kernel.entry), &text,
				   NULL) : -ENOMEM;

	if (!err)
		err = find_more(b, text, path, seen, out);
	for (size_t i = first; i < out->n && !err; i++)
		err = find_more(b, text, out->word[i], seen, out);
	strmap_free(seen);
	return err;
}
