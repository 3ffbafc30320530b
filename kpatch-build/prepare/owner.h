/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which kernel object (vmlinux, or which modules) an object file is linked into.
 */
#ifndef KPATCH_BUILD_OWNER_H
#define KPATCH_BUILD_OWNER_H

#include "kpatch-build/build.h"

/* One place that an object goes to. */
struct owner {
	const char *dir;	 /* directory in which Kbuild makes it */
	const char *object;	 /* its name as Kbuild spells it there, for kbuild_read_object() */
	const char *name;	 /* "vmlinux", or the module's name as the kernel has it */
	const char *module_path; /* installed file; NULL for vmlinux */
};

struct owners {
	struct owner *owner;
	size_t n;
};

/*
 * The owners of @object ("fs/proc/meminfo.o", from the tree's root), from the lists of the
 * makefiles, confirmed by what is installed. None is no error: out->n is 0. 0 or -errno.
 */
int owners_find(struct build *b, const char *object, struct owners *out);

/* The owners that @d names, of a makefile that may be another than the tree's. None is no error. 0 or -errno. */
struct kbuild_directory;
int owners_in(struct build *b, const struct kbuild_directory *d, const char *object, struct owners *out);

/* Whether the makefile of directory @dir makes objects of sources that are not below it. */
bool owners_elsewhere(struct build *b, const char *dir);

/*
 * Notes, at prepare, the objects that makefiles reach outside of their own directories
 * (virt/kvm/kvm_main.o belongs to the kvm of its machine). Needs kernel.tree and kernel.env. 0 or -errno.
 */
int owners_index(struct build *b, const char *entry);

#endif
