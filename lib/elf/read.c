/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The container: ELF header, section headers, symbol table, section groups, out of an elf_file, which has checked every
 * offset, size, index and name. What an object may be is checked here, so that later passes index without checking.
 * Makes object.sections and object.symbols.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/elf/file.h"
#include "lib/elf/order.h"
#include "lib/elf/reader.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"

/* What only this pass needs. */
struct container {
	struct reader *r;
	struct elf_file file;
};

static int not_supported(struct reader *r, const char *fmt, const char *arg)
{
	diag_error(r->diags, "object-not-supported", diag_file(r->o->name),
		   "Give a relocatable object of a machine that is known, compiled for the kernel", fmt, arg);
	return -ENOTSUP;
}

/* What reading the file found. */
static int file_damaged(struct container *c)
{
	const struct elf_damage *d = &c->file.damage;
	struct section in = { .name = d->section };

	return damaged(c->r, d->section ? &in : NULL, d->offset, "%s", d->what);
}

static int check_header(struct container *c)
{
	struct reader *r = c->r;
	const struct elf_file *f = &c->file;
	const char *machine = arch_machine_name(f->machine);
	char number[32];

	snprintf(number, sizeof(number), "machine %u", f->machine);
	r->arch = r->o->arch = arch_find(f->machine);
	if (!r->arch)
		return not_supported(r, "%s object", machine ? machine : number);
	if (f->class != ELFCLASS64 || f->order != elf_order(r->arch->big_endian))
		return not_supported(r,
				     r->arch->big_endian ?
					     "%s object that is not 64 bits wide and big-endian" :
					     "%s object that is not 64 bits wide and little-endian",
				     r->arch->name);
	/* also assembly that does not say which: the compiler does, and only an older ABI leaves it out */
	if ((f->flags & r->arch->abi_mask) != r->arch->abi)
		return not_supported(r, "%s object of another ABI", r->arch->name);
	if (f->type != ET_REL)
		return not_supported(r, "%s file that is not relocatable (a linked program, library or core)",
				     machine);
	return 0;
}

static int read_section(struct container *c, uint32_t index)
{
	const struct elf_section *from = &c->file.sections[index];
	struct object *o = c->r->o;
	struct section *s = &o->sections[index];

	*s = (struct section){
		.name = from->name,
		.index = index,
		.type = from->type,
		.flags = from->flags,
		.align = from->align,
		.entsize = from->entsize,
		.size = from->size,
		.data = from->data,
	};
	/* without data are those alone that have none in the file, whatever their size */
	if (!s->data && s->type != SHT_NOBITS && s->type != SHT_NULL)
		s->data = o->data;
	if (s->size > MAX_DISTANCE || s->align > MAX_DISTANCE)
		return damaged(c->r, s, 0, "section is larger than any memory");
	return 0;
}

static int read_sections(struct container *c)
{
	struct object *o = c->r->o;

	if (elf_file_sections(&c->file))
		return file_damaged(c);
	o->n_sections = c->file.n_sections;
	o->sections = arena_array(o->arena, o->n_sections, sizeof(*o->sections));
	o->section_by_name = strmap_new(o->n_sections);
	for (uint32_t i = 0; i < o->n_sections; i++) {
		int err = read_section(c, i);

		if (err)
			return err;
		if (i && !strmap_get(o->section_by_name, o->sections[i].name))
			strmap_set(o->section_by_name, o->sections[i].name, (union strmap_value){ .num = i });
	}
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
	uint32_t info = c->file.sections[s->index].info, link = c->file.sections[s->index].link;

	/* a second table beside the ordinary one, applied by the livepatch core: not ours to read */
	if (s->flags & SHF_RELA_LIVEPATCH)
		return 0;
	if (!info || info >= o->n_sections || info == s->index)
		return damaged(c->r, s, 0, "relocations of section %u, which does not exist", info);
	if (o->sections[info].rela)
		return damaged(c->r, s, 0, "second relocation section of %s", o->sections[info].name);
	if (link != c->file.symtab)
		return damaged(c->r, s, 0, "relocations refer to section %u, not to the symbol table", link);
	o->sections[info].rela = s->index;
	return 0;
}

static int link_sections(struct container *c)
{
	struct object *o = c->r->o;
	int err = 0;

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

static int read_symbol(struct container *c, uint32_t index)
{
	const struct elf_symbol *from = &c->file.symbols[index];
	struct object *o = c->r->o;
	struct symbol *s = &o->symbols[index];
	const struct section *in = &o->sections[from->section];

	*s = (struct symbol){
		.name = from->name,
		.index = index,
		.section = from->section,
		.value = from->value,
		.size = from->size,
		.bind = from->bind,
		.type = from->type,
		.visibility = ELF64_ST_VISIBILITY(from->other),
		.other = from->other ^ ELF64_ST_VISIBILITY(from->other),
		.atom = NO_ATOM,
	};
	switch (from->reserved) {
	case 0:
		break;
	case SHN_ABS:
		s->section = SECTION_ABS;
		return 0;
	case SHN_LIVEPATCH:
		s->section = SECTION_LIVEPATCH;
		return 0;
	case SHN_COMMON:
		return not_supported(c->r, "common symbol %s: compile with -fno-common", s->name);
	default:
		return damaged(c->r, NULL, 0, "symbol %u in reserved section 0x%x", index, from->reserved);
	}
	if (s->section == SECTION_UNDEF)
		return 0;
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
	int err = 0;

	o->n_symbols = c->file.n_symbols;
	o->symbols = arena_array(o->arena, o->n_symbols, sizeof(*o->symbols));
	for (uint32_t i = 0; !err && i < o->n_symbols; i++)
		err = read_symbol(c, i);
	return err;
}

int read_container(struct reader *r)
{
	struct container c = { .r = r };
	int err;

	if (r->o->size > UINT32_MAX)
		return damaged(r, NULL, 0, "file is larger than 4 GiB");
	if (elf_file_open(&c.file, r->o->data, r->o->size, r->o->arena))
		return file_damaged(&c);
	err = check_header(&c);
	if (!err)
		err = read_sections(&c);
	if (!err && elf_file_symbols(&c.file))
		err = file_damaged(&c);
	if (!err)
		err = link_sections(&c);
	if (!err)
		err = read_symbols(&c);
	return err;
}
