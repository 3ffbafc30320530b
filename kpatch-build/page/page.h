/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --report html: what a reviewer of the patch wants to see, as one page without scripts or anything from outside. What
 * the parts of the stage share.
 */
#ifndef KPATCH_BUILD_PAGE_H
#define KPATCH_BUILD_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct arena;
struct build;
struct manifest;
struct object;
struct unit;

/* A text in lines. */
struct listing {
	struct listing_line {
		const char *text; /* as it is shown */
		const char *key;  /* what it is compared by: without what moves with its neighbours */
		bool changed;	  /* listing_compare()'s: the other listing has no such line here */
	} * lines;
	size_t n;
};

/* The lines of @text. */
void listing_text(struct arena *a, const char *text, size_t size, struct listing *out);
/*
 * The code of a function and of its parts elsewhere (.cold): an instruction a line, with its offset and, in the place
 * of an address, what a reference leads to.
 */
void listing_code(struct arena *a, const struct object *o, uint32_t function, struct listing *out);

/*
 * Marks the lines that only one of the two has, in a shortest way from @was to @is. Where that is longer than DISTANCE_MAX
 * lines, all between the first and the last difference are marked.
 */
void listing_compare(struct listing *was, struct listing *is);

/* A piece of a source's difference: lines of both, with those around them. */
struct hunk {
	size_t was, n_was, is, n_is; /* all of it: first line (from 0) and how many */
	size_t first_changed,
		n_changed; /* in @was, without what is around; 0 lines: something is put in before the first */
};

/* What a patch does to a file. */
struct file_change {
	const char *path;
	struct listing was, is;
	struct hunk *hunks;
	size_t n_hunks;
};

/* Of each file that the patches change. -errno of reading. */
int changes_read(struct build *b, struct file_change **out, size_t *n);
/*
 * Which hunks of all files have lines in code of @function, inlined code included, by the original object's debug information:
 * one flag a hunk, those of the first file first. False: none has any.
 */
bool changes_of_function(struct build *b, const struct unit *u, const char *function,
			 const struct file_change *files, size_t n, bool *flags);

/* Text that others wrote, so that it stays text in HTML: html_text("a<b") writes a&lt;b; what cannot be shown is \xNN. */
void html_text(FILE *f, const char *s);
/* The page. @files: changes_read()'s. */
void page_write(struct build *b, const struct manifest *m, const struct file_change *files, size_t n_files,
		FILE *f);
/* Of its parts: a function that is replaced, and what its objects refer to. */
void page_write_units(struct build *b, const char *owner, const struct file_change *files, size_t n_files,
		      FILE *f);

#endif
