/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Relocation types, as data: which bits of which bytes they fill, and with which bits of the value.
 *
 * Those of some machines fill whole bytes. Those of others fill bits of an instruction's word, in one or two parts, with
 * a distance that counts words or half-words, or with the high or the low part of an address, of which another
 * relocation has the rest: then the two values that reloc_get() reads add up to the whole.
 */
#ifndef KPATCH_ARCH_RELOC_H
#define KPATCH_ARCH_RELOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @bits bits of the value, from its bit @from on, are the bits from @at on of the unit. */
struct field_part {
	uint8_t bits, from, at;
};

#define FIELD_PARTS 2

/* A relocation type, by number. */
struct reloc_type {
	const char *name; /* NULL: not in use */
	uint8_t width;	  /* bytes of the unit that holds the field; 0: it fills none */
	bool pc_relative;
	bool is_signed;	  /* a field of less than an address is extended with its sign */
	bool loaded;	  /* the kernel's module loader applies it, so a klp relocation may be one */
	bool drops_low;	  /* bits of the value below the field's may be set: another relocation has them */
	bool drops_high;  /* bits above, too */
	bool rounds;	  /* to the nearest multiple, since the low part is extended with its sign */
	bool from_itself; /* counts from its own place also in code, and may be data between instructions */
	bool hint;  /* without a symbol it asks for nothing: the linker may make other code of this place */
	bool reads; /* of instructions that may read a table's entry, rather than get at its place */
	bool from_table; /* counts from where the register of the table of addresses points (struct indirection) */
	bool within; /* what it leads to must be of the same module: nobody checks whether more fits */
	/* The value's lowest bits first. The first part has no bits: all of the unit's are the value's. */
	struct field_part parts[FIELD_PARTS];
};

/* The relocation that does nothing has this number on every machine. */
#define R_NONE 0

/* The bits of the byte @i of the unit that belong to the field. */
uint8_t reloc_byte(const struct reloc_type *t, bool big_endian, size_t i);
/* The value that the field at @at holds; its dropped bits are 0. */
int64_t reloc_get(const struct reloc_type *t, bool big_endian, const uint8_t *at);
/* Writes @value to the field. False, and nothing is written: it does not fit. */
bool reloc_put(const struct reloc_type *t, bool big_endian, uint8_t *at, int64_t value);
/* Makes the field zero. */
void reloc_clear(const struct reloc_type *t, bool big_endian, uint8_t *at);
/* The first byte of two units that differs outside of the field; the width: none. */
size_t reloc_differs_around(const struct reloc_type *t, bool big_endian, const uint8_t *a, const uint8_t *b);

#endif
