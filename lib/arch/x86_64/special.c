/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The special sections of x86_64 kernels 5.10 to 7.3, as data: those that other machines do not have, or have with other
 * entries. Sizes and fields were measured on objects of stock kernels.
 */
#include "lib/arch/special_table.h"
#include "lib/arch/x86_64/x86_64.h"

const struct special_section x86_64_specials[] = {
	/* what describes code, and goes with it */
	OF_CODE(SECTION_SPECIAL, "__ex_table", 12, "exception table entry", FIELDS(CODE(0), TARGET(4)),
		.read_early = true, .complete = true),
	/* until 5.15 with its handler, for which there is a number since; until 4.5 with none */
	OF_CODE(SECTION_SPECIAL, "__ex_table", 12, "exception table entry",
		FIELDS(CODE(0), TARGET(4), HANDLER(8)), .read_early = true, .complete = true),
	OF_CODE(SECTION_SPECIAL, "__ex_table", 8, "exception table entry", FIELDS(CODE(0), TARGET(4)),
		.read_early = true, .complete = true),
	/* 14 bytes since 6.3, with flags; 12 before; 13 before 5.16, with the padding's length */
	OF_CODE(SECTION_SPECIAL, ".altinstructions", 14, "alternative", .read_early = true,
		.length_offset = 13, FIELDS(CODE(0), REPLACEMENT(4))),
	OF_CODE(SECTION_SPECIAL, ".altinstructions", 12, "alternative", .read_early = true,
		.length_offset = 11, FIELDS(CODE(0), REPLACEMENT(4))),
	OF_CODE(SECTION_SPECIAL, ".altinstructions", 13, "alternative", .read_early = true,
		.length_offset = 11, FIELDS(CODE(0), REPLACEMENT(4))),
	REPLACEMENTS_OF_ALTERNATIVES,
	/* code of static_cpu_has() that is jumped to until alternatives are applied */
	{ SECTION_SPECIAL,
	  { .name = ".altinstr_aux",
	    .cut = CUT_BY_REFERRER,
	    .owner = OWNER_REFERRED,
	    .read_early = true,
	    .what = "early code of an alternative" } },
	/* until 6.7: address, type, length, and padding up to a multiple of 8 */
	{ SECTION_SPECIAL,
	  { .name = ".parainstructions",
	    .cut = CUT_BY_CODE,
	    .owner = OWNER_CODE,
	    .entry_size = 10,
	    .read_early = true,
	    .what = "paravirt site",
	    FIELDS(CODE(0)) } },
	OF_CODE(SECTION_SPECIAL, ".smp_locks", 4, "lock prefix", FIELDS(CODE(0)), .read_early = true,
		.complete = true),
	/* made by objtool, which runs again on the whole patch module */
	OF_CODE(SECTION_TOOL, ".static_call_sites", 8, "static call site", .read_early = true,
		FIELDS(CODE(0), KEY(4)), .complete = true),
	OF_CODE(SECTION_TOOL, ".orc_unwind_ip", 4, "ORC address", FIELDS(CODE(0)), .read_early = true,
		.complete = true),
	OF_CODE(SECTION_TOOL, ".return_sites", 4, "return site", FIELDS(CODE(0)), .read_early = true,
		.complete = true),
	OF_CODE(SECTION_TOOL, ".retpoline_sites", 4, "retpoline site", FIELDS(CODE(0)), .read_early = true,
		.complete = true),
	OF_CODE(SECTION_TOOL, ".call_sites", 4, "call site", FIELDS(CODE(0)), .read_early = true,
		.complete = true),
	OF_CODE(SECTION_TOOL, ".cfi_sites", 4, "CFI site", FIELDS(CODE(0)), .read_early = true),
	OF_CODE(SECTION_TOOL, ".ibt_endbr_seal", 4, "seal of an ENDBR", FIELDS(CODE(0)), .read_early = true,
		.complete = true),

	/* what objtool reads and the module's link drops */
	OF_CODE(SECTION_DISCARD, ".discard.reachable", 4, "reachable annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.unreachable", 4, "unreachable annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.retpoline_safe", 8, "retpoline annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.retpoline_safe", 4, "retpoline annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.instr_begin", 4, "instrumentation begin", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.instr_end", 4, "instrumentation end", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.noendbr", 8, "ENDBR annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.noendbr", 4, "ENDBR annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.ignore_alts", 8, "alternative annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.intra_function_calls", 8, "call annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.func_stack_frame_non_standard", 8, "stack frame annotation",
		FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.validate_unret", 4, "return annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.validate_unret", 8, "return annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.annotate_insn", 8, "instruction annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.annotate_data", 8, "data annotation", FIELDS(CODE(0))),
	/* two words and the registers: 12 bytes in 6.1 to 6.12 */
	OF_CODE(SECTION_DISCARD, ".discard.unwind_hints", 12, "unwind hint", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, ".discard.unwind_hints", 8, "unwind hint", FIELDS(CODE(0))),
	END_OF_SPECIALS,
};
