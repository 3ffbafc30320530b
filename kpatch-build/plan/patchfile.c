// SPDX-License-Identifier: GPL-2.0-only
/*
 * See patchfile.h. The format is that of GNU diff -u ("Detailed Description of Unified Format") with
 * git's extended headers (git-diff, "Generating patch text with -p"). The file is hostile input:
 * counts are believed only as far as there are lines.
 */
#include "kpatch-build/plan/patchfile.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/path.h"

struct parser {
	const char *path;
	struct arena *arena;
	struct diags *diags;
	const char *next, *end; /* what is still to be read */
	const char *line;	/* the line last read, without terminator */
	size_t size;		/* of it, with its newline */
	unsigned int number, strip;
	struct patch_entry *entries;
	size_t n_entries, room;
};

static int damaged(struct parser *p, unsigned int line, const char *id, const char *remedy, const char *what,
		   const char *which)
{
	struct diag_place place = { .file = p->path, .line = line };

	diag_error(p->diags, id, &place, remedy, "%s%s%s%s", what, which ? " '" : "", which ? which : "",
		   which ? "'" : "");
	return -EINVAL;
}

static bool next_line(struct parser *p)
{
	const char *newline;

	if (p->next >= p->end)
		return false;
	newline = memchr(p->next, '\n', (size_t)(p->end - p->next));
	p->line = p->next;
	p->next = newline ? newline + 1 : p->end;
	p->size = (size_t)(p->next - p->line);
	p->number++;
	return true;
}

static bool starts(const struct parser *p, const char *text)
{
	size_t n = strlen(text);

	return p->size >= n && !memcmp(p->line, text, n);
}

/* The line behind the one that has not been read yet. */
static const char *line_after_next(const struct parser *p)
{
	const char *newline = memchr(p->next, '\n', (size_t)(p->end - p->next));

	return newline ? newline + 1 : p->end;
}

/* Whether the line that has not been read yet starts with @text. */
static bool next_starts(const struct parser *p, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(p->end - p->next) >= n && !memcmp(p->next, text, n);
}

/* The rest of the line behind @skip bytes, without newline, time stamp and blanks at its end. */
static char *rest_of_line(struct parser *p, size_t skip)
{
	const char *start = p->line + skip;
	size_t n = p->size - skip;
	const char *tab = memchr(start, '\t', n);

	if (tab)
		n = (size_t)(tab - start);
	while (n && (start[n - 1] == '\n' || start[n - 1] == '\r' || start[n - 1] == ' '))
		n--;
	return arena_strndup(p->arena, start, n);
}

/*
 * Whether the line's time stamp is the beginning of 1970, in whatever zone: GNU diff -N gives that to a file
 * which is not there.
 */
static bool is_dated_nothing(const struct parser *p)
{
	const char *tab = memchr(p->line, '\t', p->size), *zone;
	struct tm tm = { .tm_isdst = 0 };
	char text[64], *end;
	long offset;

	if (!tab || (size_t)(p->line + p->size - tab) > sizeof(text))
		return false;
	memcpy(text, tab + 1, (size_t)(p->line + p->size - tab - 1));
	text[p->line + p->size - tab - 1] = '\0';
	end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	if (!end)
		return false;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0");
	zone = end + strspn(end, " ");
	if ((*zone != '+' && *zone != '-') || strspn(zone + 1, "0123456789") != 4)
		return false;
	offset = strtol(zone + 1, NULL, 10);
	offset = (offset / 100 * 60 + offset % 100) * 60;
	return timegm(&tm) == (*zone == '-' ? -offset : offset);
}

/* A path from the root of the tree, out of which it may not lead. @name is how the patch has it. */
static int inner_path(struct parser *p, const char *name, const char *path, const char **out)
{
	for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
		if (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2]))
			return damaged(p, p->number, "patch-path",
				       "Make the patch in the root of the kernel source",
				       "the path leads out of the source tree:", name);
	*out = path_normal(p->arena, path);
	return 0;
}

/* What no path may be, with or without a first component to take off. */
static int check_path(struct parser *p, const char *name)
{
	if (*name == '"')
		return damaged(p, p->number, "patch-path", "Rename the file, or make the patch without it",
			       "a quoted path is not understood:", name);
	if (*name == '/')
		return damaged(
			p, p->number, "patch-path",
			"Make the patch in the root of the kernel source, with git diff or diff -up a/ b/",
			"the path is absolute:", name);
	return 0;
}

/* The path in "rename from", "copy to" and their like, which has no first component to take off. */
static int whole_path(struct parser *p, size_t skip, const char **out)
{
	const char *name = rest_of_line(p, skip);
	int err = check_path(p, name);

	if (!err && !*name)
		return damaged(p, p->number, "patch-path", "Make the patch again",
			       "no path is given:", p->line);
	return err ? err : inner_path(p, name, name, out);
}

/*
 * Takes components off a path and checks the rest; "/dev/null" gives NULL in *out. Nothing
 * may lead out of the tree.
 */
static int strip_path(struct parser *p, const char *name, const char **out)
{
	const char *path = name;
	int err;

	*out = NULL;
	if (!strcmp(name, "/dev/null"))
		return 0;
	err = check_path(p, name);
	if (err)
		return err;
	for (unsigned int i = 0; path && i < p->strip; i++) {
		path = strchr(path, '/');
		path = path ? path + strspn(path, "/") : NULL;
	}
	if (!path || !*path)
		return damaged(
			p, p->number, "patch-path",
			"Make the patch in the root of the kernel source, with git diff or diff -up a/ b/",
			p->strip == 1 ? "no path is left when the first component is taken off:" :
					"no path is left when as many components are taken off as -p says:",
			name);
	return inner_path(p, name, path, out);
}

static struct patch_entry *new_entry(struct parser *p)
{
	if (p->n_entries == p->room) {
		size_t room = p->room ? 2 * p->room : 8;
		struct patch_entry *grown = arena_array(p->arena, room, sizeof(*grown));

		if (p->n_entries)
			memcpy(grown, p->entries, p->n_entries * sizeof(*grown));
		p->entries = grown;
		p->room = room;
	}
	p->entries[p->n_entries] = (struct patch_entry){ .line = p->number };
	return &p->entries[p->n_entries];
}

/* "12,3" or "12" at *text. */
static bool read_range(const char **text, unsigned long *start, unsigned long *count)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*start = strtoul(*text, &end, 10);
	*count = 1;
	if (*end == ',') {
		if (end[1] < '0' || end[1] > '9')
			return false;
		*count = strtoul(end + 1, &end, 10);
	}
	*text = end;
	return *start < INT_MAX && *count < INT_MAX;
}

static bool read_hunk_header(struct parser *p, struct patch_hunk *h)
{
	const char *text = arena_strndup(p->arena, p->line, p->size);

	if (strncmp(text, "@@ -", 4))
		return false;
	text += 4;
	if (!read_range(&text, &h->old_start, &h->old_count) || strncmp(text, " +", 2))
		return false;
	text += 2;
	if (!read_range(&text, &h->new_start, &h->new_count) || strncmp(text, " @@", 3))
		return false;
	h->line = p->number;
	return h->old_count + h->new_count > 0;
}

/* The lines of a hunk, exactly as many as its header says. */
static int read_hunk_lines(struct parser *p, struct patch_hunk *h)
{
	unsigned long old = h->old_count, new = h->new_count;
	size_t room = 0, left = (size_t)(p->end - p->next);
	struct patch_line *lines;

	for (const char *q = p->next; q < p->end && room < old + new; q++)
		room += *q == '\n';
	lines = arena_array(p->arena, (room < left ? room : left) + 2, sizeof(*lines));
	while (old || new) {
		struct patch_line *l = &lines[h->n_lines];
		bool empty;

		if (!next_line(p) || p->line[p->size - 1] != '\n')
			return damaged(p, h->line, "patch-damaged", "Get the patch again: it was cut off",
				       "the patch ends inside this hunk", NULL);
		/* mailers take blanks off the ends of lines, so an empty line is a context line */
		empty = *p->line == '\n' || (*p->line == '\r' && p->size == 2);
		l->kind = empty ? ' ' : *p->line;
		l->text = empty ? p->line : p->line + 1;
		l->size = empty ? p->size : p->size - 1;
		if ((l->kind == ' ' && (!old || !new)) || (l->kind == '-' && !old) ||
		    (l->kind == '+' && !new) || !strchr(" -+", l->kind))
			return damaged(p, p->number, "patch-damaged",
				       "Make the patch again: it was edited or "
				       "wrapped",
				       "this line does not fit the hunk's header", NULL);
		old -= l->kind != '+';
		new -= l->kind != '-';
		h->n_lines++;
		if (next_starts(p, "\\ ") && l->size && l->text[l->size - 1] == '\n') {
			l->size--;
			next_line(p);
		}
	}
	h->lines = lines;
	return 0;
}

static int read_hunks(struct parser *p, struct patch_entry *e)
{
	struct patch_hunk *hunks = NULL;
	size_t n = 0, room = 0;
	int err = 0;

	while (!err && next_starts(p, "@@ ")) {
		if (n == room) {
			struct patch_hunk *grown;

			room = room ? 2 * room : 4;
			grown = arena_array(p->arena, room, sizeof(*grown));
			if (n)
				memcpy(grown, hunks, n * sizeof(*grown));
			hunks = grown;
		}
		next_line(p);
		hunks[n] = (struct patch_hunk){ 0 };
		if (!read_hunk_header(p, &hunks[n]))
			return damaged(p, p->number, "patch-damaged", "Make the patch again: it was edited",
				       "the hunk's header is not understood", NULL);
		err = read_hunk_lines(p, &hunks[n++]);
	}
	e->hunks = hunks;
	e->n_hunks = n;
	/* what still looks like a hunk's line was miscounted; "-- " is how a letter's signature starts */
	if (!err && n && p->next < p->end && strchr(" +-", *p->next) && !next_starts(p, "-- ") &&
	    !next_starts(p, "--- ") && !next_starts(p, "--\n"))
		return damaged(p, p->number + 1, "patch-damaged", "Make the patch again: it was edited",
			       "the hunk's header counts fewer lines than follow it", NULL);
	return err;
}

/* What plain file names and hunks say of a change; git may know better. */
static enum patch_change plain_change(const struct patch_entry *e, bool old, bool new)
{
	const struct patch_hunk *h = e->hunks;

	if (!old && e->n_hunks == 1 && !h->old_start && !h->old_count)
		return PATCH_CREATE;
	if (!new && e->n_hunks == 1 && !h->new_start && !h->new_count)
		return PATCH_DELETE;
	return e->change == PATCH_MODE ? PATCH_MODIFY : e->change;
}

/* A file name of the entry: *path is NULL for /dev/null. */
static int read_name(struct parser *p, const char **path, const char **given, bool *there)
{
	int err;

	*given = rest_of_line(p, 4);
	err = strip_path(p, *given, path);
	*there = *path && !is_dated_nothing(p);
	return err;
}

/* "--- old", "+++ new" and hunks. @e may have been started by a git header. */
static int read_files(struct parser *p, struct patch_entry *e)
{
	const char *old = NULL, *new = NULL, *old_given, *new_given;
	bool old_there, new_there;
	int err = read_name(p, &old, &old_given, &old_there);

	if (err)
		return err;
	next_line(p);
	err = read_name(p, &new, &new_given, &new_there);
	if (err)
		return err;
	if (!old && !new)
		return damaged(p, p->number, "patch-damaged", "Make the patch again",
			       "both files are /dev/null", NULL);
	/* plain diffs may compare x.orig with x, or trees whose first components differ */
	e->path = new ? new : old;
	e->given = new ? new_given : old_given;
	err = read_hunks(p, e);
	if (!err && !e->n_hunks)
		return damaged(p, p->number, "patch-damaged", "Make the patch again",
			       "no hunk follows the file names", NULL);
	if (err)
		return err;
	if (!old)
		e->change = PATCH_CREATE;
	else if (!new)
		e->change = PATCH_DELETE;
	else
		e->change = plain_change(e, old_there, new_there);
	e->from_nothing = e->n_hunks == 1 && !e->hunks[0].old_start && !e->hunks[0].old_count;
	return 0;
}

/* The path of "diff --git a/x b/x", where both are alike. */
static const char *git_path(struct parser *p)
{
	char *text = rest_of_line(p, 11);
	size_t n = strlen(text);

	if (!n || n % 2 == 0 || text[n / 2] != ' ')
		return NULL;
	return text + n / 2 + 1;
}

/* Whether the line that has not been read yet is one of git's header. */
static bool next_is_git_line(const struct parser *p)
{
	static const char *const lines[] = { "old mode ",	   "new mode ",
					     "deleted file mode ", "new file mode ",
					     "copy from ",	   "copy to ",
					     "rename from ",	   "rename to ",
					     "similarity index ",  "dissimilarity index ",
					     "GIT binary patch",   "Binary files " };
	size_t digits = 6;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (next_starts(p, lines[i]))
			return true;
	if (!next_starts(p, "index "))
		return false;
	while (p->next + digits < p->end && strchr("0123456789abcdef,", p->next[digits]))
		digits++;
	return digits > 6 && p->end - (p->next + digits) > 2 && !memcmp(p->next + digits, "..", 2);
}

/* Whether this line begins a header of git's, and not a sentence about one. A patch that ends with it was cut off. */
static bool starts_git_header(const struct parser *p)
{
	return starts(p, "diff --git ") &&
	       (p->next >= p->end || next_is_git_line(p) || next_starts(p, "--- "));
}

/* git's extended header lines, up to what follows them. */
static int read_git_header(struct parser *p, struct patch_entry *e)
{
	const char *both = git_path(p);
	bool whole = false; /* something says what the change is */
	int err = 0;

	e->change = PATCH_MODE;
	e->given = both;
	if (both)
		err = strip_path(p, both, &e->path);
	while (!err && p->next < p->end && !next_starts(p, "--- ") && !next_starts(p, "diff --git ")) {
		if (!next_is_git_line(p))
			break;
		next_line(p);
		whole |= !starts(p, "index ") && !starts(p, "similarity ") && !starts(p, "dissimilarity ");
		if (starts(p, "new file "))
			e->change = PATCH_CREATE;
		else if (starts(p, "deleted file "))
			e->change = PATCH_DELETE;
		else if (starts(p, "rename from ") || starts(p, "copy from "))
			err = whole_path(p, starts(p, "copy") ? 10 : 12, &e->from);
		else if (starts(p, "rename to ") || starts(p, "copy to "))
			err = whole_path(p, starts(p, "copy") ? 8 : 10, &e->path);
		else if (starts(p, "GIT binary") || starts(p, "Binary files "))
			e->change = PATCH_BINARY;
	}
	if (!err && next_starts(p, "--- ")) {
		enum patch_change change = e->change;

		next_line(p);
		if (!next_starts(p, "+++ "))
			return damaged(p, p->number, "patch-damaged", "Get the patch again: it was cut off",
				       "no line with the new file's name follows", NULL);
		err = read_files(p, e);
		whole = true;
		if (change == PATCH_CREATE || change == PATCH_DELETE)
			e->change = change;
	}
	if (e->from)
		e->change = PATCH_RENAME;
	if (!err && (!e->path || !whole))
		return damaged(p, e->line, "patch-damaged", "Make the patch again",
			       "this header does not say what changes in which file", NULL);
	return err;
}

static bool is_hunk(const char *line, const char *end)
{
	return end - line > 4 && !memcmp(line, "@@ -", 4) && line[4] >= '0' && line[4] <= '9';
}

/*
 * Whether the file names of a diff are here, and not text that looks like them: the first hunk follows. A
 * patch that ends with them was cut off.
 */
static bool starts_files(const struct parser *p)
{
	const char *third;

	if (!starts(p, "--- "))
		return false;
	if (p->next >= p->end)
		return memchr(p->line, '/', p->size) != NULL;
	if (!next_starts(p, "+++ "))
		return false;
	third = line_after_next(p);
	return third >= p->end || is_hunk(third, p->end);
}

/* Paths from the directory @below become paths from the root. */
static void put_below(struct parser *p, const char *below)
{
	for (size_t i = 0; i < p->n_entries; i++) {
		const char **paths[] = { &p->entries[i].path, &p->entries[i].given, &p->entries[i].from };

		for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
			if (*paths[k])
				*paths[k] = arena_printf(p->arena, "%s/%s", below, *paths[k]);
	}
}

int patch_parse(const struct patch_source *source, struct arena *arena, struct diags *diags,
		struct patch_file *out)
{
	struct parser p = { .path = source->path,
			    .number = source->line,
			    .strip = source->strip,
			    .arena = arena,
			    .diags = diags,
			    .next = source->data,
			    .end = source->data + source->size };
	int err = 0;

	while (!err && next_line(&p)) {
		struct patch_entry *e = new_entry(&p);

		if (starts_git_header(&p))
			err = read_git_header(&p, e);
		else if (starts_files(&p) && p.next >= p.end)
			err = damaged(&p, p.number, "patch-damaged", "Get the patch again: it was cut off",
				      "no line with the new file's name follows", NULL);
		else if (starts_files(&p))
			err = read_files(&p, e);
		else if (is_hunk(p.line, p.next))
			err = damaged(&p, p.number, "patch-damaged", "Make the patch again: it was edited",
				      "a hunk without file names in front of it", NULL);
		else
			continue;
		p.n_entries++;
	}
	if (!err && !p.n_entries)
		err = damaged(&p, 0, "patch-empty", "Give a unified diff, as git diff or diff -u makes it",
			      "there is no diff in this file", NULL);
	if (!err && source->below)
		put_below(&p, source->below);
	if (!err)
		*out = (struct patch_file){ .path = source->path,
					    .entries = p.entries,
					    .n_entries = p.n_entries };
	return err;
}
