/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layout of a built object: numbers sections and symbols, makes the string tables, gives
 * everything a place in the file and writes it. Reads what builder.c collected; the only things
 * it changes there are the fields for numbers and places, so it may be run again.
 *
 * Order in the file: header, sections (each followed by its relocations in the header table),
 * .symtab, .symtab_shndx where section numbers need it, .strtab, .shstrtab, section headers.
 */
#include <endian.h>
#include <errno.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/elf/order.h"
#include "lib/elf/write/builder.h"
#include "lib/elf/write/builder_internal.h"
#include "lib/util/arena.h"
#include "lib/util/file.h"
#include "lib/util/strmap.h"
#include "lib/util/xmalloc.h"

/* A string table under construction: every string once. */
struct strings {
	struct strmap *offsets;
	char *data;
	size_t size, room;
};

struct table {
	uint64_t offset, size;
	uint32_t index, name;
};

struct layout {
	struct builder *b;
	struct strings names, symbol_names; /* .shstrtab, .strtab */
	struct table symtab, shndx, strtab, shstrtab;
	uint32_t n_sections, n_local, n_symbols; /* with the null entries */
	bool needs_shndx;
	uint64_t headers, size;
	uint8_t *data;
	uint8_t order; /* ELFDATA2* */
};

static void strings_init(struct strings *t)
{
	t->offsets = strmap_new(64);
	t->room = 4096;
	t->size = 1; /* the empty string */
	t->data = xcalloc(1, t->room);
}

static void strings_free(struct strings *t)
{
	strmap_free(t->offsets);
	free(t->data);
}

/* @s must live as long as the table: the map keeps it as the key. */
static int strings_add(struct strings *t, const char *s, uint32_t *offset)
{
	size_t n = strlen(s) + 1;
	union strmap_value *known = n > 1 ? strmap_get(t->offsets, s) : NULL;

	if (n == 1 || known) {
		*offset = known ? known->num : 0;
		return 0;
	}
	if (t->size + n > UINT32_MAX)
		return -EOVERFLOW;
	if (t->size + n > t->room) {
		size_t room = t->room * 2 > t->size + n ? t->room * 2 : t->size + n;

		t->data = xreallocarray(t->data, room, 1);
		t->room = room;
	}
	memcpy(t->data + t->size, s, n);
	*offset = t->size;
	t->size += n;
	strmap_set(t->offsets, s, (union strmap_value){ .num = *offset });
	return 0;
}

static int number_sections(struct layout *l)
{
	struct arena *arena = l->b->arena;
	uint64_t n = 1;
	int r = 0;

	for (struct builder_section *s = l->b->sections; s && !r; s = s->next) {
		s->index = n++;
		r = strings_add(&l->names, s->name, &s->name_offset);
		if (r || !section_has_rela(s))
			continue;
		s->rela_index = n++;
		const char *name = arena_printf(arena, ".rela%s", s->name);

		r = strings_add(&l->names, name, &s->rela_name_offset);
	}
	l->needs_shndx = n > SHN_LORESERVE;
	l->symtab.index = n++;
	l->shndx.index = l->needs_shndx ? n++ : 0;
	l->strtab.index = n++;
	l->shstrtab.index = n++;
	l->n_sections = n;
	if (!r && n > UINT32_MAX)
		r = -EOVERFLOW;
	if (!r)
		r = strings_add(&l->names, ".symtab", &l->symtab.name);
	if (!r && l->needs_shndx)
		r = strings_add(&l->names, ".symtab_shndx", &l->shndx.name);
	if (!r)
		r = strings_add(&l->names, ".strtab", &l->strtab.name);
	return r ? r : strings_add(&l->names, ".shstrtab", &l->shstrtab.name);
}

/* Local symbols come first; within the two groups the order of creation stays. */
static int number_symbols(struct layout *l)
{
	uint64_t n = 1;
	int r = 0;

	for (int local = 1; local >= 0; local--) {
		for (struct builder_symbol *s = l->b->symbols; s && !r; s = s->next) {
			if ((s->bind == STB_LOCAL) != local)
				continue;
			s->index = n++;
			r = strings_add(&l->symbol_names, s->name, &s->name_offset);
		}
		if (local)
			l->n_local = n;
	}
	l->n_symbols = n;
	return !r && n > UINT32_MAX ? -EOVERFLOW : r;
}

/* Takes @size bytes at a multiple of @align; the file's size grows. */
static int take(struct layout *l, uint64_t size, uint64_t align, uint64_t *offset)
{
	uint64_t start;

	align = align ? align : 1;
	if (__builtin_add_overflow(l->size, align - 1, &start))
		return -EOVERFLOW;
	start -= start % align;
	*offset = start;
	return __builtin_add_overflow(start, size, &l->size) || l->size > INT64_MAX ? -EOVERFLOW : 0;
}

static uint64_t rela_bytes(const struct builder_section *s)
{
	return s->n_relas * sizeof(Elf64_Rela);
}

static int place_all(struct layout *l)
{
	int r = 0;

	l->size = sizeof(Elf64_Ehdr);
	for (struct builder_section *s = l->b->sections; s && !r; s = s->next) {
		uint64_t size = s->target ? rela_bytes(s) : s->size;

		r = take(l, s->type == SHT_NOBITS ? 0 : size, s->align, &s->file_offset);
		if (!r && section_has_rela(s))
			r = take(l, rela_bytes(s), 8, &s->rela_offset);
	}
	l->symtab.size = (uint64_t)l->n_symbols * sizeof(Elf64_Sym);
	l->shndx.size = l->needs_shndx ? (uint64_t)l->n_symbols * sizeof(Elf32_Word) : 0;
	l->strtab.size = l->symbol_names.size;
	l->shstrtab.size = l->names.size;
	if (!r)
		r = take(l, l->symtab.size, 8, &l->symtab.offset);
	if (!r)
		r = take(l, l->shndx.size, 4, &l->shndx.offset);
	if (!r)
		r = take(l, l->strtab.size, 1, &l->strtab.offset);
	if (!r)
		r = take(l, l->shstrtab.size, 1, &l->shstrtab.offset);
	return r ? r : take(l, (uint64_t)l->n_sections * sizeof(Elf64_Shdr), 8, &l->headers);
}

/* In the file's byte order. */
static void put(struct layout *l, uint64_t offset, const void *from, size_t size, Elf_Type type)
{
	Elf_Data in = {
		.d_buf = (void *)(uintptr_t)from, .d_size = size, .d_type = type, .d_version = EV_CURRENT
	};
	Elf_Data out = { .d_buf = l->data + offset, .d_size = size, .d_version = EV_CURRENT };

	if (elf_order_is_ours(l->order))
		memcpy(out.d_buf, from, size);
	else
		elf64_xlatetof(&out, &in, l->order);
}

static void put_ehdr(struct layout *l)
{
	bool many = l->n_sections >= SHN_LORESERVE;
	Elf64_Ehdr h = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, l->order, EV_CURRENT },
		.e_type = ET_REL,
		.e_machine = l->b->machine,
		.e_version = EV_CURRENT,
		.e_shoff = l->headers,
		.e_flags = l->b->e_flags,
		.e_ehsize = sizeof(h),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = many ? 0 : l->n_sections,
		.e_shstrndx = l->shstrtab.index >= SHN_LORESERVE ? SHN_XINDEX : l->shstrtab.index,
	};

	put(l, 0, &h, sizeof(h), ELF_T_EHDR);
}

static void put_shdr(struct layout *l, uint32_t index, const Elf64_Shdr *h)
{
	put(l, l->headers + (uint64_t)index * sizeof(*h), h, sizeof(*h), ELF_T_SHDR);
}

static void put_relas(struct layout *l, const struct builder_section *s, uint64_t offset)
{
	for (size_t i = 0; i < s->n_relas; i++) {
		const struct builder_rela *from = &s->relas[i];
		Elf64_Rela rela = {
			.r_offset = from->offset,
			.r_info =
				ELF64_R_INFO((uint64_t)(from->symbol ? from->symbol->index : 0), from->type),
			.r_addend = from->addend,
		};

		put(l, offset + i * sizeof(rela), &rela, sizeof(rela), ELF_T_RELA);
	}
}

static uint32_t linked_section(const struct layout *l, const struct builder_section *s)
{
	if (s->target)
		return l->symtab.index;
	return s->link ? s->link->index : 0;
}

static void put_section(struct layout *l, const struct builder_section *s)
{
	Elf64_Shdr h = {
		.sh_name = s->name_offset,
		.sh_type = s->type,
		.sh_flags = s->flags,
		.sh_offset = s->file_offset,
		.sh_size = s->target ? rela_bytes(s) : s->size,
		.sh_link = linked_section(l, s),
		.sh_info = s->target ? s->target->index : 0,
		.sh_addralign = s->align,
		.sh_entsize = s->entsize,
	};

	put_shdr(l, s->index, &h);
	if (s->target)
		put_relas(l, s, s->file_offset);
	else if (s->type != SHT_NOBITS && s->size)
		memcpy(l->data + s->file_offset, s->data, s->size);
	if (!section_has_rela(s))
		return;
	h = (Elf64_Shdr){
		.sh_name = s->rela_name_offset,
		.sh_type = SHT_RELA,
		.sh_flags = SHF_INFO_LINK,
		.sh_offset = s->rela_offset,
		.sh_size = rela_bytes(s),
		.sh_link = l->symtab.index,
		.sh_info = s->index,
		.sh_addralign = 8,
		.sh_entsize = sizeof(Elf64_Rela),
	};
	put_shdr(l, s->rela_index, &h);
	put_relas(l, s, s->rela_offset);
}

static void put_symbols(struct layout *l)
{
	for (const struct builder_symbol *s = l->b->symbols; s; s = s->next) {
		uint32_t index = s->section ? s->section->index : s->shndx;
		bool wide = s->section && index >= SHN_LORESERVE;
		Elf64_Sym sym = {
			.st_name = s->name_offset,
			.st_info = ELF64_ST_INFO(s->bind, s->type),
			.st_other = s->other,
			.st_shndx = wide ? SHN_XINDEX : index,
			.st_value = s->value,
			.st_size = s->size,
		};

		put(l, l->symtab.offset + (uint64_t)s->index * sizeof(sym), &sym, sizeof(sym), ELF_T_SYM);
		if (wide)
			put(l, l->shndx.offset + (uint64_t)s->index * sizeof(index), &index, sizeof(index),
			    ELF_T_WORD);
	}
}

static void put_tables(struct layout *l)
{
	Elf64_Shdr null = {
		.sh_size = l->n_sections >= SHN_LORESERVE ? l->n_sections : 0,
		.sh_link = l->shstrtab.index >= SHN_LORESERVE ? l->shstrtab.index : 0,
	};
	Elf64_Shdr symtab = {
		.sh_name = l->symtab.name,
		.sh_type = SHT_SYMTAB,
		.sh_offset = l->symtab.offset,
		.sh_size = l->symtab.size,
		.sh_link = l->strtab.index,
		.sh_info = l->n_local,
		.sh_addralign = 8,
		.sh_entsize = sizeof(Elf64_Sym),
	};
	Elf64_Shdr shndx = {
		.sh_name = l->shndx.name,
		.sh_type = SHT_SYMTAB_SHNDX,
		.sh_offset = l->shndx.offset,
		.sh_size = l->shndx.size,
		.sh_link = l->symtab.index,
		.sh_addralign = 4,
		.sh_entsize = sizeof(Elf32_Word),
	};
	Elf64_Shdr strtab = {
		.sh_name = l->strtab.name,
		.sh_type = SHT_STRTAB,
		.sh_offset = l->strtab.offset,
		.sh_size = l->strtab.size,
		.sh_addralign = 1,
	};
	Elf64_Shdr shstrtab = {
		.sh_name = l->shstrtab.name,
		.sh_type = SHT_STRTAB,
		.sh_offset = l->shstrtab.offset,
		.sh_size = l->shstrtab.size,
		.sh_addralign = 1,
	};

	put_shdr(l, 0, &null);
	put_shdr(l, l->symtab.index, &symtab);
	if (l->needs_shndx)
		put_shdr(l, l->shndx.index, &shndx);
	put_shdr(l, l->strtab.index, &strtab);
	put_shdr(l, l->shstrtab.index, &shstrtab);
	put_symbols(l);
	memcpy(l->data + l->strtab.offset, l->symbol_names.data, l->symbol_names.size);
	memcpy(l->data + l->shstrtab.offset, l->names.data, l->names.size);
}

int builder_finish(struct builder *b, uint8_t **data, size_t *size)
{
	const struct arch *arch = arch_find(b->machine);
	struct layout l = { .b = b, .order = elf_order(arch && arch->big_endian) };
	int r = b->error;

	if (!r)
		strings_init(&l.names);
	if (!r)
		strings_init(&l.symbol_names);
	if (!r)
		r = number_sections(&l);
	if (!r)
		r = number_symbols(&l);
	if (!r)
		r = place_all(&l);
	if (!r) {
		l.data = xcalloc(1, l.size);
		put_ehdr(&l);
		for (const struct builder_section *s = b->sections; s; s = s->next)
			put_section(&l, s);
		put_tables(&l);
		*data = l.data;
		*size = l.size;
	}
	strings_free(&l.names);
	strings_free(&l.symbol_names);
	return r;
}

int builder_write(struct builder *b, const char *path)
{
	uint8_t *data;
	size_t size;
	int r = builder_finish(b, &data, &size);

	if (r)
		return r;
	r = file_write_atomic(path, data, size, 0644);
	free(data);
	return r;
}
