// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which way does a branch go as long as the variable that it looks at has its initial value? That is the way of the
 * first run. Where the variable is written at all, another run may go the other way: before the join, behind it, or
 * in a function that gets its address.
 */
#include <string.h>

#include "create-diff-object/guards.h"
#include "lib/arch/arch.h"
#include "lib/elf/object.h"

/*
 * The initial value at @at of a variable, so many bytes of it as there are. Where a reference fills it, the file has zero,
 * and so has the instruction that compares it with another address: a list that is empty leads to itself.
 */
static uint64_t initial_value(const struct atom *a, int64_t at, uint32_t *bits)
{
	const uint8_t *bytes = a->section ? atom_bytes(a) : NULL;
	uint64_t value = 0, size = *bits / 8;

	if (at < 0 || (uint64_t)at >= a->size)
		return 0;
	if (size > a->size - (uint64_t)at)
		size = a->size - (uint64_t)at;
	*bits = 8 * (uint32_t)size;
	for (uint64_t i = 0; bytes && i < size; i++)
		value |= (uint64_t)bytes[(uint64_t)at + i] << 8 * i;
	return value;
}

static uint64_t low_bits(uint64_t value, uint32_t bits)
{
	return bits < 64 ? value & ((UINT64_C(1) << bits) - 1) : value;
}

static int64_t with_sign(uint64_t value, uint32_t bits)
{
	uint64_t sign = UINT64_C(1) << (bits - 1);

	return (int64_t)((low_bits(value, bits) ^ sign) - sign);
}

static bool holds(enum branch_when when, uint64_t a, uint64_t b, uint32_t bits)
{
	switch (when) {
	case WHEN_EQUAL:
		return low_bits(a, bits) == low_bits(b, bits);
	case WHEN_LESS:
		return with_sign(a, bits) < with_sign(b, bits);
	case WHEN_LESS_EQUAL:
		return with_sign(a, bits) <= with_sign(b, bits);
	case WHEN_BELOW:
		return low_bits(a, bits) < low_bits(b, bits);
	case WHEN_BELOW_EQUAL:
		return low_bits(a, bits) <= low_bits(b, bits);
	case WHEN_NEGATIVE:
		return with_sign(a - b, bits) < 0;
	case WHEN_OTHER:
		break;
	}
	return false;
}

int guards_first_edge(const struct atom *guard, int64_t at, uint64_t mask, const struct insn_flow *test,
		      const struct insn_flow *branch)
{
	uint32_t bits = test->bits;
	uint64_t value;

	if (!bits || bits > 64 || branch->when == WHEN_OTHER)
		return -1;
	value = initial_value(guard, at, &bits) & mask;
	if (!bits)
		return -1;
	if (test->masks)
		return holds(branch->when, value & test->value, 0, bits) != branch->unless;
	return holds(branch->when, value, test->value, bits) != branch->unless;
}
