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

#include "lib/kernel/symbols/ksym.h"
#include "lib/util/diag.h"

struct arena;
struct diags;
struct object;

struct diff_input {
	const char *name;  /* of the object, for messages: "fs/nfsd/export.o" */
	const char *owner; /* kernel object it is part of: "vmlinux", "nfsd" */
	struct object *original, *patched;
	const struct ksym_source *ksyms;
	/*
	 * Lines of the patched source that the patch leaves alone may have other numbers than in the original. Then a
	 * constant that is passed to a call and is the line of that call, in both, makes no change.
	 */
	bool lines_move;
	bool stacked; /* other patches may come on top of this one and stay beside it (no atomic replace) */
	bool init_stays; /* changes of __init and __exit code are passed over, and not carried */
};

/* One function that the patch replaces or adds. */
struct diff_function {
	const char *name;
	uint32_t sympos;
	uint64_t old_size, new_size; /* bytes */
	const char *reason;	     /* "instructions differ at +0x1c", "refers to bar instead of foo" */
	const char *section;	     /* of a replaced function: where it is in the output */
};

struct diff_klp_ref {
	const char *object; /* the symbol's */
	const char *name;
	uint32_t sympos;
	uint32_t count; /* relocations that use it */
};

struct diff_callback {
	const char *kind; /* "pre_patch", … */
	const char *function;
};

/* Something by its name in the source. */
struct diff_state {
	const char *name;
	uint64_t size;		 /* bytes */
	const char *how;	 /* of a function: in what its prototype differs */
	struct diag_place place; /* in the patched object; of what it does not have, in the original */
};

/* A symbol that no kernel object has: another object of the patch must provide it. */
struct diff_need {
	const char *name;
	struct diag_place place; /* of the first use */
};

/* Something of the patch to which the kernel may have a pointer for ever. */
struct diff_kept {
	const char *what; /* a name, or a string in quotes */
	const char *how;  /* "f() stores it in memory" */
	struct diag_place place;
};

struct diff_report {
	size_t n_changed, n_new, n_new_data, n_klp_refs, n_imports, n_callbacks, n_needs, n_provided, n_kept;
	const struct diff_function *changed;
	const struct diff_function *new_functions;
	const char *const *new_data; /* names of data objects the patch adds */
	const struct diff_klp_ref *klp_refs;
	const char *const *imports; /* ordinary imports from vmlinux */
	const struct diff_callback *callbacks;
	const struct diff_need *needs;
	const struct diff_kept *kept; /* none: the module can be removed when it is replaced */
	bool types_compared;	      /* both objects have debug information */
	const char *const *provided;  /* new and global: what other objects of the patch can use */
	/* variables that the patched object no longer has, those that it has for the first time, and ... */
	size_t n_removed_state, n_new_state, n_prototypes;
	const struct diff_state *removed_state, *new_state;
	const struct diff_state *prototypes; /* ... global functions that take or return something else */
};

/*
 * Compares the two objects. On success the report is filled (allocated from @arena) and, if
 * anything changed, *data holds the output object (malloc'ed, owned by the caller); without a
 * change *data is NULL and 0 is returned with report->n_changed == 0.
 * -EINVAL: refused, with one diagnostic per problem.
 */
int diff_objects(const struct diff_input *input, struct arena *arena, struct diags *diags,
		 struct diff_report *report, uint8_t **data, size_t *size);

#endif
