// SPDX-License-Identifier: GPL-2.0-only
/*
 * Diagnostics of the differ: they name the object, the function and, where the object has debug
 * information, the source line.
 */
#include "create-diff-object/passes.h"

#include <stdarg.h>
#include <string.h>

struct diag_place diff_place(struct diff *d, const struct side *side, uint32_t atom, int64_t offset)
{
	struct diag_place place = { .file = d->input->name };
	struct source_line line;

	if (atom == NO_ATOM)
		return place;
	place.function = side->object->atoms[atom].name;
	if (offset >= 0) {
		place.offset = (uint64_t)offset;
		place.has_offset = true;
	}
	if (!object_source_line(side->object, atom, offset > 0 ? (uint64_t)offset : 0, &line)) {
		place.source = line.file;
		place.line = line.line;
	}
	return place;
}

static void add(struct diff *d, enum diag_severity severity, const char *id, const struct side *side,
		uint32_t atom, int64_t offset, const char *remedy, const char *what, va_list ap)
{
	struct diag_place place = diff_place(d, side, atom, offset);
	char *text = arena_vprintf(d->arena, what, ap);

	diag_add(d->diags, severity, id, &place, remedy, "%s", text ? text : id);
}

void diff_refuse(struct diff *d, const char *id, const struct side *side, uint32_t atom, int64_t offset,
		 const char *remedy, const char *what, ...)
{
	va_list ap;

	d->n_refused++;
	va_start(ap, what);
	add(d, DIAG_ERROR, id, side, atom, offset, remedy, what, ap);
	va_end(ap);
}

void diff_refuse_at(struct diff *d, const char *id, const struct diag_place *place, const char *remedy,
		    const char *what, ...)
{
	char *text;
	va_list ap;

	d->n_refused++;
	va_start(ap, what);
	text = arena_vprintf(d->arena, what, ap);
	va_end(ap);
	diag_error(d->diags, id, place, remedy, "%s", text ? text : id);
}

void diff_note(struct diff *d, const char *id, const struct side *side, uint32_t atom, int64_t offset,
	       const char *remedy, const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	add(d, DIAG_NOTE, id, side, atom, offset, remedy, what, ap);
	va_end(ap);
}

void diff_warn(struct diff *d, const char *id, const struct side *side, uint32_t atom, int64_t offset,
	       const char *remedy, const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	add(d, DIAG_WARNING, id, side, atom, offset, remedy, what, ap);
	va_end(ap);
}
