/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's own makefiles say: how an object is compiled, and into what it is linked.
 *
 * Nothing is guessed from paths and nothing is compiled. A small makefile of ours includes the
 * tree's scripts/Makefile.build with the environment that the top Makefile exports, asks for an
 * object, and prints the variables that the recipe would have used. That takes 20 ms a directory.
 */
#ifndef KPATCH_BUILD_KBUILD_H
#define KPATCH_BUILD_KBUILD_H

#include "kpatch-build/build.h"
#include "lib/util/words.h"

/* How one object is made. */
struct kbuild_object {
	const char *object, *source; /* as Kbuild spells them: "drivers/x/../y/z.o" */
	struct words cc;	     /* compiler and flags as they are, without -c, -o and the source */
	struct words objtool;	     /* objtool and its options; .n is 0 if it does not run on the object */
	bool delayed;		     /* objtool runs on the whole of vmlinux or of the module */
	bool module;		     /* compiled as part of a module */
};

/* A composite module and the objects that it is linked from. */
struct kbuild_module {
	const char *object; /* "fs/nfsd/nfsd.o" */
	struct words parts; /* "fs/nfsd/nfssvc.o", …; only the object itself for a simple module */
};

/* What a directory's makefile makes. All paths from the tree's root, as Kbuild spells them. */
struct kbuild_directory {
	const char *dir;
	struct words builtin; /* objects and dir/built-in.a that go into vmlinux */
	struct words library; /* objects of lib.a */
	struct kbuild_module *modules;
	size_t n_modules;
};

/*
 * Learns the environment that the top Makefile of the tree at @tree exports, while the tree may
 * still be written to, and writes it and our makefile to the directory @entry. @make: the make
 * command with the variables for this kernel. 0 or -errno with a diagnostic.
 */
int kbuild_learn_environment(struct build *b, const char *tree, const char *entry, const struct words *make);
/* Reads it back and fills kernel.env. */
int kbuild_load_environment(struct build *b);
/* Copies what the former has written to another entry. */
int kbuild_copy_environment(struct build *b, const char *from, const char *to);

/*
 * Files of kernel.entry that answer without running make: what the makefile of @dir makes, and how @object is made (NULL: its
 * path leads out of the tree). In the form in which the query makefile prints it.
 */
char *kbuild_lists_path(struct build *b, const char *dir);
char *kbuild_command_path(struct build *b, const char *object);

/*
 * What the makefile of directory @dir ("fs/nfsd", "." for the root) makes. *out: NULL if the
 * directory has no makefile or it cannot be evaluated by itself. Owned by build.arena; asked for
 * once a run. 0 or -errno with a diagnostic.
 */
int kbuild_read_directory(struct build *b, const char *dir, const struct kbuild_directory **out);

/*
 * The same with the file @makefile in the place of the directory's own, which is looked for under the same name. Asked anew each
 * time, and not kept in the cache.
 */
int kbuild_read_makefile(struct build *b, const char *dir, const char *makefile,
			 const struct kbuild_directory **out);

/*
 * Evaluates those of the directories @dirs that no run has asked for yet, several at a time. Saves time
 * only. 0 or -errno with a diagnostic.
 */
int kbuild_read_directories(struct build *b, const struct words *dirs);

/*
 * How Kbuild makes @object when it runs in @dir. Asked in build.pristine, in which the object's
 * directory is open (shadow.h). -ENOENT: not by compiling a C source or assembly.
 */
int kbuild_read_object(struct build *b, const char *dir, const char *object, struct kbuild_object *out);

#endif
