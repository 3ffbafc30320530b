// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads relocatable ELF files into arrays that may be changed, and writes them, with libelf.
 * Makes: one file. Leaves alone: what the file means.
 */
#include "lib/elf/write/elfile.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arch/arch.h"
#include "lib/elf/order.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"
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

static int read_header(Elf *elf, struct elfile *f, struct diags *diags)
{
	const Elf64_Ehdr *ehdr = elf_kind(elf) == ELF_K_ELF ? elf64_getehdr(elf) : NULL;
	size_t n, shstrtab;

	f->arch = ehdr ? arch_find(ehdr->e_machine) : NULL;
	if (!f->arch || ehdr->e_ident[EI_DATA] != elf_order(f->arch->big_endian) || ehdr->e_type != ET_REL)
		return unsupported(diags, f->path, "not a relocatable ELF file of a machine that is known");
	if (elf_getshdrnum(elf, &n) || elf_getshdrstrndx(elf, &shstrtab) || n == 0 || n >= UINT32_MAX ||
	    shstrtab >= n)
		return damaged(diags, f->path, "bad section header table");
	f->e_flags = ehdr->e_flags;
	f->n_sections = n;
	f->max_sections = n + 64;
	f->shstrtab = shstrtab;
	f->sections = arena_array(f->arena, f->max_sections, sizeof(*f->sections));
	return 0;
}

static int read_section(Elf *elf, struct elfile *f, uint32_t index, struct diags *diags)
{
	struct elfile_section *s = &f->sections[index];
	Elf_Scn *scn = elf_getscn(elf, index);
	const Elf64_Shdr *shdr = scn ? elf64_getshdr(scn) : NULL;
	const char *name = shdr ? elf_strptr(elf, f->shstrtab, shdr->sh_name) : NULL;
	Elf_Data *data;

	if (!name)
		return damaged(diags, f->path, "a section header cannot be read");
	s->name = arena_strdup(f->arena, name);
	s->type = shdr->sh_type;
	s->flags = shdr->sh_flags;
	s->align = shdr->sh_addralign;
	s->entsize = shdr->sh_entsize;
	s->link = shdr->sh_link;
	s->info = shdr->sh_info;
	s->size = shdr->sh_size;
	if (s->type == SHT_GROUP || s->type == SHT_REL)
		return unsupported(diags, f->path, "section groups and REL relocations are not supported");
	if (s->type == SHT_SYMTAB)
		f->symtab = index;
	if (s->type == SHT_NOBITS || s->type == SHT_NULL)
		return 0;
	data = elf_getdata(scn, NULL);
	if (!data || data->d_size != s->size || (s->size && !data->d_buf))
		return damaged(diags, f->path, "a section lies outside the file");
	s->data = arena_memdup(f->arena, data->d_buf, s->size);
	return 0;
}

static int read_symbol(Elf *elf, struct elfile *f, Elf_Data *data, Elf_Data *shndx, uint32_t index,
		       struct diags *diags)
{
	struct elfile_symbol *s = &f->symbols[index];
	Elf32_Word extended = 0;
	GElf_Sym sym;
	const char *name;

	if (!gelf_getsymshndx(data, shndx, index, &sym, &extended))
		return damaged(diags, f->path, "a symbol cannot be read");
	name = elf_strptr(elf, f->strtab, sym.st_name);
	if (!name)
		return damaged(diags, f->path, "a symbol has no valid name");
	s->name = arena_strdup(f->arena, name);
	s->bind = GELF_ST_BIND(sym.st_info);
	s->type = GELF_ST_TYPE(sym.st_info);
	s->other = sym.st_other;
	s->value = sym.st_value;
	s->size = sym.st_size;
	if (sym.st_shndx == SHN_XINDEX)
		s->section = extended;
	else if (sym.st_shndx >= SHN_LORESERVE)
		s->reserved = sym.st_shndx;
	else
		s->section = sym.st_shndx;
	if (s->section >= f->n_sections)
		return damaged(diags, f->path, "a symbol lies in a section that does not exist");
	return 0;
}

static int read_symbols(Elf *elf, struct elfile *f, struct diags *diags)
{
	Elf_Data *data, *shndx = NULL;
	uint32_t i;
	int ret = 0;

	if (!f->symtab || f->sections[f->symtab].link >= f->n_sections)
		return unsupported(diags, f->path, "no symbol table");
	f->strtab = f->sections[f->symtab].link;
	if (f->strtab == f->shstrtab)
		return unsupported(diags, f->path, "symbols and sections share one string table");
	for (i = 1; i < f->n_sections; i++)
		if (f->sections[i].type == SHT_SYMTAB_SHNDX)
			shndx = elf_getdata(elf_getscn(elf, i), NULL);
	data = elf_getdata(elf_getscn(elf, f->symtab), NULL);
	if (!data)
		return damaged(diags, f->path, "the symbol table cannot be read");
	f->n_symbols = data->d_size / sizeof(Elf64_Sym);
	f->max_symbols = f->n_symbols + 256;
	f->symbols = arena_array(f->arena, f->max_symbols, sizeof(*f->symbols));
	for (i = 0; i < f->n_symbols && !ret; i++)
		ret = read_symbol(elf, f, data, shndx, i, diags);
	return ret;
}

static int check_relas(const struct elfile *f, uint32_t index, struct diags *diags)
{
	const struct elfile_section *s = &f->sections[index];
	const Elf64_Rela *rela;
	size_t i, n;

	if (s->size % sizeof(Elf64_Rela) || s->info >= f->n_sections || s->link != f->symtab)
		return damaged(diags, f->path, "bad relocation section");
	rela = elfile_relas(f, index, &n);
	for (i = 0; i < n; i++)
		if (ELF64_R_SYM(rela[i].r_info) >= f->n_symbols ||
		    rela[i].r_offset > f->sections[s->info].size)
			return damaged(diags, f->path,
				       "a relocation leads outside its section or to no symbol");
	return 0;
}

static int read_all(Elf *elf, struct elfile *f, struct diags *diags)
{
	uint32_t i;
	int ret = read_header(elf, f, diags);

	if (!ret)
		f->sections[0].name = "";
	for (i = 1; !ret && i < f->n_sections; i++)
		ret = read_section(elf, f, i, diags);
	if (!ret)
		ret = read_symbols(elf, f, diags);
	for (i = 1; !ret && i < f->n_sections; i++)
		if (f->sections[i].type == SHT_RELA)
			ret = check_relas(f, i, diags);
	return ret;
}

int elfile_read(const char *path, struct arena *arena, struct diags *diags, struct elfile **out)
{
	struct elfile *f = arena_alloc(arena, sizeof(*f));
	Elf *elf;
	int fd, ret;

	f->arena = arena;
	f->path = arena_strdup(arena, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		diag_error(diags, "cannot-read", diag_file(path), NULL, "%s", strerror(-ret));
		return ret;
	}
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	ret = elf ? read_all(elf, f, diags) : unsupported(diags, path, "not an ELF file");
	elf_end(elf);
	close(fd);
	if (!ret)
		*out = f;
	return ret;
}

uint32_t elfile_find_section(const struct elfile *f, const char *name)
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

uint32_t elfile_add_section(struct elfile *f, const struct elfile_section *section)
{
	grow(f->arena, (void **)&f->sections, f->n_sections, &f->max_sections, sizeof(*f->sections));
	f->sections[f->n_sections] = *section;
	return f->n_sections++;
}

uint32_t elfile_add_symbol(struct elfile *f, const struct elfile_symbol *symbol)
{
	grow(f->arena, (void **)&f->symbols, f->n_symbols, &f->max_symbols, sizeof(*f->symbols));
	f->symbols[f->n_symbols] = *symbol;
	return f->n_symbols++;
}

/*
 * Writing.
 */

struct strings {
	struct strmap *offsets;
	char *data;
	size_t size, max;
};

/* Offset of @s in the table, added if it is new. */
static size_t strings_add(struct strings *t, const char *s)
{
	const union strmap_value *known = strmap_get(t->offsets, s);
	size_t offset = t->size, length = strlen(s) + 1;

	if (known)
		return known->num;
	if (t->size + length > t->max) {
		t->max = (t->size + length) * 2 + 4096;
		t->data = xreallocarray(t->data, t->max, 1);
	}
	memcpy(t->data + offset, s, length);
	t->size += length;
	strmap_set(t->offsets, s, (union strmap_value){ .num = offset });
	return offset;
}

static void strings_init(struct strings *t)
{
	t->offsets = strmap_new(1024);
	strings_add(t, "");
}

static void strings_free(struct strings *t)
{
	strmap_free(t->offsets);
	free(t->data);
}

struct writer {
	struct elfile *f;
	struct strings names, section_names;
	uint32_t *new_section, *new_symbol; /* index in the file by index in @f; 0: removed */
	uint32_t n_new_sections, n_new_symbols;
};

static int number(struct writer *w)
{
	struct elfile *f = w->f;
	uint32_t i;

	w->new_section = xcalloc(f->n_sections, sizeof(uint32_t));
	w->new_symbol = xcalloc(f->n_symbols, sizeof(uint32_t));
	for (i = 0; i < f->n_sections; i++)
		if (!f->sections[i].removed)
			w->new_section[i] = w->n_new_sections++;
	for (i = 0; i < f->n_symbols; i++)
		if (!f->symbols[i].removed)
			w->new_symbol[i] = w->n_new_symbols++;
	return w->n_new_sections < SHN_LORESERVE ? 0 : -EOVERFLOW;
}

/* Index in the file of a section that must be there (0 is the null section). */
static int map_section(const struct writer *w, uint32_t old, uint32_t *out)
{
	if (old >= w->f->n_sections || (old && !w->new_section[old]))
		return -EINVAL;
	*out = w->new_section[old];
	return 0;
}

static int write_symbols(struct writer *w)
{
	struct elfile_section *symtab = &w->f->sections[w->f->symtab];
	Elf64_Sym *out = arena_array(w->f->arena, w->n_new_symbols, sizeof(*out));
	uint32_t i, section, n_local = 0;

	for (i = 0; i < w->f->n_symbols; i++) {
		const struct elfile_symbol *s = &w->f->symbols[i];
		size_t name;
		Elf64_Sym *sym;

		if (s->removed)
			continue;
		sym = &out[w->new_symbol[i]];
		name = strings_add(&w->names, s->name);
		if (map_section(w, s->section, &section))
			return -EINVAL;
		if (s->bind == STB_LOCAL && n_local++ != w->new_symbol[i])
			return -EINVAL;
		*sym = (Elf64_Sym){
			.st_name = name,
			.st_info = ELF64_ST_INFO(s->bind, s->type),
			.st_other = s->other,
			.st_shndx = s->reserved ? s->reserved : section,
			.st_value = s->value,
			.st_size = s->size,
		};
	}
	symtab->data = (uint8_t *)out;
	symtab->size = (uint64_t)w->n_new_symbols * sizeof(*out);
	symtab->info = n_local;
	return 0;
}

/* A copy of a relocation section with the file's symbol indexes. */
static int renumbered_relas(const struct writer *w, uint32_t index, uint8_t **out)
{
	Elf64_Rela *copy;
	size_t i, n;
	const Elf64_Rela *rela = elfile_relas(w->f, index, &n);

	copy = arena_array(w->f->arena, n, sizeof(*copy));
	for (i = 0; i < n; i++) {
		uint32_t old = ELF64_R_SYM(rela[i].r_info);

		if (old && !w->new_symbol[old])
			return -EINVAL;
		copy[i] = rela[i];
		copy[i].r_info = ELF64_R_INFO(w->new_symbol[old], ELF64_R_TYPE(rela[i].r_info));
	}
	*out = (uint8_t *)copy;
	return 0;
}

static Elf_Type data_type(uint32_t section_type)
{
	switch (section_type) {
	case SHT_RELA:
		return ELF_T_RELA;
	case SHT_SYMTAB:
		return ELF_T_SYM;
	default:
		return ELF_T_BYTE;
	}
}

static int write_section(struct writer *w, Elf *elf, uint32_t index)
{
	const struct elfile_section *s = &w->f->sections[index];
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *data = scn ? elf_newdata(scn) : NULL;
	Elf64_Shdr *shdr = scn ? elf64_getshdr(scn) : NULL;
	uint32_t link = s->link, info = s->info;
	uint8_t *bytes = s->data;

	if (!data || !shdr)
		memory_exhausted();
	if (s->type == SHT_RELA) {
		link = w->f->symtab;
		if (map_section(w, s->info, &info) || renumbered_relas(w, index, &bytes))
			return -EINVAL;
	}
	if (map_section(w, link, &link))
		return -EINVAL;
	data->d_buf = bytes;
	data->d_size = s->size;
	data->d_align = s->align ? s->align : 1;
	data->d_type = data_type(s->type);
	data->d_version = EV_CURRENT;
	shdr->sh_name = strings_add(&w->section_names, s->name);
	shdr->sh_type = s->type;
	shdr->sh_flags = s->flags;
	shdr->sh_addralign = s->align;
	shdr->sh_entsize = s->entsize;
	shdr->sh_link = link;
	shdr->sh_info = info;
	return 0;
}

static int write_sections(struct writer *w, Elf *elf)
{
	struct elfile *f = w->f;
	Elf64_Ehdr *ehdr = elf64_newehdr(elf);
	uint32_t i;
	int ret;

	if (!ehdr)
		memory_exhausted();
	ehdr->e_ident[EI_DATA] = elf_order(f->arch->big_endian);
	ehdr->e_type = ET_REL;
	ehdr->e_machine = f->arch->machine;
	ehdr->e_version = EV_CURRENT;
	ehdr->e_flags = f->e_flags;
	ehdr->e_shstrndx = w->new_section[f->shstrtab];
	for (i = 1; i < f->n_sections; i++) {
		if (f->sections[i].removed)
			continue;
		ret = write_section(w, elf, i);
		if (ret)
			return ret;
	}
	/* libelf has errors of its own, and leaves that of the system call, if it is one, where it was */
	errno = 0;
	return elf_update(elf, ELF_C_WRITE) >= 0 ? 0 : errno ? -errno : -EIO;
}

/* The string tables are complete only when every name was added, so names go first. */
static int prepare_tables(struct writer *w)
{
	struct elfile *f = w->f;
	uint32_t i;
	int ret = write_symbols(w);

	for (i = 1; !ret && i < f->n_sections; i++)
		if (!f->sections[i].removed)
			strings_add(&w->section_names, f->sections[i].name);
	f->sections[f->strtab].data = (uint8_t *)w->names.data;
	f->sections[f->strtab].size = w->names.size;
	f->sections[f->shstrtab].data = (uint8_t *)w->section_names.data;
	f->sections[f->shstrtab].size = w->section_names.size;
	return ret;
}

static int write_file(struct writer *w, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	Elf *elf;
	int ret;

	if (fd < 0)
		return -errno;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	ret = elf ? write_sections(w, elf) : -EIO;
	elf_end(elf);
	if (close(fd) && !ret)
		ret = -errno;
	if (ret)
		unlink(path);
	return ret;
}

int elfile_write(struct elfile *f, const char *path)
{
	struct writer w = { .f = f };
	uint32_t i;
	int ret;

	for (i = 1; i < f->n_sections; i++)
		if (f->sections[i].type == SHT_SYMTAB_SHNDX)
			f->sections[i].removed = true;
	strings_init(&w.names);
	strings_init(&w.section_names);
	ret = number(&w);
	if (!ret)
		ret = prepare_tables(&w);
	if (!ret)
		ret = write_file(&w, path);
	/* What was written is the file's; the model goes back to having none. */
	f->sections[f->strtab].data = f->sections[f->shstrtab].data = NULL;
	f->sections[f->strtab].size = f->sections[f->shstrtab].size = 0;
	strings_free(&w.names);
	strings_free(&w.section_names);
	free(w.new_section);
	free(w.new_symbol);
	return ret;
}
