/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Results on their way from the work directory to where the user wants them.
 */
#ifndef KPATCH_BUILD_INSTALL_H
#define KPATCH_BUILD_INSTALL_H

#include <stddef.h>

struct build;

/*
 * Copies @n files to the output directory, under their own names: all of them beside their final
 * names first, then renamed in this order. On failure none is left that was not there before.
 * Prints the paths on standard output. 0, or -errno with a diagnostic.
 */
int install_files(struct build *b, const char *const *files, size_t n);

#endif
