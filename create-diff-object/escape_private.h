/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the escape analysis have in common. */
#ifndef KPATCH_ESCAPE_PRIVATE_H
#define KPATCH_ESCAPE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "create-diff-object/escape.h"
#include "lib/arch/arch.h"
#include "lib/arch/dataflow.h"

/* Parts of parts of a function, in damaged objects. */
#define MAX_PARTS 16

/* Another way on from an instruction: an alternative, a jump label, a fault. */
struct way {
	uint32_t from; /* offset of the instruction */
	uint32_t atom;
	int64_t offset;
};

/* The decoded code of an atom. */
struct code {
	struct dataflow_insn *insns;
	uint32_t n_insns;
	uint32_t *at; /* by offset: the instruction that starts there, or NO_ATOM */
	uint64_t size;
	struct way *ways;
	uint32_t n_ways;
	bool continues; /* a replacement: behind its end the code goes on at … */
	uint32_t back_atom;
	int64_t back_offset;
};

/* A place in a function whose address is taken: where goto *p and the jumps of a switch may lead. */
struct label {
	uint32_t atom;
	int64_t offset;
	bool lonely; /* not in a table of labels: others may be told from it */
};

/* What a function does with an argument. */
struct summary {
	bool known, escapes, returns, compared;
};

/* The stack frame of a function. */
struct frame {
	bool scanned, addressed; /* it takes an address in its frame */
	bool asked, kept;	 /* none of these gets away */
};

/* How a function is declared. */
struct prototype {
	const char *name;
	uint32_t registers; /* that it takes arguments in, of those that there are for that */
	bool stack;	    /* it may take more on the stack */
	uint32_t words;	    /* of 8 bytes that its arguments take, at most */
	uint32_t results;   /* registers that it may return something in */
};

struct escapes {
	struct diff *d;
	struct code **code;	    /* by atom; NULL: not decoded yet */
	struct summary **summaries; /* by function: [argument * 2 + deep]; NULL: none asked for */
	struct frame *frames;	    /* by function */
	bool *active;		    /* by function: a walk through it has not ended */
	uint8_t *leads;		    /* by atom: escapes_leads_to_patch() + 1, 0: not known */
	uint8_t *ours;		    /* by function: called_by_patch_only() + 1, 0: not known */
	uint8_t *variables;	    /* by atom: escape_walk.c */
	uint32_t nested;	    /* likewise */
	struct label *labels;	    /* NULL: not listed yet */
	uint32_t n_labels;
	uint32_t depth, steps, work;
	bool everyone; /* a result is followed to all callers that the object has, not to those of the patch alone */
	bool types_read, without_lockdep;
	struct prototype *prototypes; /* sorted by name */
	size_t n_prototypes;
};

/* escape_code.c. */
struct escapes *escapes_get(struct diff *d);
const struct code *escapes_code(struct escapes *f, uint32_t atom);
struct frame *escapes_frame(struct escapes *f, uint32_t function);
/* The instruction at @offset, or NO_ATOM. */
uint32_t code_insn(const struct code *c, int64_t offset);
/* The instruction that has the byte at @offset, or NO_ATOM. */
uint32_t code_insn_of(const struct code *c, uint32_t offset);
/* The reference whose field is at @offset of @a, or NULL. */
const struct ref *escapes_ref(const struct escapes *f, const struct atom *a, uint64_t offset);
bool is_code(const struct diff *d, uint32_t atom);
/* All labels of code in the object, *n of them. */
const struct label *escapes_labels(struct escapes *f, uint32_t *n);
/* The function that code is part of; NO_ATOM if that is not known. */
uint32_t escapes_root(const struct escapes *f, uint32_t atom);
/* Whether a jump from @from to @target stays in the function @root. */
bool escapes_continues(const struct escapes *f, uint32_t root, uint32_t from, uint32_t target);
/* Whether the object has the code that runs when @function is called from the patch. */
bool escapes_has_code(const struct escapes *f, uint32_t function);
/* Whether a call of @function is one of the kernel's own, which the patch has no version of. */
bool escapes_is_kernels(const struct escapes *f, uint32_t function);
/* Whether what the reference's target holds may be addresses of what only the patch has. */
bool escapes_leads_to_patch(struct escapes *f, uint32_t target);

/* escape_types.c: of a symbol, or of a function by its name in the source. */
struct prototype escapes_prototype(struct escapes *f, const char *name);
/* Whether the object says that its kernel has no lockdep: then classes of locks take no room. */
bool escapes_without_lockdep(struct escapes *f);

/* escape_walk.c */
const struct summary *escapes_summary(struct escapes *f, uint32_t function, uint32_t argument, bool deep);
bool frame_private(struct escapes *f, uint32_t function);
/* From an instruction that makes the address, or a call of @callee that returns it. *returns: the function returns it. */
void walk_from_insn(struct escapes *f, uint32_t atom, uint32_t insn, bool deep, struct escape *out,
		    bool *returns);
void walk_from_result(struct escapes *f, uint32_t atom, uint32_t insn, uint32_t callee, bool deep,
		      struct escape *out, bool *returns);

#endif
