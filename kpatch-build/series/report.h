/* SPDX-License-Identifier: GPL-2.0-only */
/* What has become of each patch of a series: for people, and as YAML for programs. */
#ifndef KPATCH_BUILD_REPORT_H
#define KPATCH_BUILD_REPORT_H

#include <stddef.h>
#include <stdio.h>

struct build;

struct report_counts {
	size_t applied, without_effect, left_out;
};

struct report_counts report_count(const struct build *b);
/* Writes the text. What comes out of patches is foreign and written as such. */
void report_print(const struct build *b, FILE *f);
/* Writes both into the work directory, b->report; stage_install() moves them beside the module. 0 or -errno. */
int report_write(struct build *b);

#endif
