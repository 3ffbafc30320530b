/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel object that is no module. Its name stands where a module's would, as in the kernel's own format of klp sections. */
#ifndef KPATCH_UTIL_VMLINUX_H
#define KPATCH_UTIL_VMLINUX_H

#include <stdbool.h>
#include <string.h>

#define VMLINUX "vmlinux"

static inline bool is_vmlinux(const char *object)
{
	return !strcmp(object, VMLINUX);
}

#endif
