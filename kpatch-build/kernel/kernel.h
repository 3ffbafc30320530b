/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the kernel stage learns where a distribution keeps the files of a kernel. One provider a
 * distribution family, one file each: provider_debian.c.
 */
#ifndef KPATCH_BUILD_KERNEL_H
#define KPATCH_BUILD_KERNEL_H

#include "kpatch-build/build.h"
#include "lib/util/words.h"

/* One file that a build needs. */
struct kernel_file {
	const char *path; /* where it is or should be */
	bool found;
	const char *remedy; /* what to do if it is not there: one sentence */
};

struct kernel_files {
	struct kernel_file source, config, image, modules, symvers;
};

struct provider {
	const char *name;
	/* Whether the system below @root is of this family. */
	bool (*present)(struct arena *arena, const char *root);
	/* Where the files of @release are. Strings are owned by @arena. 0 or -ENOMEM. */
	int (*find)(struct arena *arena, const char *root, const char *release, struct kernel_files *out);
	/*
	 * The distribution's version of the source at @source ("6.1.192-2"), or NULL if unknown.
	 */
	const char *(*source_version)(struct arena *arena, const char *root, const char *source);
};

extern const struct provider provider_debian;

/*
 * The version string of a kernel image: what /proc/version shows behind "Linux version ". For a
 * bzImage it is in the setup header (Documentation/arch/x86/boot.rst, kernel_version). -ENOTSUP for
 * another format, -errno, -EBADMSG.
 */
int kernel_image_version(struct arena *arena, const char *path, const char **version);

/* Checks --cc, or finds the compiler that the configuration names. Fills kernel.cc. compiler.c */
int kernel_find_compiler(struct build *b);

#endif
