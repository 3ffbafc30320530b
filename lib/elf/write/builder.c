/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See builder.h. This file collects; builder_layout.c makes the file of it. The first failure of
 * any call is kept in the builder and reported at the end.
 */
#include "lib/elf/write/builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/write/builder_internal.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"
#include "lib/util/xmalloc.h"

static void fail(struct builder *b, int error)
{
	if (!b->error)
		b->error = error;
}

struct builder *builder_new(uint16_t machine, uint32_t e_flags)
{
	struct builder *b = xcalloc(1, sizeof(*b));

	b->arena = arena_new();
	b->by_name = strmap_new(64);
	b->machine = machine;
	b->e_flags = e_flags;
	b->last_section = &b->sections;
	b->last_symbol = &b->symbols;
	return b;
}

void builder_free(struct builder *b)
{
	if (!b)
		return;
	for (struct builder_section *s = b->sections; s; s = s->next) {
		free(s->data);
		free(s->relas);
	}
	strmap_free(b->by_name);
	arena_free(b->arena);
	free(b);
}

struct builder_section *builder_section(struct builder *b, const char *name, uint32_t type, uint64_t flags,
					uint64_t align, uint64_t entsize)
{
	struct builder_section *s = arena_alloc(b->arena, sizeof(*s));

	s->name = arena_strdup(b->arena, name);
	s->type = type;
	s->flags = flags;
	s->align = align;
	s->entsize = entsize;
	if (!strmap_get(b->by_name, s->name))
		strmap_set(b->by_name, s->name, (union strmap_value){ .ptr = s });
	*b->last_section = s;
	b->last_section = &s->next;
	b->n_sections++;
	return s;
}

void builder_section_link(struct builder_section *s, struct builder_section *to)
{
	s->link = to;
}

struct builder_section *builder_find_section(struct builder *b, const char *name)
{
	union strmap_value *v = strmap_get(b->by_name, name);

	return v ? v->ptr : NULL;
}

/* Makes room for @n elements of @size bytes, doubling. */
static void grow(void **array, uint64_t *room, uint64_t n, size_t size)
{
	uint64_t want = *room ? *room : 16;

	if (n <= *room)
		return;
	while (want < n)
		if (__builtin_mul_overflow(want, 2, &want))
			memory_exhausted();
	*array = xreallocarray(*array, want, size);
	*room = want;
}

/* Where @size bytes at a multiple of @align go, and the section's end after them. */
static int place(const struct builder_section *s, size_t size, uint64_t align, uint64_t *start, uint64_t *end)
{
	if (align & (align - 1))
		return -EINVAL;
	if (__builtin_add_overflow(s->size, align - 1, start))
		return -EOVERFLOW;
	*start &= ~(align - 1);
	return __builtin_add_overflow(*start, size, end) ? -EOVERFLOW : 0;
}

uint64_t builder_append(struct builder *b, struct builder_section *s, const void *data, size_t size,
			uint64_t align)
{
	uint64_t start, end;
	int r;

	if (!s)
		return UINT64_MAX;
	align = align ? align : 1;
	r = place(s, size, align, &start, &end);
	if (!r && s->type == SHT_NOBITS && data)
		r = -EINVAL;
	if (!r && s->type != SHT_NOBITS)
		grow((void **)&s->data, &s->room, end, 1);
	if (r) {
		fail(b, r);
		return UINT64_MAX;
	}
	if (s->type != SHT_NOBITS && end) {
		memset(s->data + s->size, 0, end - s->size);
		if (data && size)
			memcpy(s->data + start, data, size);
	}
	s->size = end;
	if (s->align < align)
		s->align = align;
	return start;
}

void builder_patch(struct builder *b, struct builder_section *s, uint64_t offset, const void *data,
		   size_t size)
{
	if (!s)
		return;
	if (!s->data || offset > s->size || size > s->size - offset) {
		fail(b, -EINVAL);
		return;
	}
	memcpy(s->data + offset, data, size);
}

uint64_t builder_section_size(const struct builder_section *s)
{
	return s ? s->size : 0;
}

struct builder_symbol *builder_symbol(struct builder *b, const char *name, uint8_t bind, uint8_t type,
				      struct builder_section *section, uint16_t shndx, uint64_t value,
				      uint64_t size)
{
	struct builder_symbol *s = arena_alloc(b->arena, sizeof(*s));

	s->name = arena_strdup(b->arena, name ? name : "");
	s->bind = bind;
	s->type = type;
	s->section = section;
	s->shndx = shndx;
	s->value = value;
	s->size = size;
	*b->last_symbol = s;
	b->last_symbol = &s->next;
	b->n_symbols++;
	return s;
}

void builder_symbol_other(struct builder_symbol *s, uint8_t other)
{
	if (s)
		s->other = other;
}

struct builder_symbol *builder_section_symbol(struct builder *b, struct builder_section *s)
{
	if (!s)
		return NULL;
	if (!s->symbol)
		s->symbol = builder_symbol(b, "", STB_LOCAL, STT_SECTION, s, 0, 0, 0);
	return s->symbol;
}

void builder_rela_add(struct builder *b, struct builder_section *rela, uint64_t offset, uint32_t type,
		      struct builder_symbol *symbol, int64_t addend)
{
	uint64_t room;

	if (!rela)
		return;
	room = rela->room_relas;
	grow((void **)&rela->relas, &room, rela->n_relas + 1, sizeof(*rela->relas));
	rela->room_relas = room;
	rela->relas[rela->n_relas++] =
		(struct builder_rela){ .offset = offset, .symbol = symbol, .addend = addend, .type = type };
}

void builder_reloc(struct builder *b, struct builder_section *section, uint64_t offset, uint32_t type,
		   struct builder_symbol *symbol, int64_t addend)
{
	if (section && section->target) {
		fail(b, -EINVAL);
		return;
	}
	builder_rela_add(b, section, offset, type, symbol, addend);
}

struct builder_section *builder_rela_section(struct builder *b, const char *name,
					     struct builder_section *target, uint64_t flags)
{
	struct builder_section *s;

	if (!target)
		return NULL;
	s = builder_section(b, name, SHT_RELA, flags | SHF_INFO_LINK, 8, sizeof(Elf64_Rela));
	s->target = target;
	return s;
}
