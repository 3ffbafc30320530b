/* SPDX-License-Identifier: GPL-2.0-only */
/* See diag.h. */
#include "lib/util/diag.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/arena.h"
#include "lib/util/text.h"
#include "lib/util/xmalloc.h"

struct diags {
	pthread_mutex_t lock;
	struct arena *arena;
	struct diag **list;
	size_t count, room, errors;
};

struct diags *diags_new(void)
{
	struct diags *d = xcalloc(1, sizeof(*d));

	d->arena = arena_new();
	pthread_mutex_init(&d->lock, NULL);
	return d;
}

void diags_free(struct diags *d)
{
	if (!d)
		return;
	pthread_mutex_destroy(&d->lock);
	arena_free(d->arena);
	free(d->list);
	free(d);
}

static const char *copy(struct diags *d, const char *s)
{
	return s ? arena_strdup(d->arena, s) : NULL;
}

static struct diag *append(struct diags *d)
{
	struct diag *entry = arena_alloc(d->arena, sizeof(*entry));

	if (d->count == d->room) {
		d->room = d->room ? d->room * 2 : 16;
		d->list = xreallocarray(d->list, d->room, sizeof(*d->list));
	}
	d->list[d->count++] = entry;
	return entry;
}

void diag_add(struct diags *d, enum diag_severity severity, const char *id, const struct diag_place *place,
	      const char *remedy, const char *what, ...)
{
	struct diag *entry;
	va_list ap;

	pthread_mutex_lock(&d->lock);
	if (severity == DIAG_ERROR)
		d->errors++;
	entry = append(d);
	entry->severity = severity;
	entry->id = id;
	if (place) {
		entry->place = *place;
		entry->place.file = copy(d, place->file);
		entry->place.function = copy(d, place->function);
		entry->place.source = copy(d, place->source);
	}
	entry->remedy = copy(d, remedy);
	va_start(ap, what);
	entry->what = arena_vprintf(d->arena, what, ap);
	va_end(ap);
	pthread_mutex_unlock(&d->lock);
}

void diags_append(struct diags *d, const struct diags *from)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct diag *e = from->list[i];

		diag_add(d, e->severity, e->id, &e->place, e->remedy, "%s", e->what);
	}
}

size_t diags_count(const struct diags *d)
{
	return d->count;
}

const struct diag *diags_get(const struct diags *d, size_t i)
{
	return d->list[i];
}

size_t diags_errors(const struct diags *d)
{
	return d->errors;
}

bool diags_has(const struct diags *d, const char *id)
{
	for (size_t i = 0; i < d->count; i++)
		if (!strcmp(d->list[i]->id, id))
			return true;
	return false;
}

static const char *severity_name(const struct diag *d)
{
	static const char *const names[] = { "note", "warning", "error" };

	return names[d->severity];
}

/* "FILE:LINE: error: ", as compilers have it, where there is a line: that is what editors and builds look for. */
static void print_line(FILE *f, const struct diag *d)
{
	text_print(f, d->place.source ? d->place.source : d->place.file);
	fprintf(f, ":%u: %s: ", d->place.line, severity_name(d));
}

/* The object, and where in it. */
static void print_object(FILE *f, const struct diag_place *p, bool has_line)
{
	if (p->file && (p->source || !has_line)) {
		text_print(f, p->file);
		fputs(": ", f);
	}
	if (p->function) {
		text_print(f, p->function);
		if (p->has_offset)
			fprintf(f, "+0x%" PRIx64, p->offset);
		fputs(": ", f);
	} else if (p->has_offset) {
		fprintf(f, "+0x%" PRIx64 ": ", p->offset);
	}
	if (p->source && !has_line) {
		fputc('(', f);
		text_print(f, p->source);
		fputs(") ", f);
	}
}

void diag_print(FILE *f, const struct diag *d)
{
	bool has_line = d->place.line && (d->place.source || d->place.file);

	if (has_line)
		print_line(f, d);
	print_object(f, &d->place, has_line);
	if (!has_line && d->severity != DIAG_ERROR)
		fprintf(f, "%s: ", severity_name(d));
	text_print_lines(f, d->what);
	fputc('.', f);
	if (d->remedy) {
		fputc(' ', f);
		text_print(f, d->remedy);
		if (!text_ends_in(d->remedy, "?"))
			fputc('.', f);
	}
	fprintf(f, " [%s]\n", d->id);
}

static void print_member(FILE *f, const char *key, const char *value)
{
	if (!value)
		return;
	fprintf(f, ",\"%s\":", key);
	text_print_json(f, value);
}

void diag_print_json(FILE *f, const struct diag *d)
{
	const struct diag_place *p = &d->place;

	fprintf(f, "{\"severity\":\"%s\",\"id\":\"%s\"", severity_name(d), d->id);
	print_member(f, "file", p->file);
	print_member(f, "source", p->source);
	if (p->line)
		fprintf(f, ",\"line\":%u", p->line);
	print_member(f, "function", p->function);
	if (p->has_offset)
		fprintf(f, ",\"offset\":%" PRIu64, p->offset);
	print_member(f, "what", d->what);
	print_member(f, "remedy", d->remedy);
	fputs("}\n", f);
}
