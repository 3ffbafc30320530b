/* SPDX-License-Identifier: GPL-2.0-only */
/* The special sections of x86_64 kernels: data, in special.c. */
#ifndef KPATCH_ELF_X86_64_SPECIAL_H
#define KPATCH_ELF_X86_64_SPECIAL_H

#include "lib/elf/arch.h"

/* Ends with an entry without a name. */
extern const struct special_section x86_64_specials[];

#endif
