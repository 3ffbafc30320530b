/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a symbol lives in the running kernel, and the interface through which it is asked for.
 *
 * Answers come from different places: by name from installed files (ksyms.h), or exactly, from
 * the proof that the compiled object is the running code (kpatch-build/verify/verify.c).
 */
#ifndef KPATCH_KERNEL_KSYM_H
#define KPATCH_KERNEL_KSYM_H

#include <stdbool.h>
#include <stdint.h>

struct atom;
struct symbol;

/* Where a symbol that the patch refers to lives in the running kernel. */
enum ksym_where {
	KSYM_ABSENT,	     /* nowhere: if not defined by the patch, an error */
	KSYM_OWNER,	     /* in the kernel object being patched (vmlinux or the module) */
	KSYM_VMLINUX,	     /* in vmlinux, not exported, while a module is being patched */
	KSYM_VMLINUX_EXPORT, /* exported by vmlinux: an ordinary import */
	KSYM_MODULE_EXPORT,  /* exported by another module */
};

struct ksym {
	enum ksym_where where;
	const char *object;	/* "vmlinux" or the module's name; NULL for KSYM_ABSENT */
	uint32_t sympos;	/* as klp counts: 0 unique, else the n-th of that name, from 1 */
	uint64_t address;	/* link-time address (vmlinux), or 0 */
	bool exact;		/* the position was proven, not derived from a unique name */
	const char *not_held;	/* why the exporting module may go while the owner stays, or NULL */
	const char *no_pointer; /* why a call through a pointer to it would fault (ibt.h), or NULL */
};

/* A place in vmlinux, named from a symbol that it exports to all: the linker has put both in one section. */
struct ksym_place {
	const char *symbol;
	int64_t distance;
};

/*
 * Where the differ asks about symbols. The builder answers from the verified image, the
 * stand-alone program from kallsyms, a module's symbol table and Module.symvers.
 */
struct ksym_source {
	/*
	 * @name as in the object. @definition: the symbol in the *original* object, or NULL when it
	 * is not defined there. Answers 0 (also for KSYM_ABSENT); -ENOTUNIQ: no position can be given;
	 * -EKEYREJECTED: what the object has is not what the kernel runs; -EEXIST: it is weak, and the kernel
	 * uses the definition of another object. With an error, *why is set
	 * to a sentence that explains it. *out and *why live as long as the source. Called from several
	 * threads.
	 */
	int (*find)(const struct ksym_source *source, const char *name, const struct symbol *definition,
		    struct ksym *out, const char **why);
	/*
	 * Whether nothing of the owner but its __init code uses its global function @name, and calls it. NULL: that is not
	 * known of any. Called from several threads.
	 */
	bool (*boot_only)(const struct ksym_source *source, const char *name);
	/*
	 * Where the kernel has @literal, a string or constant without a symbol of the *original* object, if
	 * that is known. NULL: it never is. Called from several threads.
	 */
	bool (*find_literal)(const struct ksym_source *source, const struct atom *literal,
			     struct ksym_place *out);
	void *context;
};

#endif
