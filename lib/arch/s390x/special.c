// SPDX-License-Identifier: GPL-2.0-only
/*
 * The special sections of s390x kernels 6.1 to 6.12, as data: those that other machines do not have, or have with other
 * entries. Sizes and fields were measured on objects that gcc 12 made of these kernels' sources.
 */
#include "lib/arch/s390x/s390x.h"
#include "lib/arch/special_table.h"

/* Places where code jumps to an address in a register, by a thunk that the kernel may take away. */
#define PLACES(section)                                                                                      \
	OF_CODE(SECTION_SPECIAL, section, 4, "indirect branch", .read_early = true, .complete = true,        \
		FIELDS(CODE(0)))

const struct special_section s390x_specials[] = {
	/* type and data follow */
	OF_CODE(SECTION_SPECIAL, "__ex_table", 12, "exception table entry", FIELDS(CODE(0), TARGET(4)),
		.read_early = true, .complete = true),
	/* 11 bytes, with a facility's number of two, until 6.9; then 13, with one of four and flags */
	OF_CODE(SECTION_SPECIAL, ".altinstructions", 11, "alternative", .read_early = true,
		.length_offset = 10, FIELDS(CODE(0), REPLACEMENT(4))),
	OF_CODE(SECTION_SPECIAL, ".altinstructions", 13, "alternative", .read_early = true,
		.length_offset = 12, FIELDS(CODE(0), REPLACEMENT(4))),
	REPLACEMENTS_OF_ALTERNATIVES,
	PLACES(".s390_indirect_jump"),
	PLACES(".s390_indirect_call"),
	PLACES(".s390_return_mem"),
	PLACES(".s390_return_reg"),
	END_OF_SPECIALS,
};
