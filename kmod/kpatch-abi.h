/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What travels from create-diff-object through the linker and objtool to the finish stage of
 * kpatch-build, and from there to the runtime in the patch module. Included by all three, and by
 * the kernel's compiler, so it uses nothing but fixed-size types.
 *
 * Version 1.
 *
 * References
 * ----------
 * A klp reference is an ordinary relocation against a weak undefined symbol
 *
 *	.klp.ref.SECOBJ.SYMOBJ.NAME,POS
 *
 * SECOBJ is the object whose loading makes the kernel apply it ("vmlinux": when the patch is
 * loaded), SYMOBJ the object that NAME is looked up in, POS the position among the symbols of
 * that name (0: it must be unique). Neither SECOBJ nor SYMOBJ contains a dot; NAME may.
 * SECOBJ is "vmlinux" if SYMOBJ is, else the module being patched. The finish stage makes the
 * relocation part of .klp.rela.SECOBJ.SECTION against .klp.sym.SYMOBJ.NAME,POS, or, in vmlinux, counts from
 * a symbol that is exported (finish_distance.c). What the runtime needs to know the kernel's build,
 * KPATCH_NOTES_START and _END, is always looked up by name.
 *
 * Static calls
 * ------------
 * objtool finds static calls by the name of the trampoline (__SCT__x) and writes their keys
 * (__SCK__x) into a table that the kernel reads while it loads the patch. For a trampoline of
 * vmlinux the differ mentions the key in .discard.addressable, so that the name is there for
 * objtool. A key of a module would be resolved too late for that table, so a module's trampoline
 * must keep its .klp.ref. name while objtool runs: it is then called like any function, which is
 * always right, since the trampoline itself leads to the current target.
 *
 * Static keys
 * -----------
 * The table of jump labels is read at the same early time. Where a tracepoint of the patched module
 * needs an entry, its key is KPATCH_KEY_OFF, which the runtime defines and nobody switches on.
 *
 * Metadata
 * --------
 * Up to and including objtool, metadata sections carry the prefix .discard, because objtool
 * does not read .discard.* sections as data that refers to code; after objtool the finish stage
 * renames them to the final names and makes them SHF_ALLOC. Each is an array of one of the
 * structures below; all pointers are R_X86_64_64 relocations.
 */
#ifndef KPATCH_ABI_H
#define KPATCH_ABI_H

#ifdef __KERNEL__
#include <linux/types.h>
typedef u64 kpatch_u64;
typedef u32 kpatch_u32;
typedef u8 kpatch_u8;
#else
#include <stdint.h>
typedef uint64_t kpatch_u64;
typedef uint32_t kpatch_u32;
typedef uint8_t kpatch_u8;
#endif

#define KPATCH_ABI_VERSION 1

#define KPATCH_REF_PREFIX ".klp.ref."

#define KPATCH_KEY_OFF "kpatch_key_off"

/* Between these symbols vmlinux has its notes, the build ID among them. */
#define KPATCH_NOTES_START "__start_notes"
#define KPATCH_NOTES_END "__stop_notes"

#define KPATCH_DISCARD_PREFIX ".discard"
#define KPATCH_FUNCS_SECTION ".kpatch.funcs"	     /* struct kpatch_func[] */
#define KPATCH_CALLBACKS_SECTION ".kpatch.callbacks" /* struct kpatch_callback[] */
#define KPATCH_PATCH_SECTION ".kpatch.patch"	     /* struct kpatch_patch, one */
#define KPATCH_TARGETS_SECTION ".kpatch.targets"     /* struct kpatch_target[] */
#define KPATCH_STRINGS_SECTION ".kpatch.strings"     /* NUL-terminated names the others point to */
#define KPATCH_MANIFEST_SECTION ".kpatch.manifest"   /* the YAML manifest, not SHF_ALLOC */

/* The patch as a whole. Defined by the runtime; the link stage fills in @flags. */
struct kpatch_patch {
	kpatch_u32 abi_version; /* KPATCH_ABI_VERSION */
	kpatch_u32 flags;
};

#define KPATCH_PATCH_REPLACE 1u /* replaces all patches loaded before (klp_patch.replace) */
#define KPATCH_PATCH_KEEP 2u /* the kernel may have pointers into the module for ever: it is never removed */
#define KPATCH_PATCH_UNVERIFIED 4u /* nothing has shown that the code it replaces is the kernel's */

/* One function to be replaced. */
struct kpatch_func {
	kpatch_u32 abi_version; /* KPATCH_ABI_VERSION */
	kpatch_u32 sympos;	/* position of the old function among its name's symbols */
	kpatch_u64 new_func;	/* pointer: the replacement, in this module */
	kpatch_u64 old_name;	/* pointer: NUL-terminated name of the function to replace */
	kpatch_u64 object;	/* pointer: NUL-terminated "vmlinux" or module name */
};

enum kpatch_callback_kind {
	KPATCH_PRE_PATCH,
	KPATCH_POST_PATCH,
	KPATCH_PRE_UNPATCH,
	KPATCH_POST_UNPATCH,
};

/* One callback of the patch author, at most one of a kind per object. */
struct kpatch_callback {
	kpatch_u32 abi_version; /* KPATCH_ABI_VERSION */
	kpatch_u32 kind;	/* enum kpatch_callback_kind */
	kpatch_u64 function;	/* pointer */
	kpatch_u64 object;	/* pointer: NUL-terminated "vmlinux" or module name */
};

#define KPATCH_OBJECT_SIZE 56 /* MODULE_NAME_LEN of 64-bit kernels */
#define KPATCH_BUILD_ID_SIZE 32

/*
 * The build of an object that the patch was made for: one of vmlinux, and one of each module that it
 * patches. Made by the link stage.
 */
struct kpatch_target {
	kpatch_u32 abi_version;		 /* KPATCH_ABI_VERSION */
	kpatch_u32 size;		 /* bytes of @build_id */
	char object[KPATCH_OBJECT_SIZE]; /* NUL-terminated "vmlinux" or module name */
	kpatch_u8 build_id[KPATCH_BUILD_ID_SIZE];
	/* The runtime's own, zero in the file: the build that it refused last. */
	kpatch_u32 refused;
	kpatch_u32 found_size; /* 0: without a build ID */
	kpatch_u8 found[KPATCH_BUILD_ID_SIZE];
};

/*
 * A state of the system that the patch changes: the kernel's struct klp_state (include/linux/livepatch.h), as 64-bit
 * kernels have it. The author's (KPATCH_STATE) lie between these two symbols of the runtime, one after the other.
 */
#define KPATCH_STATES_START "kpatch_states_start"
#define KPATCH_STATES_END "kpatch_states_end"

struct kpatch_state {
	kpatch_u64 id;
	kpatch_u32 version, padding;
	kpatch_u64 data; /* pointer: the core's to set and the author's to use */
};

#endif
