/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The finish stage: from a linked module with klp references to a live patch module.
 */
#ifndef KPATCH_BUILD_FINISH_H
#define KPATCH_BUILD_FINISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arch;
struct arena;
struct buildid;
struct build;
struct diags;
struct elf_edit;
struct kallsyms;
struct manifest;
struct manifest_state;

/* One entry of .kpatch.funcs or .kpatch.callbacks, with its pointers followed. */
struct module_entry {
	uint32_t number;    /* sympos of a function, kind of a callback */
	const char *object; /* "vmlinux" or the module's name */
	const char *name;   /* old function; NULL for a callback */
	uint32_t section;   /* where the new function or the callback is, */
	uint64_t offset;    /* and its byte in there */
};

struct module_entries {
	const struct module_entry *entry;
	size_t n;
};

/*
 * Reads the tables of a linked module. Everything that the runtime would follow is checked.
 * -EINVAL with a diagnostic "metadata-malformed". An absent section is an empty table.
 */
int module_funcs(const struct elf_edit *f, struct arena *a, struct diags *diags, struct module_entries *out);
int module_callbacks(const struct elf_edit *f, struct arena *a, struct diags *diags,
		     struct module_entries *out);

/*
 * The states that the patch declares (KPATCH_STATE), as the kernel's struct klp_state has them. -EINVAL with a
 * diagnostic "metadata-malformed".
 */
int module_states(const struct elf_edit *f, struct arena *a, struct diags *diags,
		  const struct manifest_state **out, size_t *n);

/*
 * Whether the kernel reads section @name while it loads the module, before relocations that belong
 * to another module than vmlinux are applied, or frees it after; such relocations cannot be in it.
 */
bool section_read_early(const struct arch *arch, const char *name);

/*
 * Turns klp references into the kernel's form: symbols .klp.sym.OBJECT.NAME,POS with
 * SHN_LIVEPATCH, and relocation sections .klp.rela.OBJECT.SECTION. Adds the guard sections, so that
 * nothing is written before every symbol was found. Fields are zero afterwards. -EINVAL with
 * diagnostics ("klp-reference-malformed", "klp-reference-early", "klp-relocation-type",
 * "symbol-undefined").
 */
int finish_klp(struct elf_edit *f, const struct module_entries *funcs, struct diags *diags);

/*
 * Turns klp references to vmlinux into ordinary relocations against a symbol that it exports, where the loader has no more to do
 * than to add: the distance between the two is that of @kallsyms, which are the image's. The others
 * stay for finish_klp().
 */
void finish_distances(struct elf_edit *f, const struct kallsyms *kallsyms);

/*
 * Makes the build ID of the module a digest of all that is in it. Last, before it is written. A module without
 * a build ID gets none.
 */
int finish_build_id(struct elf_edit *f);

/* What the stages found, and the linked module has, as a manifest; build.image must be open (verify). It points into the arena. 0 or -errno with a diagnostic. */
int finish_manifest(struct build *b, const struct elf_edit *linked, struct manifest *out);

/* What the self-check compares the module with. */
struct selfcheck_want {
	const char *module_name; /* "livepatch_fix" */
	const char *linked;	 /* the module before the finish stage, or NULL: references are not checked */
	const char *vermagic;	 /* of the kernel's own modules, or NULL: not compared */
	const struct kallsyms *kallsyms; /* of the installed image, or NULL: not looked up */
	const struct buildid *build_id;	 /* of the installed image, or NULL: not compared */
	const char *modules;		 /* directory of the installed modules, or NULL: not looked up */
	const char *other, *other_file;	 /* a module that is elsewhere, and its file; or NULL */
	unsigned int
		orc_stack_pointer; /* the number that ORC has for it; 0: the kernel does not unwind with ORC */
	const void *manifest;	   /* bytes of .kpatch.manifest, or NULL */
	size_t manifest_size;
};

/*
 * Reads a finished module again and checks that the kernel will take it for what was meant. Shares
 * no state with the stages before. 0, or -EINVAL with one diagnostic "selfcheck-…" a problem.
 */
int selfcheck(const char *path, const struct selfcheck_want *want, struct arena *a, struct diags *diags);

#endif
