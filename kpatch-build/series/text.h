/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a patch file, plain or compressed. */
#ifndef KPATCH_BUILD_SERIES_TEXT_H
#define KPATCH_BUILD_SERIES_TEXT_H

#include <stddef.h>

struct arena;
struct diags;

#define SERIES_TEXT_MAX (256U << 20) /* bytes; the difference of two releases of Linux has less */

/*
 * Reads the patch @path, as text whatever compressed it (lib/kernel/files/decompress.h). *data has a NUL behind its *size
 * bytes and is owned by @arena. -errno with a diagnostic: "file-unreadable", "file-too-large", "text-damaged".
 */
int series_text(struct arena *arena, struct diags *diags, const char *path, char **data, size_t *size);
/* The same of what an open descriptor gives until its end; @name is for messages. The descriptor stays the caller's. */
int series_text_of(struct arena *arena, struct diags *diags, int fd, const char *name, char **data,
		   size_t *size);

#endif
