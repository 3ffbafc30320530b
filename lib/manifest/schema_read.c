/* SPDX-License-Identifier: GPL-2.0-only */
/* The reading half of schema.h: libyaml's events, walked along the tables. */
#include "lib/manifest/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/manifest/scalar.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/xmalloc.h"

/* Lists and mappings inside of each other; what is described here has four. */
#define DEPTH_MAX 16
/* Problems that are told of; a file with more is no file of ours. */
#define PROBLEMS_MAX 100

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; owned, replaced by next() */
	bool have_event;
	int err; /* set once: nothing more is read */
	unsigned int depth;
	size_t errors; /* there were before */
	const struct schema_ids *ids;
	const char *file;
	struct arena *arena;
	struct diags *diags;
};

/* Lines are counted from 1. */
static unsigned int line_of(const yaml_mark_t *mark)
{
	return mark->line < UINT_MAX ? (unsigned int)mark->line + 1 : UINT_MAX;
}

#define problem(r, id, line_, ...)                                                                           \
	diag_error((r)->diags, id, (&(const struct diag_place){ .file = (r)->file, .line = (line_) }), NULL, \
		   __VA_ARGS__)

static bool fail(struct reader *r, int err)
{
	if (!r->err)
		r->err = err;
	return false;
}

static bool syntax_error(struct reader *r)
{
	if (r->parser.error == YAML_MEMORY_ERROR)
		memory_exhausted();
	problem(r, r->ids->syntax, line_of(&r->parser.problem_mark), "not valid YAML: %s",
		r->parser.problem ? r->parser.problem : "unreadable");
	return fail(r, -EINVAL);
}

static bool has_anchor_or_tag(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor || e->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor || e->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor || e->data.mapping_start.tag;
	default:
		return e->type == YAML_ALIAS_EVENT;
	}
}

/* In proportion: the parser's time grows with the square of the depth, and nobody reads a million lines. */
static bool within_limits(struct reader *r)
{
	switch (r->event.type) {
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		r->depth++;
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		r->depth--;
		break;
	default:
		break;
	}
	if (r->depth <= DEPTH_MAX && diags_errors(r->diags) - r->errors < PROBLEMS_MAX)
		return true;
	problem(r, r->ids->unsupported, line_of(&r->event.start_mark), "%s: nothing of the rest is read",
		r->depth > DEPTH_MAX ? "nested too deeply" : "too much is wrong");
	return fail(r, -EINVAL);
}

/* Moves to the next event. False: nothing more can be read. */
static bool next(struct reader *r)
{
	if (r->err)
		return false;
	if (r->have_event)
		yaml_event_delete(&r->event);
	r->have_event = false;
	if (!yaml_parser_parse(&r->parser, &r->event))
		return syntax_error(r);
	r->have_event = true;
	if (has_anchor_or_tag(&r->event)) {
		problem(r, r->ids->unsupported, line_of(&r->event.start_mark),
			"anchors, aliases and tags are not allowed here");
		return fail(r, -EINVAL);
	}
	return within_limits(r);
}

/* With an event current that starts a value: moves to the value's last event. */
static void skip(struct reader *r)
{
	size_t depth = 0;

	do {
		switch (r->event.type) {
		case YAML_MAPPING_START_EVENT:
		case YAML_SEQUENCE_START_EVENT:
			depth++;
			break;
		case YAML_MAPPING_END_EVENT:
		case YAML_SEQUENCE_END_EVENT:
			depth--;
			break;
		default:
			break;
		}
	} while (depth && next(r));
}

static const char *event_kind(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_MAPPING_START_EVENT:
		return "a mapping";
	case YAML_SEQUENCE_START_EVENT:
		return "a list";
	default:
		return "a single value";
	}
}

static void wrong_type(struct reader *r, const char *key, const char *expected, const char *got)
{
	problem(r, r->ids->wrong_type, line_of(&r->event.start_mark), "%s must be %s, not %s", key, expected,
		got);
	skip(r);
}

/* The current event as a scalar of @kind; NULL with a diagnostic otherwise. */
static const char *scalar(struct reader *r, const char *key, enum scalar_kind kind)
{
	const char *value = (const char *)r->event.data.scalar.value;
	enum scalar_kind got;

	if (r->event.type != YAML_SCALAR_EVENT) {
		wrong_type(r, key, scalar_kind_name(kind), event_kind(&r->event));
		return NULL;
	}
	got = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? scalar_kind(value) : SCALAR_STRING;
	if (got != kind) {
		wrong_type(r, key, scalar_kind_name(kind), scalar_kind_name(got));
		return NULL;
	}
	return value;
}

static void read_string(struct reader *r, const struct schema_key *key, const char **out)
{
	const char *value = scalar(r, key->key, SCALAR_STRING);
	char *copy;

	if (!value)
		return;
	if (strlen(value) != r->event.data.scalar.length || !key->rule->valid(value)) {
		problem(r, r->ids->invalid_value, line_of(&r->event.start_mark), "%s is not %s", key->key,
			key->rule->expected);
		return;
	}
	copy = arena_strdup(r->arena, value);
	*out = copy;
}

static void read_number(struct reader *r, const struct schema_key *key, uint64_t *out)
{
	const char *value = scalar(r, key->key, SCALAR_NUMBER);

	uint64_t number = 0;

	if (!value)
		return;
	if (scalar_number(value, &number))
		problem(r, r->ids->invalid_value, line_of(&r->event.start_mark),
			"%s is not a decimal number between 0 and 2^64-1", key->key);
	else if (key->max && number > key->max)
		problem(r, r->ids->invalid_value, line_of(&r->event.start_mark),
			"%s is greater than %" PRIu64, key->key, key->max);
	else
		*out = number;
}

static void read_bool(struct reader *r, const struct schema_key *key, bool *out)
{
	const char *value = scalar(r, key->key, SCALAR_BOOL);

	if (value)
		*out = !strcmp(value, "true");
}

static void read_struct(struct reader *r, const struct schema *schema, void *out);

/* A growing array of the elements of a list. */
struct list {
	char *items;
	size_t n, room, size;
};

static void *list_add(struct reader *r, struct list *l)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 8;
		char *items = arena_array(r->arena, room, l->size);

		if (l->n)
			memcpy(items, l->items, l->n * l->size);
		l->items = items;
		l->room = room;
	}
	return l->items + l->n++ * l->size;
}

static void read_list(struct reader *r, const struct schema_key *key, char *base)
{
	bool structs = key->type == SCHEMA_STRUCTS;
	struct list list = { .size = structs ? key->schema->size : sizeof(char *) };

	if (r->event.type != YAML_SEQUENCE_START_EVENT) {
		wrong_type(r, key->key, "a list", event_kind(&r->event));
		return;
	}
	while (next(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
		void *item = list_add(r, &list);

		if (!item)
			return;
		if (structs)
			read_struct(r, key->schema, item);
		else
			read_string(r, key, item);
	}
	memcpy(base + key->offset, &list.items, sizeof(list.items));
	memcpy(base + key->count_offset, &list.n, sizeof(list.n));
}

static void read_value(struct reader *r, const struct schema_key *key, char *base)
{
	void *member = base + key->offset;

	switch (key->type) {
	case SCHEMA_STRING:
		read_string(r, key, member);
		break;
	case SCHEMA_NUMBER:
		read_number(r, key, member);
		break;
	case SCHEMA_BOOL:
		read_bool(r, key, member);
		break;
	case SCHEMA_STRUCT:
		read_struct(r, key->schema, member);
		break;
	case SCHEMA_STRUCTS:
	case SCHEMA_STRINGS:
		read_list(r, key, base);
		break;
	}
}

/* Index of the key that the current event names; -1 with a diagnostic and its value skipped. */
static int find_key(struct reader *r, const struct schema *schema, uint64_t seen)
{
	const char *name = scalar(r, "a key", SCALAR_STRING);
	unsigned int line = line_of(&r->event.start_mark);
	int i = 0;

	if (name) {
		while (schema->keys[i].key && strcmp(schema->keys[i].key, name))
			i++;
		if (schema->keys[i].key && !(seen & 1ULL << i))
			return i;
		/* The name is not shown unless it is known: it may hold anything. */
		if (schema->keys[i].key)
			problem(r, r->ids->duplicate_key, line, "%s is given twice in %s", name,
				schema->what);
		else if (schema_symbol.valid(name))
			problem(r, r->ids->unknown_key, line, "%s has no key %s", schema->what, name);
		else
			problem(r, r->ids->unknown_key, line, "unknown key in %s", schema->what);
	}
	if (next(r))
		skip(r);
	return -1;
}

static void report_missing(struct reader *r, const struct schema *schema, uint64_t seen, unsigned int line)
{
	for (int i = 0; schema->keys[i].key; i++)
		if (!schema->keys[i].optional && !(seen & 1ULL << i))
			problem(r, r->ids->missing_key, line, "%s lacks the key %s", schema->what,
				schema->keys[i].key);
}

static void read_struct(struct reader *r, const struct schema *schema, void *out)
{
	unsigned int line = line_of(&r->event.start_mark);
	uint64_t seen = 0;

	if (r->event.type != YAML_MAPPING_START_EVENT) {
		wrong_type(r, schema->what, "a mapping", event_kind(&r->event));
		return;
	}
	while (next(r) && r->event.type != YAML_MAPPING_END_EVENT) {
		int i = find_key(r, schema, seen);

		if (i < 0)
			continue;
		seen |= 1ULL << i;
		if (next(r))
			read_value(r, &schema->keys[i], out);
	}
	if (!r->err)
		report_missing(r, schema, seen, line);
}

/* Moves to the first event of the document's only value. */
static bool start_document(struct reader *r)
{
	if (!next(r) || !next(r)) /* start of stream, start of document */
		return false;
	if (r->event.type != YAML_DOCUMENT_START_EVENT) {
		problem(r, r->ids->syntax, 1, "empty file");
		return fail(r, -EINVAL);
	}
	return next(r);
}

static void end_document(struct reader *r)
{
	if (!next(r) || !next(r)) /* end of document, and what comes after it */
		return;
	if (r->event.type != YAML_STREAM_END_EVENT)
		problem(r, r->ids->unsupported, line_of(&r->event.start_mark), "more than one document");
}

int schema_read(const struct schema *schema, const struct schema_ids *ids, const void *text, size_t size,
		const char *file, struct arena *arena, struct diags *diags, void *out)
{
	struct reader r = { .ids = ids, .file = file, .arena = arena, .diags = diags };
	size_t errors = diags_errors(diags);

	r.errors = errors;

	if (!yaml_parser_initialize(&r.parser))
		memory_exhausted();
	yaml_parser_set_input_string(&r.parser, text, size);
	if (start_document(&r))
		read_struct(&r, schema, out);
	end_document(&r);
	if (r.have_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (!r.err && diags_errors(diags) != errors)
		r.err = -EINVAL;
	return r.err;
}

/* Whether the next event is a plain scalar; its text is copied to @value. */
static bool next_scalar(yaml_parser_t *parser, char *value, size_t size)
{
	yaml_event_t e;
	bool ok;

	if (!yaml_parser_parse(parser, &e))
		return false;
	ok = e.type == YAML_SCALAR_EVENT && e.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	     e.data.scalar.length < size;
	if (ok)
		memcpy(value, e.data.scalar.value, e.data.scalar.length + 1);
	yaml_event_delete(&e);
	return ok;
}

int schema_first_number(const void *text, size_t size, const char *key, uint64_t *value)
{
	static const yaml_event_type_t start[] = { YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT,
						   YAML_MAPPING_START_EVENT };
	char name[64], number[64];
	yaml_parser_t parser;
	bool ok = true;

	if (!yaml_parser_initialize(&parser))
		memory_exhausted();
	yaml_parser_set_input_string(&parser, text, size);
	for (size_t i = 0; ok && i < sizeof(start) / sizeof(*start); i++) {
		yaml_event_t e;

		ok = yaml_parser_parse(&parser, &e);
		if (ok) {
			ok = e.type == start[i];
			yaml_event_delete(&e);
		}
	}
	ok = ok && next_scalar(&parser, name, sizeof(name)) && !strcmp(name, key) &&
	     next_scalar(&parser, number, sizeof(number)) && !scalar_number(number, value);
	yaml_parser_delete(&parser);
	return ok ? 0 : -ENOENT;
}
