/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The object's debug information through elfutils' libdw, and source lines of code from it. Opened when
 * something is asked for first: most objects are never asked.
 *
 * The library lays the sections of a relocatable file out at addresses that it chooses and
 * applies the relocations of the debug sections to the bytes that it was given. So it is given a
 * copy, and offsets are translated with the section addresses that it chose.
 */
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/debug.h"
#include "lib/elf/object_private.h"
#include "lib/util/arena.h"
#include "lib/util/xmalloc.h"

struct lines {
	Dwfl *dwfl;
	Dwfl_Module *module; /* NULL: no debug information */
	char *copy;	     /* of the file */
	char *debug_path;
	Dwfl_Callbacks callbacks;
};

/* Debug information is looked for in the object only, never in files beside it. */
static int no_other_file(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			 const char *file, const char *link, GElf_Word crc, char **path)
{
	return -1;
}

static void open_lines(const struct object *o, struct lines *l)
{
	l->callbacks = (Dwfl_Callbacks){
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = no_other_file,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &l->debug_path,
	};
	l->copy = xmalloc(o->size ? o->size : 1);
	l->dwfl = dwfl_begin(&l->callbacks);
	if (!l->dwfl)
		return;
	memcpy(l->copy, o->data, o->size);
	l->module = dwfl_report_offline_memory(l->dwfl, o->name, o->name, l->copy, o->size);
	if (dwfl_report_end(l->dwfl, NULL, NULL))
		l->module = NULL;
}

void object_lines_free(struct object_private *p)
{
	if (!p->lines)
		return;
	if (p->lines->dwfl)
		dwfl_end(p->lines->dwfl);
	free(p->lines->copy);
	free(p->lines);
}

static int lines_of(struct object *o, struct lines **out)
{
	struct object_private *p = object_private(o);

	if (!p->lines) {
		p->lines = xcalloc(1, sizeof(*p->lines));
		open_lines(o, p->lines);
	}
	*out = p->lines;
	return p->lines->module ? 0 : -ENOENT;
}

int object_dwarf(struct object *o, Dwarf **out)
{
	Dwarf_Addr bias;
	struct lines *l;
	int err;

	if (!object_section(o, ".debug_info"))
		return -ENOENT;
	err = lines_of(o, &l);
	if (err)
		return err == -ENOENT ? -EBADMSG : err;
	*out = dwfl_module_getdwarf(l->module, &bias);
	return *out ? 0 : -EBADMSG;
}

/* Where the library has put a byte of the section. */
static int address_of(const struct lines *l, uint32_t section, uint64_t offset, GElf_Addr *address)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(l->module, &bias);
	Elf_Scn *scn = elf ? elf_getscn(elf, section) : NULL;
	GElf_Shdr h;

	if (!scn || !gelf_getshdr(scn, &h))
		return -ENOENT;
	*address = h.sh_addr + bias + offset;
	return 0;
}

int object_address(struct object *o, uint32_t atom, Dwarf_Addr *out)
{
	const struct atom *a = &o->atoms[atom];
	struct lines *l;
	int err = a->section ? lines_of(o, &l) : -ENOENT;

	return err ? err : address_of(l, a->section->index, a->offset + a->entry, out);
}

static int address_in_atom(struct object *o, uint32_t atom, uint64_t offset, struct lines **l,
			   GElf_Addr *address)
{
	const struct atom *a;
	int err;

	if (atom >= o->n_atoms || !o->atoms[atom].section || offset >= o->atoms[atom].size)
		return -ENOENT;
	a = &o->atoms[atom];
	err = lines_of(o, l);
	return err ? err : address_of(*l, a->section->index, a->offset + offset, address);
}

/* Adds the lines of the calls by which inlined functions came to @address. */
static size_t inlined_at(Dwarf_Die *unit, Dwarf_Addr address, unsigned int *lines, size_t n)
{
	Dwarf_Die *scopes = NULL;
	int n_scopes = unit ? dwarf_getscopes(unit, address, &scopes) : 0;

	for (int i = 0; i < n_scopes && n < OBJECT_CALL_LINES; i++) {
		Dwarf_Attribute attribute;
		Dwarf_Word line;

		if (dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine &&
		    !dwarf_formudata(dwarf_attr(&scopes[i], DW_AT_call_line, &attribute), &line))
			lines[n++] = (unsigned int)line;
	}
	free(scopes);
	return n;
}

size_t object_call_lines(struct object *o, uint32_t atom, uint64_t offset,
			 unsigned int lines[static OBJECT_CALL_LINES])
{
	struct lines *l;
	GElf_Addr address;
	Dwarf_Addr bias;
	Dwfl_Line *line;
	Dwarf_Die *unit;
	int number;

	if (address_in_atom(o, atom, offset, &l, &address))
		return 0;
	line = dwfl_module_getsrc(l->module, address);
	if (!line || !dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL))
		return 0;
	lines[0] = (unsigned int)number;
	unit = dwfl_module_addrdie(l->module, address, &bias);
	return inlined_at(unit, address - bias, lines, 1);
}

int object_source_line(struct object *o, uint32_t atom, uint64_t offset, struct source_line *out)
{
	struct lines *l;
	GElf_Addr address;
	const char *file;
	Dwfl_Line *line;
	int number, err = address_in_atom(o, atom, offset, &l, &address);

	if (err)
		return err;
	line = dwfl_module_getsrc(l->module, address);
	file = line ? dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL) : NULL;
	file = file ? arena_strdup(o->arena, file) : NULL;
	if (!file)
		return -ENOENT;
	out->file = file;
	out->line = number;
	return 0;
}
