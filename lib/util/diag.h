/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Diagnostics as data.
 *
 * The library and the stages never print: they add diagnostics to a list, and the programs word
 * and print them. All problems of a run are collected, so that a user sees them together. Tests
 * match the ids, which are stable: lower case words joined by hyphens ("patch-does-not-apply").
 */
#ifndef KPATCH_UTIL_DIAG_H
#define KPATCH_UTIL_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum diag_severity { DIAG_NOTE, DIAG_WARNING, DIAG_ERROR };

/* Where a problem is. Every member may be absent (NULL, 0). */
struct diag_place {
	const char *file;     /* the file concerned: a patch, an object, a module, an image */
	const char *function; /* the function or data object in it */
	uint64_t offset;      /* bytes into @function, or into @file without one */
	bool has_offset;
	const char *source; /* source file, where debug information has it */
	unsigned int line;  /* line in @source, or in @file for text files; 0: unknown */
};

struct diag {
	enum diag_severity severity;
	const char *id;
	struct diag_place place;
	const char *
		what; /* what is wrong: a sentence without its full stop, or what a program printed behind it */
	const char *remedy; /* what to do about it: one sentence, or NULL */
};

/*
 * A list of diagnostics, owned by the caller. It copies every string given to it. Adding is safe
 * from several threads.
 */
struct diags;

struct diags *diags_new(void) __attribute__((returns_nonnull));
void diags_free(struct diags *d);

/*
 * Adds one. @place and @remedy may be NULL, strings in them are copied. @id must be a literal.
 */
void diag_add(struct diags *d, enum diag_severity severity, const char *id, const struct diag_place *place,
	      const char *remedy, const char *what, ...) __attribute__((format(printf, 6, 7)));

/* Shorthands for the common cases. */
#define diag_error(d, id, place, remedy, ...) diag_add(d, DIAG_ERROR, id, place, remedy, __VA_ARGS__)
#define diag_warning(d, id, place, remedy, ...) diag_add(d, DIAG_WARNING, id, place, remedy, __VA_ARGS__)
#define diag_note(d, id, place, remedy, ...) diag_add(d, DIAG_NOTE, id, place, remedy, __VA_ARGS__)
#define diag_file(path) (&(const struct diag_place){ .file = (path) })

/* Adds those of @from, too. */
void diags_append(struct diags *d, const struct diags *from);

/* Read access, in the order of adding. */
size_t diags_count(const struct diags *d);
const struct diag *diags_get(const struct diags *d, size_t i);
size_t diags_errors(const struct diags *d);
/* Whether a diagnostic with this @id was added. */
bool diags_has(const struct diags *d, const char *id);

/*
 * One line of text for people: "file: function+0x1c: what. remedy. [id]", with "warning: " or "note: " before @what where it
 * is one. Where the line is known, "source:line: error: " comes first, or what else it is. Written to @f with a newline.
 */
void diag_print(FILE *f, const struct diag *d);
/*
 * The same as one JSON object in a line: severity, id, file, source, line, function, offset, what, remedy. What is not known
 * is left out.
 */
void diag_print_json(FILE *f, const struct diag *d);

#endif
