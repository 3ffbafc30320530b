/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the kernel stage ask of each other. */
#ifndef KPATCH_BUILD_KERNEL_H
#define KPATCH_BUILD_KERNEL_H

#include "kpatch-build/build.h"

/*
 * The version string of a boot image: what /proc/version shows behind "Linux version ". -ENOTSUP for
 * another format, -errno, -EBADMSG.
 */
int kernel_image_version(struct arena *arena, const char *path, const char **version);

/* Checks --cc, or finds the compiler that the configuration names. Fills kernel.cc. compiler.c */
int kernel_find_compiler(struct build *b);

#endif
