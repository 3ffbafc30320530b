// SPDX-License-Identifier: GPL-2.0-only
/*
 * Applies the hunks of a patch to a text, exactly. Where GNU patch drops context lines until a hunk
 * fits ("fuzz"), this refuses: a patch that was made for other code must be looked at by a person.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/plan/patchfile.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

struct text_line {
	const char *text;
	size_t size; /* with its newline */
};

static int split(struct arena *arena, const char *text, size_t size, struct text_line **out, size_t *n)
{
	const char *end = text + size;
	size_t count = 1;

	for (const char *p = text; p < end; p++)
		count += *p == '\n';
	*out = arena_array(arena, count, sizeof(**out));
	for (*n = 0; text < end; (*n)++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = newline ? (size_t)(newline - text) + 1 : (size_t)(end - text);

		(*out)[*n] = (struct text_line){ text, length };
		text += length;
	}
	return 0;
}

/* Whether the old lines of the hunk are those at @at. */
static bool fits(const struct patch_hunk *h, const struct text_line *lines, size_t n, size_t at)
{
	if (at > n || n - at < h->old_count)
		return false;
	for (size_t i = 0; i < h->n_lines; i++) {
		const struct patch_line *l = &h->lines[i];

		if (l->kind == '+')
			continue;
		if (l->size != lines[at].size || memcmp(l->text, lines[at].text, l->size))
			return false;
		at++;
	}
	return true;
}

/* Where the hunk's header says it starts, from 0. An insertion names the line it comes after. */
static size_t stated(const struct patch_hunk *h)
{
	return h->old_count && h->old_start ? h->old_start - 1 : h->old_start;
}

/*
 * The place at or after @from where the hunk fits: the stated one, moved like the hunk before it
 * (@moved lines), or else the only other one. *places counts the latter.
 */
static bool find_place(const struct patch_hunk *h, const struct text_line *lines, size_t n, size_t from,
		       long moved, size_t *at, size_t *places)
{
	long guess = (long)stated(h) + moved;

	*places = 0;
	if (guess >= (long)from && fits(h, lines, n, (size_t)guess)) {
		*at = (size_t)guess;
		return true;
	}
	if (!h->old_count)
		return false; /* without any line to recognize, only the stated place will do */
	for (size_t i = from; i + h->old_count <= n; i++) {
		if (fits(h, lines, n, i)) {
			*at = i;
			(*places)++;
		}
	}
	return *places == 1;
}

static bool ends_in_cr(const char *text, size_t size)
{
	return size > 1 && text[size - 1] == '\n' && text[size - 2] == '\r';
}

/* Whether it is the ends of lines that differ: a mail program or an editor has made CR LF of them. */
static bool has_other_ends(const struct patch_hunk *h, const struct text_line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ends_in_cr(lines[i].text, lines[i].size))
			return false;
	for (size_t i = 0; i < h->n_lines; i++)
		if (h->lines[i].kind != '+' && ends_in_cr(h->lines[i].text, h->lines[i].size))
			return true;
	return false;
}

/* @lines: the @n of the file. @places: where else it fits. */
static int refuse(const struct patch_file *patch, const struct patch_entry *e, const struct patch_hunk *h,
		  const struct text_line *lines, size_t n, size_t places, struct diags *diags)
{
	struct diag_place place = { .file = patch->path, .line = h->line };

	if (has_other_ends(h, lines, n))
		diag_error(
			diags, "patch-does-not-apply", &place, "Take them out: sed -i 's/\\r$//' PATCH",
			"the hunk for line %lu of %s does not apply: lines of the patch end in CR LF, those of "
			"the source in LF",
			h->old_start, e->path);
	else if (places)
		diag_error(diags, "patch-ambiguous", &place, "Make the patch against the kernel's own source",
			   "the hunk for line %lu of %s has moved and fits in %zu places", h->old_start,
			   e->path, places);
	else
		diag_error(diags, "patch-does-not-apply", &place,
			   "Make the patch against the source of the kernel that is to be patched",
			   "the hunk for line %lu of %s does not apply", h->old_start, e->path);
	return -EINVAL;
}

static void note_offset(const struct patch_file *patch, const struct patch_entry *e,
			const struct patch_hunk *h, long moved, struct diags *diags)
{
	struct diag_place place = { .file = patch->path, .line = h->line };

	diag_note(diags, "patch-offset", &place, NULL, "the hunk for line %lu of %s applies %ld line%s %s",
		  h->old_start, e->path, labs(moved), labs(moved) == 1 ? "" : "s",
		  moved < 0 ? "earlier" : "later");
}

/* The text being made. */
struct result {
	char *to;
	uint32_t *origin; /* of the next line */
};

static void put(struct result *r, const char *text, size_t size, uint32_t origin)
{
	memcpy(r->to, text, size);
	r->to += size;
	*r->origin++ = origin;
}

void patch_text_new(struct arena *arena, const char *text, size_t size, struct patch_text *out)
{
	uint32_t *origin;
	size_t n = size && text[size - 1] != '\n';

	for (size_t i = 0; i < size; i++)
		n += text[i] == '\n';
	origin = arena_array(arena, n + 1, sizeof(*origin));
	for (size_t i = 0; i < n; i++)
		origin[i] = (uint32_t)i + 1;
	*out = (struct patch_text){ text, size, origin, n };
}

/* Room for what the hunks can make of @file. */
static void make_room(struct arena *arena, const struct patch_entry *e, const struct patch_text *file,
		      char **text, uint32_t **origin)
{
	size_t room = file->size, lines = file->n_lines;

	for (size_t i = 0; i < e->n_hunks; i++) {
		lines += e->hunks[i].n_lines;
		for (size_t j = 0; j < e->hunks[i].n_lines; j++)
			room += e->hunks[i].lines[j].size;
	}
	*text = arena_alloc(arena, room + 1);
	*origin = arena_array(arena, lines + 1, sizeof(**origin));
}

/* The hunk's lines, in place of those from @old on; @origin is of these. */
static void put_hunk(struct result *r, const struct patch_hunk *h, const uint32_t *origin)
{
	for (size_t j = 0; j < h->n_lines; j++) {
		const struct patch_line *l = &h->lines[j];

		if (l->kind != '-')
			put(r, l->text, l->size, l->kind == ' ' ? *origin : 0);
		origin += l->kind != '+';
	}
}

int patch_apply(const struct patch_file *patch, const struct patch_entry *e, struct arena *arena,
		struct diags *diags, struct patch_text *file)
{
	size_t n, done = 0, errors = 0;
	struct text_line *lines;
	uint32_t *origin;
	struct result r;
	char *text;
	long moved = 0;

	split(arena, file->text, file->size, &lines, &n);
	make_room(arena, e, file, &text, &origin);
	r = (struct result){ text, origin };
	for (size_t i = 0; i < e->n_hunks; i++) {
		const struct patch_hunk *h = &e->hunks[i];
		size_t at = 0, places;

		if (!find_place(h, lines, n, done, moved, &at, &places)) {
			refuse(patch, e, h, lines, n, places, diags);
			errors++;
			continue;
		}
		moved = (long)at - (long)stated(h);
		if (moved)
			note_offset(patch, e, h, moved, diags);
		for (; done < at; done++)
			put(&r, lines[done].text, lines[done].size, file->origin[done]);
		put_hunk(&r, h, file->origin + at);
		done += h->old_count;
	}
	for (; done < n; done++)
		put(&r, lines[done].text, lines[done].size, file->origin[done]);
	if (errors)
		return -EINVAL;
	*file = (struct patch_text){ text, (size_t)(r.to - text), origin, (size_t)(r.origin - origin) };
	return 0;
}
