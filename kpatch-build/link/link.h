/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The link stage: the differ's outputs and the runtime become one kernel module.
 */
#ifndef KPATCH_BUILD_LINK_H
#define KPATCH_BUILD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct build;
struct diags;
struct elf_edit;
struct strmap;

/*
 * Writes a linker script that puts the replaced functions before the runtime, and that before all
 * other code (link_order.c). *script: its path. 0 or -errno.
 */
int order_script(struct build *b, const char *runtime_object, char **script);

/*
 * Writes an object with the table of builds that the patch is made for. Reads the units' proofs and
 * build.image. 0, -EINVAL with a diagnostic "build-id-missing", -errno.
 */
int write_targets(struct build *b, const char *object);

/*
 * Refuses a patch in which code of one kernel object uses what is carried for another that need not be
 * loaded. Gives what several kernel objects get from one source a name for each: unit.diff is read,
 * and written again. 0, -EINVAL with diagnostics, -errno.
 */
int check_sharing(struct build *b);

/*
 * Around objtool, which knows functions that do not return, static call keys and thunks by their
 * names: klp references get the plain name of their symbol where no other symbol of the module
 * has it, and bind globally. @names remembers who is who for refs_back(). 0 or -errno.
 */
int refs_to_natural(struct elf_edit *f, struct diags *diags, struct strmap *names);
void refs_back(struct elf_edit *f, const struct strmap *names);

/*
 * Also around objtool: calls of functions of the kernel that do not return, and of which it cannot know
 * that. noreturn_find() says which functions those are, from the objects of the units. noreturn_hide()
 * has the calls of them go to panic(), before refs_to_natural(); noreturn_restore() takes that back, after
 * refs_back(). 0, -EBADMSG (@f is not what objtool makes of it), -errno.
 */
struct noreturn {
	struct strmap *names;  /* symbols of functions that do not return */
	struct strmap *places; /* of hidden calls → the symbol's name */
	size_t n;	       /* hidden calls */
};
int noreturn_find(struct build *b, struct noreturn *calls);
int noreturn_hide(struct elf_edit *f, struct noreturn *calls);
int noreturn_restore(struct elf_edit *f, struct noreturn *calls);
void noreturn_free(struct noreturn *calls);

/*
 * Adds an import_ns= to .modinfo for the namespace of each undefined symbol of @f that has one.
 * Must come before refs_to_natural(): a klp reference is no import. 0, -EINVAL (@f has no
 * .modinfo).
 */
struct symvers;
int import_namespaces(struct elf_edit *f, const struct symvers *symvers);

/* Gives the metadata its final section names; @callbacks: only the callbacks, or all but them. */
void metadata_to_final(struct elf_edit *f, bool callbacks);

#endif
