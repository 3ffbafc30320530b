// SPDX-License-Identifier: GPL-2.0-only
/* A module from outside of the kernel's source, as tests patch it: what a file of /proc says, and a counter in another object. */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "shared.h"

static unsigned long shows;

static noinline int oot_show(struct seq_file *m, void *v)
{
	shows++;
	WARN_ON(!m);
	pr_debug("shown %lu times\n", shows);
	seq_printf(m, "original %lu of %d\n", oot_count(shows), OOT_STEP);
	return 0;
}

static int __init oot_init(void)
{
	return proc_create_single("kpatch_oot", 0444, NULL, oot_show) ? 0 : -ENOMEM;
}
module_init(oot_init);

static void __exit oot_exit(void)
{
	remove_proc_entry("kpatch_oot", NULL);
}
module_exit(oot_exit);

MODULE_LICENSE("GPL");
