/* SPDX-License-Identifier: GPL-2.0-only */
/* See report.h. YAML goes through libyaml; JSON is small enough to be written here. */
#include "kpatch/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <yaml.h>

#include "lib/manifest/schema.h"
#include "lib/util/arena.h"
#include "lib/util/text.h"
#include "lib/util/xmalloc.h"

enum node_kind { NODE_MAP, NODE_LIST, NODE_STRING, NODE_NULL, NODE_NUMBER, NODE_BOOL };

struct node {
	enum node_kind kind;
	const char *key;
	const char *string;
	int64_t number;
	struct node *first, *last, *next;
	struct node *root;
	struct arena *arena; /* of the root */
};

struct node *report_new(struct arena *a)
{
	struct node *n = arena_alloc(a, sizeof(*n));

	n->root = n;
	n->arena = a;
	return n;
}

static struct node *add(struct node *in, const char *key, enum node_kind kind)
{
	struct node *n = arena_alloc(in->root->arena, sizeof(*n));

	n->kind = kind;
	n->key = key;
	n->root = in->root;
	if (in->last)
		in->last->next = n;
	else
		in->first = n;
	in->last = n;
	return n;
}

struct node *report_map(struct node *in, const char *key)
{
	return add(in, key, NODE_MAP);
}

struct node *report_list(struct node *in, const char *key)
{
	return add(in, key, NODE_LIST);
}

/* Neither format can hold bytes that are not UTF-8; a file's name may. */
static char *copy_clean(struct arena *a, const char *value)
{
	char *copy = arena_strdup(a, value);

	if (*copy && !schema_text.valid(copy))
		for (char *p = copy; *p; p++)
			if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
				*p = '?';
	return copy;
}

void report_string(struct node *in, const char *key, const char *value)
{
	struct node *n = add(in, key, value ? NODE_STRING : NODE_NULL);

	if (value)
		n->string = copy_clean(n->root->arena, value);
}

void report_number(struct node *in, const char *key, int64_t value)
{
	add(in, key, NODE_NUMBER)->number = value;
}

void report_bool(struct node *in, const char *key, bool value)
{
	add(in, key, NODE_BOOL)->number = value;
}

static void json_node(const struct node *n, int depth, FILE *f);

static void json_children(const struct node *n, int depth, FILE *f)
{
	bool map = n->kind == NODE_MAP;

	fputc(map ? '{' : '[', f);
	for (const struct node *c = n->first; c; c = c->next) {
		fprintf(f, "%s\n%*s", c == n->first ? "" : ",", 2 * depth + 2, "");
		if (map) {
			text_print_json(f, c->key);
			fputs(": ", f);
		}
		json_node(c, depth + 1, f);
	}
	if (n->first)
		fprintf(f, "\n%*s", 2 * depth, "");
	fputc(map ? '}' : ']', f);
}

static void json_node(const struct node *n, int depth, FILE *f)
{
	switch (n->kind) {
	case NODE_MAP:
	case NODE_LIST:
		json_children(n, depth, f);
		break;
	case NODE_STRING:
		text_print_json(f, n->string);
		break;
	case NODE_NULL:
		fputs("null", f);
		break;
	case NODE_NUMBER:
		fprintf(f, "%" PRId64, n->number);
		break;
	case NODE_BOOL:
		fputs(n->number ? "true" : "false", f);
		break;
	}
}

int report_print_json(const struct node *root, FILE *f)
{
	json_node(root, 0, f);
	fputc('\n', f);
	return fflush(f) || ferror(f) ? -EIO : 0;
}

static bool yaml_put(yaml_emitter_t *e, int made, yaml_event_t *event)
{
	return made && yaml_emitter_emit(e, event);
}

static bool yaml_scalar(yaml_emitter_t *e, const char *s, bool quoted)
{
	yaml_event_t ev;

	return yaml_put(e,
			yaml_scalar_event_initialize(&ev, NULL, NULL, (const yaml_char_t *)s, -1, !quoted,
						     quoted,
						     quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE :
							      YAML_PLAIN_SCALAR_STYLE),
			&ev);
}

static bool yaml_node(yaml_emitter_t *e, const struct node *n)
{
	bool map = n->kind == NODE_MAP, ok;
	char number[24];
	yaml_event_t ev;

	switch (n->kind) {
	case NODE_STRING:
		return yaml_scalar(e, n->string, true);
	case NODE_NULL:
		return yaml_scalar(e, "null", false);
	case NODE_NUMBER:
		snprintf(number, sizeof(number), "%" PRId64, n->number);
		return yaml_scalar(e, number, false);
	case NODE_BOOL:
		return yaml_scalar(e, n->number ? "true" : "false", false);
	case NODE_MAP:
		ok = yaml_put(e,
			      yaml_mapping_start_event_initialize(&ev, NULL, NULL, 1,
								  YAML_BLOCK_MAPPING_STYLE),
			      &ev);
		break;
	default:
		ok = yaml_put(e,
			      yaml_sequence_start_event_initialize(&ev, NULL, NULL, 1,
								   YAML_BLOCK_SEQUENCE_STYLE),
			      &ev);
	}
	for (const struct node *c = n->first; ok && c; c = c->next)
		ok = (!map || yaml_scalar(e, c->key, false)) && yaml_node(e, c);
	return ok && yaml_put(e,
			      map ? yaml_mapping_end_event_initialize(&ev) :
				    yaml_sequence_end_event_initialize(&ev),
			      &ev);
}

int report_print_yaml(const struct node *root, FILE *f)
{
	yaml_emitter_t e;
	yaml_event_t ev;
	bool ok;

	if (!yaml_emitter_initialize(&e))
		memory_exhausted();
	yaml_emitter_set_output_file(&e, f);
	yaml_emitter_set_width(&e, -1);
	yaml_emitter_set_unicode(&e, 1);
	ok = yaml_put(&e, yaml_stream_start_event_initialize(&ev, YAML_UTF8_ENCODING), &ev) &&
	     yaml_put(&e, yaml_document_start_event_initialize(&ev, NULL, NULL, NULL, 1), &ev) &&
	     yaml_node(&e, root) && yaml_put(&e, yaml_document_end_event_initialize(&ev, 1), &ev) &&
	     yaml_put(&e, yaml_stream_end_event_initialize(&ev), &ev);
	yaml_emitter_delete(&e);
	return !ok || fflush(f) || ferror(f) ? -EIO : 0;
}
