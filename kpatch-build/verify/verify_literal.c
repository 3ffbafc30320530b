// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where vmlinux has its strings and constants without a name. The linker merges those of all objects in
 * .rodata; a field of matched code leads to each. A patch names such a place from a symbol that vmlinux
 * exports and that is in the same section: an ordinary import, for which the kernel searches no more than its
 * exports. In a module there is no such symbol, so nothing is known there.
 */
#include <errno.h>
#include <string.h>

#include "kpatch-build/verify/verify_unit.h"
#include "lib/elf/object.h"
#include "lib/kernel/proof/proof.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"
#include "lib/util/vmlinux.h"

#define SECTION ".rodata"

struct range {
	uint64_t start, size;
};

static bool holds(const struct range *r, uint64_t address)
{
	return address >= r->start && address - r->start < r->size;
}

/* The first export that is in the section, and the only symbol of its name. */
static void find_anchor(struct verify_unit *u, const struct range *section)
{
	for (size_t i = 0; i < symvers_count(u->symvers) && !u->anchor; i++) {
		const struct symvers_entry *e = symvers_get(u->symvers, i);
		uint32_t symbol;

		if (!is_vmlinux(e->owner) || (e->name_space && *e->name_space))
			continue;
		symbol = installed_first(&u->installed, e->name);
		if (symbol == INSTALLED_NONE || installed_next(&u->installed, symbol) != INSTALLED_NONE ||
		    !holds(section, installed_address(&u->installed, symbol)))
			continue;
		u->anchor = e->name;
		u->anchor_address = installed_address(&u->installed, symbol);
	}
}

/* Code may use one that is merged in several sections' names: it is one place, or none. */
static int add(struct verify_unit *u, uint32_t atom, uint64_t address)
{
	const char *key;
	union strmap_value *known;
	int err = literal_key(u->arena, &u->reference->atoms[atom], &key);

	if (err)
		return err == -ENOENT ? 0 : err;
	known = strmap_get(u->literals, key);
	if (!known) {
		strmap_set(u->literals, key, (union strmap_value){ .num = address });
		return 0;
	}
	if (known->num != address)
		known->num = PROOF_NOWHERE;
	return 0;
}

int verify_index_literals(struct verify_unit *u)
{
	struct range section;
	int err = 0;

	if (!u->installed.image || !installed_section(&u->installed, SECTION, &section.start, &section.size))
		return 0;
	u->literals = strmap_new(u->reference->n_atoms / 4);
	find_anchor(u, &section);
	for (uint32_t i = 0; i < u->reference->n_atoms && u->anchor && !err; i++) {
		uint64_t address = proof_literal(u->proof, i);

		if (address != PROOF_NOWHERE && holds(&section, address))
			err = add(u, i, address);
	}
	return err;
}

bool verify_find_literal(struct verify_unit *u, const struct atom *literal, struct ksym_place *out)
{
	const union strmap_value *v = NULL;
	struct arena *scratch;
	const char *key;

	if (!u->anchor)
		return false;
	scratch = arena_new();
	if (!literal_key(scratch, literal, &key))
		v = strmap_get(u->literals, key);
	arena_free(scratch);
	if (!v || v->num == PROOF_NOWHERE)
		return false;
	*out = (struct ksym_place){ u->anchor, (int64_t)(v->num - u->anchor_address) };
	return true;
}
