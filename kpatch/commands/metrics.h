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

/* What stands before the first sample of a number. */
void metrics_head(FILE *f, const char *name, const char *help);
/* NAME="VALUE"; a label's value may hold any UTF-8. */
void metrics_label(FILE *f, const char *name, const char *value);

/* The loaded patches, and the @n installed ones of @list. */
void metrics_print(struct kpatch *k, const struct live *live, const struct stored *list, size_t n);
/* How the command ended, and what it found wrong, by id. Whatever happened, this is there. */
void metrics_print_outcome(struct kpatch *k, enum outcome o);

#endif
