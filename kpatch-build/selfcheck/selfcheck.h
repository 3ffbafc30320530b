/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the self-check share: a finished module, read from its file.
 */
#ifndef KPATCH_BUILD_SELFCHECK_H
#define KPATCH_BUILD_SELFCHECK_H

#include "kpatch-build/finish/finish.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/util/diag.h"

struct checked {
	const struct elf_edit *f;
	const struct elf_edit *linked; /* what it was made of, or NULL: not compared */
	struct arena *arena;
	struct diags *diags;
	struct module_entries funcs;
	unsigned int orc_stack_pointer; /* as in selfcheck_want */
};

/* One problem found: an error of this program or of the tools, never of the user. */
#define selfcheck_error(c, id, ...)                                                                          \
	diag_error((c)->diags, id, diag_file((c)->f->path),                                                  \
		   "This is an error in kpatch-build: please report it, with the patch", __VA_ARGS__)

/* Where a relocation leads. */
struct place {
	uint32_t section; /* 0: not into this module */
	uint64_t offset;
};
/*
 * @pc_bias: what the field's own position adds to a pc-relative addend when it means @offset
 * exactly: 0 for tables whose entries are "target - field", 4 for calls.
 */
struct place checked_target(const struct checked *c, const Elf64_Rela *rela, int pc_bias);

/* The klp sections and symbols; returns nothing but diagnostics. */
void selfcheck_klp(struct checked *c);
/*
 * Opens the installed module @name, of which *out is NULL if there is no such. 0, or -errno with a diagnostic.
 */
struct kmodule;
int selfcheck_open_module(struct checked *c, const struct selfcheck_want *want, const char *name,
			  struct kmodule **out);
/* Whether the core finds that symbol in vmlinux, and where. */
bool selfcheck_in_vmlinux(const struct kallsyms *k, const char *name, unsigned long position,
			  uint64_t *address);
/* What the core will look up, in the installed kernel and modules. Needs c->linked. */
void selfcheck_symbols(struct checked *c, const struct selfcheck_want *want);
/* That what the linked module refers to in the kernel is what the finished one does. Needs c->linked. */
void selfcheck_references(struct checked *c, const struct selfcheck_want *want);
/* The builds that it was made for. */
void selfcheck_targets(struct checked *c, const struct selfcheck_want *want);
/* Entry, ftrace location and ORC of the functions that the patch puts in. */
void selfcheck_functions(struct checked *c);

#endif
