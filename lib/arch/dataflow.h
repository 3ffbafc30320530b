/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an instruction does with the values in registers and memory, as far as one must know to follow an address
 * through code. The machines' folders make these records; the differ's escape analysis reads them.
 *
 * Registers are bits. A record may say more than happens (a register read that is not), never less.
 */
#ifndef KPATCH_ARCH_DATAFLOW_H
#define KPATCH_ARCH_DATAFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum go_kind {
	GO_ON,	   /* goes on with the next instruction */
	GO_CALL,   /* calls, and goes on */
	GO_JUMP,   /* goes elsewhere */
	GO_BRANCH, /* goes elsewhere or on */
	GO_RETURN,
};

struct dataflow_insn {
	uint32_t offset;     /* in its atom */
	uint8_t length;	     /* 0: it cannot be decoded */
	uint8_t kind;	     /* enum go_kind */
	uint8_t memory_at;   /* where in the instruction the displacement of its memory operand is; 0: none */
	uint8_t constant_at; /* where its immediate is, or the distance of a jump; 0: none */
	bool indirect : 1;   /* of calls and jumps: to where a register or memory says */
	bool from_memory : 1;	  /* … a memory */
	bool strange : 1;	  /* what becomes of the values that it reads is not known */
	bool address : 1;	  /* it computes the address of its memory operand only */
	bool compares : 1;	  /* what it does with @values is compare them */
	bool loads : 1;		  /* reads memory, and what it reads can be a whole pointer */
	bool stores : 1;	  /* writes memory */
	bool from_stack : 1;	  /* loads from @slot */
	bool to_stack : 1;	  /* stores to @slot */
	bool reads_slot : 1;	  /* reads @slot, of whatever width */
	bool fills : 1;		  /* stores a whole pointer's width */
	bool takes_frame : 1;	  /* uses the stack pointer as a value */
	bool moves_unknown : 1;	  /* the stack pointer is something else afterwards */
	int32_t slot;		  /* from the stack pointer, before the instruction */
	int32_t moves;		  /* by how much it moves the stack pointer */
	uint32_t values;	  /* registers whose values are read, other than to address memory */
	uint32_t base;		  /* registers that address the memory that it loads from */
	uint32_t writes, changes; /* registers overwritten as a whole; in part, or maybe */
	int64_t target;		  /* of direct jumps: offset in the atom */
};

/* Of a machine on which values are not followed: the instruction may do anything with all of them. */
static inline struct dataflow_insn dataflow_anything(uint32_t offset, uint8_t length)
{
	return (struct dataflow_insn){ .offset = offset,
				       .length = length,
				       .values = UINT32_MAX,
				       .base = UINT32_MAX,
				       .changes = UINT32_MAX,
				       .loads = true,
				       .stores = true,
				       .takes_frame = true,
				       .moves_unknown = true,
				       .strange = true };
}

#endif
