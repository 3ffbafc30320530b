/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Atoms of symbols that no section holds, the symbols of each atom, its primary symbol and name.
 * After this pass every atom is there and symbol.atom is final.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/reader.h"
#include "lib/util/arena.h"

/* Symbols of sections that were not cut by symbols, and those that lie in no section. */
static int find_atoms(struct reader *r)
{
	struct object *o = r->o;

	for (uint32_t i = 1; i < o->n_symbols; i++) {
		struct symbol *s = &o->symbols[i];
		bool outside = !symbol_in_section(o, s);
		int err = 0;

		if (s->type == STT_FILE || s->atom != NO_ATOM)
			continue;
		if (!outside) {
			s->atom = object_atom_at(o, s->section, s->value);
			continue;
		}
		err = add_atom(r, NULL, s->section == SECTION_ABS ? ATOM_ABS : ATOM_EXTERN, 0, 0);
		if (err)
			return err;
		s->atom = o->n_atoms - 1;
	}
	return 0;
}

/* Relocations without a symbol mean an absolute address. */
static int add_absolute(struct reader *r)
{
	struct object *o = r->o;
	int err;

	for (uint32_t i = 0; i < o->n_refs; i++) {
		if (o->refs[i].symbol)
			continue;
		err = add_atom(r, NULL, ATOM_ABS, 0, 0);
		if (err)
			return err;
		r->absolute = o->n_atoms - 1;
		o->atoms[r->absolute].name = "*ABS*";
		break;
	}
	return 0;
}

static void group_symbols(struct reader *r)
{
	struct object *o = r->o;
	uint32_t *list = arena_array(o->arena, (size_t)o->n_symbols + 1, sizeof(*list));
	uint32_t total = 0;

	for (uint32_t i = 0; i < o->n_symbols; i++)
		if (o->symbols[i].atom != NO_ATOM && o->symbols[i].type != STT_SECTION)
			o->atoms[o->symbols[i].atom].n_symbols++;
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		o->atoms[i].first_symbol = total;
		total += o->atoms[i].n_symbols;
		o->atoms[i].n_symbols = 0;
	}
	for (uint32_t i = 0; i < o->n_symbols; i++) {
		struct atom *a;

		if (o->symbols[i].atom == NO_ATOM || o->symbols[i].type == STT_SECTION)
			continue;
		a = &o->atoms[o->symbols[i].atom];
		list[a->first_symbol + a->n_symbols++] = i;
	}
	o->atom_symbols = list;
}

static int bind_rank(const struct symbol *s)
{
	return s->bind == STB_GLOBAL ? 0 : s->bind == STB_WEAK ? 1 : 2;
}

/*
 * Which of two symbols names the atom: typed before untyped, global before weak before local,
 * the larger, and then the name, so that the choice does not hang on the order in the file.
 */
static bool is_better(const struct symbol *a, const struct symbol *b)
{
	if ((a->type == STT_NOTYPE) != (b->type == STT_NOTYPE))
		return a->type != STT_NOTYPE;
	if (bind_rank(a) != bind_rank(b))
		return bind_rank(a) < bind_rank(b);
	if (a->size != b->size)
		return a->size > b->size;
	return strcmp(a->name, b->name) < 0;
}

/* The best symbol at the atom's entry. Labels of the assembler name nothing. */
static void choose_primary(struct object *o, struct atom *a)
{
	for (uint32_t i = 0; i < a->n_symbols; i++) {
		const struct symbol *s = &o->symbols[o->atom_symbols[a->first_symbol + i]];

		if (s->bind != STB_LOCAL)
			a->local = false;
		if (a->section && s->value != a->offset + a->entry)
			continue;
		if (!s->name[0] || is_assembler_label(s->name))
			continue;
		if (!a->symbol || is_better(s, a->symbol))
			a->symbol = s;
	}
}

#define NAME_BLOCK 8192u

/* "section+0xoffset", packed: there are many and the arena would round each up. */
static const char *anonymous_name(struct reader *r, const struct atom *a)
{
	const char *section = a->section ? a->section->name : "";
	size_t need = strlen(section) + sizeof("+0x") + 16;
	char *name;

	if (need > NAME_BLOCK)
		return arena_printf(r->o->arena, "%s+0x%" PRIx64, section, a->offset);
	if (r->names_left < need) {
		r->names = arena_alloc(r->o->arena, NAME_BLOCK);
		r->names_left = NAME_BLOCK;
	}
	name = r->names;
	need = snprintf(name, need, "%s+0x%" PRIx64, section, a->offset) + 1;
	r->names += need;
	r->names_left -= need;
	return name;
}

int name_atoms(struct reader *r)
{
	struct object *o = r->o;
	int err = find_atoms(r);

	if (!err)
		err = add_absolute(r);
	if (!err)
		group_symbols(r);
	for (uint32_t i = 0; !err && i < o->n_atoms; i++) {
		struct atom *a = &o->atoms[i];

		choose_primary(o, a);
		if (a->symbol)
			a->name = a->symbol->name;
		else if (!a->name)
			a->name = anonymous_name(r, a);
	}
	return err;
}
