// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>

#include "shared.h"

static unsigned long counted;

noinline unsigned long oot_count(unsigned long n)
{
	check_count(n);
	counted += OOT_STEP;
	return counted + n;
}
EXPORT_SYMBOL_GPL(oot_count);

MODULE_LICENSE("GPL");
