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

void diag_print(FILE *f, const struct diag *d)
{
	const struct diag_place *p = &d->place;

	if (p->file)
		text_print(f, p->file);
	if (p->file && p->line && !p->source)
		fprintf(f, ":%u", p->line);
	if (p->file)
		fputs(": ", f);
	if (p->function) {
		text_print(f, p->function);
		if (p->has_offset)
			fprintf(f, "+0x%" PRIx64, p->offset);
		fputs(": ", f);
	} else if (p->has_offset) {
		fprintf(f, "+0x%" PRIx64 ": ", p->offset);
	}
	if (p->source) {
		fputc('(', f);
		text_print(f, p->source);
		if (p->line)
			fprintf(f, ":%u", p->line);
		fputs(") ", f);
	}
	if (d->severity != DIAG_ERROR)
		fputs(d->severity == DIAG_NOTE ? "note: " : "warning: ", f);
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
