/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unified diffs: read strictly, applied exactly.
 */
#ifndef KPATCH_BUILD_PATCHFILE_H
#define KPATCH_BUILD_PATCHFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct diags;

struct patch_line {
	char kind;	  /* ' ' context, '-' removed, '+' added */
	const char *text; /* with its newline, unless the file ends without one; not terminated */
	size_t size;
};

struct patch_hunk {
	unsigned int line;					  /* in the patch file, of its "@@" */
	unsigned long old_start, old_count, new_start, new_count; /* lines, counted from 1 */
	const struct patch_line *lines;
	size_t n_lines;
};

enum patch_change { PATCH_MODIFY, PATCH_CREATE, PATCH_DELETE, PATCH_RENAME, PATCH_MODE, PATCH_BINARY };

struct patch_entry {
	enum patch_change change;
	const char *path;  /* from the tree's root: first component taken off, checked */
	const char *given; /* the same with its first component */
	const char *from;  /* PATCH_RENAME (or copy): the old path */
	unsigned int line; /* where it starts in the patch file */
	bool from_nothing; /* its only hunk adds lines to none: perhaps a new file, without a date that says so */
	const struct patch_hunk *hunks;
	size_t n_hunks;
};

struct patch_file {
	const char *path; /* of the patch itself, for messages */
	const struct patch_entry *entries;
	size_t n_entries;
};

/*
 * Reads a patch from memory (git's extended headers understood). Text
 * around the diffs is ignored. Everything is owned by @arena; lines point into @data. -EINVAL with
 * one diagnostic per problem: "patch-damaged", "patch-empty", "patch-path".
 */
struct patch_source {
	const char *path;   /* for messages */
	unsigned int line;  /* lines of that file in front of the patch */
	unsigned int strip; /* components taken off paths, as with patch -p */
	const char *data;
	size_t size;
	const char *below; /* directory of the tree that its paths are from, NULL: the root */
};
int patch_parse(const struct patch_source *source, struct arena *arena, struct diags *diags,
		struct patch_file *out);

/* A file's text while patches are applied to it. */
struct patch_text {
	const char *text;
	size_t size;
	/* For each line, its number in the file that no patch had been applied to; 0: a patch brought it. */
	const uint32_t *origin;
	size_t n_lines;
};

/* The text of a file that no patch has been applied to. *out: owned by @arena, but for @text. */
void patch_text_new(struct arena *arena, const char *text, size_t size, struct patch_text *out);

/*
 * Applies one entry (PATCH_MODIFY) to the text of a file. A hunk may have moved, but every one of its
 * context and removed lines must be there, and in one place only if it has moved: a note says
 * by how much. *file is changed only if all hunks apply; what is new in it is owned by @arena. -EINVAL with a
 * diagnostic "patch-does-not-apply" or "patch-ambiguous" per hunk.
 */
int patch_apply(const struct patch_file *patch, const struct patch_entry *entry, struct arena *arena,
		struct diags *diags, struct patch_text *file);

#endif
