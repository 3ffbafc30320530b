/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is different from one distribution to another: where the files of a kernel are, what its packages are called
 * and installed with, what its build says of itself. One provider a distribution family, one file each
 * (provider_debian.c), and one for all others (provider_generic.c). No other file knows a distribution.
 */
#ifndef KPATCH_BUILD_PROVIDER_H
#define KPATCH_BUILD_PROVIDER_H

#include <stdbool.h>

#include "lib/util/words.h"

struct arena;

/* Programs and libraries of this machine that may have to be installed. */
enum provider_need {
	NEED_BUILD,    /* what the kernel's makefiles run and compile with */
	NEED_TOKENS,   /* OpenSSL's engine for PKCS#11 */
	NEED_DPKG_DEB, /* dpkg-deb */
	NEED_RPMBUILD, /* rpmbuild */
	N_PROVIDER_NEEDS
};

/*
 * A file that a build needs of a kernel. Paths and names have {release} for the kernel's release, {series} for its
 * first two numbers ("6.1"), {build} and {source} for what the links in /lib/modules/RELEASE lead to.
 */
struct kernel_place {
	const char *paths[7]; /* the first that is there; a directory's ends with a slash */
	const char *inside;   /* without which a directory is not it, NULL: any is */
	const char *package;  /* has the file; NULL: not known */
};

struct provider {
	const char *name;
	/* Whether the system below @root ("" for this one) is of this family. */
	bool (*present)(struct arena *arena, const char *root);
	struct kernel_place image, modules, config, symvers, source;
	/*
	 * In the version string of an image, what the version of the kernel's package stands behind; NULL: it is not
	 * there. Then .release_is_version tells whether the release begins with the version of the source.
	 */
	const char *package_mark;
	bool release_is_version;
	/* The package's version of the source at @source ("6.1.192-2"), or NULL. May be NULL itself. */
	const char *(*source_version)(struct arena *arena, const char *root, const char *source);
	/* Variables of make that the kernel was built with; {package} is the version of its package. */
	const char *make[4];
	/* The command that installs the packages named behind it; NULL: not known. */
	const char *install;
	const char *needs[N_PROVIDER_NEEDS]; /* packages, for .install */
};

extern const struct provider provider_debian, provider_generic;

/* One file as it was looked for. Strings are owned by the arena. */
struct kernel_file {
	const char *path; /* where it is or should be */
	bool found;
	const char *package; /* to be installed if it is not there; NULL: not known */
};

struct kernel_files {
	struct kernel_file image, modules, config, symvers, source;
};

/* The provider of the system below @root, "" for this machine. */
const struct provider *provider_of(struct arena *arena, const char *root);
/* The provider whose kernels have the version string @version, or NULL. */
const struct provider *provider_of_image(const char *version);
/* Looks for the files of @release below @root. 0 or -ENOMEM. */
int provider_find(const struct provider *p, struct arena *arena, const char *root, const char *release,
		  struct kernel_files *out);
/* The version of the package that built the image with the version string @version; NULL: not known. */
const char *provider_package(const struct provider *p, struct arena *arena, const char *version);
/* Adds the variables of make for a kernel of the package @version. 0 or -ENOMEM. */
int provider_make(const struct provider *p, struct arena *arena, const char *version, struct words *make);
/* For a remedy: what to install on this machine, as a command if there is one; NULL: no memory. */
const char *provider_need(struct arena *arena, enum provider_need need);

#endif
