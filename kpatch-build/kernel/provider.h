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
 * A file that a build needs of a kernel. Texts have {release} for the kernel's release, {version} for what is before
 * its first '-' ("6.1.0"), {series} for its first two numbers ("6.1"), {bare} for it without the machine behind the
 * last '.', {base} and {flavour} for what is before and behind its last '-', {=package} for '=' and the version of its package if that
 * is known, {build} and {source} for what the links in /lib/modules/RELEASE lead to.
 */
struct kernel_place {
	const char *paths[7]; /* the first that is there; a directory's ends with a slash */
	const char *inside;   /* without which a directory is not it, NULL: any is */
	const char *package;  /* has the file; NULL: not known */
	const char *command;  /* gets the file where no package has it */
};

/* What the version of a kernel's source is known by. */
enum source_version {
	SOURCE_VERSION_UNKNOWN,
	SOURCE_VERSION_OF_PACKAGE, /* the version of its package begins with it */
	SOURCE_VERSION_OF_RELEASE, /* its release does */
};

/* How an ordinary user gets packages without installing them. Commands are words with blanks between them. */
struct provider_fetch {
	const char *
		versions; /* lists what is on offer of the package behind it: "PACKAGE | VERSION | …", newest first */
	const char *
		download; /* gets the PACKAGE=VERSION behind it into its directory, and looks at who signed them */
	const char *unpack;  /* unpacks a file into a directory, both behind it */
	const char *refresh; /* for remedies: gets the lists of what is on offer */
	const char
		*more[4]; /* packages that some kernels' files are in besides; texts as in a kernel_place */
};

struct provider {
	const char *name;
	const char *ids[4]; /* in ID or ID_LIKE of os-release(5) */
	/* Whether the system below @root ("" for this one) is of this family, though no os-release says so. May be NULL. */
	bool (*present)(struct arena *arena, const char *root);
	struct kernel_place image, modules, config, symvers, source;
	const char *made_by; /* in the version string of every image that it built; NULL: in none */
	enum source_version version_of;
	/* The version of the package that an image with the version string @version is of, or NULL. May be NULL itself. */
	const char *(*package)(struct arena *arena, const char *version);
	/* The package's version of the source at @source ("6.1.192-2"), or NULL. May be NULL itself. */
	const char *(*source_version)(struct arena *arena, const char *root, const char *source);
	/* Variables of make that the kernel was built with; {package} is the version of its package. */
	const char *make[4];
	/* The command that installs the packages named behind it; NULL: not known. */
	const char *install;
	const struct provider_fetch *fetch;  /* NULL: not known */
	const char *archive;		     /* where packages are that .install does not find any more */
	const char *needs[N_PROVIDER_NEEDS]; /* packages, for .install */
};

extern const struct provider provider_debian, provider_ubuntu, provider_fedora, provider_suse,
	provider_generic;
/* A tree in which a kernel was built, installed or not: "root" is that tree. */
extern const struct provider provider_build;

/* One file as it was looked for. Strings are owned by the arena. */
struct kernel_file {
	const char *path; /* where it is or should be */
	bool found;
	const char *package; /* to be installed if it is not there; NULL: not known */
	const char *command; /* or to be run; NULL: not known */
};

struct kernel_files {
	struct kernel_file image, modules, config, symvers, source;
};

/* The provider of the system below @root, "" for this machine. */
const struct provider *provider_of(struct arena *arena, const char *root);
/* The provider that built the kernel with the version string @version, or NULL. */
const struct provider *provider_of_image(const char *version);
/*
 * Who knows where the files of the kernel with the version string @version are, below @root: the system's provider,
 * unless somebody else built it. @version: NULL if it is not known.
 */
const struct provider *provider_of_kernel(struct arena *arena, const char *root, const char *version);
/* Looks for the files of @release, whose package has the version @package (NULL: not known), below @root. */
int provider_find(const struct provider *p, struct arena *arena, const char *root, const char *release,
		  const char *package, struct kernel_files *out);
/* The packages of the kernel @release: those that must be there, and those of which some kernels have none. */
void provider_packages(const struct provider *p, struct arena *arena, const char *release,
		       struct words *needed, struct words *more);
/* The version of the package that built the image with the version string @version; NULL: not known. */
const char *provider_package(const struct provider *p, struct arena *arena, const char *version);
/* Adds the variables of make for a kernel of the package @version. */
void provider_make(const struct provider *p, struct arena *arena, const char *version, struct words *make);
/* For a remedy: what to install on this machine, as a command if there is one. */
const char *provider_need(struct arena *arena, enum provider_need need);

#endif
