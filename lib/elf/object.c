/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See object.h. The object's life; reader.h lists the passes that make it, lookup.c reads it.
 */
#include "lib/elf/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/elf/object_private.h"
#include "lib/elf/reader.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/strmap.h"
#include "lib/util/xmalloc.h"

static int run_passes(struct reader *r)
{
	static int (*const passes[])(struct reader *) = {
		read_container, classify,     read_relocs,   decode_text, cut_sections,
		name_atoms,	resolve_refs, follow_tables, relate,
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(passes) / sizeof(passes[0]); i++)
		err = passes[i](r);
	return err;
}

int object_read(const char *name, const uint8_t *data, size_t size, struct diags *diags, struct object **out)
{
	struct object_private *p = xcalloc(1, sizeof(*p));
	struct reader r = { .diags = diags, .absolute = NO_ATOM };
	int err;

	r.o = &p->o;
	r.o->data = data;
	r.o->size = size;
	r.o->arena = arena_new();
	r.o->name = arena_strdup(r.o->arena, name);
	err = run_passes(&r);
	free(r.section_refs);
	free(r.section_symbols);
	free(r.symbol_order);
	free(r.pads);
	free(r.branches);
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
	struct stat st;
	int fd = file_open_regular(path, &st), err = 0;
	void *p = NULL;

	if (fd < 0)
		return fd;
	if (st.st_size)
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
