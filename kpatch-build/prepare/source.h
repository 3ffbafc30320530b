/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's source, build.kernel.source, on its way into a prepared tree. */
#ifndef KPATCH_BUILD_SOURCE_H
#define KPATCH_BUILD_SOURCE_H

#include <stdbool.h>

struct build;
struct sha256;

/* Adds to @s what tells this source from another one. 0 or -errno. */
int source_digest(struct build *b, struct sha256 *s);
/*
 * The same of the directory @path, by the names, sizes and times of its files. @products: what a build leaves there, too.
 */
int source_digest_directory(const char *path, bool products, struct sha256 *s);
/* Ends of the names of what a build leaves beside the sources; NULL ends the list. */
extern const char *const source_products[];
/* Unpacks or copies the source into the directory @tree. @whole: with the parts that are hardly ever needed. */
int source_unpack(struct build *b, const char *tree, bool whole);
/*
 * The source in @tree must be of the version that the image's package or release has. That of another point release
 * will do where the proof finds it equal; this is said once, when the tree is @ready.
 */
int source_check_version(struct build *b, const char *tree, bool ready);
/* Source packages of RPM; source_rpm.c. */
bool source_is_rpm(const char *path);
/*
 * Unpacks the kernel's tar file in the package @rpm and applies the package's patches to it, in the order of
 * their numbers.
 */
int source_rpm_unpack(struct build *b, const char *rpm, const char *tree);

#endif
