/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the parts of the proof: proof.c places, proof_compare.c compares. */
#ifndef KPATCH_KERNEL_PROOF_PRIVATE_H
#define KPATCH_KERNEL_PROOF_PRIVATE_H

#include "lib/kernel/installed.h"
#include "lib/kernel/proof.h"

/* A place that names and fields of compared code give for a section. */
struct proof_vote {
	uint64_t base;
	uint32_t count;
};

#define PROOF_VOTES 16

struct proof_votes {
	struct proof_vote list[PROOF_VOTES];
	uint32_t n;
};

struct proof_private {
	struct arena *arena;
	struct proof_votes *votes; /* by section */
	bool strict;		/* fields must lead to where sections have been placed */
	struct strmap *externs;	/* name → address that fields lead to; EXTERN_CONFLICT */
};

#define EXTERN_CONFLICT UINT64_MAX

/* Whether the kernel's link puts this section somewhere as one piece. */
bool proof_is_placed(const struct object *o, uint32_t section);

/*
 * Compares an atom with the installed code as if its section were at @base. Unless priv->strict,
 * fields that lead to sections of the object are not judged. *out is written in any case.
 */
void proof_compare(const struct proof *p, uint32_t atom, uint64_t base, struct proof_atom *out);

/* Calls @vote for each field of a matched atom that leads to a section of the object. */
void proof_collect(const struct proof *p, uint32_t atom,
		   void (*vote)(const struct proof *p, uint32_t section, uint64_t base));

/* Notes where the fields of a matched atom that name undefined symbols lead. 0 or -ENOMEM. */
int proof_note_externs(const struct proof *p, uint32_t atom);

#endif
