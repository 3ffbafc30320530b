/* SPDX-License-Identifier: GPL-2.0-only */
/* What has become of each patch of a series: for people, as YAML for programs, and for the page of --report (page/). */
#ifndef KPATCH_BUILD_REPORT_H
#define KPATCH_BUILD_REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct build;

struct report_counts {
	size_t applied, without_effect, left_out;
};

/* What all forms of the report say of one patch. Strings may be NULL: not known. */
struct report_patch {
	const char *patch, *sha256, *subject, *commit, *state, *reason, *message_id, *needs;
	uint64_t message;
	const char *const *cves;
	size_t n_cves;
};

struct report_counts report_count(const struct build *b);
/* One for each patch of the series, in its order, from the arena of the build. */
const struct report_patch *report_patches(struct build *b);
/* Writes the text. What comes out of patches is foreign and written as such. */
void report_print(const struct build *b, FILE *f);
/* Writes both into the work directory, b->report; stage_install() moves them beside the module. 0 or -errno. */
int report_write(struct build *b);

#endif
