// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of addresses and constants in registers, as far as this machine is understood: whether a constant is the
 * line of a call. Which values an instruction reads and writes is not known here, so any address may be compared and
 * stored, and any instruction that could name a register with a line may look at it.
 */
#include <string.h>

#include "lib/arch/dataflow.h"
#include "lib/arch/lines.h"
#include "lib/arch/s390x/s390x.h"

/* Distances get away by instructions that nobody here follows. A branch's goes nowhere but to the program counter. */
bool s390x_is_compared(const struct code_field *f, uint64_t *start)
{
	*start = f->offset >= 2 ? f->offset - 2 : 0;
	return f->pc_relative && !s390x_is_branch(f);
}

bool s390x_is_stored(const struct code_field *f)
{
	return f->pc_relative && !s390x_is_branch(f);
}

/* Values are not followed: each instruction may do anything with all of them. */
void s390x_dataflow(const uint8_t *code, size_t size, uint32_t offset, struct dataflow_insn *out)
{
	struct insn_flow insn;

	s390x_read_insn(code + offset, size - offset, UINT64_MAX, &insn);
	*out = dataflow_anything(offset, insn.length >= 2 ? insn.length : 0);
}

/* Lines */

#define FIRST_ARGUMENT 2u /* %r2 to %r6 */
#define N_ARGUMENT_REGISTERS 5u

/* An instruction that loads an argument register with a constant: lhi, lghi, lgfi, llilf. */
struct constant {
	unsigned int reg; /* 0: it is none */
	uint32_t value;
};

static struct constant constant_of(const uint8_t *code, size_t length)
{
	unsigned int reg = code[1] >> 4, rest = code[1] & 0xf;
	bool in_16 = length == 4 && code[0] == 0xa7 && (rest == 0x8 || rest == 0x9);
	bool in_32 = length == 6 && code[0] == 0xc0 && (rest == 0x1 || rest == 0xf);
	struct constant c = { .reg = reg };

	if ((!in_16 && !in_32) || reg < FIRST_ARGUMENT || reg >= FIRST_ARGUMENT + N_ARGUMENT_REGISTERS)
		return (struct constant){ 0 };
	c.value = (uint32_t)get_unsigned(code + 2, length - 2, true);
	/* a negative one is no line */
	if (c.value >> (in_16 ? 15 : 31))
		return (struct constant){ 0 };
	return c;
}

/* A register's number in an instruction may stand for the next one too: a number of 128 bits, an address with its length. */
static uint32_t named_by(uint8_t byte)
{
	return 3u << (byte >> 4) | 3u << (byte & 0xf);
}

/*
 * Whether the instruction has the number of a pending register where one could be named: in any half of a byte behind the opcode's
 * first. A range of registers (stmg, lmg) is named by its ends. An immediate may look like one, which costs no more than the
 * answer that something differs.
 */
static bool may_use(const uint8_t *code, size_t length, uint32_t pending)
{
	static const uint8_t ranges[] = { 0x86, 0x87, 0x90, 0x98, 0xeb, 0xef };

	if (memchr(ranges, code[0], sizeof(ranges)))
		return true;
	for (size_t i = 1; i < length; i++)
		if (pending & named_by(code[i]))
			return true;
	return false;
}

/* Which register an instruction with one and a distance or a constant names is certain: larl, lgrl and kin, lhi and kin. */
static bool uses(const uint8_t *code, size_t length, uint32_t pending)
{
	unsigned int rest = code[1] & 0xf;

	if ((code[0] == 0xc0 && rest == 0) || code[0] == 0xc4 || constant_of(code, length).reg)
		return pending & 1u << (code[1] >> 4);
	return may_use(code, length, pending);
}

/* Another constant for the same argument register, which no reference fills. */
static bool other_constant(struct lines *l, uint64_t at, const uint8_t *was, const uint8_t *is, size_t length)
{
	struct constant a = constant_of(was, length), b = constant_of(is, length);
	bool leaves;

	if (!a.reg || a.reg != b.reg || was[0] != is[0] || was[1] != is[1] || l->pending & 1u << a.reg ||
	    l->ask->refers(l->ask->of, at, length, &leaves))
		return false;
	l->pending |= 1u << a.reg;
	l->was[a.reg] = a.value;
	l->is[a.reg] = b.value;
	return true;
}

/* The instruction at @at is the same in both. */
static bool same(struct lines *l, uint64_t at, const uint8_t *code, size_t length)
{
	struct insn_flow insn;
	bool leaves = false;

	if (!l->pending)
		return true;
	s390x_read_insn(code, length, UINT64_MAX, &insn);
	if (insn.flow == FLOW_CALL)
		return lines_settle(l, at, FIRST_ARGUMENT);
	if (insn.flow == FLOW_NEXT)
		return !uses(code, length, l->pending);
	/* a function that ends in a call goes there */
	return insn.flow == FLOW_JUMP && l->ask->refers(l->ask->of, at, length, &leaves) && leaves &&
	       lines_settle(l, at, FIRST_ARGUMENT);
}

/* Whether both are the same but for what a reference fills, which has been compared. */
static bool alike(const struct lines *l, uint64_t at, const uint8_t *was, const uint8_t *is, size_t length)
{
	struct insn insn;
	bool leaves;

	if (!memcmp(was, is, length))
		return true;
	s390x_decode(NULL, is, length, &insn);
	return insn.relative && l->ask->refers(l->ask->of, at, length, &leaves) &&
	       !memcmp(was, is, insn.field) &&
	       !memcmp(was + insn.field + insn.width, is + insn.field + insn.width,
		       length - insn.field - insn.width);
}

bool s390x_only_lines(const uint8_t *was, const uint8_t *is, size_t size, const struct line_questions *ask,
		      struct line_arguments *found)
{
	struct lines l = { .ask = ask, .found = found };
	size_t length;

	*found = (struct line_arguments){ .n = 0 };
	for (uint64_t at = 0; at < size; at += length) {
		length = s390x_length(is[at]);
		if (length > size - at)
			return !l.pending && !memcmp(was + at, is + at, size - at);
		if (alike(&l, at, was + at, is + at, length) ?
			    !same(&l, at, is + at, length) :
			    !other_constant(&l, at, was + at, is + at, length))
			return false;
	}
	return !l.pending;
}
