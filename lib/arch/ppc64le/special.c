/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The special sections of ppc64le kernels 6.1 to 6.12, as data: those that other machines do not have, or have with
 * other entries. Sizes and fields were measured on objects that gcc 12 made of these kernels' sources.
 */
#include "lib/arch/ppc64le/ppc64le.h"
#include "lib/arch/special_table.h"

/*
 * Code that is replaced on processors that have a feature, or have not: mask and value, then four distances that count
 * from the entry's start: where the code is, where it ends, and the same of what takes its place.
 */
#define FEATURE(section)                                                                                     \
	OF_CODE(SECTION_SPECIAL, section, 48, "feature fixup", .owner_offset = 16, .from_entry = true,       \
		.not_carried = true, FIELDS(CODE(16), TARGET(24), REPLACEMENT(32), REPLACEMENT(40)))
/* A place that is written over when the kernel knows what the processor needs. */
#define PLACE(section, words)                                                                                \
	OF_CODE(SECTION_SPECIAL, section, 8, words, .read_early = true, .complete = true, FIELDS(CODE(0)))

const struct special_section ppc64le_specials[] = {
	OF_CODE(SECTION_SPECIAL, "__ex_table", 8, "exception table entry", FIELDS(CODE(0), TARGET(4)),
		.read_early = true, .complete = true),
	FEATURE("__ftr_fixup"),
	FEATURE("__mmu_ftr_fixup"),
	FEATURE("__fw_ftr_fixup"),
	/* the replacements, a section for each number of label in the file */
	{ SECTION_SPECIAL,
	  { .name = "__ftr_alt_*",
	    .cut = CUT_BY_SYMBOL,
	    .owner = OWNER_REFERRED,
	    .not_carried = true,
	    .what = "replacement of a feature fixup" } },
	PLACE("__lwsync_fixup", "lwsync fixup"),
	PLACE("__barrier_nospec_fixup", "speculation barrier"),
	PLACE("__spec_barrier_fixup", "speculation barrier"),
	{ SECTION_SPECIAL,
	  { .name = ".toc",
	    .cut = CUT_FIXED,
	    .owner = OWNER_REFERRED,
	    .entry_size = 8,
	    .addresses = true,
	    .what = "entry of the table of contents",
	    FIELDS(DATA(0)) } },
	END_OF_SPECIALS,
};
