/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The differ as a library: original and patched object in; a relocatable object with the changed
 * code, its klp references and its metadata out, and a report that says what was decided and why.
 *
 * Both objects must come from compilations with -ffunction-sections -fdata-sections that were
 * not run through objtool (or were: what objtool made is dropped). The layout of what travels in
 * the output is in kmod/kpatch-abi.h.
 */
#ifndef KPATCH_DIFF_H
#define KPATCH_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct diags;
struct object;
struct symbol;

/* Where a symbol that the patch refers to lives in the running kernel. */
enum ksym_where {
	KSYM_ABSENT,		/* nowhere: if not defined by the patch, an error */
	KSYM_OWNER,		/* in the kernel object being patched (vmlinux or the module) */
	KSYM_VMLINUX,		/* in vmlinux, not exported, while a module is being patched */
	KSYM_VMLINUX_EXPORT,	/* exported by vmlinux: an ordinary import */
	KSYM_MODULE_EXPORT,	/* exported by another module */
};

struct ksym {
	enum ksym_where where;
	const char *object;	/* "vmlinux" or the module's name; NULL for KSYM_ABSENT */
	uint32_t sympos;	/* as klp counts: 0 unique, else the n-th of that name, from 1 */
	uint64_t address;	/* link-time address (vmlinux), or 0 */
	bool exact;		/* the position was proven, not derived from a unique name */
};

/*
 * Where the differ asks about symbols. The builder answers from the verified image, the
 * stand-alone program from kallsyms, a module's symbol table and Module.symvers.
 */
struct ksym_source {
	/*
	 * @name as in the object. @definition: the symbol in the *original* object, or NULL when it
	 * is not defined there. Answers 0 (also for KSYM_ABSENT), or -ENOTUNIQ with *why set to a
	 * sentence that explains why no position can be given. Called from several threads.
	 */
	int (*find)(const struct ksym_source *source, const char *name,
		    const struct symbol *definition, struct ksym *out, const char **why);
	void *context;
};

struct diff_input {
	const char *name;	/* of the object, for messages: "fs/nfsd/export.o" */
	const char *owner;	/* kernel object it is part of: "vmlinux", "nfsd" */
	struct object *original, *patched;
	const struct ksym_source *ksyms;
};

/* One function that the patch replaces or adds. */
struct diff_function {
	const char *name;
	uint32_t sympos;
	uint64_t old_size, new_size; /* bytes */
	const char *reason;	/* "instructions differ at +0x1c", "refers to bar instead of foo" */
};

struct diff_klp_ref {
	const char *object;	/* the symbol's */
	const char *name;
	uint32_t sympos;
	uint32_t count;		/* relocations that use it */
};

struct diff_callback {
	const char *kind;	/* "pre_patch", … */
	const char *function;
};

struct diff_report {
	size_t n_changed, n_new, n_new_data, n_klp_refs, n_imports, n_callbacks;
	const struct diff_function *changed;
	const struct diff_function *new_functions;
	const char *const *new_data; /* names of data objects the patch adds */
	const struct diff_klp_ref *klp_refs;
	const char *const *imports; /* ordinary imports from vmlinux */
	const struct diff_callback *callbacks;
};

/*
 * Compares the two objects. On success the report is filled (allocated from @arena) and, if
 * anything changed, *data holds the output object (malloc'ed, owned by the caller); without a
 * change *data is NULL and 0 is returned with report->n_changed == 0.
 * -EINVAL: refused, with one diagnostic per problem. -ENOMEM.
 */
int diff_objects(const struct diff_input *input, struct arena *arena, struct diags *diags,
		 struct diff_report *report, uint8_t **data, size_t *size);

#endif
