// SPDX-License-Identifier: GPL-2.0-only
/* See reloc.h. */
#include "lib/arch/reloc.h"

#include "lib/util/bytes.h"

/* @bits ones; 64 of them, too. */
static uint64_t ones(unsigned int bits)
{
	return bits >= 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

static bool is_whole(const struct reloc_type *t)
{
	return !t->parts[0].bits;
}

/* Part @i of the field; one of no bits: there are no more. */
static struct field_part part_of(const struct reloc_type *t, unsigned int i)
{
	if (!is_whole(t))
		return i < FIELD_PARTS ? t->parts[i] : (struct field_part){ 0 };
	return (struct field_part){ .bits = i ? 0 : (uint8_t)(8 * t->width) };
}

/* The unit's bits that the field has. */
static uint64_t field_mask(const struct reloc_type *t)
{
	uint64_t mask = 0;
	struct field_part p;

	for (unsigned int i = 0; (p = part_of(t, i)).bits; i++)
		mask |= ones(p.bits) << p.at;
	return mask;
}

uint8_t reloc_byte(const struct reloc_type *t, bool big_endian, size_t i)
{
	if (is_whole(t))
		return 0xff;
	return (uint8_t)(field_mask(t) >> 8 * (big_endian ? t->width - 1 - i : i));
}

/* The number of the first bit of the value that the field does not have. */
static unsigned int top_bit(const struct reloc_type *t)
{
	unsigned int top = 0;
	struct field_part p;

	for (unsigned int i = 0; (p = part_of(t, i)).bits; i++)
		top = p.from + p.bits;
	return top;
}

int64_t reloc_get(const struct reloc_type *t, bool big_endian, const uint8_t *at)
{
	uint64_t unit = get_unsigned(at, t->width, big_endian), value = 0;
	unsigned int top = top_bit(t);
	struct field_part p;

	for (unsigned int i = 0; (p = part_of(t, i)).bits; i++)
		value |= (unit >> p.at & ones(p.bits)) << p.from;
	if (t->is_signed && top && top < 64 && value >> (top - 1) & 1)
		value |= ~ones(top);
	return (int64_t)value;
}

static bool fits(const struct reloc_type *t, uint64_t value)
{
	unsigned int low = part_of(t, 0).from, top = top_bit(t);
	uint64_t above;

	if (!t->drops_low && value & ones(low))
		return false;
	if (t->drops_high || top >= 64)
		return true;
	above = value & ~ones(t->is_signed ? top - 1 : top);
	return !above || (t->is_signed && above == ~ones(top - 1));
}

bool reloc_put(const struct reloc_type *t, bool big_endian, uint8_t *at, int64_t value)
{
	unsigned int low = part_of(t, 0).from;
	uint64_t unit, from = (uint64_t)value;
	struct field_part p;

	if (!t->width)
		return true;
	if (t->rounds && low)
		from += 1ULL << (low - 1);
	if (!fits(t, from))
		return false;
	unit = get_unsigned(at, t->width, big_endian) & ~field_mask(t);
	for (unsigned int i = 0; (p = part_of(t, i)).bits; i++)
		unit |= (from >> p.from & ones(p.bits)) << p.at;
	put_unsigned(at, t->width, big_endian, unit);
	return true;
}

void reloc_clear(const struct reloc_type *t, bool big_endian, uint8_t *at)
{
	for (size_t i = 0; i < t->width; i++)
		at[i] &= (uint8_t)~reloc_byte(t, big_endian, i);
}

size_t reloc_differs_around(const struct reloc_type *t, bool big_endian, const uint8_t *a, const uint8_t *b)
{
	size_t i = is_whole(t) ? t->width : 0;

	while (i < t->width && !((a[i] ^ b[i]) & ~reloc_byte(t, big_endian, i)))
		i++;
	return i;
}
