/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names by which a patch module says what the livepatch core has to resolve, and the lengths that it can read. A
 * klp reference has one name on its way from the differ to the finish stage (kmod/kpatch-abi.h), and two afterwards, in
 * the forms that klp_resolve_symbols() and klp_apply_section_relocs() of kernel/livepatch/core.c take apart.
 */
#ifndef KPATCH_KLP_NAMES_H
#define KPATCH_KLP_NAMES_H

#include <stdbool.h>

struct arena;

/* The kernel's MODULE_NAME_LEN (of 64-bit machines) and KSYM_NAME_LEN, and the widths of its sscanf() formats: less the NUL. */
#define KLP_OBJECT_MAX 55
#define KLP_SYMBOL_MAX 511

#define KLP_SYMBOL_PREFIX ".klp.sym."
#define KLP_SECTION_PREFIX ".klp.rela."

struct klp_ref {
	const char *section_object; /* whose loading has the kernel apply it */
	const char *symbol_object;  /* that @name is looked up in */
	const char *name;
	unsigned long position; /* among the symbols of that name, 0: it is unique */
};

/* Whether the core can read the name of an object: neither empty nor too long, and without a dot. */
bool klp_object_is_valid(const char *object);

/* The name under which a reference travels, in the arena. */
const char *klp_ref_name(struct arena *a, const struct klp_ref *ref);
/*
 * Reads one; the strings are copies in the arena. 0, -ENOENT: no klp reference; -EINVAL: malformed, or
 * longer than the core reads.
 */
int klp_ref_parse(struct arena *a, const char *name, struct klp_ref *out);

/* ".klp.sym.OBJECT.NAME,POS", in the arena. */
const char *klp_symbol_name(struct arena *a, const char *object, const char *name, unsigned long position);
/* Takes one apart as the core does. false: the core would refuse it. */
bool klp_symbol_parse(const char *symbol, char object[KLP_OBJECT_MAX + 1], char name[KLP_SYMBOL_MAX + 1],
		      unsigned long *position);

/* ".klp.rela.OBJECT.SECTION", in the arena. */
const char *klp_section_name(struct arena *a, const char *object, const char *section);
/* The same for sections: *target is the part of @name that says to which the relocations apply. */
bool klp_section_parse(const char *name, char object[KLP_OBJECT_MAX + 1], const char **target);

#endif
