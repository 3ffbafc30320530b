/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the parts of the correlate pass: correlate.c forms the groups and says in which order the
 * strategies run, correlate_content.c pairs functions, correlate_users.c pairs numbered data by who
 * uses it, with what correlate_uses.c found, correlate_declared.c by where it is declared. Private to create-diff-object/correlate*.c.
 *
 * A strategy pairs atoms of one group that have no twin yet and leaves all others alone. Everything but
 * the pairs lies in an arena that ends with the pass.
 */
#ifndef KPATCH_CORRELATE_H
#define KPATCH_CORRELATE_H

#include "create-diff-object/passes.h"

struct correlate_declared;
struct strmap;

enum name_class { CLASS_CODE, CLASS_DATA, CLASS_VALUE, CLASS_INIT, CLASS_EXTERN, N_CLASSES, CLASS_NONE };

/* Atoms of one base name and class, as lists in file order. */
struct group {
	uint32_t first[2], last[2], n[2]; /* [0] original, [1] patched; numbered ones */
	uint32_t plain[2];		  /* the one whose name has no number, NO_ATOM */
	bool plain_twice;		  /* there are several of the same plain name */
	uint8_t class;
};

/* One reference to a numbered atom. */
struct use {
	uint32_t target;
	uint32_t user;	   /* number of the user's name in the source */
	uint32_t seq;	   /* position in the file */
	uint32_t ref, end; /* the reference; behind the last one of its atom */
	uint32_t next;	   /* further use of the same target; NO_ATOM */
};

struct uses {
	struct use *list;
	uint32_t n;
	uint32_t *first; /* by atom */
};

struct correlate {
	struct diff *d;
	const struct side *side[2];
	struct arena *arena;
	struct strmap *by_base[N_CLASSES];
	struct strmap *users; /* source name → number */
	struct group *groups;
	uint32_t n_groups;
	uint32_t *group_of[2]; /* by atom */
	uint32_t *next[2];     /* by atom: next of its group */
	uint32_t *same, *last; /* by original atom: next of its shape; of the first, the last of it */
	uint32_t *vote_of;     /* by patched atom: its vote */
	struct uses uses[2];
	struct correlate_declared *declared; /* correlate_declared.c's; NULL: nothing has asked for them */
};

static inline void correlate_pair(struct diff *d, uint32_t orig, uint32_t new, enum match how)
{
	d->pairs.twin[new] = orig;
	d->pairs.back[orig] = new;
	d->pairs.how[new] = (uint8_t)how;
}

/* correlate_uses.c */
/* Fills in @c->uses of one side. After the groups. */
int correlate_uses(struct correlate *c, int which);
/*
 * All uses of a group's numbered atoms, by user and then in the order of the file; each atom once a
 * user.
 */
void correlate_group_uses(struct correlate *c, const struct group *g, int which, struct use **out,
			  uint32_t *n_out);
/*
 * Whether, of @count variables that one user uses in this order, what surrounds the uses says that two
 * changed places.
 */
bool correlate_changed_places(const struct correlate *c, const struct use *o, const struct use *n,
			      uint32_t count);

/* once.c: takes guards of DO_ONCE() apart again that have to be fresh; after all strategies. */
int correlate_once(struct diff *d);

/* The strategies */
/* correlate_users.c: numbered data, by the functions and data that refer to it */
void correlate_by_users(struct correlate *c, const struct group *g);
/* correlate_declared.c: of these, statics that are open still, by the function that each is declared in */
int correlate_by_declaration(struct correlate *c, const struct group *g);
void correlate_declared_free(struct correlate *c);
/* correlate_content.c: numbered functions, by what they do; then the last one on both sides */
void correlate_by_content(struct correlate *c, const struct group *g);
/* correlate_content.c: numbered constants, by users where the value is the same; then by value */
void correlate_by_value(struct correlate *c, const struct group *g);

#endif
