/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the kernel stage ask of each other. */
#ifndef KPATCH_BUILD_KERNEL_H
#define KPATCH_BUILD_KERNEL_H

#include "kpatch-build/build.h"

/* What a release has besides letters and digits, and the version of a package: text_is_plain(). */
#define KERNEL_RELEASE_OTHERS "._+~-"
#define KERNEL_PACKAGE_OTHERS KERNEL_RELEASE_OTHERS ":"

/*
 * The version string of a boot image: what /proc/version shows behind "Linux version ". -ENOTSUP for
 * another format, -errno, -EBADMSG.
 */
int kernel_image_version(struct arena *arena, const char *path, const char **version);

struct provider;
/* The package that the version string is of, NULL: not known, or no name of one: it is going to be a word of commands. */
const char *kernel_image_package(struct build *b, const struct provider *p, const char *version);

struct kmodule;
/*
 * A module of the kernel's own, the first in modules.order. *out: owned by the caller. -errno, -ENOENT without a
 * diagnostic: there is none.
 */
int kernel_open_module(struct build *b, struct kmodule **out);

/* Checks --cc, or finds the compiler that the configuration names. Fills kernel.cc. compiler.c */
int kernel_find_compiler(struct build *b);

#endif
