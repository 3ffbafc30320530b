/* SPDX-License-Identifier: GPL-2.0-only */
/* A module's relocation, as installed_open.c reads it and installed.c looks it up. */
#ifndef KPATCH_KERNEL_INSTALLED_PRIVATE_H
#define KPATCH_KERNEL_INSTALLED_PRIVATE_H

#include <stdint.h>

struct installed_rela {
	uint64_t offset;
	uint32_t symbol, type;
	int64_t addend;
};

#endif
