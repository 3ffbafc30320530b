/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * References that lead out of the patch where fields of code do not reach so far: by addresses in a table of the patch, and
 * thunks that go where these say. indirect.c decides, emit_indirect.c writes, check_indirect.c reads again. Private
 * to create-diff-object/.
 */
#ifndef KPATCH_INDIRECT_H
#define KPATCH_INDIRECT_H

#include "create-diff-object/passes.h"

struct builder;
struct builder_section;
struct builder_symbol;

enum outlet_way {
	WAY_FIELD, /* the relocation names what is meant */
	WAY_TABLE, /* an entry of the table, which is what the field leads to, does */
	WAY_RETURNING, /* the field leads to a thunk, whose entry does; what follows the call takes the place of a nop */
	WAY_FRAMED, /* the same, with a thunk that comes back by itself */
	WAY_UPPER, /* the instruction reads a table's entry in place of computing the upper half of the distance */
	WAY_LOWER, /* and this one gets at what that leads to, by the distance that remains */
};

/* Whether an instruction with half of a distance is made anew. */
static inline bool way_is_half(enum outlet_way way)
{
	return way == WAY_UPPER || way == WAY_LOWER;
}

#define HALF_INSN 4 /* bytes of an instruction with half of a distance */

/* What may lead out of a patch by an address in a table, and where to. For a reference of @atom. */
enum outlet_way indirect_way(const struct diff *d, uint32_t atom, const struct ref *ref, enum route route);
/* The instruction with half of a distance, of @a, as it has to be for these two ways. False: it cannot be made so. */
bool indirect_half(const struct diff *d, const struct atom *a, const struct ref *ref, enum outlet_way way,
		   uint8_t out[static HALF_INSN]);
/* Whether all halves of distances to what the reference means go the same way: each is combined with others. */
bool indirect_halves_agree(const struct diff *d, uint32_t atom, const struct ref *ref);
/* @r, unless the reference cannot have that. */
struct routing indirect_check(const struct diff *d, uint32_t atom, const struct ref *ref, struct routing r);
/* Whether no kernel has what is meant, because the link or the loader makes it for each module. */
bool made_for_module(const struct diff *d, uint32_t atom);

/* Where thunks are in the output, and how each is called. */
#define THUNKS_SECTION ".text.kpatch_thunks"
#define THUNK_PREFIX "kpatch_thunk."

/*
 * What a section of the patched object is in the output. One that the kernel has to write to whenever a module comes is writable
 * there, and called as the compiler calls what is written to before it is read-only. Its name is in the arena.
 */
struct section indirect_section(struct diff *d, const struct section *s);

/* What emit_indirect.c has made so far. */
struct outlets {
	struct builder *b;
	struct arena *arena;
	const struct arch *arch;
	struct builder_section *table, *thunks; /* NULL: not made yet */
	struct strmap *entries, *calls; /* by symbol and addend; by kind and symbol: offsets in these */
};

/* A field of @section that is to lead to what @symbol and @addend name. */
struct outlet {
	struct builder_section *section;
	uint64_t at;
	uint32_t type;
	struct builder_symbol *symbol;
	int64_t addend;
};

/* Make what the way needs, and the field lead to it. @name: what is called, for people. */
int outlet_table(struct outlets *x, const struct outlet *o);
int outlet_half(struct outlets *x, const struct outlet *o, enum outlet_way way,
		const uint8_t insn[static HALF_INSN]);
int outlet_thunk(struct outlets *x, const struct outlet *o, enum outlet_way way, const char *name);

#endif
