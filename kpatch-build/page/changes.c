// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the patches as a whole do to the source, and which of it a function is made from. Reads build.patched, the prepared tree and
 * the original objects; makes structures of page.h in the build's arena.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/page/page.h"
#include "lib/elf/object.h"
#include "lib/util/arena.h"
#include "lib/util/file.h"
#include "lib/util/text.h"

#define AROUND 3 /* lines that are shown around a change */

/* The next lines that only one of the two has: false if there are none from line *was and *is on. */
static bool next_change(const struct file_change *c, size_t *was, size_t *is, struct hunk *out)
{
	while (*was < c->was.n && *is < c->is.n && !c->was.lines[*was].changed && !c->is.lines[*is].changed) {
		++*was;
		++*is;
	}
	*out = (struct hunk){ .was = *was, .is = *is, .first_changed = *was };
	while (*was < c->was.n && c->was.lines[*was].changed)
		++*was;
	while (*is < c->is.n && c->is.lines[*is].changed)
		++*is;
	out->n_was = out->n_changed = *was - out->was;
	out->n_is = *is - out->is;
	return out->n_was || out->n_is;
}

/* Those that are near to each other are one, with what is around them. */
static void find_hunks(struct arena *a, struct file_change *c)
{
	struct hunk *hunks = arena_array(a, c->was.n + c->is.n + 1, sizeof(*hunks)), next;
	size_t was = 0, is = 0, n = 0;

	while (next_change(c, &was, &is, &next)) {
		struct hunk *last = &hunks[n ? n - 1 : 0];

		if (n && next.was - (last->was + last->n_was) <= 2 * AROUND) {
			last->n_was = next.was + next.n_was - last->was;
			last->n_is = next.is + next.n_is - last->is;
			last->n_changed = last->n_was;
		} else {
			hunks[n++] = next;
		}
	}
	for (size_t i = 0; i < n; i++) {
		struct hunk *h = &hunks[i];
		size_t before = h->was < AROUND ? h->was : AROUND, behind;

		h->was -= before;
		h->is -= before;
		behind = c->was.n - (h->was + before + h->n_was);
		behind = behind < AROUND ? behind : AROUND;
		h->n_was += before + behind;
		h->n_is += before + behind;
	}
	c->hunks = hunks;
	c->n_hunks = n;
}

static int read_change(struct build *b, const struct patched_file *p, struct file_change *c)
{
	char *text = NULL;
	size_t size = 0;
	int err = p->created ? 0 :
			       file_read(b->arena, arena_printf(b->arena, "%s/%s", b->kernel.tree, p->path),
					 &text, &size);

	if (err)
		return err;
	c->path = p->path;
	listing_text(b->arena, text, size, &c->was);
	listing_text(b->arena, p->now.text, p->now.size, &c->is);
	listing_compare(&c->was, &c->is);
	find_hunks(b->arena, c);
	return 0;
}

int changes_read(struct build *b, struct file_change **out, size_t *n)
{
	struct file_change *files = arena_array(b->arena, b->n_patched, sizeof(*files));
	int err = 0;

	*n = 0;
	for (size_t i = 0; i < b->n_patched && !err; i++)
		err = read_change(b, &b->patched[i], &files[(*n)++]);
	*out = files;
	return err;
}

/* The debug information has the path as the compiler was given it, or from a root. */
static bool is_file(const char *known, const char *path)
{
	size_t n = strlen(known), m = strlen(path);

	return text_ends_in(known, path) && (n == m || known[n - m - 1] == '/');
}

/* A line that is put in, or whose neighbours are all that is left of it, belongs to what is beside it. */
static void flag_line(const struct file_change *files, size_t n, const struct source_line *line, bool *flags,
		      bool *any)
{
	for (size_t i = 0, flag = 0; i < n; flag += files[i++].n_hunks) {
		if (!line->line || !is_file(line->file, files[i].path))
			continue;
		for (size_t k = 0; k < files[i].n_hunks; k++) {
			const struct hunk *h = &files[i].hunks[k];

			/* lines count from 1 */
			if (line->line < h->first_changed || line->line > h->first_changed + h->n_changed + 1)
				continue;
			flags[flag + k] = true;
			*any = true;
		}
	}
}

bool changes_of_function(struct build *b, const struct unit *u, const char *function,
			 const struct file_change *files, size_t n, bool *flags)
{
	struct object *o = u->original_object;
	struct source_line line, last = { .line = 0 };
	bool any = false;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		const struct atom *whole = a->parent != NO_ATOM ? &o->atoms[a->parent] : a;

		if (a->kind != ATOM_FUNC || strcmp(whole->name, function) != 0)
			continue;
		for (uint64_t at = a->entry; at < a->size; at++) {
			if (object_source_line(o, i, at, &line) ||
			    (line.line == last.line && last.file && !strcmp(line.file, last.file)))
				continue;
			last = line;
			flag_line(files, n, &line, flags, &any);
		}
	}
	return any;
}
