// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the object that was just written and compares it with what was meant, without
 * using anything that emit.c noted while it wrote. A difference is a bug of this program; it is
 * reported as such and nothing is handed out.
 *
 * An included atom with a name must be there once, with its size and its bytes outside of
 * references. Atoms without a name are found in the order of their section. Each reference must be
 * where it was, of its type, and lead to the same byte of the same atom, or to the undefined symbol
 * that its routing demands. Metadata must name every replaced function and nothing else. What was not
 * asked for, a section or a relocation, must not be there.
 */
#include "create-diff-object/check.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "create-diff-object/indirect.h"
#include "lib/arch/arch.h"
#include "lib/elf/object.h"
#include "lib/util/strmap.h"

/* Where each atom is in the output */

static void index_sections(struct check *c)
{
	c->sections = strmap_new(c->out->n_sections);
	for (uint32_t i = 1; i < c->out->n_sections; i++) {
		const char *key = section_key(c->d->arena, &c->out->sections[i]);

		if (!strmap_get(c->sections, key))
			strmap_set(c->sections, key, (union strmap_value){ .num = i });
	}
}

static const struct section *out_section(struct check *c, const struct section *s)
{
	if (!c->out_index[s->index]) {
		const struct section as = indirect_section(c->d, s);
		const char *key = section_key(c->d->arena, &as);
		const union strmap_value *v = strmap_get(c->sections, key);

		c->out_index[s->index] = v ? (uint32_t)v->num : 0;
	}
	return c->out_index[s->index] ? &c->out->sections[c->out_index[s->index]] : NULL;
}

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) / align * align;
}

/*
 * The offset at which the next atom of a section must be: behind the one before, at an alignment
 * that was promised to it. Symbols prove it for all that have one.
 */
static uint64_t expected(const struct atom *a, uint64_t end)
{
	uint64_t align = a->section->align ? a->section->align : 1, low = a->offset & -a->offset;

	if (a->kind == ATOM_ENTRY && a->section->special && a->section->special->cut != CUT_BY_SYMBOL)
		return end;
	return align_up(end, low && low < align ? low : align);
}

/* Sections of one name and kind are one section in the output. */
static void locate(struct check *c)
{
	const struct object *o = c->d->new.object;
	uint64_t *end = c->end;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		const struct section *out;

		if (!check_carried(c->d, i))
			continue;
		out = out_section(c, a->section);
		if (!out) {
			check_problem(c, i, "section %s is missing", a->section->name);
			continue;
		}
		c->copy[i] = out->index;
		c->at[i] = expected(a, end[out->index]);
		end[out->index] = c->at[i] + a->size;
		c->meant[out->index] = true;
	}
	for (uint32_t i = 1; i < c->out->n_sections; i++)
		if (c->meant[i] && end[i] != c->out->sections[i].size && !check_is_table(c, i))
			check_problem(c, NO_ATOM, "section %s has %" PRIu64 " bytes, not %" PRIu64,
				      c->out->sections[i].name, c->out->sections[i].size, end[i]);
}

static const char *symbol_key(struct check *c, const char *name, uint32_t section, uint64_t value)
{
	return arena_printf(c->d->arena, "%s@%u+%" PRIx64, name, section, value);
}

static void check_symbol(struct check *c, uint32_t i, const struct strmap *named)
{
	const struct atom *a = new_atom(c->d, i);
	const char *key = symbol_key(c, a->name, c->copy[i], c->at[i] + a->entry);
	const union strmap_value *v = strmap_get(named, key);
	const struct symbol *s = v ? &c->out->symbols[v->num] : NULL;

	if (!s || s->size != a->symbol->size || s->type != a->symbol->type || s->other != a->symbol->other)
		check_problem(c, i, "its symbol does not lead to it");
	else if (c->d->pairs.twin[i] != NO_ATOM && s->bind != STB_LOCAL)
		check_problem(c, i, "its symbol would hide the original");
}

static void check_symbols(struct check *c)
{
	struct strmap *named = strmap_new(c->out->n_symbols);

	for (uint32_t i = 1; i < c->out->n_symbols; i++) {
		const struct symbol *s = &c->out->symbols[i];

		strmap_set(named, symbol_key(c, s->name, s->section, s->value),
			   (union strmap_value){ .num = i });
	}
	for (uint32_t i = 0; i < c->d->new.object->n_atoms; i++)
		if (check_carried(c->d, i) && new_atom(c->d, i)->symbol &&
		    strncmp(new_atom(c->d, i)->name, ".L", 2))
			check_symbol(c, i, named);
	strmap_free(named);
}

/* Bytes */

/* The bits of the byte that references fill. */
static uint8_t in_fields(const struct object *o, const struct atom *a, uint64_t at)
{
	uint8_t bits = 0;

	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++) {
		const struct ref *r = &o->refs[i];

		if (at >= r->offset && at < r->offset + (uint64_t)r->width)
			bits |= reloc_byte(arch_reloc(o->arch, r->type), o->arch->big_endian, at - r->offset);
	}
	return bits;
}

static bool constant_site(const struct diff *d, uint32_t atom, uint64_t at)
{
	for (uint32_t i = 0; i < d->n_constants; i++)
		if (d->constants[i].function == atom && at >= d->constants[i].offset &&
		    at < d->constants[i].offset + d->constants[i].size)
			return true;
	return false;
}

static void check_bytes(struct check *c, uint32_t i)
{
	const struct atom *a = new_atom(c->d, i);
	const struct section *s = &c->out->sections[c->copy[i]];
	const uint8_t *want = atom_bytes(a), *have = s->data;

	if (!want || !a->size) {
		if (want || !have || !a->size)
			return;
		check_problem(c, i, "it has bytes where it had none");
		return;
	}
	if (!have || c->at[i] + a->size > s->size) {
		check_problem(c, i, "its bytes are missing");
		return;
	}
	have += c->at[i];
	for (uint64_t k = 0; k < a->size; k++)
		if (have[k] != want[k] && (have[k] ^ want[k]) & ~in_fields(c->d->new.object, a, k) &&
		    !constant_site(c->d, i, k) && !check_is_restored(c, i, k)) {
			check_problem(c, i, "its byte at +0x%" PRIx64 " differs", k);
			return;
		}
}

static void check_contents(struct check *c)
{
	for (uint32_t i = 0; i < c->d->new.object->n_atoms; i++)
		if (check_carried(c->d, i))
			check_bytes(c, i);
}

/* After everything that is meant has been looked at. */
static void check_sections(struct check *c)
{
	for (uint32_t i = 1; i < c->out->n_sections; i++) {
		const struct section *s = &c->out->sections[i];

		if (!c->meant[i] && s->kind != SECTION_META && s->kind != SECTION_RELA)
			check_problem(c, NO_ATOM, "section %s is not meant to be there", s->name);
	}
}

static void check_alloc(struct check *c)
{
	const struct object *o = c->d->new.object;
	struct arena *arena = c->d->arena;

	c->out_index = arena_array(arena, o->n_sections, sizeof(*c->out_index));
	c->copy = arena_array(arena, o->n_atoms, sizeof(*c->copy));
	c->at = arena_array(arena, o->n_atoms, sizeof(*c->at));
	c->meant = arena_array(arena, c->out->n_sections, sizeof(*c->meant));
	c->end = arena_array(arena, c->out->n_sections, sizeof(*c->end));
	c->met = strmap_new(64);
	c->relocs = arena_array(arena, c->out->n_sections, sizeof(*c->relocs));
}

static int check_run(struct check *c)
{
	check_alloc(c);
	index_sections(c);
	check_relocs_sort(c);
	locate(c);
	if (c->problems)
		return -EINVAL;
	check_symbols(c);
	check_contents(c);
	check_refs(c);
	check_names(c);
	check_outlets(c);
	check_metadata(c);
	check_relocs_met(c);
	check_sections(c);
	return c->problems ? -EINVAL : 0;
}

int pass_check(struct diff *d)
{
	struct check c = { .d = d };
	int err;

	if (!d->data)
		return 0;
	err = object_read(d->input->name, d->data, d->size, d->diags, &c.out);
	if (err)
		return -EINVAL;
	err = check_run(&c);
	strmap_free(c.sections);
	strmap_free(c.met);
	object_free(c.out);
	return err;
}
