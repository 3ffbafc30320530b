/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The special sections of x86_64 kernels 6.1 to 6.12, as data.
 *
 * Entry sizes and fields were measured on objects of Debian's 6.1 and 6.12 kernels. Where kernels
 * differ, the sizes stand below each other and the reader takes the first that fits the section:
 * its size is a multiple, each relocation is at a known field, and each entry has its owner's. A
 * section that none of them fits is refused by name.
 */
#include "lib/elf/x86_64/special.h"

#define CODE(at)                                                                                             \
	{                                                                                                    \
		FIELD_CODE, at                                                                               \
	}
#define TARGET(at)                                                                                           \
	{                                                                                                    \
		FIELD_TARGET, at                                                                             \
	}
#define KEY(at)                                                                                              \
	{                                                                                                    \
		FIELD_KEY, at                                                                                \
	}
#define REPLACEMENT(at)                                                                                      \
	{                                                                                                    \
		FIELD_REPLACEMENT, at                                                                        \
	}
#define DATA(at)                                                                                             \
	{                                                                                                    \
		FIELD_DATA, at                                                                               \
	}
#define FIELDS(...)                                                                                          \
	.n_fields = sizeof((struct special_field[]){ __VA_ARGS__ }) / sizeof(struct special_field),          \
	.fields = { __VA_ARGS__ }

/* Entries of one size that belong to the function their first field leads to. */
#define OF_CODE(section_kind, section, size, words, ...)                                                     \
	{                                                                                                    \
		section_kind,                                                                                \
		{                                                                                            \
			.name = section, .cut = CUT_FIXED, .owner = OWNER_CODE, .entry_size = size,          \
			.what = words, __VA_ARGS__                                                           \
		}                                                                                            \
	}
/* One entry a symbol, included when something refers to it. */
#define REFERRED(section, words, ...)                                                                        \
	{                                                                                                    \
		SECTION_SPECIAL,                                                                             \
		{                                                                                            \
			.name = section, .cut = CUT_BY_SYMBOL, .owner = OWNER_REFERRED, .what = words,       \
			##__VA_ARGS__                                                                        \
		}                                                                                            \
	}
/* One entry a symbol, never included: being there again, it would register things again. */
#define NOBODY(section_kind, section, words)                                                                 \
	{                                                                                                    \
		section_kind,                                                                                \
		{                                                                                            \
			.name = section, .cut = CUT_BY_SYMBOL, .owner = OWNER_NOBODY, .what = words          \
		}                                                                                            \
	}

const struct special_section x86_64_specials[] = {
	/* what describes code, and goes with it */
	OF_CODE(SECTION_SPECIAL, "__bug_table", 12, "bug table entry", FIELDS(CODE(0), DATA(4)),
		.line_offset = 8, .line_mask = 0xffff), /* then flags */
	OF_CODE(SECTION_SPECIAL, "__bug_table", 8, "bug table entry", FIELDS(CODE(0))),
	OF_CODE(SECTION_SPECIAL, "__ex_table", 12, "exception table entry", FIELDS(CODE(0), TARGET(4))),
	OF_CODE(SECTION_SPECIAL, "__jump_table", 16, "jump label", .no_late_klp = true,
		FIELDS(CODE(0), TARGET(4), KEY(8))),
	/* 14 bytes since 6.3, with flags; 12 before; 13 before 5.16, with the padding's length */
	OF_CODE(SECTION_SPECIAL, ".altinstructions", 14, "alternative", .no_late_klp = true,
		.length_offset = 13, FIELDS(CODE(0), REPLACEMENT(4))),
	OF_CODE(SECTION_SPECIAL, ".altinstructions", 12, "alternative", .no_late_klp = true,
		.length_offset = 11, FIELDS(CODE(0), REPLACEMENT(4))),
	OF_CODE(SECTION_SPECIAL, ".altinstructions", 13, "alternative", .no_late_klp = true,
		.length_offset = 11, FIELDS(CODE(0), REPLACEMENT(4))),
	{ SECTION_SPECIAL,
	  { .name = ".altinstr_replacement",
	    .cut = CUT_BY_REFERRER,
	    .owner = OWNER_REFERRED,
	    .referrer = ".altinstructions",
	    .no_late_klp = true,
	    .what = "replacement of an alternative" } },
	/* code of static_cpu_has() that is jumped to until alternatives are applied */
	{ SECTION_SPECIAL,
	  { .name = ".altinstr_aux",
	    .cut = CUT_BY_REFERRER,
	    .owner = OWNER_REFERRED,
	    .what = "early code of an alternative" } },
	/* until 6.7: address, type, length, and padding up to a multiple of 8 */
	{ SECTION_SPECIAL,
	  { .name = ".parainstructions",
	    .cut = CUT_BY_CODE,
	    .owner = OWNER_CODE,
	    .entry_size = 10,
	    .no_late_klp = true,
	    .what = "paravirt site",
	    FIELDS(CODE(0)) } },
	OF_CODE(SECTION_SPECIAL, ".smp_locks", 4, "lock prefix", FIELDS(CODE(0))),
	OF_CODE(SECTION_SPECIAL, "__mcount_loc", 8, "ftrace site", FIELDS(CODE(0))),
	OF_CODE(SECTION_SPECIAL, "_kprobe_blacklist", 8, "kprobe blacklist entry", FIELDS(CODE(0))),
	OF_CODE(SECTION_SPECIAL, ".kcfi_traps", 4, "CFI trap", FIELDS(CODE(0))),
	OF_CODE(SECTION_SPECIAL, "runtime_ptr_*", 4, "run-time constant", .vmlinux_only = true,
		.variable_at = sizeof("runtime_ptr_") - 1, FIELDS(CODE(0))),
	OF_CODE(SECTION_SPECIAL, "runtime_shift_*", 4, "run-time constant", .vmlinux_only = true,
		FIELDS(CODE(0))),
	/* the module loader initializes what it lists: goes with the object it points to */
	OF_CODE(SECTION_SPECIAL, "___srcu_struct_ptrs", 8, "SRCU structure pointer", FIELDS(DATA(0))),

	/* objects that code refers to */
	REFERRED("__tracepoints", "tracepoint"),
	REFERRED("__tracepoints_strings", "tracepoint name"),
	REFERRED("__tracepoint_str", "string for tracing"),
	REFERRED("__trace_printk_fmt", "trace_printk format"),
	/* struct _ddebug: four pointers, then line:18, class_id:6 (since 6.1), flags:8 */
	REFERRED("__dyndbg", "dynamic debug descriptor", .line_offset = 32, .line_mask = 0x3ffff),
	REFERRED("__dyndbg_classes", "dynamic debug class map"),
	REFERRED(".static_call.text", "static call trampoline"),
	REFERRED("alloc_tags", "allocation tag"),

	/* made by objtool, which runs again on the whole patch module */
	OF_CODE(SECTION_TOOL, ".static_call_sites", 8, "static call site", .no_late_klp = true,
		FIELDS(CODE(0), KEY(4))),
	OF_CODE(SECTION_TOOL, ".orc_unwind_ip", 4, "ORC address", FIELDS(CODE(0))),
	OF_CODE(SECTION_TOOL, ".return_sites", 4, "return site", FIELDS(CODE(0))),
	OF_CODE(SECTION_TOOL, ".retpoline_sites", 4, "retpoline site", FIELDS(CODE(0))),
	OF_CODE(SECTION_TOOL, ".call_sites", 4, "call site", FIELDS(CODE(0))),
	OF_CODE(SECTION_TOOL, ".cfi_sites", 4, "CFI site", FIELDS(CODE(0))),
	OF_CODE(SECTION_TOOL, ".ibt_endbr_seal", 4, "seal of an ENDBR", FIELDS(CODE(0))),

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
	OF_CODE(SECTION_DISCARD, ".discard.addressable", 8, "address annotation", FIELDS(CODE(0))),
	OF_CODE(SECTION_DISCARD, "__patchable_function_entries", 8, "patchable entry", FIELDS(CODE(0))),

	/* what registers something when it is loaded */
	NOBODY(SECTION_SPECIAL, "__tracepoints_ptrs", "tracepoint pointer"),
	NOBODY(SECTION_SPECIAL, "_ftrace_events", "trace event"),
	NOBODY(SECTION_SPECIAL, "_ftrace_eval_map", "trace enumeration"),
	NOBODY(SECTION_SPECIAL, "__bpf_raw_tp_map", "BPF tracepoint"),
	NOBODY(SECTION_SPECIAL, "__syscalls_metadata", "system call description"),
	NOBODY(SECTION_SPECIAL, ".printk_index", "printk index entry"),
	NOBODY(SECTION_SPECIAL, "_error_injection_whitelist", "error injection entry"),
	NOBODY(SECTION_SPECIAL, ".static_call_tramp_key", "static call export"),
	NOBODY(SECTION_SPECIAL, ".BTF_ids", "BTF ID"),
	NOBODY(SECTION_SPECIAL, "__param", "module parameter"),
	NOBODY(SECTION_SPECIAL, "__modver", "module version"),
	NOBODY(SECTION_SPECIAL, ".modinfo", "module information"),
	NOBODY(SECTION_SPECIAL, "__versions", "symbol versions"),
	NOBODY(SECTION_SPECIAL, ".gnu.linkonce.this_module", "module structure"),
	NOBODY(SECTION_SPECIAL, ".kunit_test_suites", "test suites"),
	{ SECTION_META, { .name = NULL } },
};
