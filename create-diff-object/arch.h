/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between machines, as far as the differ is concerned: the shape of branches and of
 * table entries. One file a machine in arch/.
 */
#ifndef KPATCH_DIFF_ARCH_H
#define KPATCH_DIFF_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/elf/object.h"

/* Where control goes after an instruction. */
enum flow_kind {
	FLOW_NEXT,
	FLOW_CALL,   /* and then on, as a rule */
	FLOW_BRANCH, /* on or elsewhere */
	FLOW_JUMP,
	FLOW_END, /* it returns, or jumps to where the code does not say */
};

/* What an instruction does to what its reference leads to. */
#define ACCESS_READ 1u
#define ACCESS_WRITE 2u
#define ACCESS_ADDRESS 4u /* takes its address */

/* An instruction, as far as control and memory go. */
struct insn_flow {
	uint8_t length;	  /* at least 1 */
	uint8_t flow;	  /* enum flow_kind */
	uint8_t access;	  /* ACCESS_* */
	bool tests;	  /* compares with zero, or looks at bits */
	bool compares;	  /* compares with a constant */
	int64_t distance; /* of a branch or jump without a reference: from the end of the instruction */
};

struct dataflow_insn;

#define N_ARGUMENTS 6 /* in registers */
#define N_RESULTS 2

/* What a function that code calls by its name does with registers. */
enum call_kind {
	CALL_C,		/* takes arguments, and may change what C functions may change */
	CALL_ELSEWHERE, /* goes on to where a register says */
	CALL_NOTHING,	/* takes and changes none */
	CALL_ASM,	/* takes any, and may leave any as it is */
};

/* Line numbers that calls are given, and the first of them. */
struct line_arguments {
	size_t n;
	uint64_t call;	       /* its offset in the function */
	unsigned int argument; /* from 1; 0: one on the stack */
	unsigned int was, is;
};

struct arch {
	uint16_t machine;
	uint32_t pointer_type; /* relocation type of a pointer in data */
	uint8_t text_fill;     /* one-byte instruction that fills gaps between functions */

	/* Whether the reference is the operand of a direct call or jump. */
	bool (*is_branch)(const struct object *o, const struct atom *a, const struct ref *r);

	/*
	 * Whether the reference's address is compared with a value, rather than used to get at something.
	 * *start is where some instruction not behind the field starts (0 will always do), and then where the
	 * one starts that the field is part of: references asked about in order cost one walk.
	 */
	bool (*is_compared)(const struct atom *a, const struct ref *r, uint64_t *start);
	/* Whether the reference's address is written to memory other than the stack. */
	bool (*is_stored)(const struct atom *a, const struct ref *r);

	/*
	 * Reads the instruction at @code, of which @size bytes are there and whose reference's field is
	 * @field bytes behind @code (anything beyond the instruction: it has none).
	 */
	void (*read_insn)(const uint8_t *code, size_t size, uint64_t field, struct insn_flow *out);

	/*
	 * Constants that the kernel writes into its own code while it boots. Turns the instruction at
	 * @code that loads a 64-bit immediate into one of the same length that loads the variable. Sets
	 * where its operand's field is, the field's relocation type being @operand_type, and the
	 * addend. Its length, or 0: it is no such instruction. The immediate is @immediate_at bytes behind @code.
	 */
	uint32_t operand_type, immediate_at;
	size_t (*load_variable)(uint8_t *code, size_t size, uint32_t *field, int64_t *addend);

	/*
	 * Whether the bytes of two functions of one size differ in nothing but constants that are passed to
	 * calls and are, in both, the line of that call by the object's debug information. Their references are already
	 * known to be the same. *found: which.
	 */
	bool (*only_lines)(struct object *o, const struct atom *a, struct object *n, const struct atom *b,
			   struct line_arguments *found);

	/* What the instruction at @offset of @size bytes of code does with values: dataflow.h. */
	void (*dataflow)(const uint8_t *code, size_t size, uint32_t offset, struct dataflow_insn *out);
	uint32_t arguments[N_ARGUMENTS]; /* registers as bits: the first arguments of a call, */
	uint32_t results[N_RESULTS];	 /* its result, and a longer result's second half; */
	uint32_t clobbered;		 /* what it may change; */
	uint32_t stack_pointer;
	uint8_t return_size; /* bytes of the stack that a call takes */
	enum call_kind (*call_kind)(const char *callee);
	const char *return_thunk; /* a jump to it is a return */
	uint8_t site_length_before; /* bytes before the length of a replacement: the length of what it replaces */
};

extern const struct arch arch_x86_64;

/* The machine's description, or NULL. */
static inline const struct arch *arch_find(uint16_t machine)
{
	return machine == arch_x86_64.machine ? &arch_x86_64 : NULL;
}

#endif
