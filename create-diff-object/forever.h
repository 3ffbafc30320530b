/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KPATCH_FOREVER_H
#define KPATCH_FOREVER_H

struct diff;

/* Warns of replaced functions that kernel threads do not leave. Part of the changes pass. */
int changes_forever(struct diff *d);

#endif
