/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Symbols by name: a ksym_source that answers from kallsyms, a module's symbol table and
 * Module.symvers, without proof that the object at hand is what runs. A position is given only
 * where the name decides it: it is unique, or exactly one of its symbols is global.
 */
#ifndef KPATCH_KERNEL_KSYMS_H
#define KPATCH_KERNEL_KSYMS_H

#include "lib/kernel/symbols/ksym.h"

struct kallsyms;
struct kmodule;
struct symvers;

/* Everything is borrowed and must outlive the source. */
struct ksyms_input {
	const char *owner;		/* "vmlinux" or the module's name, as in struct diff_input */
	const struct kallsyms *vmlinux; /* required */
	const struct kmodule *module;	/* the owner's file; NULL for vmlinux or if unknown: then the
				       * module's symbols are taken from the table (text format) */
	const struct symvers *symvers;	/* required */
};

/* Fills @out; its context is freed with ksyms_free(). */
void ksyms_new(const struct ksyms_input *input, struct ksym_source *out);
void ksyms_free(struct ksym_source *source);

#endif
