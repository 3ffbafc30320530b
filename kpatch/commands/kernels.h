/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernels of this machine and the hotfixes that are installed for each: a boot of the next one must not end the protection
 * that the running one has. Reads names below /lib/modules, /boot and the store; which kernel a boot loader takes is its own
 * affair, and the newest is what it takes by itself.
 */
#ifndef KPATCH_KERNELS_H
#define KPATCH_KERNELS_H

#include "kpatch/kpatch.h"

struct kernel {
	const char *release;
	bool bootable;	 /* its image is installed */
	size_t hotfixes; /* patches that its boots load; those that are disabled or held back do not count */
};

struct kernels {
	struct kernel *list; /* oldest first */
	size_t n;
	const struct kernel *running;
	const struct kernel
		*next; /* the newest that can be booted, if it is newer than the running one, else NULL */
};

/*
 * Finds them, and puts them into the report ("kernels"). A store that cannot be read holds no hotfixes; that of the next kernel
 * is complained about as store_list() does it.
 */
void kernels_find(struct kpatch *k, const char *running, struct kernels *out);
/*
 * For kpatch status. The warning "newer-kernel-without-hotfix" if the running kernel is @patched and the next one would not
 * be; the note "hotfix-for-another-kernel" if nothing is for the running one, and something for another. Returns the number of notes.
 */
size_t kernels_judge(struct kpatch *k, const struct kernels *kernels, bool patched);
/* kpatch_kernel_hotfixes, for --format prometheus. */
void kernels_print_metrics(struct kpatch *k, const struct kernels *kernels);

#endif
