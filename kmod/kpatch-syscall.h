/* SPDX-License-Identifier: GPL-2.0-only */
/* For sources that were written for kpatch, where this has KPATCH_SYSCALL_DEFINE1() and its sisters. */
#ifndef KPATCH_SYSCALL_H
#define KPATCH_SYSCALL_H

#include "kpatch-macros.h"

#endif
