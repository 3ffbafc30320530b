/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Look-ups in an object that has been read: the atom at an address, a section by its name, the bytes of an atom.
 */
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/elf/object.h"
#include "lib/util/strmap.h"

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

const uint8_t *atom_without_line(const struct object *o, const struct atom *a, const uint8_t *bytes,
				 uint8_t *buf, size_t buf_size)
{
	const struct special *special = a->section ? a->section->special : NULL;
	struct reloc_type line = { .width = 4 };

	if (!bytes || !special || !special->line_bits || a->size > buf_size ||
	    special->line_offset + line.width > a->size)
		return bytes;
	/* compilers give the first bit-field the lowest bits, or the highest on a big-endian machine */
	line.parts[0].bits = special->line_bits;
	line.parts[0].at = o->arch->big_endian ? (uint8_t)(32 - special->line_bits) : 0;
	memcpy(buf, bytes, a->size);
	reloc_clear(&line, o->arch->big_endian, buf + special->line_offset);
	return buf;
}
