/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files read whole. Reading instead of mapping: a file that is cut short while it is mapped kills
 * the process with SIGBUS.
 */
#ifndef KPATCH_KERNEL_INPUT_H
#define KPATCH_KERNEL_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct diags;

/*
 * Reads a regular file (or a pseudo file of /proc and /sys) of at most @limit bytes. *data is
 * malloc'ed, has a NUL after its end, and is owned by the caller. -errno, or -EFBIG, without a
 * diagnostic.
 */
int input_read(const char *path, size_t limit, uint8_t **data, size_t *size);

/* The same, with the diagnostic "file-unreadable" on error; @kind: "kernel image", … */
int input_read_diag(const char *path, const char *kind, size_t limit, struct diags *diags, uint8_t **data,
		    size_t *size);

/*
 * The same for a text that may be compressed, and is decompressed then (also "text-damaged"); what comes out is at most @limit bytes.
 */
int input_read_text(const char *path, const char *kind, size_t limit, struct diags *diags, uint8_t **data,
		    size_t *size);
/* The same of what an open descriptor gives until its end, which may be a pipe; @name is for messages. */
int input_read_text_of(int fd, const char *name, const char *kind, size_t limit, struct diags *diags,
		       uint8_t **data, size_t *size);

#endif
