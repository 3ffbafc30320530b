/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KPATCH_OOT_SHARED_H
#define KPATCH_OOT_SHARED_H

#include <linux/bug.h>
#include <linux/kernel.h>

#ifndef OOT_STEP
#define OOT_STEP 10
#endif

unsigned long oot_count(unsigned long n);

/* __FILE__ of a header */
static inline void check_count(unsigned long n)
{
	WARN_ON(n > 1000000);
}

#endif
