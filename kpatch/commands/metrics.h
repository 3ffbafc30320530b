/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kpatch status finds, as numbers for monitoring: the text format of Prometheus, which node_exporter's textfile
 * collector reads (https://prometheus.io/docs/instrumenting/exposition_formats/).
 */
#ifndef KPATCH_METRICS_H
#define KPATCH_METRICS_H

#include "kpatch/kpatch.h"

struct live;
struct stored;

/* The loaded patches, and the @n installed ones of @list. */
void metrics_print(struct kpatch *k, const struct live *live, const struct stored *list, size_t n);
/* How the command ended, and what it found wrong, by id. Whatever happened, this is there. */
void metrics_print_outcome(struct kpatch *k, enum outcome o);

#endif
