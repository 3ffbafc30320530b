/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hotfix packages: a finished patch module as an RPM or deb that installs and loads it.
 *
 * The package is called kpatch-patch-RELEASE, after the kernel, so that a newer patch for the same
 * kernel upgrades the older one; a patch that does not replace others has its own name behind that,
 * so that several can be installed. Its version is the patch's.
 */
#ifndef KPATCH_BUILD_PACKAGE_H
#define KPATCH_BUILD_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct arena;
struct build;
struct diags;
struct manifest;

enum package_format { PACKAGE_DEB, PACKAGE_RPM, N_PACKAGE_FORMATS };

/* What a package is made from. Strings are owned by the build's arena. */
struct package {
	const struct manifest *manifest;
	const char *yaml; /* the manifest's text */
	size_t yaml_size;
	const uint8_t *module; /* the plain module file, with its signature */
	size_t module_size;
	const char *revision;	/* of the package: "1" */
	const char *maintainer; /* "NAME <MAIL>" */
	int64_t date;		/* seconds since 1970, for every time in the package */
};

/* "deb" or "rpm" into *out; false for anything else. */
bool package_format_named(const char *name, enum package_format *out);
/* Whether a package can have this version: digits first, then letters, digits, '.', '+', '~'. */
bool package_version_is_valid(const char *version);
/* Whether it can be the package's revision: a number, perhaps with more of them behind dots. */
bool package_revision_is_valid(const char *revision);
/* Whether it reads "NAME <MAIL>" on one line. */
bool package_maintainer_is_valid(const char *maintainer);
/* Who makes it where no option says so, by DEBFULLNAME and DEBEMAIL or what git commits with; NULL: nobody knows. */
const char *package_maintainer(struct arena *a);
#define PACKAGE_NO_MAINTAINER                                                                                \
	"Name yourself with --maintainer \"NAME <MAIL>\", with DEBFULLNAME and DEBEMAIL, or to git config"

/*
 * Before anything is built: is there what makes a package of @format? -ENOENT with "package-tool".
 */
int package_check(struct build *b, enum package_format format);

/*
 * Reads the module file at @path, compressed or not, into @out, all but the revision and the maintainer.
 * The date is SOURCE_DATE_EPOCH's, else the file's. -EINVAL with "package-module" (no livepatch
 * module with a manifest), "package-version" or "package-name" (nothing that a package can be
 * called), "source-date-epoch", or what lib/kernel and lib/manifest say.
 */
int package_read(struct build *b, const char *path, struct package *out);

/* Makes the package in the work directory; *file is its path there. 0 or -errno with a diagnostic. */
int package_make(struct build *b, const struct package *p, enum package_format format, const char **file);

/* package_deb.c and package_rpm.c: with the package's files below @root, make *file. */
int package_make_deb(struct build *b, const struct package *p, const char *root, const char **file);
int package_make_rpm(struct build *b, const struct package *p, const char *root, const char **file);

/* package_files.c: what they share. */
const char *package_name(struct arena *a, const struct manifest *m);
/* A file of the package: @text (or bytes) at @root/@path, with directories, times and modes. */
int package_file(struct build *b, const char *root, const char *path, const void *data, size_t size,
		 unsigned int mode);
/* Runs a program of the packager in the work directory. */
int package_run(struct build *b, const struct package *p, const char *const *argv);
/* Files of the package, from its root. */
const char *package_module_path(struct arena *a, const struct manifest *m);
const char *package_doc_path(struct arena *a, const struct manifest *m, const char *file);
/* The program that the maintainer scripts call (contrib/hotfix), and a command line with @verb. */
#define PACKAGE_HOTFIX "/usr/libexec/kpatch/hotfix"
const char *package_hotfix(struct arena *a, const struct manifest *m, const char *verb);

/* package_text.c: one sentence, a paragraph, a list of what changes; lines of at most 78 columns. */
const char *package_summary(struct arena *a, const struct manifest *m);
/* Each line after @indent; the first of each item after @bullet, as wide as it. */
void package_write_text(FILE *f, const struct manifest *m, const char *indent);
void package_write_changes(FILE *f, const struct manifest *m, const char *bullet, const char *indent);

/* The programs that both packages depend on: the loader with its helper. */
#define PACKAGE_LOADER "kpatch-loader"
#define PACKAGE_LOADER_VERSION "0.1"

#endif
