/* SPDX-License-Identifier: GPL-2.0-only */
/* What the readers of the forms of a series share. */
#ifndef KPATCH_BUILD_SERIES_PRIVATE_H
#define KPATCH_BUILD_SERIES_PRIVATE_H

#include "kpatch-build/series/series.h"

/* series_file.c: appends the patches of one file; @member: of a list or a directory, where one without a diff is passed over. */
int series_add_file(struct build *b, struct series *s, const char *path, unsigned int strip, bool member);
/* The patch, or the mbox, on standard input. */
int series_add_standard_input(struct build *b, struct series *s);
/* quilt.c: the patches that the series file @path names. */
int series_add_quilt(struct build *b, struct series *s, const char *path);
/* Whether a file of this name is a quilt series. */
bool series_is_quilt(const char *path);
/* folder.c: the patches in the directory @path. */
int series_add_folder(struct build *b, struct series *s, const char *path);

#endif
