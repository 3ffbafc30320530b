/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the parts of the proof: proof.c places, proof_compare.c compares code and data,
 * proof_tables.c the tables that describe them.
 */
#ifndef KPATCH_KERNEL_PROOF_PRIVATE_H
#define KPATCH_KERNEL_PROOF_PRIVATE_H

#include "lib/kernel/proof/installed.h"
#include "lib/kernel/proof/proof.h"

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
	bool strict;		   /* fields must lead to where sections have been placed */
	struct strmap *externs;	   /* name → address that fields lead to; EXTERN_CONFLICT */
	uint64_t *literals;   /* by atom: the same for strings and constants; 0: none; LITERAL_CONFLICT */
	struct table *tables; /* of proof_tables.c */
	uint32_t n_tables;
	uint64_t *places; /* by atom: entries of tables have a place each, or PROOF_NOWHERE */
};

#define EXTERN_CONFLICT UINT64_MAX
#define LITERAL_CONFLICT UINT64_MAX

/* Whether the kernel's link puts this section somewhere as one piece. */
bool proof_is_placed(const struct object *o, uint32_t section);

/*
 * Compares an atom with the installed code as if its section were at @base. Unless priv->strict,
 * fields that lead to sections of the object are not judged. *out is written in any case.
 */
void proof_compare(const struct proof *p, uint32_t atom, uint64_t base, struct proof_atom *out);

struct linked_half;

/*
 * What the field @r of the atom @a leads to if that is at @address: as installed_field(), and also where two fields have
 * half of a distance each.
 */
int proof_field(const struct proof *p, const struct atom *a, uint64_t address, const struct ref *r,
		struct installed_field *out);
/* Whether the link of a kernel has made @theirs of the instruction @ours with that field. */
bool proof_is_linked(const struct proof *p, const struct ref *r, const uint8_t *ours, const uint8_t *theirs,
		     struct linked_half *out);
/* Whether the name means where distances from the kernel's table of addresses count from, and that is at @address. */
bool proof_is_base(const struct proof *p, const char *name, uint64_t address);

/* Where an atom is installed, if its section has been placed or it is an entry that was found. */
uint64_t proof_address(const struct proof *p, const struct atom *a);

/* Calls @vote for each field of a matched atom, at @address, that leads to a section of the object. */
void proof_collect(const struct proof *p, uint32_t atom, uint64_t address,
		   void (*vote)(const struct proof *p, uint32_t section, uint64_t base));

/* Notes where the fields of a matched atom that name undefined symbols lead. */
void proof_note_externs(const struct proof *p, uint32_t atom);
/* The same for fields that lead to strings and constants. */
void proof_note_literals(const struct proof *p, uint32_t atom);

/* Finds the object's tables in the installed code. */
int proof_tables_open(struct proof *p);
/* Calls @vote for what equal entries lead to. */
void proof_tables_collect(struct proof *p,
			  void (*vote)(const struct proof *p, uint32_t section, uint64_t base));
/* After the comparison of everything else: judges entries, and functions by their number. */
void proof_tables_judge(struct proof *p);

#endif
