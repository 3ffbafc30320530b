/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds where each section of the reference object is in the installed code, then compares
 * everything; see proof.h.
 *
 * Evidence for a base of a section: each symbol of the section that the installed table has at the
 * address which the base gives, where the contents are equal as well; and each field of code or data
 * with equal contents, in a section that has been placed, that leads there. The base with most
 * evidence is taken; a tie is decided by how much agrees with the places of the other sections, and
 * if that does not decide either, the section stays without a place. Repeated until nothing changes.
 * In the comparison that follows every field has to agree with the places, so whatever spoke for
 * another base shows as a difference.
 */
#include "lib/kernel/proof/proof.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/object.h"
#include "lib/kernel/proof/proof_private.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"
#include "lib/util/xmalloc.h"

#define MAX_BY_NAME 65536u /* addresses tried for the symbols of one section */
#define TRIED 8u	   /* of the bases they give, the most frequent ones */
#define ROUNDS 12u	   /* sections are placed in few rounds: code, its data, what that leads to */

struct bases {
	struct proof_vote *list;
	uint32_t n;
};

static bool is_named(const struct object *o, const struct symbol *s)
{
	return *s->name && s->type != STT_SECTION && s->type != STT_FILE && s->section &&
	       s->section < o->n_sections;
}

static int by_base(const void *a, const void *b)
{
	const struct proof_vote *x = a, *y = b;

	return (x->base > y->base) - (x->base < y->base);
}

static int by_count(const void *a, const void *b)
{
	const struct proof_vote *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

/* All bases that names give for the section, the most frequent first. */
static void bases_by_name(const struct proof *p, uint32_t section, struct bases *out)
{
	const struct object *o = p->object;
	uint32_t n = 0;

	for (uint32_t i = 1; i < o->n_symbols; i++) {
		const struct symbol *s = &o->symbols[i];

		if (s->section != section || !is_named(o, s))
			continue;
		for (uint32_t at = installed_first(p->installed, s->name);
		     at != INSTALLED_NONE && n < MAX_BY_NAME; at = installed_next(p->installed, at))
			out->list[n++] =
				(struct proof_vote){ installed_address(p->installed, at) - s->value, 1 };
	}
	qsort(out->list, n, sizeof(*out->list), by_base);
	out->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (out->n && out->list[out->n - 1].base == out->list[i].base)
			out->list[out->n - 1].count++;
		else
			out->list[out->n++] = out->list[i];
	}
	qsort(out->list, out->n, sizeof(*out->list), by_count);
}

/* How many symbols of the section are in the installed table, with equal contents, for @base. */
static uint32_t named_evidence(const struct proof *p, uint32_t section, uint64_t base)
{
	const struct object *o = p->object;
	const struct section *s = &o->sections[section];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_atoms; i++) {
		const struct atom *a = &o->atoms[s->first_atom + i];
		struct proof_atom result;

		if (!a->symbol ||
		    installed_at(p->installed, a->symbol->name, base + a->symbol->value) == INSTALLED_NONE)
			continue;
		proof_compare(p, a->id, base, &result);
		n += result.status == PROOF_MATCHED;
	}
	return n;
}

static void add_evidence(struct proof_votes *v, uint64_t base, uint32_t count)
{
	for (uint32_t i = 0; i < v->n; i++)
		if (v->list[i].base == base) {
			v->list[i].count += count;
			return;
		}
	if (count && v->n < PROOF_VOTES)
		v->list[v->n++] = (struct proof_vote){ base, count };
}

static void vote(const struct proof *p, uint32_t section, uint64_t base)
{
	add_evidence(&p->priv->votes[section], base, 1);
}

static void collect_fields(struct proof *p)
{
	const struct object *o = p->object;

	memset(p->priv->votes, 0, o->n_sections * sizeof(*p->priv->votes));
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		struct proof_atom result;

		if (!a->section || !a->n_refs || p->base[a->section->index] == PROOF_NOWHERE)
			continue;
		proof_compare(p, i, p->base[a->section->index], &result);
		if (result.status == PROOF_MATCHED)
			proof_collect(p, i, p->base[a->section->index] + a->offset, vote);
	}
	proof_tables_collect(p, vote);
}

static bool has_base(const struct proof_votes *v, uint32_t n, uint64_t base)
{
	while (n--)
		if (v->list[n].base == base)
			return true;
	return false;
}

/*
 * After the fields: what they lead to is judged by its names as well. Of the bases that names alone
 * give only the most frequent ones are looked at, for some names are in a kernel a thousand times.
 */
static void collect_names(const struct proof *p, struct bases *scratch)
{
	const struct object *o = p->object;

	for (uint32_t i = 1; i < o->n_sections; i++) {
		struct proof_votes *v = &p->priv->votes[i];
		uint32_t voted = v->n;

		if (!proof_is_placed(o, i))
			continue;
		for (uint32_t n = 0; n < voted; n++)
			v->list[n].count += named_evidence(p, i, v->list[n].base);
		bases_by_name(p, i, scratch);
		for (uint32_t n = 0; n < scratch->n && n < TRIED; n++)
			if (!has_base(v, voted, scratch->list[n].base))
				add_evidence(v, scratch->list[n].base,
					     named_evidence(p, i, scratch->list[n].base));
	}
}

/* Of bases with equal evidence, the one at which more agrees with the places of other sections. */
static uint64_t break_tie(const struct proof *p, uint32_t section, const struct proof_votes *v)
{
	const struct section *s = &p->object->sections[section];
	uint64_t best = PROOF_NOWHERE;
	uint32_t most = 0;

	p->priv->strict = true;
	for (uint32_t i = 0; i < v->n && v->list[i].count == v->list[0].count; i++) {
		uint32_t n = 0;

		for (uint32_t j = 0; j < s->n_atoms; j++) {
			struct proof_atom result;

			proof_compare(p, s->first_atom + j, v->list[i].base, &result);
			n += result.status == PROOF_MATCHED;
		}
		if (n == most)
			best = PROOF_NOWHERE;
		if (n > most) {
			most = n;
			best = v->list[i].base;
		}
	}
	p->priv->strict = false;
	return best;
}

static bool place_by_evidence(struct proof *p)
{
	bool change = false;

	for (uint32_t i = 1; i < p->object->n_sections; i++) {
		struct proof_votes *v = &p->priv->votes[i];
		uint64_t base = PROOF_NOWHERE;

		qsort(v->list, v->n, sizeof(*v->list), by_count);
		if (v->n > 1 && v->list[0].count == v->list[1].count)
			base = break_tie(p, i, v);
		else if (v->n)
			base = v->list[0].base;
		change |= base != p->base[i];
		p->base[i] = base;
	}
	return change;
}

static void place_everything(struct proof *p, struct bases *scratch)
{
	bool change = true;

	for (unsigned int round = 0; change && round < ROUNDS; round++) {
		collect_fields(p);
		collect_names(p, scratch);
		change = place_by_evidence(p);
	}
}

/* Pointers to the exit functions of built-in code, which nobody calls: vmlinux's link drops them. */
static bool dropped_by_link(const struct proof *p, const struct section *s)
{
	return p->installed->image && !strcmp(s->name, ".exitcall.exit");
}

/* Code that alternatives or early code of functions lead to. */
static bool is_piece(const struct atom *a)
{
	return a->section && a->section->kind == SECTION_SPECIAL &&
	       a->section->special->cut == CUT_BY_REFERRER;
}

static bool is_compared(const struct proof *p, const struct atom *a)
{
	return a->section && a->size && proof_is_placed(p->object, a->section->index) &&
	       (a->section->kind != SECTION_SPECIAL || is_piece(a)) && !dropped_by_link(p, a->section);
}

static void compare_everything(struct proof *p)
{
	const struct object *o = p->object;

	p->priv->strict = true;
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];

		if (!is_compared(p, a))
			continue;
		if (p->base[a->section->index] == PROOF_NOWHERE) {
			p->atoms[i].status = PROOF_UNPLACED;
			continue;
		}
		proof_compare(p, i, p->base[a->section->index], &p->atoms[i]);
		if (p->atoms[i].status != PROOF_MATCHED)
			continue;
		proof_note_literals(p, i);
		proof_note_externs(p, i);
	}
	proof_tables_judge(p);
}

/* Read-only data that is the object's own, and pieces of code: part of what a function does. */
static bool is_part_of_user(const struct atom *a)
{
	return is_piece(a) ||
	       (a->section && a->section->kind == SECTION_RODATA && !(a->section->flags & SHF_WRITE));
}

static bool is_bad(enum proof_status s)
{
	return s != PROOF_SKIPPED && s != PROOF_MATCHED;
}

/* What an entry of a table says is said of the code that it describes. false: nothing new. */
static bool blame_described(struct proof *p, const struct atom *entry)
{
	if (entry->kind != ATOM_ENTRY || entry->owner == NO_ATOM || !is_bad(p->atoms[entry->id].status) ||
	    p->atoms[entry->owner].status != PROOF_MATCHED)
		return false;
	p->atoms[entry->owner] = (struct proof_atom){ PROOF_ENTRY, 0, entry->id };
	return true;
}

/* Spreads from data to its users, and from entries to functions, until nothing changes. */
static void spread_dependence(struct proof *p)
{
	const struct object *o = p->object;
	bool progress;

	do {
		progress = false;
		for (uint32_t i = 0; i < o->n_atoms; i++) {
			const struct atom *a = &o->atoms[i];

			progress |= blame_described(p, a);
			if (p->atoms[i].status != PROOF_MATCHED)
				continue;
			for (uint32_t j = 0; j < a->n_refs; j++) {
				uint32_t t = o->refs[a->first_ref + j].target;

				if (!is_part_of_user(&o->atoms[t]) || !is_bad(p->atoms[t].status))
					continue;
				p->atoms[i] =
					(struct proof_atom){ PROOF_DEPENDS, o->refs[a->first_ref + j].offset,
							     a->first_ref + j };
				progress = true;
				break;
			}
		}
	} while (progress);
}

static void count_functions(struct proof *p)
{
	for (uint32_t i = 0; i < p->object->n_atoms; i++) {
		if (p->object->atoms[i].kind != ATOM_FUNC || !p->object->atoms[i].symbol)
			continue;
		p->functions++;
		p->matched += p->atoms[i].status == PROOF_MATCHED;
	}
}

static struct proof *new_proof(const struct object *o, const struct installed *in, struct arena *arena)
{
	struct proof *p = arena_alloc(arena, sizeof(*p));

	p->object = o;
	p->installed = in;
	p->base = arena_array(arena, o->n_sections, sizeof(*p->base));
	p->atoms = arena_array(arena, o->n_atoms, sizeof(*p->atoms));
	p->priv = arena_alloc(arena, sizeof(*p->priv));
	p->priv->arena = arena;
	p->priv->votes = arena_array(arena, o->n_sections, sizeof(*p->priv->votes));
	p->priv->literals = arena_array(arena, o->n_atoms, sizeof(*p->priv->literals));
	p->priv->externs = strmap_new(o->n_symbols);
	for (uint32_t i = 0; i < o->n_sections; i++)
		p->base[i] = PROOF_NOWHERE;
	return p;
}

int proof_make(const struct object *object, const struct installed *installed, struct arena *arena,
	       struct proof **out)
{
	struct proof *p = new_proof(object, installed, arena);
	struct bases scratch = { 0 };
	int err;

	scratch.list = xmalloc(MAX_BY_NAME * sizeof(*scratch.list));
	err = proof_tables_open(p);
	if (!err) {
		place_everything(p, &scratch);
		compare_everything(p);
	}
	free(scratch.list);
	if (err) {
		proof_free(p);
		return err;
	}
	spread_dependence(p);
	count_functions(p);
	*out = p;
	return 0;
}

void proof_free(struct proof *p)
{
	if (p)
		strmap_free(p->priv->externs);
}

int proof_extern(const struct proof *p, const char *name, uint64_t *address)
{
	const union strmap_value *v = strmap_get(p->priv->externs, name);

	if (!v)
		return -ENOENT;
	if (v->num == EXTERN_CONFLICT)
		return -ENOTUNIQ;
	*address = v->num;
	return 0;
}

uint64_t proof_literal(const struct proof *p, uint32_t atom)
{
	uint64_t at = p->priv->literals[atom];

	return at && at != LITERAL_CONFLICT ? at : PROOF_NOWHERE;
}
