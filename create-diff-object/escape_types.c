// SPDX-License-Identifier: GPL-2.0-only
/*
 * How functions are declared, by the object's debug information: in how many registers they take arguments, whether
 * they take more on the stack, and whether they return anything. Of a function that is not declared
 * there the worst is assumed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/escape_private.h"
#include "create-diff-object/types.h"
#include "lib/elf/debug.h"
#include "lib/util/xmalloc.h"

/* Damaged debug information may lead in circles: what is read is counted. A declaration takes a few steps for each of
 * its bytes at most. */
#define STEPS_PER_BYTE 16

#define MANY_WORDS 4096

static const struct prototype unknown = {
	.registers = N_ARGUMENTS, .stack = true, .words = MANY_WORDS, .results = N_RESULTS
};

static void worst(struct prototype *p)
{
	p->registers = N_ARGUMENTS;
	p->stack = true;
}

/* Nobody knows how many it takes. */
static void any_number(struct prototype *p)
{
	worst(p);
	p->words = MANY_WORDS;
}

static bool is_number(const struct type *t)
{
	return t->dw_tag == DW_TAG_base_type || t->dw_tag == DW_TAG_pointer_type ||
	       t->dw_tag == DW_TAG_enumeration_type;
}

static void add_parameter(struct type_reader *r, Dwarf_Die *die, struct prototype *p)
{
	struct type t = type_of(r, die);
	uint64_t size = type_size(r, &t);

	/* An object of odd size or alignment may leave a word free before it. */
	p->words += !size || size > MANY_WORDS ? MANY_WORDS : (uint32_t)(size + 15) / 8;
	if (is_number(&t) && size && size <= 8)
		p->words--;
	/* What is passed by value and is no number or pointer has rules of its own. */
	if (!is_number(&t))
		worst(p);
	else
		p->registers += size > 8 ? 2 : 1;
	if (p->registers > N_ARGUMENTS || !size)
		worst(p);
}

static uint32_t results_of(struct type_reader *r, Dwarf_Die *function)
{
	struct type t = type_of(r, function);

	if (!dwarf_hasattr(function, DW_AT_type))
		return 0;
	return is_number(&t) && type_size(r, &t) <= 8 ? 1 : N_RESULTS;
}

static struct prototype prototype_of(struct type_reader *r, Dwarf_Die *function, const char *name)
{
	struct prototype p = { .name = name, .results = results_of(r, function) };
	Dwarf_Die die;

	if (!dwarf_hasattr(function, DW_AT_prototyped))
		any_number(&p);
	for (int end = type_first_child(r, function, &die); !end; end = type_next(r, &die)) {
		if (dwarf_tag(&die) == DW_TAG_formal_parameter)
			add_parameter(r, &die, &p);
		else if (dwarf_tag(&die) == DW_TAG_unspecified_parameters)
			any_number(&p);
	}
	return p;
}

struct list {
	struct escapes *f;
	struct type_reader reader;
	struct prototype *entries;
	size_t n, room;
};

static int add(struct list *l, struct prototype p)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 1024;
		l->entries = xreallocarray(l->entries, room, sizeof(*l->entries));
		l->room = room;
	}
	l->entries[l->n++] = p;
	return 0;
}

/* include/linux/lockdep_types.h: the structure has members only with CONFIG_LOCKDEP. */
static bool is_empty_lock_class(Dwarf_Die *die)
{
	const char *name = dwarf_tag(die) == DW_TAG_structure_type ? dwarf_diename(die) : NULL;

	return name && !strcmp(name, "lock_class_key") && !dwarf_hasattr(die, DW_AT_declaration) &&
	       dwarf_bytesize(die) == 0;
}

static int read_unit(struct list *l, Dwarf_Die *top)
{
	Dwarf_Die die;
	int err = 0;

	for (int end = type_first_child(&l->reader, top, &die); !end && !err;
	     end = type_next(&l->reader, &die)) {
		const char *name = dwarf_tag(&die) == DW_TAG_subprogram ? dwarf_diename(&die) : NULL;

		l->f->without_lockdep |= is_empty_lock_class(&die);
		/* An instance of a function described elsewhere; one whose symbol has another name. */
		if (!name || dwarf_hasattr(&die, DW_AT_abstract_origin) ||
		    dwarf_hasattr(&die, DW_AT_specification) || dwarf_hasattr(&die, DW_AT_linkage_name))
			continue;
		err = add(l, prototype_of(&l->reader, &die, name));
	}
	return err ? err : l->reader.err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct prototype *)a)->name, ((const struct prototype *)b)->name);
}

/* One name can be declared more than once: what holds for both is kept. */
static void merge(struct list *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->entries, l->n, sizeof(*l->entries), by_name);
	for (size_t i = 0; i < l->n; i++) {
		struct prototype *e = &l->entries[i], *last = n ? &l->entries[n - 1] : NULL;

		if (!last || strcmp(last->name, e->name)) {
			l->entries[n++] = *e;
			continue;
		}
		last->registers = e->registers > last->registers ? e->registers : last->registers;
		last->stack |= e->stack;
		last->words = e->words > last->words ? e->words : last->words;
		last->results = e->results > last->results ? e->results : last->results;
	}
	l->n = n;
}

static int read_all(struct list *l)
{
	struct object *o = l->f->d->new.object;
	Dwarf_CU *unit = NULL;
	Dwarf_Die top;
	Dwarf *dwarf;
	int err = object_dwarf(o, &dwarf);

	while (!err && !dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &top, NULL))
		err = read_unit(l, &top);
	return err;
}

static void read_prototypes(struct escapes *f)
{
	const struct section *info = object_section(f->d->new.object, ".debug_info");
	struct list l = { .f = f, .reader = { .left = info ? info->size * STEPS_PER_BYTE : 0 } };

	f->types_read = true;
	if (!read_all(&l)) {
		merge(&l);
		f->prototypes = arena_memdup(f->d->arena, l.entries, l.n * sizeof(*l.entries));
		f->n_prototypes = f->prototypes ? l.n : 0;
	}
	free(l.entries);
}

struct prototype escapes_prototype(struct escapes *f, const char *name)
{
	struct prototype wanted = { .name = name };
	const struct prototype *found = NULL;

	if (!f->types_read)
		read_prototypes(f);
	if (f->n_prototypes && name)
		found = bsearch(&wanted, f->prototypes, f->n_prototypes, sizeof(wanted), by_name);
	return found ? *found : unknown;
}

bool escapes_without_lockdep(struct escapes *f)
{
	if (!f->types_read)
		read_prototypes(f);
	return f->without_lockdep;
}
