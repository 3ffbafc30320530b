/* SPDX-License-Identifier: GPL-2.0-only */
/* See file.h. libelf finds the headers and knows the order of bytes; nothing that they say is used unchecked. */
#include "lib/elf/file.h"

#include <errno.h>
#include <gelf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/elf/order.h"
#include "lib/util/arena.h"

__attribute__((format(printf, 4, 5))) static int damaged(struct elf_file *f, const struct elf_section *s,
							 uint64_t offset, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->damage.what, sizeof(f->damage.what), fmt, ap);
	va_end(ap);
	f->damage.section = s ? s->name : NULL;
	f->damage.offset = offset;
	return -EBADMSG;
}

int elf_file_open(struct elf_file *f, const uint8_t *data, size_t size, struct arena *arena)
{
	Elf *elf;
	GElf_Ehdr h;

	*f = (struct elf_file){ .data = data, .size = size, .arena = arena };
	if (!data || size < sizeof(Elf64_Ehdr))
		return damaged(f, NULL, 0, "file of %zu bytes is too short for an ELF file", size);
	elf_version(EV_CURRENT);
	elf = elf_memory((char *)(uintptr_t)data, size); /* only ever read */
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &h)) {
		elf_end(elf);
		return damaged(f, NULL, 0, "not an ELF file");
	}
	f->machine = h.e_machine;
	f->type = h.e_type;
	f->flags = h.e_flags;
	f->class = h.e_ident[EI_CLASS];
	f->order = h.e_ident[EI_DATA];
	elf_end(elf);
	if (f->class == ELFCLASS64 && h.e_shnum && h.e_shentsize != sizeof(Elf64_Shdr))
		return damaged(f, NULL, 0, "section headers of %u bytes", h.e_shentsize);
	return 0;
}

/* ELF's own tables in the order of bytes that this machine has. */
static int in_our_order(struct elf_file *f, struct elf_section *s)
{
	static const Elf_Type types[] = {
		[SHT_RELA] = ELF_T_RELA,
		[SHT_SYMTAB] = ELF_T_SYM,
		[SHT_SYMTAB_SHNDX] = ELF_T_WORD,
		[SHT_GROUP] = ELF_T_WORD,
	};
	Elf_Data in = { .d_buf = (void *)(uintptr_t)s->data, .d_size = s->size, .d_version = EV_CURRENT };
	Elf_Data out = { .d_size = s->size, .d_version = EV_CURRENT };

	if (elf_order_is_ours(f->order) || s->type >= sizeof(types) / sizeof(types[0]) || !types[s->type])
		return 0;
	in.d_type = types[s->type];
	out.d_buf = arena_alloc(f->arena, s->size);
	if (!elf64_xlatetom(&out, &in, f->order))
		return damaged(f, s, 0, "size is no multiple of an entry's");
	s->data = out.d_buf;
	return 0;
}

static bool is_in_file(const struct elf_file *f, const GElf_Shdr *h)
{
	return h->sh_offset <= f->size && h->sh_size <= f->size - h->sh_offset;
}

/* The string at @offset of a table that ends with a NUL byte, or NULL. */
static const char *string_at(const struct elf_section *table, uint64_t offset)
{
	return offset < table->size ? (const char *)table->data + offset : NULL;
}

/* Whether each string that begins in a section ends there. */
static bool is_string_table(const struct elf_section *s)
{
	return s->type == SHT_STRTAB && s->data && !s->data[s->size - 1];
}

static int read_section(struct elf_file *f, Elf *elf, uint32_t index, const struct elf_section *names)
{
	struct elf_section *s = &f->sections[index];
	Elf_Scn *scn = elf_getscn(elf, index);
	GElf_Shdr h;

	if (!scn || !gelf_getshdr(scn, &h))
		return damaged(f, NULL, 0, "section header %u cannot be read", index);
	s->name = string_at(names, h.sh_name);
	if (!s->name)
		return damaged(f, NULL, 0, "name of section %u is outside of the string table", index);
	s->type = h.sh_type;
	if (s->type == SHT_NULL)
		return 0;
	s->flags = h.sh_flags;
	s->address = h.sh_addr;
	s->align = h.sh_addralign;
	s->entsize = h.sh_entsize;
	s->size = h.sh_size;
	s->link = h.sh_link;
	s->info = h.sh_info;
	if (s->align & (s->align - 1))
		return damaged(f, s, 0, "alignment is no power of two");
	if (s->type == SHT_NOBITS || !s->size)
		return 0;
	if (!is_in_file(f, &h))
		return damaged(f, s, 0, "section reaches beyond the end of the file");
	s->data = f->data + h.sh_offset;
	return in_our_order(f, s);
}

/* By itself: names are wanted before the sections are read. */
static int find_names(struct elf_file *f, Elf *elf, struct elf_section *names)
{
	size_t index;
	GElf_Shdr h;
	Elf_Scn *scn;

	if (elf_getshdrstrndx(elf, &index) || !(scn = elf_getscn(elf, index)) || !gelf_getshdr(scn, &h) ||
	    h.sh_type != SHT_STRTAB)
		return damaged(f, NULL, 0, "no table of section names");
	if (!is_in_file(f, &h) || !h.sh_size || f->data[h.sh_offset + h.sh_size - 1])
		return damaged(f, NULL, 0, "table of section names is damaged");
	*names = (struct elf_section){ .data = f->data + h.sh_offset, .size = h.sh_size };
	f->names = (uint32_t)index;
	return 0;
}

static int read_sections(struct elf_file *f, Elf *elf)
{
	struct elf_section names = { 0 };
	size_t n;
	int err;

	if (!elf || elf_getshdrnum(elf, &n) || !n || n > UINT32_MAX)
		return damaged(f, NULL, 0, "no section headers");
	if (n > f->size / sizeof(Elf64_Shdr))
		return damaged(f, NULL, 0, "more section headers than the file has room for");
	err = find_names(f, elf, &names);
	if (err)
		return err;
	f->n_sections = (uint32_t)n;
	f->sections = arena_array(f->arena, n, sizeof(*f->sections));
	for (uint32_t i = 0; !err && i < n; i++)
		err = read_section(f, elf, i, &names);
	return err;
}

int elf_file_sections(struct elf_file *f)
{
	Elf *elf = elf_memory((char *)(uintptr_t)f->data, f->size);
	int err = read_sections(f, elf);

	elf_end(elf);
	return err;
}

/* The table of section numbers that do not fit into a symbol, or NULL. */
static const struct elf_section *find_numbers(const struct elf_file *f)
{
	for (uint32_t i = 1; i < f->n_sections; i++)
		if (f->sections[i].type == SHT_SYMTAB_SHNDX && f->sections[i].link == f->symtab)
			return &f->sections[i];
	return NULL;
}

static int read_symbol(struct elf_file *f, uint32_t index, const Elf64_Sym *from,
		       const struct elf_section *numbers)
{
	struct elf_symbol *s = &f->symbols[index];

	s->name = string_at(&f->sections[f->symbol_names], from->st_name);
	if (!s->name)
		return damaged(f, NULL, 0, "name of symbol %u is outside of the string table", index);
	s->value = from->st_value;
	s->size = from->st_size;
	s->bind = ELF64_ST_BIND(from->st_info);
	s->type = ELF64_ST_TYPE(from->st_info);
	s->other = from->st_other;
	if (from->st_shndx != SHN_XINDEX && from->st_shndx >= SHN_LORESERVE) {
		s->reserved = from->st_shndx;
		return 0;
	}
	s->section = from->st_shndx;
	if (from->st_shndx == SHN_XINDEX) {
		if (!numbers || !numbers->data || numbers->size / sizeof(s->section) <= index)
			return damaged(f, NULL, 0, "no extended section number for symbol %u", index);
		memcpy(&s->section, numbers->data + (uint64_t)index * sizeof(s->section), sizeof(s->section));
	}
	if (s->section >= f->n_sections)
		return damaged(f, NULL, 0, "symbol %u in section %u, which does not exist", index,
			       s->section);
	return 0;
}

static int find_symtab(struct elf_file *f)
{
	for (uint32_t i = 1; i < f->n_sections; i++) {
		if (f->sections[i].type != SHT_SYMTAB)
			continue;
		if (f->symtab)
			return damaged(f, &f->sections[i], 0, "second symbol table");
		f->symtab = i;
	}
	return 0;
}

int elf_file_symbols(struct elf_file *f)
{
	int err = find_symtab(f);
	const struct elf_section *s = &f->sections[f->symtab], *numbers;

	if (err || !f->symtab)
		return err;
	if (s->entsize != sizeof(Elf64_Sym) || s->size % sizeof(Elf64_Sym) ||
	    s->size / sizeof(Elf64_Sym) > UINT32_MAX)
		return damaged(f, s, 0, "symbol table whose size is no multiple of a symbol's");
	if (!s->link || s->link >= f->n_sections || !is_string_table(&f->sections[s->link]))
		return damaged(f, s, 0, "symbol table without names");
	numbers = find_numbers(f);
	f->symbol_names = s->link;
	f->n_symbols = (uint32_t)(s->size / sizeof(Elf64_Sym));
	f->symbols = arena_array(f->arena, f->n_symbols, sizeof(*f->symbols));
	for (uint32_t i = 0; !err && i < f->n_symbols; i++) {
		Elf64_Sym sym;

		memcpy(&sym, s->data + (uint64_t)i * sizeof(sym), sizeof(sym));
		if (!i)
			memset(&sym, 0, sizeof(sym)); /* the null symbol, whatever it holds */
		err = read_symbol(f, i, &sym, numbers);
	}
	return err;
}

const char *elf_file_damage(const struct elf_file *f)
{
	const struct elf_damage *d = &f->damage;

	return arena_printf(f->arena, "%s%s%s", d->section ? d->section : "", d->section ? ": " : "",
			    d->what);
}
