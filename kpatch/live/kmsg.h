/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel says while it loads a module: error numbers are few, and the real reason is in
 * its log (Documentation/ABI/testing/dev-kmsg).
 */
#ifndef KPATCH_KMSG_H
#define KPATCH_KMSG_H

#include "kpatch/kpatch.h"

/* Starts to listen at the log's end. A descriptor, or -1 where there is no log to read. */
int kmsg_open(const struct system *s);
/*
 * Adds what was logged since and concerns live patching or @module, as notes "kernel-log". Closes
 * @fd.
 */
void kmsg_report(struct kpatch *k, int fd, const char *module);

void kmsg_close(int fd);

#endif
