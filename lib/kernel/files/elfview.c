/* SPDX-License-Identifier: GPL-2.0-only */
/* See elfview.h. libelf checks that contents lie in the file and that names end. */
#include "lib/kernel/files/elfview.h"

#include <errno.h>
#include <gelf.h>
#include <string.h>

#include "lib/util/arena.h"
#include "lib/util/diag.h"

static int damaged(const char *name, const char *kind, struct diags *diags, const char *what)
{
	diag_error(diags, "elf-damaged", diag_file(name), "Install the file again", "this %s is damaged: %s",
		   kind, what);
	return -EBADMSG;
}

static int foreign(const char *name, const char *kind, struct diags *diags)
{
	diag_error(diags, "elf-foreign", diag_file(name), NULL,
		   "this is no %s of a 64-bit little-endian machine", kind);
	return -ENOTSUP;
}

static const char *read_section(struct elfview *v, Elf_Scn *scn, size_t names, struct elfview_section *s)
{
	GElf_Shdr h;
	Elf_Data *d;

	if (!gelf_getshdr(scn, &h))
		return "a section header cannot be read";
	s->name = elf_strptr(v->elf, names, h.sh_name);
	if (!s->name)
		return "a section's name lies outside the string table";
	s->type = h.sh_type;
	s->flags = h.sh_flags;
	s->address = h.sh_addr;
	s->size = h.sh_size;
	s->entsize = h.sh_entsize;
	s->link = h.sh_link;
	s->info = h.sh_info;
	if (h.sh_type == SHT_NOBITS || h.sh_type == SHT_NULL || !h.sh_size)
		return NULL;
	d = elf_rawdata(scn, NULL);
	if (!d || !d->d_buf || d->d_size != h.sh_size)
		return "a section lies outside the file";
	s->data = d->d_buf;
	return NULL;
}

static const char *read_sections(struct elfview *v, struct arena *arena, int *err)
{
	size_t count, names;
	const char *wrong = NULL;

	*err = -EBADMSG;
	if (elf_getshdrnum(v->elf, &count) || count < 2 || count > UINT32_MAX)
		return "it has no sections";
	if (elf_getshdrstrndx(v->elf, &names))
		return "it has no section names";
	v->sections = arena_array(arena, count, sizeof(*v->sections));
	v->n_sections = (uint32_t)count;
	v->sections[0].name = "";
	for (size_t i = 1; i < count && !wrong; i++)
		wrong = read_section(v, elf_getscn(v->elf, i), names, &v->sections[i]);
	return wrong;
}

int elfview_open(const char *name, const char *kind, const uint8_t *data, size_t size, struct arena *arena,
		 struct diags *diags, struct elfview *out)
{
	struct elfview v = { 0 };
	const char *wrong;
	GElf_Ehdr h;
	int err;

	if (size < EI_NIDENT || memcmp(data, ELFMAG, SELFMAG))
		return foreign(name, kind, diags);
	if (data[EI_CLASS] != ELFCLASS64 || data[EI_DATA] != ELFDATA2LSB)
		return foreign(name, kind, diags);
	elf_version(EV_CURRENT);
	v.elf = elf_memory((char *)data, size); /* only ever read: never written through */
	if (!v.elf || elf_kind(v.elf) != ELF_K_ELF || !gelf_getehdr(v.elf, &h)) {
		elf_end(v.elf);
		return damaged(name, kind, diags, "its header cannot be read");
	}
	v.machine = h.e_machine;
	v.type = h.e_type;
	wrong = read_sections(&v, arena, &err);
	if (wrong) {
		elf_end(v.elf);
		return damaged(name, kind, diags, wrong) == err ? -EBADMSG : err;
	}
	*out = v;
	return 0;
}

void elfview_close(struct elfview *v)
{
	elf_end(v->elf);
	v->elf = NULL;
}

const struct elfview_section *elfview_section(const struct elfview *v, const char *name)
{
	for (uint32_t i = 1; i < v->n_sections; i++)
		if (!strcmp(v->sections[i].name, name))
			return &v->sections[i];
	return NULL;
}
