/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the parts of the comparison: variant.c pairs and judges, variant_code.c decodes, variant_target.c follows
 * references.
 */
#ifndef KPATCH_KERNEL_VARIANT_PRIVATE_H
#define KPATCH_KERNEL_VARIANT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arch/arch.h"
#include "lib/elf/object.h"
#include "lib/kernel/proof/variant.h"

struct strmap;

/* The index of a name that several symbols have. */
#define VARIANT_AMBIGUOUS UINT64_MAX

/* Instructions of a function, paired: offsets in the atoms; the last pair is the two ends. */
struct code_map {
	uint32_t n;
	uint32_t *reference, *original;
};

struct site {
	uint32_t atom;
	uint64_t offset;
};

struct comparison {
	const struct object *reference, *original;
	struct arena *arena;
	const struct arch *arch;
	uint8_t decoder[DECODER_STATE] __attribute__((aligned(16)));
	struct strmap *in_original, *in_reference; /* names → symbol indexes */
	uint32_t *twin;		  /* by atom of the reference: atom of the original, or NO_ATOM */
	struct code_map *maps;	  /* by atom of the reference */
	struct site *jump_labels; /* of the reference, sorted */
	size_t n_jump_labels;
	unsigned int steps; /* references followed so far for the one being compared */
	const char **why;   /* by atom of the original */
};

/* Pairs the instructions of two functions. NULL, or what is wrong; *map is filled if all is well. */
const char *variant_pair_code(struct comparison *c, uint32_t reference, uint32_t original,
			      struct code_map *map);

/* Whether the references and branches of paired functions lead to the same. NULL or what is wrong. */
const char *variant_check_code(struct comparison *c, uint32_t reference, uint32_t original);

/* The first pair at or after @offset in the reference; the number of pairs without one. */
uint32_t variant_first_pair(const struct code_map *map, uint64_t offset);

/* The offset in the original of the instruction at @offset in the reference. false: none there. */
bool variant_map_offset(const struct code_map *map, uint64_t offset, uint64_t *out);

/* Whether a reference of the one object means what one of the other does. */
bool variant_same_target(struct comparison *c, const struct ref *r, const struct ref *o, unsigned int depth);

/* Whether data is the same from these bytes on, to the end of the shorter atom; what it refers to included. */
bool variant_same_unnamed(struct comparison *c, const struct atom *a, int64_t from_a, const struct atom *b,
			  int64_t from_b, unsigned int depth);

#endif
