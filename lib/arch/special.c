/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The special sections that kernels of all machines have with the same entries, as data: 5.10 to 7.3, and some of older ones.
 *
 * Entry sizes and fields were measured on objects of stock 5.10, 6.1, 6.12 and 7.3 kernels. Where kernels
 * differ, the sizes stand below each other and the reader takes the first that fits the section:
 * its size is a multiple, each relocation is at a known field, each entry has its owner's (all its fields', of tables
 * that are complete), and what is to be a function's name is one. A section that none of them fits is refused by name.
 */
#include "lib/arch/special_table.h"

const struct special_section common_specials[] = {
	/* what describes code, and goes with it */
	OF_CODE(SECTION_SPECIAL, "__bug_table", 12, "bug table entry", FIELDS(CODE(0), DATA(4)),
		.line_offset = 8, .line_bits = 16, .read_early = true), /* then flags */
	OF_CODE(SECTION_SPECIAL, "__bug_table", 8, "bug table entry", FIELDS(CODE(0)), .read_early = true),
	/* since 6.19 with the format behind the address */
	OF_CODE(SECTION_SPECIAL, "__bug_table", 16, "bug table entry", FIELDS(CODE(0), DATA(4), DATA(8)),
		.line_offset = 12, .line_bits = 16, .read_early = true),
	OF_CODE(SECTION_SPECIAL, "__jump_table", 16, "jump label", .read_early = true,
		FIELDS(CODE(0), TARGET(4), KEY(8)), .complete = true),
	/* until 4.19: addresses */
	OF_CODE(SECTION_SPECIAL, "__jump_table", 24, "jump label", .read_early = true,
		FIELDS(CODE(0), TARGET(8), KEY(16)), .complete = true),
	OF_CODE(SECTION_SPECIAL, "__mcount_loc", 8, "ftrace site", FIELDS(CODE(0)), .read_early = true,
		.complete = true),
	OF_CODE(SECTION_SPECIAL, "_kprobe_blacklist", 8, "kprobe blacklist entry", FIELDS(CODE(0))),
	OF_CODE(SECTION_SPECIAL, ".kcfi_traps", 4, "CFI trap", FIELDS(CODE(0))),
	OF_CODE(SECTION_SPECIAL, "runtime_ptr_*", 4, "run-time constant", .vmlinux_only = true,
		.variable_at = sizeof("runtime_ptr_") - 1, FIELDS(CODE(0))),
	OF_CODE(SECTION_SPECIAL, "runtime_shift_*", 4, "run-time constant", .vmlinux_only = true,
		FIELDS(CODE(0))),
	OF_CODE(SECTION_SPECIAL, "runtime_mask_*", 4, "run-time constant", .vmlinux_only = true,
		FIELDS(CODE(0))),
	/* the module loader initializes what it lists: goes with the object it points to */
	OF_CODE(SECTION_SPECIAL, "___srcu_struct_ptrs", 8, "SRCU structure pointer", FIELDS(DATA(0))),

	/* objects that code refers to */
	REFERRED("__tracepoints", "tracepoint", .read_early = true),
	REFERRED("__tracepoints_strings", "tracepoint name", .read_early = true),
	REFERRED("__tracepoint_str", "string for tracing"),
	REFERRED("__trace_printk_fmt", "trace_printk format", .read_early = true),
	/* struct _ddebug: four pointers, then line:18, class_id:6 (since 6.1), flags:8 */
	REFERRED("__dyndbg", "dynamic debug descriptor", .line_offset = 32, .line_bits = 18,
		 .read_early = true),
	REFERRED("__verbose", "dynamic debug descriptor", .line_offset = 32, .line_bits = 18,
		 .read_early = true), /* until 5.8 */
	REFERRED("__dyndbg_classes", "dynamic debug class map"),
	/*
	 * What CONFIG_UBSAN_BOUNDS and the like say of a place in code, and of its types: writable only for a bit that keeps
	 * a second message away, so a copy will do. A file's name, a line and a column come first.
	 */
	REFERRED(".data..Lubsan_data*", "UBSAN's place in the source", .line_offset = 8, .line_bits = 32),
	REFERRED(".data..Lubsan_type*", "UBSAN's description of a type"),
	REFERRED(".static_call.text", "static call trampoline"),
	REFERRED("alloc_tags", "allocation tag"),

	/* what the module's link drops */
	OF_CODE(SECTION_DISCARD, ".discard.addressable", 8, "address annotation", FIELDS(CODE(0))),
	NOBODY(SECTION_DISCARD, "__tracepoint_check", "name of a tracepoint"),
	NOBODY(SECTION_DISCARD, ".no_trim_symbol", "name of a symbol"),
	OF_CODE(SECTION_DISCARD, "__patchable_function_entries", 8, "patchable entry", FIELDS(CODE(0)),
		.read_early = true),

	/* what registers something when it is loaded */
	NOBODY(SECTION_SPECIAL, "__tracepoints_ptrs", "tracepoint pointer", .read_early = true),
	NOBODY(SECTION_SPECIAL, "_ftrace_events", "trace event", .read_early = true),
	NOBODY(SECTION_SPECIAL, "_ftrace_eval_map", "trace enumeration", .read_early = true),
	NOBODY(SECTION_SPECIAL, "__bpf_raw_tp_map", "BPF tracepoint", .read_early = true),
	NOBODY(SECTION_SPECIAL, "__syscalls_metadata", "system call description"),
	NOBODY(SECTION_SPECIAL, ".printk_index", "printk index entry", .read_early = true),
	NOBODY(SECTION_SPECIAL, "_error_injection_whitelist", "error injection entry"),
	NOBODY(SECTION_SPECIAL, ".static_call_tramp_key", "static call export"),
	NOBODY(SECTION_SPECIAL, ".BTF_ids", "BTF ID"),
	NOBODY(SECTION_SPECIAL, "__param", "module parameter", .read_early = true),
	NOBODY(SECTION_SPECIAL, "__modver", "module version"),
	NOBODY(SECTION_SPECIAL, ".modinfo", "module information", .read_early = true),
	NOBODY(SECTION_SPECIAL, "__versions", "symbol versions", .read_early = true),
	NOBODY(SECTION_SPECIAL, ".gnu.linkonce.this_module", "module structure", .read_early = true),
	NOBODY(SECTION_SPECIAL, ".kunit_test_suites", "test suites"),
	END_OF_SPECIALS,
};
