/* SPDX-License-Identifier: GPL-2.0-only */
/* The writing half of schema.h. */
#include "lib/manifest/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/manifest/scalar.h"
#include "lib/util/diag.h"
#include "lib/util/xmalloc.h"

struct writer {
	yaml_emitter_t emitter;
	const struct schema_ids *ids;
	struct diags *diags;
};

/*
 * Takes the event whose initializer returned @made. All that can be wrong is memory: what is written was looked at
 * before, and goes into a text.
 */
static void emit(struct writer *w, int made, yaml_event_t *event)
{
	if (!made || !yaml_emitter_emit(&w->emitter, event))
		memory_exhausted();
}

static void emit_scalar(struct writer *w, const char *s, bool plain)
{
	yaml_scalar_style_t style = plain ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	yaml_event_t e;

	emit(w,
	     yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t *)s, -1, plain, !plain, style),
	     &e);
}

/* A word that no reader takes for anything but a string. */
static bool reads_as_string(const char *s)
{
	return ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_') &&
	       !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			    "_-./$+")] &&
	       scalar_kind(s) == SCALAR_STRING;
}

static void write_string(struct writer *w, const struct schema_key *key, const char *s)
{
	if (!s || !key->rule->valid(s)) {
		diag_error(w->diags, w->ids->invalid_value, NULL, NULL, "%s is not %s", key->key,
			   key->rule->expected);
		s = "";
	}
	emit_scalar(w, s, key->rule->plain && reads_as_string(s));
}

static void write_struct(struct writer *w, const struct schema *schema, const char *base);

static void write_list(struct writer *w, const struct schema_key *key, const char *base)
{
	const char *items;
	yaml_event_t e;
	size_t n;

	memcpy(&items, base + key->offset, sizeof(items));
	memcpy(&n, base + key->count_offset, sizeof(n));
	emit(w,
	     yaml_sequence_start_event_initialize(&e, NULL, NULL, 1,
						  n ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE),
	     &e);
	for (size_t i = 0; i < n; i++) {
		if (key->type == SCHEMA_STRUCTS)
			write_struct(w, key->schema, items + i * key->schema->size);
		else
			write_string(w, key, ((const char *const *)(const void *)items)[i]);
	}
	emit(w, yaml_sequence_end_event_initialize(&e), &e);
}

static void write_value(struct writer *w, const struct schema_key *key, const char *base)
{
	const void *member = base + key->offset;
	char number[24];

	switch (key->type) {
	case SCHEMA_STRING:
		write_string(w, key, *(const char *const *)member);
		break;
	case SCHEMA_NUMBER:
		snprintf(number, sizeof(number), "%" PRIu64, *(const uint64_t *)member);
		emit_scalar(w, number, true);
		break;
	case SCHEMA_BOOL:
		emit_scalar(w, *(const bool *)member ? "true" : "false", true);
		break;
	case SCHEMA_STRUCT:
		write_struct(w, key->schema, member);
		break;
	case SCHEMA_STRUCTS:
	case SCHEMA_STRINGS:
		write_list(w, key, base);
		break;
	}
}

/* Whether the key has nothing to say, and is of those that are not written then. */
static bool is_absent(const struct schema_key *key, const char *base)
{
	const char *s;
	size_t n;

	if (key->optional && key->type == SCHEMA_STRING) {
		memcpy(&s, base + key->offset, sizeof(s));
		return !s;
	}
	if (!key->unwritten)
		return false;
	if (key->type == SCHEMA_NUMBER)
		return !*(const uint64_t *)(const void *)(base + key->offset);
	memcpy(&n, base + key->count_offset, sizeof(n));
	return !n;
}

static void write_struct(struct writer *w, const struct schema *schema, const char *base)
{
	yaml_event_t e;

	emit(w, yaml_mapping_start_event_initialize(&e, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE), &e);
	for (const struct schema_key *key = schema->keys; key->key; key++) {
		if (is_absent(key, base))
			continue;
		emit_scalar(w, key->key, true);
		write_value(w, key, base);
	}
	emit(w, yaml_mapping_end_event_initialize(&e), &e);
}

static void write_document(struct writer *w, const struct schema *schema, const void *in)
{
	yaml_event_t e;

	emit(w, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING), &e);
	emit(w, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1), &e);
	write_struct(w, schema, in);
	emit(w, yaml_document_end_event_initialize(&e, 1), &e);
	emit(w, yaml_stream_end_event_initialize(&e), &e);
}

int schema_write(const struct schema *schema, const struct schema_ids *ids, const void *in,
		 struct diags *diags, char **text, size_t *size)
{
	struct writer w = { .ids = ids, .diags = diags };
	size_t errors = diags_errors(diags), length = 0;
	char *buffer = NULL;
	FILE *f = xopen_memstream(&buffer, &length);

	if (!yaml_emitter_initialize(&w.emitter))
		memory_exhausted();
	yaml_emitter_set_output_file(&w.emitter, f);
	yaml_emitter_set_width(&w.emitter, -1);
	yaml_emitter_set_unicode(&w.emitter, 1);
	write_document(&w, schema, in);
	yaml_emitter_delete(&w.emitter);
	xclose_memstream(f);
	if (diags_errors(diags) != errors) {
		free(buffer);
		return -EINVAL;
	}
	*text = buffer;
	*size = length;
	return 0;
}
