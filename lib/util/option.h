/* SPDX-License-Identifier: GPL-2.0-only */
/* Long options as getopt_long(3) has them. */
#ifndef KPATCH_UTIL_OPTION_H
#define KPATCH_UTIL_OPTION_H

struct option;

/*
 * The name of the option that the word of a command line was probably meant to be, as text_nearest() finds it. NULL: none, or the
 * word begins with no "--". @options ends as getopt_long() wants it.
 */
const char *option_nearest(const struct option *options, const char *word);

#endif
