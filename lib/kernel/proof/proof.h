/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The proof that a compiled object is the installed code, and the exact address of everything in it.
 *
 * The object ("reference") is compiled with the distribution's own flags and not split by function,
 * so the kernel's link placed each of its sections as one piece. What is found out, per section, is
 * its base: the address at which the installed bytes equal the section's outside of relocated fields
 * and every field leads to what the object names. Symbols of the object give the first bases;
 * decoded fields of matched code give those of other sections. All of them must agree.
 *
 * Strings and merged constants have no base: the linker merges them, so what a field leads to is
 * compared by content.
 */
#ifndef KPATCH_KERNEL_PROOF_H
#define KPATCH_KERNEL_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct installed;
struct object;
struct proof_private;
struct strmap;

#define PROOF_NOWHERE UINT64_MAX

enum proof_status {
	PROOF_SKIPPED,	       /* not compared: tables that tools make, strings, undefined, … */
	PROOF_MATCHED,	       /* equal */
	PROOF_UNPLACED,	       /* where its section was put is not known */
	PROOF_DIFFERS,	       /* other bytes: .offset */
	PROOF_LEADS_ELSEWHERE, /* a field leads to something else: .offset, .ref */
	PROOF_DEPENDS,	       /* equal itself, but read-only data it uses differs: .ref */
	PROOF_ENTRY,	       /* equal itself, but a table's entry about it is not: .ref is the atom */
	PROOF_OTHER_TABLE,     /* equal, but a table has another number of entries: .ref, its section */
};

struct proof_atom {
	enum proof_status status;
	uint64_t offset; /* first difference, from the atom's offset */
	uint32_t ref;	 /* index in object.refs, unless said otherwise */
};

struct proof {
	const struct object *object;
	const struct installed *installed;
	uint64_t *base;		     /* by section: address, or PROOF_NOWHERE */
	struct proof_atom *atoms;    /* by atom */
	uint32_t functions, matched; /* named functions; those with PROOF_MATCHED */
	struct proof_private *priv;
};

/*
 * Compares. Never fails because of a mismatch: what was found is in the result, whose memory is from
 * @arena, but for an index that proof_free() frees. Both inputs are borrowed.
 */
int proof_make(const struct object *object, const struct installed *installed, struct arena *arena,
	       struct proof **out);
void proof_free(struct proof *p);

/*
 * The proven address of the symbol @name that is undefined in the object, or weak and so perhaps
 * overridden: where fields of matched code lead. 0; -ENOENT: no matched code uses it; -ENOTUNIQ:
 * fields lead to different places.
 */
int proof_extern(const struct proof *p, const char *name, uint64_t *address);

/*
 * The proven address of a string or merged constant of the object: where fields of matched code lead.
 * PROOF_NOWHERE: no matched code uses it, or fields lead to different places.
 */
uint64_t proof_literal(const struct proof *p, uint32_t atom);

/*
 * Why an atom is not matched, one sentence with both instructions disassembled where they differ,
 * from @arena; NULL for a matched one.
 */
const char *proof_explain(const struct proof *p, uint32_t atom, struct arena *arena);

#endif
