/* SPDX-License-Identifier: GPL-2.0-only */
/* For users of another builder, kpatch: what its options are called here. doc/from-kpatch.md has them all. */
#ifndef KPATCH_BUILD_OPTIONS_FOREIGN_H
#define KPATCH_BUILD_OPTIONS_FOREIGN_H

/* What to say in the place of the option @word, as it was typed. NULL: it is none of theirs. */
const char *options_foreign(const char *word);

#endif
