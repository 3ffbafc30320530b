/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of the proof that is about tables: what alternatives, jump labels, exception handlers,
 * bug descriptions and the like say of a function is part of what it does. An entry is found by the
 * code that it describes, whatever order the build has put the table into (__ex_table is sorted),
 * and compared like data. For each function, the entries of the object and those of the installed
 * table must be the same ones.
 *
 * Left alone, with reasons:
 *  - a weak function that another object overrides: its code is in the image, and nobody calls it;
 *    objtool, run on the whole of vmlinux, does not know it as a function any more and lists no ftrace
 *    site for it;
 *  - a line number in an entry is not what the function does (where it is, in the code as well, the
 *    code is compared), so the lines of a source file may be shifted;
 *  - objtool's tables (unwinding, return thunks, retpolines, static call sites) follow from the code
 *    that is compared, and objtool makes those of a patch module again;
 *  - entries that code refers to by address (tracepoints, dynamic debug) hold no code, and entries
 *    that register something (initcalls, parameters) are never part of a patch.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/object.h"
#include "lib/kernel/proof/proof_private.h"
#include "lib/util/arena.h"
#include "lib/util/xmalloc.h"

/* Tables inside of another section of the image, between two symbols. */
static const struct {
	const char *section, *start, *stop;
} inside[] = {
	{ "__jump_table", "__start___jump_table", "__stop___jump_table" },
	{ "__mcount_loc", "__start_mcount_loc", "__stop_mcount_loc" },
	{ "_kprobe_blacklist", "__start_kprobe_blacklist", "__stop_kprobe_blacklist" },
};

struct table {
	const struct section *section;
	struct installed_table installed;
	struct installed_sites sites; /* by the code that the entries describe */
};

static const struct ref *code_field(const struct object *o, const struct atom *entry)
{
	for (uint32_t i = 0; i < entry->n_refs; i++)
		if (o->refs[entry->first_ref + i].offset == entry->section->special->owner_offset)
			return &o->refs[entry->first_ref + i];
	return NULL;
}

/* Tables that say something of code. */
static bool is_judged(const struct section *s)
{
	return s->kind == SECTION_SPECIAL && s->special && s->special->owner == OWNER_CODE &&
	       s->special->n_fields && s->special->fields[0].role == FIELD_CODE && s->n_atoms;
}

static bool find_between(const struct proof *p, const char *name, struct table *t)
{
	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++) {
		uint32_t start, stop;

		if (strcmp(inside[i].section, name))
			continue;
		start = installed_first(p->installed, inside[i].start);
		stop = installed_first(p->installed, inside[i].stop);
		if (start == INSTALLED_NONE || stop == INSTALLED_NONE)
			return false;
		t->installed.start = installed_address(p->installed, start);
		t->installed.size = installed_address(p->installed, stop) - t->installed.start;
		return true;
	}
	return false;
}

static bool find_table(const struct proof *p, struct table *t)
{
	struct installed_table *in = &t->installed;

	return installed_section(p->installed, t->section->name, &in->start, &in->size) ||
	       (p->installed->image && find_between(p, t->section->name, t));
}

/*
 * Lists the entries of the installed table. Entries with padding are looked for at every place that
 * is aligned for their first field: what is none leads to no code that is asked for.
 */
static int list_sites(const struct proof *p, struct table *t)
{
	const struct object *o = p->object;
	const struct special *special = t->section->special;
	const struct ref *field = code_field(o, &o->atoms[t->section->first_atom]);

	if (!field || !field->width || !special->entry_size)
		return 0;
	t->installed.entry_size = special->entry_size;
	t->installed.step = special->cut == CUT_FIXED ? special->entry_size : field->width;
	return installed_sites(p->installed, &t->installed, field, &t->sites);
}

/* First entry that describes code at @code or behind it. */
static uint32_t first_site(const struct table *t, uint64_t code)
{
	uint32_t low = 0, high = t->sites.n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->sites.list[mid].code < code)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Where the code that an entry describes is installed. */
static uint64_t described(const struct proof *p, const struct atom *entry)
{
	const struct ref *r = code_field(p->object, entry);
	const struct atom *target = r ? &p->object->atoms[r->target] : NULL;

	if (!target || !target->section || p->base[target->section->index] == PROOF_NOWHERE)
		return PROOF_NOWHERE;
	return p->base[target->section->index] + target->offset + (uint64_t)r->addend;
}

/*
 * Compares an entry with those of the installed table that describe the same code, until one is
 * equal. *at: the one that the result is about.
 */
static void compare_entry(const struct proof *p, const struct table *t, const struct atom *entry,
			  struct proof_atom *out, uint64_t *at)
{
	uint64_t code = described(p, entry);

	*out = (struct proof_atom){ .status = PROOF_UNPLACED };
	*at = PROOF_NOWHERE;
	if (code == PROOF_NOWHERE)
		return;
	for (uint32_t i = first_site(t, code); i < t->sites.n && t->sites.list[i].code == code; i++) {
		*at = t->sites.list[i].at;
		proof_compare(p, entry->id, *at - entry->offset, out);
		if (out->status == PROOF_MATCHED)
			return;
	}
}

/* Entries say where the pieces are that only they lead to: the replacements of alternatives. */
static void collect(struct proof *p, const struct table *t,
		    void (*vote)(const struct proof *p, uint32_t section, uint64_t base))
{
	for (uint32_t i = 0; i < t->section->n_atoms; i++) {
		const struct atom *entry = &p->object->atoms[t->section->first_atom + i];
		struct proof_atom result;
		uint64_t at;

		compare_entry(p, t, entry, &result, &at);
		if (result.status == PROOF_MATCHED)
			proof_collect(p, entry->id, at, vote);
	}
}

/* How many entries of the object describe code of the function itself. */
static void count_entries(const struct proof *p, const struct table *t, uint32_t *counts)
{
	const struct object *o = p->object;

	memset(counts, 0, o->n_atoms * sizeof(*counts));
	for (uint32_t i = 0; i < t->section->n_atoms; i++) {
		const struct ref *r = code_field(o, &o->atoms[t->section->first_atom + i]);

		if (r)
			counts[r->target]++;
	}
}

static bool is_overridden(const struct proof *p, const struct atom *a)
{
	return a->symbol && a->symbol->bind == STB_WEAK &&
	       installed_at(p->installed, a->name, proof_address(p, a) + a->entry) == INSTALLED_NONE;
}

/* The installed function has more or fewer entries than the object's. */
static void judge_counts(struct proof *p, const struct table *t, const uint32_t *counts)
{
	const struct object *o = p->object;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		uint64_t start;

		if (a->kind != ATOM_FUNC || p->atoms[i].status != PROOF_MATCHED || is_overridden(p, a))
			continue;
		start = p->base[a->section->index] + a->offset;
		if (first_site(t, start + a->size) - first_site(t, start) != counts[i])
			p->atoms[i] = (struct proof_atom){ PROOF_OTHER_TABLE, 0, t->section->index };
	}
}

static void judge(struct proof *p, const struct table *t, uint32_t *counts)
{
	for (uint32_t i = 0; i < t->section->n_atoms; i++) {
		const struct atom *entry = &p->object->atoms[t->section->first_atom + i];

		if (entry->owner != NO_ATOM && is_overridden(p, &p->object->atoms[entry->owner]))
			continue;
		compare_entry(p, t, entry, &p->atoms[entry->id], &p->priv->places[entry->id]);
	}
	count_entries(p, t, counts);
	judge_counts(p, t, counts);
}

int proof_tables_open(struct proof *p)
{
	const struct object *o = p->object;
	struct proof_private *priv = p->priv;

	priv->tables = arena_array(priv->arena, o->n_sections, sizeof(*priv->tables));
	priv->places = arena_array(priv->arena, o->n_atoms, sizeof(*priv->places));
	for (uint32_t i = 0; i < o->n_atoms; i++)
		priv->places[i] = PROOF_NOWHERE;
	for (uint32_t i = 1; i < o->n_sections; i++) {
		struct table *t = &priv->tables[priv->n_tables];
		int err;

		if (!is_judged(&o->sections[i]))
			continue;
		t->section = &o->sections[i];
		priv->n_tables++;
		err = find_table(p, t) ? list_sites(p, t) : 0;
		if (err)
			return err;
	}
	return 0;
}

void proof_tables_collect(struct proof *p,
			  void (*vote)(const struct proof *p, uint32_t section, uint64_t base))
{
	for (uint32_t i = 0; i < p->priv->n_tables; i++)
		collect(p, &p->priv->tables[i], vote);
}

void proof_tables_judge(struct proof *p)
{
	uint32_t *counts = xmalloc((p->object->n_atoms + 1) * sizeof(*counts));

	for (uint32_t i = 0; i < p->priv->n_tables; i++)
		judge(p, &p->priv->tables[i], counts);
	free(counts);
}
