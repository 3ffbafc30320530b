// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies a relocatable file into arrays that may be changed, and gives what they are then to a builder. Leaves alone: what the file means.
 */
#include "lib/elf/write/elf_edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/elf/file.h"
#include "lib/elf/order.h"
#include "lib/elf/write/builder.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/text.h"
#include "lib/util/xmalloc.h"

static int damaged(struct diags *diags, const char *path, const char *what)
{
	diag_error(diags, "module-damaged", diag_file(path),
		   "This is an error of the tools that made it: build again with --keep and look at it", "%s",
		   what);
	return -EBADMSG;
}

static int unsupported(struct diags *diags, const char *path, const char *what)
{
	diag_error(diags, "module-unsupported", diag_file(path), NULL, "%s", what);
	return -ENOTSUP;
}

static int check_header(const struct elf_file *in, struct elf_edit *f, struct diags *diags)
{
	f->arch = arch_find(in->machine);
	f->e_flags = in->flags;
	if (!f->arch || in->class != ELFCLASS64 || in->order != elf_order(f->arch->big_endian) ||
	    in->type != ET_REL)
		return unsupported(diags, f->path, "not a relocatable ELF file of a machine that is known");
	return 0;
}

static int take_sections(const struct elf_file *in, struct elf_edit *f, struct diags *diags)
{
	f->n_sections = in->n_sections;
	f->max_sections = in->n_sections + 64;
	f->shstrtab = in->names;
	f->sections = arena_array(f->arena, f->max_sections, sizeof(*f->sections));
	for (uint32_t i = 0; i < f->n_sections; i++) {
		const struct elf_section *s = &in->sections[i];

		if (s->type == SHT_GROUP || s->type == SHT_REL)
			return unsupported(diags, f->path,
					   "section groups and REL relocations are not supported");
		if (s->link >= in->n_sections)
			return damaged(diags, f->path, "a section is linked to one that does not exist");
		f->sections[i] = (struct elf_edit_section){
			.name = arena_strdup(f->arena, s->name),
			.type = s->type,
			.flags = s->flags,
			.align = s->align,
			.entsize = s->entsize,
			.link = s->link,
			.info = s->info,
			.data = s->data ? arena_memdup(f->arena, s->data, s->size) : NULL,
			.size = s->size,
		};
	}
	return 0;
}

static int take_symbols(const struct elf_file *in, struct elf_edit *f, struct diags *diags)
{
	if (!in->symtab)
		return unsupported(diags, f->path, "no symbol table");
	if (in->symbol_names == in->names)
		return unsupported(diags, f->path, "symbols and sections share one string table");
	f->symtab = in->symtab;
	f->strtab = in->symbol_names;
	f->n_symbols = in->n_symbols;
	f->max_symbols = f->n_symbols + 256;
	f->symbols = arena_array(f->arena, f->max_symbols, sizeof(*f->symbols));
	for (uint32_t i = 0; i < f->n_symbols; i++) {
		const struct elf_symbol *s = &in->symbols[i];

		f->symbols[i] = (struct elf_edit_symbol){
			.name = arena_strdup(f->arena, s->name),
			.bind = s->bind,
			.type = s->type,
			.other = s->other,
			.reserved = s->reserved,
			.section = s->section,
			.value = s->value,
			.size = s->size,
		};
	}
	return 0;
}

static int check_relas(const struct elf_edit *f, uint32_t index, struct diags *diags)
{
	const struct elf_edit_section *s = &f->sections[index];
	const Elf64_Rela *rela;
	size_t i, n;

	if (s->size % sizeof(Elf64_Rela) || s->info >= f->n_sections || s->link != f->symtab)
		return damaged(diags, f->path, "bad relocation section");
	rela = elf_edit_relas(f, index, &n);
	for (i = 0; i < n; i++)
		if (ELF64_R_SYM(rela[i].r_info) >= f->n_symbols ||
		    rela[i].r_offset > f->sections[s->info].size)
			return damaged(diags, f->path,
				       "a relocation leads outside its section or to no symbol");
	return 0;
}

/* What is kept is copied out of @whole. */
static int read_all(const uint8_t *data, size_t size, struct arena *whole, struct elf_edit *f,
		    struct diags *diags)
{
	struct elf_file in;
	int err;

	if (elf_file_open(&in, data, size, whole))
		return unsupported(diags, f->path, "not an ELF file");
	err = check_header(&in, f, diags);
	if (!err && (elf_file_sections(&in) || elf_file_symbols(&in)))
		err = damaged(diags, f->path, elf_file_damage(&in));
	if (!err)
		err = take_sections(&in, f, diags);
	if (!err)
		err = take_symbols(&in, f, diags);
	for (uint32_t i = 1; !err && i < f->n_sections; i++)
		if (f->sections[i].type == SHT_RELA)
			err = check_relas(f, i, diags);
	return err;
}

int elf_edit_read(const char *path, struct arena *arena, struct diags *diags, struct elf_edit **out)
{
	struct elf_edit *f = arena_alloc(arena, sizeof(*f));
	struct arena *whole = arena_new();
	char *data;
	size_t size;
	int err = file_read(whole, path, &data, &size);

	f->arena = arena;
	f->path = arena_strdup(arena, path);
	if (err)
		diag_error(diags, "cannot-read", diag_file(path), NULL, "%s", strerror(-err));
	else
		err = read_all((const uint8_t *)data, size, whole, f, diags);
	arena_free(whole);
	if (!err)
		*out = f;
	return err;
}

uint32_t elf_edit_find_section(const struct elf_edit *f, const char *name)
{
	uint32_t i;

	for (i = 1; i < f->n_sections; i++)
		if (!f->sections[i].removed && !strcmp(f->sections[i].name, name))
			return i;
	return 0;
}

/* Room for one more element of an array in the arena. */
static void grow(struct arena *a, void **array, uint32_t n, uint32_t *max, size_t size)
{
	void *bigger;

	if (n < *max)
		return;
	if (*max > UINT32_MAX / 2)
		memory_exhausted();
	bigger = arena_array(a, (size_t)*max * 2, size);
	memcpy(bigger, *array, n * size);
	*array = bigger;
	*max *= 2;
}

uint32_t elf_edit_add_section(struct elf_edit *f, const struct elf_edit_section *section)
{
	grow(f->arena, (void **)&f->sections, f->n_sections, &f->max_sections, sizeof(*f->sections));
	f->sections[f->n_sections] = *section;
	return f->n_sections++;
}

uint32_t elf_edit_add_symbol(struct elf_edit *f, const struct elf_edit_symbol *symbol)
{
	grow(f->arena, (void **)&f->symbols, f->n_symbols, &f->max_symbols, sizeof(*f->symbols));
	f->symbols[f->n_symbols] = *symbol;
	return f->n_symbols++;
}

/*
 * Writing: everything that is left goes to a builder, which lays the file out.
 */

struct writer {
	const struct elf_edit *f;
	struct builder *b;
	struct builder_section *
		*sections; /* by index in @f; NULL: removed, and what the builder makes itself */
	struct builder_symbol **symbols; /* by index in @f; NULL: removed, and the null symbol */
};

/* Tables that the builder makes of what they hold. */
static bool is_made_anew(const struct elf_edit *f, uint32_t index)
{
	uint32_t type = f->sections[index].type;

	return !index || index == f->symtab || index == f->strtab || index == f->shstrtab ||
	       type == SHT_RELA || type == SHT_SYMTAB_SHNDX;
}

static void add_sections(struct writer *w)
{
	for (uint32_t i = 1; i < w->f->n_sections; i++) {
		const struct elf_edit_section *s = &w->f->sections[i];

		if (s->removed || is_made_anew(w->f, i))
			continue;
		w->sections[i] = builder_section(w->b, s->name, s->type, s->flags, s->align, s->entsize);
		builder_append(w->b, w->sections[i], s->data, s->size, 1);
	}
}

/* As SHF_LINK_ORDER has them. */
static int link_sections(struct writer *w)
{
	for (uint32_t i = 1; i < w->f->n_sections; i++) {
		uint32_t link = w->f->sections[i].link;

		if (!w->sections[i] || !link)
			continue;
		if (!w->sections[link])
			return -EINVAL;
		builder_section_link(w->sections[i], w->sections[link]);
	}
	return 0;
}

static int add_symbols(struct writer *w)
{
	for (uint32_t i = 1; i < w->f->n_symbols; i++) {
		const struct elf_edit_symbol *s = &w->f->symbols[i];

		if (s->removed)
			continue;
		if (s->section && !w->sections[s->section])
			return -EINVAL;
		w->symbols[i] = builder_symbol(w->b, s->name, s->bind, s->type, w->sections[s->section],
					       s->reserved, s->value, s->size);
		builder_symbol_other(w->symbols[i], s->other);
	}
	return 0;
}

/* Whether it is the relocation section that every section has, in name and flags. */
static bool is_ordinary(const struct elf_edit_section *rela, const struct elf_edit_section *target)
{
	return text_starts_with(rela->name, ".rela") && !strcmp(rela->name + strlen(".rela"), target->name) &&
	       !(rela->flags & ~(uint64_t)SHF_INFO_LINK);
}

static int add_relas(struct writer *w, uint32_t index)
{
	const struct elf_edit_section *s = &w->f->sections[index];
	struct builder_section *target = s->info < w->f->n_sections ? w->sections[s->info] : NULL, *to;
	const Elf64_Rela *rela;
	size_t n;

	if (!target)
		return -EINVAL;
	to = is_ordinary(s, &w->f->sections[s->info]) ? target :
							builder_rela_section(w->b, s->name, target, s->flags);
	rela = elf_edit_relas(w->f, index, &n);
	for (size_t i = 0; i < n; i++) {
		uint32_t symbol = ELF64_R_SYM(rela[i].r_info);

		if (symbol && !w->symbols[symbol])
			return -EINVAL;
		builder_rela_add(w->b, to, rela[i].r_offset, ELF64_R_TYPE(rela[i].r_info), w->symbols[symbol],
				 rela[i].r_addend);
	}
	return 0;
}

static int build(struct writer *w)
{
	int err;

	add_sections(w);
	err = link_sections(w);
	if (!err)
		err = add_symbols(w);
	for (uint32_t i = 1; !err && i < w->f->n_sections; i++)
		if (w->f->sections[i].type == SHT_RELA && !w->f->sections[i].removed)
			err = add_relas(w, i);
	return err;
}

int elf_edit_write(const struct elf_edit *f, const char *path)
{
	struct writer w = {
		.f = f,
		.b = builder_new(f->arch->machine, f->e_flags),
		.sections = xcalloc(f->n_sections, sizeof(struct builder_section *)),
		.symbols = xcalloc(f->n_symbols, sizeof(struct builder_symbol *)),
	};
	int err = build(&w);

	if (!err)
		err = builder_write(w.b, path);
	builder_free(w.b);
	free(w.sections);
	free(w.symbols);
	return err;
}
