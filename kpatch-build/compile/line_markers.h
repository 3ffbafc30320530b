/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines that a patch leaves alone keep their numbers, so that nothing compiled from them changes.
 */
#ifndef KPATCH_BUILD_LINE_MARKERS_H
#define KPATCH_BUILD_LINE_MARKERS_H

#include <stddef.h>

struct arena;
struct patch_text;

/*
 * The patched C source or header @in with #line directives. *out is @in's own text if no line has moved, and
 * owned by @arena otherwise.
 */
void line_markers_add(struct arena *arena, const struct patch_text *in, const char **out, size_t *size);

#endif
