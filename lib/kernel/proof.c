/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds where each section of the reference object is in the installed code, then compares
 * everything; see proof.h. The order:
 *
 *	1. places by name: for a section with code, each address that a symbol of its name has in the
 *	   installed table gives a base; the base at which most functions are equal is taken, if no
 *	   other comes near;
 *	2. places by reference: fields of matched code and data lead into further sections; repeated
 *	   until nothing new is placed;
 *	3. places by name again, now for data;
 *	4. the comparison of everything, with all bases known;
 *	5. what depends on read-only data that differs.
 */
#include "lib/kernel/proof.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/object.h"
#include "lib/kernel/proof_private.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"

#define MAX_BY_NAME 65536u	/* addresses tried for the symbols of one section */
#define TRIED 8u		/* of the bases they give, the most frequent ones */

struct bases {
	struct proof_vote *list;
	uint32_t n;
};

static bool is_code(const struct section *s)
{
	return s->flags & SHF_EXECINSTR;
}

static bool is_named(const struct object *o, const struct symbol *s)
{
	return *s->name && s->type != STT_SECTION && s->type != STT_FILE &&
	       s->section && s->section < o->n_sections;
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
			out->list[n++] = (struct proof_vote){
				installed_address(p->installed, at) - s->value, 1 };
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

/* How many named atoms of the section are equal at @base. */
static uint32_t score(const struct proof *p, uint32_t section, uint64_t base)
{
	const struct section *s = &p->object->sections[section];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_atoms; i++) {
		struct proof_atom result;
		uint32_t atom = s->first_atom + i;

		if (!p->object->atoms[atom].symbol)
			continue;
		proof_compare(p, atom, base, &result);
		n += result.status == PROOF_MATCHED;
	}
	return n;
}

/*
 * Takes the base at which more named atoms are equal than at any other. For data the names must
 * agree as well: small objects look alike.
 */
static bool place_by_name(struct proof *p, uint32_t section, struct bases *scratch)
{
	bool code = is_code(&p->object->sections[section]);
	uint64_t best = PROOF_NOWHERE;
	uint32_t best_score = 0;
	bool tie = false;

	bases_by_name(p, section, scratch);
	for (uint32_t i = 0; i < scratch->n && i < TRIED; i++) {
		uint32_t n = score(p, section, scratch->list[i].base);

		if (n && !code)
			n = scratch->list[i].count;
		if (n > best_score) {
			best = scratch->list[i].base;
			best_score = n;
			tie = false;
		} else if (n && n == best_score) {
			tie = true;
		}
	}
	/* ties beyond those tried: as frequent as the best */
	if (scratch->n > TRIED && scratch->list[TRIED].count >= best_score)
		tie = true;
	if (!best_score || tie)
		return false;
	p->base[section] = best;
	return true;
}

static bool place_all_by_name(struct proof *p, bool code, struct bases *scratch)
{
	bool progress = false;

	for (uint32_t i = 1; i < p->object->n_sections; i++)
		if (p->base[i] == PROOF_NOWHERE && proof_is_placed(p->object, i) &&
		    is_code(&p->object->sections[i]) == code)
			progress |= place_by_name(p, i, scratch);
	return progress;
}

static void vote(const struct proof *p, uint32_t section, uint64_t base)
{
	struct proof_votes *v = &p->priv->votes[section];

	for (uint32_t i = 0; i < v->n; i++)
		if (v->list[i].base == base) {
			v->list[i].count++;
			return;
		}
	if (v->n < PROOF_VOTES)
		v->list[v->n++] = (struct proof_vote){ base, 1 };
}

static void collect_votes(const struct proof *p)
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
			proof_collect(p, i, vote);
	}
}

/* Places what most fields agree on. A tie places nothing. */
static bool place_by_votes(struct proof *p)
{
	bool progress = false;

	collect_votes(p);
	for (uint32_t i = 1; i < p->object->n_sections; i++) {
		struct proof_votes *v = &p->priv->votes[i];

		if (!v->n || p->base[i] != PROOF_NOWHERE)
			continue;
		qsort(v->list, v->n, sizeof(*v->list), by_count);
		if (v->n > 1 && v->list[0].count == v->list[1].count)
			continue;
		p->base[i] = v->list[0].base;
		progress = true;
	}
	return progress;
}

static void place_everything(struct proof *p, struct bases *scratch)
{
	bool progress;

	do {
		progress = place_all_by_name(p, true, scratch);
		while (place_by_votes(p))
			progress = true;
		if (!progress)
			progress = place_all_by_name(p, false, scratch);
	} while (progress);
}

static bool is_compared(const struct object *o, const struct atom *a)
{
	return a->section && a->size && proof_is_placed(o, a->section->index) &&
	       a->section->kind != SECTION_SPECIAL;
}

static int compare_everything(struct proof *p)
{
	const struct object *o = p->object;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		int err;

		if (!is_compared(o, a))
			continue;
		if (p->base[a->section->index] == PROOF_NOWHERE) {
			p->atoms[i].status = PROOF_UNPLACED;
			continue;
		}
		proof_compare(p, i, p->base[a->section->index], &p->atoms[i]);
		if (p->atoms[i].status != PROOF_MATCHED)
			continue;
		err = proof_note_externs(p, i);
		if (err)
			return err;
	}
	return 0;
}

/* Read-only data that is the object's own: part of what a function does. */
static bool is_part_of_user(const struct atom *a)
{
	return a->section && a->section->kind == SECTION_RODATA && !(a->section->flags & SHF_WRITE);
}

static bool is_bad(enum proof_status s)
{
	return s == PROOF_UNPLACED || s == PROOF_DIFFERS || s == PROOF_LEADS_ELSEWHERE ||
	       s == PROOF_DEPENDS;
}

/* Spreads from data to its users until nothing changes; chains are short. */
static void spread_dependence(struct proof *p)
{
	const struct object *o = p->object;
	bool progress;

	do {
		progress = false;
		for (uint32_t i = 0; i < o->n_atoms; i++) {
			const struct atom *a = &o->atoms[i];

			if (p->atoms[i].status != PROOF_MATCHED)
				continue;
			for (uint32_t j = 0; j < a->n_refs; j++) {
				uint32_t t = o->refs[a->first_ref + j].target;

				if (!is_part_of_user(&o->atoms[t]) || !is_bad(p->atoms[t].status))
					continue;
				p->atoms[i] = (struct proof_atom){
					PROOF_DEPENDS, o->refs[a->first_ref + j].offset,
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

static struct proof *new_proof(const struct object *o, const struct installed *in,
			       struct arena *arena)
{
	struct proof *p = arena_alloc(arena, sizeof(*p));

	if (!p)
		return NULL;
	p->object = o;
	p->installed = in;
	p->base = arena_array(arena, o->n_sections, sizeof(*p->base));
	p->atoms = arena_array(arena, o->n_atoms, sizeof(*p->atoms));
	p->priv = arena_alloc(arena, sizeof(*p->priv));
	if (!p->base || !p->atoms || !p->priv)
		return NULL;
	p->priv->arena = arena;
	p->priv->votes = arena_array(arena, o->n_sections, sizeof(*p->priv->votes));
	p->priv->externs = strmap_new(o->n_symbols);
	for (uint32_t i = 0; i < o->n_sections; i++)
		p->base[i] = PROOF_NOWHERE;
	return p->priv->votes && p->priv->externs ? p : NULL;
}

int proof_make(const struct object *object, const struct installed *installed, struct arena *arena,
	       struct proof **out)
{
	struct proof *p = new_proof(object, installed, arena);
	struct bases scratch = { 0 };
	int err = -ENOMEM;

	scratch.list = malloc(MAX_BY_NAME * sizeof(*scratch.list));
	if (p && scratch.list) {
		place_everything(p, &scratch);
		err = compare_everything(p);
	}
	free(scratch.list);
	if (err) {
		if (p && p->priv)
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
