/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * YAML described by tables: a structure, its keys, their types and what a value must look like.
 * One table serves the reader and the writer, so that they cannot disagree.
 *
 * The reader accepts one document of plain YAML: mappings, sequences and scalars in any style, in
 * any order. Anchors, aliases, tags and several documents are refused. It reports every problem
 * that it can find in one go, with its line.
 */
#ifndef KPATCH_MANIFEST_SCHEMA_H
#define KPATCH_MANIFEST_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct diags;

enum schema_type {
	SCHEMA_STRING,	/* const char * */
	SCHEMA_NUMBER,	/* uint64_t */
	SCHEMA_BOOL,	/* bool */
	SCHEMA_STRUCT,	/* a structure inside this one */
	SCHEMA_STRUCTS, /* pointer to an array of structures, with a size_t for their number */
	SCHEMA_STRINGS, /* pointer to an array of const char *, with a size_t */
};

/* What a string must look like. */
struct schema_rule {
	bool (*valid)(const char *s);
	const char *expected; /* completes "… is not": "64 hexadecimal digits" */
	bool plain;	      /* written without quotes where YAML reads it as a string anyway */
};

struct schema;

/* One key. A file's table ends its keys with a NULL key. */
struct schema_key {
	const char *key;
	enum schema_type type;
	size_t offset;			/* of the member */
	size_t count_offset;		/* SCHEMA_STRUCTS, SCHEMA_STRINGS: of the member with their number */
	const struct schema_rule *rule; /* SCHEMA_STRING, SCHEMA_STRINGS */
	const struct schema *schema;	/* SCHEMA_STRUCT, SCHEMA_STRUCTS */
	bool optional; /* may be absent; the member then keeps its value. A string that is NULL is not written */
	bool unwritten; /* optional lists and numbers: not written where there is nothing in them, or 0 */
	uint64_t max;	/* SCHEMA_NUMBER: the greatest value, 0: any */
};

struct schema {
	const char *what; /* for messages: "a patched object" */
	size_t size;	  /* of the structure, bytes */
	const struct schema_key *keys;
};

/* Prefix of the ids of the diagnostics: "manifest" gives "manifest-unknown-key" and so on. */
struct schema_ids {
	const char *syntax, *unsupported, *unknown_key, *duplicate_key, *missing_key, *wrong_type,
		*invalid_value;
};

/*
 * Reads @size bytes into the structure at @out, which the caller has set to the defaults. Strings
 * and arrays come from @arena. -EINVAL with diagnostics.
 */
int schema_read(const struct schema *schema, const struct schema_ids *ids, const void *text, size_t size,
		const char *file, struct arena *arena, struct diags *diags, void *out);

/*
 * Writes the structure at @in, its keys in the order of the table. *text is malloc'ed and
 * NUL-terminated. -EINVAL with diagnostics for values that a reader would refuse.
 */
int schema_write(const struct schema *schema, const struct schema_ids *ids, const void *in,
		 struct diags *diags, char **text, size_t *size);

/*
 * The value of the first key of the document if it is @key and a number, for telling versions
 * apart before anything else is looked at. -ENOENT if the document starts with anything else.
 */
int schema_first_number(const void *text, size_t size, const char *key, uint64_t *value);

/*
 * Rules that are of use to more than one table. Every text is valid UTF-8 without control
 * characters and without the characters that change the direction of writing, so that it can be
 * shown on a terminal.
 */
extern const struct schema_rule schema_text;	/* one line, not empty */
extern const struct schema_rule schema_file;	/* a file name without directory */
extern const struct schema_rule schema_path;	/* a relative path without ".." */
extern const struct schema_rule schema_symbol;	/* a symbol of the kernel, up to 511 characters */
extern const struct schema_rule schema_object;	/* a module's name or vmlinux, up to 55 characters */
extern const struct schema_rule schema_release; /* uname -r */
extern const struct schema_rule schema_hex;	/* lower case hexadecimal digits, even in number */
extern const struct schema_rule schema_sha256;

#endif
