// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of addresses and constants in registers, as far as this machine is understood: whether an address is
 * compared or stored, and whether a constant is the line of a call. What is not known errs to the safe side: a register
 * holds an address until an instruction writes it that is known to, and no other instruction
 * may look at a line.
 */
#include <string.h>

#include "lib/arch/dataflow.h"
#include "lib/arch/lines.h"
#include "lib/arch/ppc64le/ppc64le.h"

/* Extended opcodes of PPC_EXTENDED. */
enum {
	X_CMP = 0,
	X_SUBFC = 8,
	X_CMPL = 32,
	X_SUBF = 40,
	X_STDX = 149,
	X_STWX = 151,
	X_XOR = 316,
	X_OR = 444,
};

static unsigned int extended(uint32_t word)
{
	return word >> 1 & 0x3ff;
}

static bool ends_here(uint32_t word)
{
	struct insn insn;
	uint8_t code[PPC_INSN];

	put_unsigned(code, sizeof(code), false, word);
	ppc64le_decode(NULL, code, sizeof(code), &insn);
	return insn.flow == FLOW_JUMP || insn.flow == FLOW_AWAY;
}

static bool is_call(uint32_t word)
{
	unsigned int opcode = ppc_opcode(word);

	return (opcode == PPC_B || opcode == PPC_BC || opcode == PPC_BRANCH_TO_REGISTER) && ppc_links(word);
}

/* What one of the registers in @held may be used for by the instruction. */
typedef bool use(uint32_t word, uint32_t held);

/*
 * cmpd, cmpw, cmpld, cmplw of two registers; and what gcc makes of x == y as a value, which begins with their difference. With
 * an immediate nothing is compared that an address could be.
 */
static bool compares(uint32_t word, uint32_t held)
{
	uint32_t ra = 1u << ppc_ra(word), rb = 1u << ppc_rb(word);

	if (ppc_opcode(word) != PPC_EXTENDED)
		return false;
	switch (extended(word)) {
	case X_CMP:
	case X_CMPL:
	case X_SUBF:
	case X_SUBFC:
		return (ra | rb) & held;
	case X_XOR:
		return (1u << ppc_rt(word) | rb) & held;
	default:
		return false;
	}
}

static bool stores(uint32_t word, uint32_t held)
{
	unsigned int opcode = ppc_opcode(word);
	bool plain = opcode == PPC_STW || opcode == PPC_STWU || opcode == PPC_STD;
	bool indexed = opcode == PPC_EXTENDED && (extended(word) == X_STDX || extended(word) == X_STWX);

	return (indexed || (plain && ppc_ra(word) != 1)) && 1u << ppc_rt(word) & held;
}

/* The registers that hold the address afterwards, of those that did. Sums with it are it still. */
static uint32_t held_after(uint32_t word, uint32_t held)
{
	unsigned int opcode = ppc_opcode(word);
	uint32_t rt = 1u << ppc_rt(word), ra = 1u << ppc_ra(word);

	if (is_call(word))
		return held & ~PPC_CLOBBERED;
	if (opcode == PPC_EXTENDED && extended(word) == X_OR) /* or ra, rs, rb; mr ra, rs */
		return rt & held || 1u << ppc_rb(word) & held ? held | ra : held & ~ra;
	if (opcode == PPC_ADDI || opcode == PPC_ADDIS)
		return ppc_ra(word) && ra & held ? held | rt : held & ~rt;
	if (opcode == PPC_LWZ || opcode == PPC_LD)
		return held & ~rt;
	return held;
}

/*
 * Follows the address that the field's instruction has in a register, straight on: past conditional branches, as far as
 * the next place that cannot be fallen into. The upper half of an address is none.
 */
static bool used(const struct code_field *f, use *how)
{
	uint64_t at = f->offset - f->offset % PPC_INSN;
	uint32_t word, held;

	if (f->width != PPC_INSN || f->pc_relative || f->size < PPC_INSN || at > f->size - PPC_INSN)
		return false;
	word = ppc_word(f->code + at);
	if (ppc_opcode(word) != PPC_ADDI && ppc_opcode(word) != PPC_LD)
		return false;
	held = 1u << ppc_rt(word);
	for (at += PPC_INSN; held && at <= f->size - PPC_INSN; at += PPC_INSN) {
		word = ppc_word(f->code + at);
		if (how(word, held))
			return true;
		if (ends_here(word))
			return false;
		held = held_after(word, held);
	}
	return false;
}

bool ppc64le_is_compared(const struct code_field *f, uint64_t *start)
{
	*start = f->offset - f->offset % PPC_INSN;
	return used(f, compares);
}

bool ppc64le_is_stored(const struct code_field *f)
{
	return used(f, stores);
}

/* Values are not followed yet: each instruction may do anything with all of them. */
void ppc64le_dataflow(const uint8_t *code, size_t size, uint32_t offset, struct dataflow_insn *out)
{
	struct insn_flow insn;

	ppc64le_read_insn(code + offset, size - offset, UINT64_MAX, &insn);
	*out = dataflow_anything(offset, insn.length == PPC_INSN ? PPC_INSN : 0);
}

/* Lines */

#define FIRST_ARGUMENT 3u /* r3 to r10 */
#define N_ARGUMENT_REGISTERS 8u

/* The argument register that li loads with a constant; 0: it is no such instruction. */
static unsigned int constant_for(uint32_t word)
{
	unsigned int r = ppc_rt(word);

	if (ppc_opcode(word) != PPC_ADDI || ppc_ra(word) || r < FIRST_ARGUMENT ||
	    r >= FIRST_ARGUMENT + N_ARGUMENT_REGISTERS)
		return 0;
	return r;
}

/*
 * Whether the instruction has the number of a pending register where one could be named; lmw and stmw name a range. An immediate
 * may look like one, which costs no more than the answer that something differs.
 */
static bool may_use(uint32_t word, uint32_t pending)
{
	uint32_t named =
		1u << ppc_rt(word) | 1u << ppc_ra(word) | 1u << ppc_rb(word) | 1u << (word >> 6 & 31);

	return pending && (named & pending || ppc_opcode(word) == PPC_LMW || ppc_opcode(word) == PPC_STMW);
}

/* Which registers a plain instruction with an immediate names is certain. */
static bool uses(uint32_t word, uint32_t pending)
{
	switch (ppc_opcode(word)) {
	case PPC_ADDI:
	case PPC_ADDIS:
	case PPC_ORI:
	case PPC_LWZ:
	case PPC_STW:
	case PPC_STB:
	case PPC_STH:
	case PPC_LD:
	case PPC_STD:
		return pending & (1u << ppc_rt(word) | 1u << ppc_ra(word));
	default:
		return word != PPC_NOP && may_use(word, pending);
	}
}

static bool is_branch(uint32_t word)
{
	return ppc_opcode(word) == PPC_B || ppc_opcode(word) == PPC_BC ||
	       ppc_opcode(word) == PPC_BRANCH_TO_REGISTER;
}

static bool step(struct lines *l, uint64_t at, uint32_t was, uint32_t is)
{
	bool leaves = false;
	unsigned int r;

	if (was != is) {
		r = constant_for(is);
		/* a negative one is no line */
		if (!r || constant_for(was) != r || l->pending & 1u << r || (was | is) & 0x8000 ||
		    l->ask->refers(l->ask->of, at, PPC_INSN, &leaves))
			return false;
		l->pending |= 1u << r;
		l->was[r] = was & 0xffff;
		l->is[r] = is & 0xffff;
		return true;
	}
	if (!l->pending)
		return true;
	if (!is_branch(is))
		return !uses(is, l->pending);
	if (is_call(is))
		return lines_settle(l, at, FIRST_ARGUMENT);
	/* a function that ends in a call goes there */
	return ppc_opcode(is) == PPC_B && l->ask->refers(l->ask->of, at, PPC_INSN, &leaves) && leaves &&
	       lines_settle(l, at, FIRST_ARGUMENT);
}

/* Bytes that references fill are of no account, and those of one field are compared with it. */
static uint32_t without_field(const struct lines *l, uint64_t at, uint32_t word)
{
	bool leaves;

	if (!l->ask->refers(l->ask->of, at, PPC_INSN, &leaves))
		return word;
	return ppc_opcode(word) == PPC_B ? word & ~0x03fffffcu : word & ~0xffffu;
}

bool ppc64le_only_lines(const uint8_t *was, const uint8_t *is, size_t size, const struct line_questions *ask,
			struct line_arguments *found)
{
	struct lines l = { .ask = ask, .found = found };

	*found = (struct line_arguments){ .n = 0 };
	for (uint64_t at = 0; at + PPC_INSN <= size; at += PPC_INSN) {
		uint32_t a = ppc_word(was + at), b = ppc_word(is + at);

		if (a != b) {
			a = without_field(&l, at, a);
			b = without_field(&l, at, b);
		}
		if (!step(&l, at, a, b))
			return false;
	}
	return !l.pending &&
	       !memcmp(was + size - size % PPC_INSN, is + size - size % PPC_INSN, size % PPC_INSN);
}
