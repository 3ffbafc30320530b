/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See object.h. The object's life and its lookups; reader.h lists the passes that make it.
 */
#include "lib/elf/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/elf/object_private.h"
#include "lib/elf/reader.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"

int damaged(struct reader *r, const struct section *section, uint64_t offset, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	diag_error(r->diags, "object-damaged",
		   (&(const struct diag_place){ .file = r->o->name,
						.function = section ? section->name : NULL,
						.offset = offset,
						.has_offset = section != NULL }),
		   "Compile the object again", "%s", what);
	return -EBADMSG;
}

int reader_grow(void **array, size_t *room, size_t n, size_t size)
{
	size_t want = *room ? *room * 2 : 256;
	void *p;

	if (n < *room)
		return 0;
	if (want < *room || want > SIZE_MAX / size)
		return -ENOMEM;
	p = realloc(*array, want * size);
	if (!p)
		return -ENOMEM;
	*array = p;
	*room = want;
	return 0;
}

static int run_passes(struct reader *r)
{
	static int (*const passes[])(struct reader *) = {
		read_container, classify,   read_relocs,  decode_text,
		cut_sections,	name_atoms, resolve_refs, relate,
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(passes) / sizeof(passes[0]); i++)
		err = passes[i](r);
	return err;
}

int object_read(const char *name, const uint8_t *data, size_t size, struct diags *diags, struct object **out)
{
	struct object_private *p = calloc(1, sizeof(*p));
	struct reader r = { .diags = diags, .absolute = NO_ATOM };
	int err = -ENOMEM;

	if (!p)
		return -ENOMEM;
	r.o = &p->o;
	r.o->data = data;
	r.o->size = size;
	r.o->arena = arena_new();
	if (r.o->arena)
		r.o->name = arena_strdup(r.o->arena, name);
	if (r.o->name)
		err = run_passes(&r);
	free(r.section_refs);
	free(r.section_symbols);
	free(r.symbol_order);
	free(r.pads);
	free(r.branches);
	if (err == -ENOMEM)
		diag_error(diags, "out-of-memory", diag_file(name), "Free some memory",
			   "not enough memory to read the object");
	if (err) {
		object_free(r.o);
		return err;
	}
	*out = r.o;
	return 0;
}

/* Maps a regular file. *data is NULL for an empty one. 0 or -errno. */
static int map_file(const char *path, void **data, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	void *p = NULL;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (st.st_size)
		p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		err = -errno;
	close(fd);
	if (!err) {
		*data = p;
		*size = st.st_size;
	}
	return err;
}

int object_open(const char *path, struct diags *diags, struct object **out)
{
	struct object *o;
	void *data = NULL;
	size_t size = 0;
	int err = map_file(path, &data, &size);

	if (err) {
		diag_error(diags, "object-open", diag_file(path), NULL, "cannot be read: %s", strerror(-err));
		return err;
	}
	err = object_read(path, data, size, diags, &o);
	if (err) {
		if (data)
			munmap(data, size);
		return err;
	}
	object_private(o)->mapping = data;
	*out = o;
	return 0;
}

void object_free(struct object *o)
{
	struct object_private *p;

	if (!o)
		return;
	p = object_private(o);
	object_lines_free(p);
	if (p->mapping)
		munmap(p->mapping, o->size);
	strmap_free(o->section_by_name);
	free(o->refs);
	free(o->atoms);
	arena_free(o->arena);
	free(p);
}

uint32_t object_atom_at(const struct object *o, uint32_t section, uint64_t offset)
{
	const struct section *s;
	uint32_t low, high;

	if (section >= o->n_sections || !o->sections[section].n_atoms)
		return NO_ATOM;
	s = &o->sections[section];
	if (offset > s->size)
		return NO_ATOM;
	/* the last atom that starts at or before @offset; atoms without bytes come first */
	low = s->first_atom;
	high = s->first_atom + s->n_atoms - 1;
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if (o->atoms[middle].offset <= offset)
			low = middle;
		else
			high = middle - 1;
	}
	/* at the end of the section: the last one with bytes, if any */
	while (offset == s->size && !o->atoms[low].size && low > s->first_atom &&
	       o->atoms[low - 1].offset + o->atoms[low - 1].size == offset)
		low--;
	return low;
}

const struct section *object_section(const struct object *o, const char *name)
{
	const union strmap_value *v = strmap_get(o->section_by_name, name);

	return v ? &o->sections[v->num] : NULL;
}

const uint8_t *atom_bytes(const struct atom *a)
{
	return a->section && a->section->data ? a->section->data + a->offset : NULL;
}

const uint8_t *atom_without_line(const struct atom *a, const uint8_t *bytes, uint8_t *buf, size_t buf_size)
{
	const struct special *special = a->section ? a->section->special : NULL;
	uint32_t mask = special ? special->line_mask : 0;

	if (!bytes || !mask || a->size > buf_size || special->line_offset + 4 > a->size)
		return bytes;
	memcpy(buf, bytes, a->size);
	for (uint32_t i = 0; i < 4; i++)
		buf[special->line_offset + i] &= (uint8_t) ~(mask >> (8 * i));
	return buf;
}
