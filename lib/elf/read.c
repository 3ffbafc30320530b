/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The container: ELF header, section headers, symbol table, section groups. Reads them with
 * libelf and checks every offset, size, index and name before the object gets it, so that later
 * passes index without checking. Makes object.sections and object.symbols.
 */
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <string.h>

#include "lib/elf/order.h"
#include "lib/elf/reader.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"

#define SHF_RELA_LIVEPATCH_BIT 0x00100000u /* Documentation/livepatch/module-elf-format.rst */

/* What only this pass needs. */
struct container {
	struct reader *r;
	Elf *elf;
	const char *section_names, *symbol_names; /* ends with a NUL byte */
	uint64_t section_names_size, symbol_names_size;
	uint32_t symtab, shndx; /* section indexes, 0: none */
};

static int not_supported(struct reader *r, const char *fmt, const char *arg)
{
	diag_error(r->diags, "object-not-supported", diag_file(r->o->name),
		   "Give a relocatable object of a machine that is known, compiled for the kernel", fmt, arg);
	return -ENOTSUP;
}

static int check_header(struct container *c)
{
	struct reader *r = c->r;
	const char *machine;
	char number[32];
	GElf_Ehdr h;

	if (elf_kind(c->elf) != ELF_K_ELF || !gelf_getehdr(c->elf, &h))
		return damaged(r, NULL, 0, "not an ELF file");
	snprintf(number, sizeof(number), "machine %u", h.e_machine);
	machine = arch_machine_name(h.e_machine);
	r->arch = r->o->arch = arch_find(h.e_machine);
	if (!r->arch)
		return not_supported(r, "%s object", machine ? machine : number);
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != elf_order(r->arch->big_endian))
		return not_supported(r,
				     r->arch->big_endian ?
					     "%s object that is not 64 bits wide and big-endian" :
					     "%s object that is not 64 bits wide and little-endian",
				     r->arch->name);
	/* also assembly that does not say which: the compiler does, and only an older ABI leaves it out */
	if ((h.e_flags & r->arch->abi_mask) != r->arch->abi)
		return not_supported(r, "%s object of another ABI", r->arch->name);
	if (h.e_type != ET_REL)
		return not_supported(r, "%s file that is not relocatable (a linked program, library or core)",
				     machine);
	if (h.e_shentsize != sizeof(Elf64_Shdr))
		return damaged(r, NULL, 0, "section headers of %u bytes", h.e_shentsize);
	return 0;
}

/* The string at @offset of a table that is known to end with a NUL byte, or NULL. */
static const char *string_at(const char *table, uint64_t size, uint64_t offset)
{
	return offset < size ? table + offset : NULL;
}

static bool is_string_table(const struct section *s)
{
	return s->type == SHT_STRTAB && s->data && s->size && !s->data[s->size - 1];
}

/* ELF's own tables in the order of bytes that this machine has. */
static int in_our_order(struct container *c, struct section *s)
{
	static const Elf_Type types[] = {
		[SHT_RELA] = ELF_T_RELA,
		[SHT_SYMTAB] = ELF_T_SYM,
		[SHT_SYMTAB_SHNDX] = ELF_T_WORD,
		[SHT_GROUP] = ELF_T_WORD,
	};
	uint8_t order = elf_order(c->r->arch->big_endian);
	Elf_Data in = { .d_buf = (void *)(uintptr_t)s->data, .d_size = s->size, .d_version = EV_CURRENT };
	Elf_Data out = { .d_size = s->size, .d_version = EV_CURRENT };

	if (elf_order_is_ours(order) || s->type >= sizeof(types) / sizeof(types[0]) || !types[s->type] ||
	    !s->size)
		return 0;
	in.d_type = types[s->type];
	out.d_buf = arena_alloc(c->r->o->arena, s->size);
	if (!elf64_xlatetom(&out, &in, order))
		return damaged(c->r, s, 0, "size is no multiple of an entry's");
	s->data = out.d_buf;
	return 0;
}

static int read_section(struct container *c, uint32_t index)
{
	struct reader *r = c->r;
	struct object *o = r->o;
	struct section *s = &o->sections[index];
	Elf_Scn *scn = elf_getscn(c->elf, index);
	GElf_Shdr h;

	if (!scn || !gelf_getshdr(scn, &h))
		return damaged(r, NULL, 0, "section header %u cannot be read", index);
	s->index = index;
	s->type = h.sh_type;
	s->flags = h.sh_flags;
	s->align = h.sh_addralign;
	s->entsize = h.sh_entsize;
	s->size = h.sh_size;
	s->name = string_at(c->section_names, c->section_names_size, h.sh_name);
	if (!s->name)
		return damaged(r, NULL, 0, "name of section %u is outside of the string table", index);
	if (s->type == SHT_NULL) {
		s->size = 0;
		return 0;
	}
	if (s->align & (s->align - 1))
		return damaged(r, s, 0, "alignment is no power of two");
	if (s->size > MAX_DISTANCE || s->align > MAX_DISTANCE)
		return damaged(r, s, 0, "section is larger than any memory");
	if (s->type == SHT_NOBITS)
		return 0;
	if (h.sh_offset > o->size || h.sh_size > o->size - h.sh_offset)
		return damaged(r, s, 0, "section reaches beyond the end of the file");
	s->data = o->data + h.sh_offset;
	return in_our_order(c, s);
}

/* The section name table, by hand: names are wanted before the sections are read. */
static int find_section_names(struct container *c)
{
	struct object *o = c->r->o;
	size_t index;
	GElf_Shdr h;
	Elf_Scn *scn;

	if (elf_getshdrstrndx(c->elf, &index) || !(scn = elf_getscn(c->elf, index)) ||
	    !gelf_getshdr(scn, &h) || h.sh_type != SHT_STRTAB)
		return damaged(c->r, NULL, 0, "no table of section names");
	if (h.sh_offset > o->size || h.sh_size > o->size - h.sh_offset || !h.sh_size ||
	    o->data[h.sh_offset + h.sh_size - 1])
		return damaged(c->r, NULL, 0, "table of section names is damaged");
	c->section_names = (const char *)o->data + h.sh_offset;
	c->section_names_size = h.sh_size;
	return 0;
}

static int read_sections(struct container *c)
{
	struct object *o = c->r->o;
	size_t n;
	int err;

	if (elf_getshdrnum(c->elf, &n) || !n || n > UINT32_MAX)
		return damaged(c->r, NULL, 0, "no section headers");
	if (n > o->size / sizeof(Elf64_Shdr))
		return damaged(c->r, NULL, 0, "more section headers than the file has room for");
	err = find_section_names(c);
	if (err)
		return err;
	o->n_sections = n;
	o->sections = arena_array(o->arena, n, sizeof(*o->sections));
	o->section_by_name = strmap_new(n);
	for (uint32_t i = 0; i < n; i++) {
		err = read_section(c, i);
		if (err)
			return err;
		if (i && !strmap_get(o->section_by_name, o->sections[i].name))
			strmap_set(o->section_by_name, o->sections[i].name, (union strmap_value){ .num = i });
	}
	return 0;
}

/* sh_link and sh_info are needed by few sections and not kept in the model. */
static int section_links(struct container *c, uint32_t index, uint32_t *link, uint32_t *info)
{
	GElf_Shdr h;

	if (!gelf_getshdr(elf_getscn(c->elf, index), &h))
		return damaged(c->r, NULL, 0, "section header %u cannot be read", index);
	*link = h.sh_link;
	*info = h.sh_info;
	return 0;
}

static int read_group(struct container *c, struct section *s)
{
	struct object *o = c->r->o;

	if (s->size < 4 || s->size % 4)
		return damaged(c->r, s, 0, "section group of %llu bytes", (unsigned long long)s->size);
	for (uint64_t at = 4; at < s->size; at += 4) {
		uint32_t member;

		memcpy(&member, s->data + at, sizeof(member));
		if (!member || member >= o->n_sections)
			return damaged(c->r, s, at, "member %u of the section group does not exist", member);
		o->sections[member].group = s->index;
	}
	return 0;
}

static int link_rela(struct container *c, struct section *s)
{
	struct object *o = c->r->o;
	uint32_t link = 0, info = 0;
	int err = section_links(c, s->index, &link, &info);

	if (err)
		return err;
	/* a second table beside the ordinary one, applied by the livepatch core: not ours to read */
	if (s->flags & SHF_RELA_LIVEPATCH_BIT)
		return 0;
	if (!info || info >= o->n_sections || info == s->index)
		return damaged(c->r, s, 0, "relocations of section %u, which does not exist", info);
	if (o->sections[info].rela)
		return damaged(c->r, s, 0, "second relocation section of %s", o->sections[info].name);
	if (link != c->symtab)
		return damaged(c->r, s, 0, "relocations refer to section %u, not to the symbol table", link);
	o->sections[info].rela = s->index;
	return 0;
}

static int find_symtab(struct container *c)
{
	struct object *o = c->r->o;

	for (uint32_t i = 1; i < o->n_sections; i++) {
		if (o->sections[i].type == SHT_SYMTAB && c->symtab)
			return damaged(c->r, &o->sections[i], 0, "second symbol table");
		if (o->sections[i].type == SHT_SYMTAB)
			c->symtab = i;
	}
	for (uint32_t i = 1; i < o->n_sections; i++) {
		uint32_t link = 0, info = 0;
		int err;

		if (o->sections[i].type != SHT_SYMTAB_SHNDX)
			continue;
		err = section_links(c, i, &link, &info);
		if (err)
			return err;
		if (link == c->symtab)
			c->shndx = i;
	}
	return 0;
}

static int link_sections(struct container *c)
{
	struct object *o = c->r->o;
	int err = find_symtab(c);

	for (uint32_t i = 1; !err && i < o->n_sections; i++) {
		struct section *s = &o->sections[i];

		if (s->type == SHT_GROUP)
			err = read_group(c, s);
		else if (s->type == SHT_RELA)
			err = link_rela(c, s);
		else if (s->type == SHT_REL)
			err = damaged(c->r, s, 0,
				      "relocations without addends, which no machine uses that is known");
	}
	return err;
}

static int symbol_section(struct container *c, uint32_t index, uint16_t shndx, uint32_t *out)
{
	struct object *o = c->r->o;
	uint32_t section = shndx;

	if (shndx == SHN_ABS) {
		*out = SECTION_ABS;
		return 0;
	}
	if (shndx == (SECTION_LIVEPATCH & 0xffff)) {
		*out = SECTION_LIVEPATCH;
		return 0;
	}
	if (shndx == SHN_COMMON)
		return not_supported(c->r, "common symbol %s: compile with -fno-common",
				     o->symbols[index].name);
	if (shndx == SHN_XINDEX) {
		const struct section *s = &o->sections[c->shndx];

		if (!c->shndx || s->size / 4 <= index)
			return damaged(c->r, NULL, 0, "no extended section number for symbol %u", index);
		memcpy(&section, s->data + (uint64_t)index * 4, sizeof(section));
	} else if (shndx >= SHN_LORESERVE) {
		return damaged(c->r, NULL, 0, "symbol %u in reserved section 0x%x", index, shndx);
	}
	if (section >= o->n_sections)
		return damaged(c->r, NULL, 0, "symbol %u in section %u, which does not exist", index,
			       section);
	*out = section;
	return 0;
}

static int read_symbol(struct container *c, uint32_t index, const Elf64_Sym *from)
{
	struct object *o = c->r->o;
	struct symbol *s = &o->symbols[index];
	const struct section *in;
	int err;

	s->name = string_at(c->symbol_names, c->symbol_names_size, from->st_name);
	if (!s->name)
		return damaged(c->r, NULL, 0, "name of symbol %u is outside of the string table", index);
	s->index = index;
	s->value = from->st_value;
	s->size = from->st_size;
	s->bind = ELF64_ST_BIND(from->st_info);
	s->type = ELF64_ST_TYPE(from->st_info);
	s->visibility = ELF64_ST_VISIBILITY(from->st_other);
	s->other = from->st_other ^ s->visibility;
	s->atom = NO_ATOM;
	err = symbol_section(c, index, from->st_shndx, &s->section);
	if (err || s->section == SECTION_UNDEF || s->section >= o->n_sections)
		return err;
	in = &o->sections[s->section];
	if (s->value > in->size || s->size > in->size - s->value)
		return damaged(c->r, in, s->value, "symbol %s reaches beyond the end of its section",
			       s->name);
	if (s->type == STT_SECTION)
		s->name = in->name;
	return 0;
}

static int read_symbols(struct container *c)
{
	struct object *o = c->r->o;
	const struct section *s = &o->sections[c->symtab], *names;
	uint32_t link = 0, info = 0;
	int err;

	if (!c->symtab)
		return 0;
	err = section_links(c, c->symtab, &link, &info);
	if (err)
		return err;
	if (s->entsize != sizeof(Elf64_Sym) || s->size % sizeof(Elf64_Sym) ||
	    s->size / sizeof(Elf64_Sym) > UINT32_MAX)
		return damaged(c->r, s, 0, "symbol table whose size is no multiple of a symbol's");
	if (!link || link >= o->n_sections || !is_string_table(&o->sections[link]))
		return damaged(c->r, s, 0, "symbol table without names");
	names = &o->sections[link];
	c->symbol_names = (const char *)names->data;
	c->symbol_names_size = names->size;
	o->n_symbols = s->size / sizeof(Elf64_Sym);
	o->symbols = arena_array(o->arena, o->n_symbols, sizeof(*o->symbols));
	for (uint32_t i = 0; !err && i < o->n_symbols; i++) {
		Elf64_Sym sym;

		memcpy(&sym, s->data + (uint64_t)i * sizeof(sym), sizeof(sym));
		if (!i)
			memset(&sym, 0, sizeof(sym)); /* the null symbol, whatever it holds */
		err = read_symbol(c, i, &sym);
	}
	return err;
}

int read_container(struct reader *r)
{
	struct container c = { .r = r };
	int err;

	if (!r->o->data || r->o->size < sizeof(Elf64_Ehdr))
		return damaged(r, NULL, 0, "file of %zu bytes is too short for an object", r->o->size);
	if (r->o->size > UINT32_MAX)
		return damaged(r, NULL, 0, "file is larger than 4 GiB");
	elf_version(EV_CURRENT);
	c.elf = elf_memory((char *)(uintptr_t)r->o->data, r->o->size);
	if (!c.elf)
		return damaged(r, NULL, 0, "not an ELF file");
	err = check_header(&c);
	if (!err)
		err = read_sections(&c);
	if (!err)
		err = link_sections(&c);
	if (!err)
		err = read_symbols(&c);
	elf_end(c.elf);
	return err;
}
