// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of the kernel that keep no pointer that they are given. Each entry was read in the sources of 6.1 and 6.12:
 * what the function does with the argument ends before it returns. One that puts the pointer, or what it found
 * through it, anywhere else is not in here; nor one that only some configuration makes harmless.
 */
#include <string.h>

#include "create-diff-object/escape.h"

#define A0 1u
#define A1 2u
#define A2 4u
#define A3 8u
#define A4 16u
#define A5 32u
#define ALL 63u

/* printf()-like: the format and all that it asks for become text. */
#define PRINTS(function)                                                                                     \
	{                                                                                                    \
		.name = function, .forgets = ALL, .more = true                                               \
	}
#define FORGETS(function, arguments)                                                                         \
	{                                                                                                    \
		.name = function, .forgets = (arguments)                                                     \
	}

static const struct callee callees[] = {
	/* kernel/printk/printk.c, kernel/panic.c, lib/vsprintf.c: formatted into the record at once */
	PRINTS("_printk"),
	PRINTS("_printk_deferred"),
	PRINTS("__warn_printk"),
	PRINTS("panic"),
	PRINTS("snprintf"),
	PRINTS("scnprintf"),
	PRINTS("sprintf"),
	PRINTS("sscanf"),
	FORGETS("vprintk", ALL),
	FORGETS("vsnprintf", ALL),
	FORGETS("vscnprintf", ALL),
	FORGETS("vsprintf", ALL),
	PRINTS("kasprintf"),
	PRINTS("sysfs_emit"),
	PRINTS("sysfs_emit_at"),
	PRINTS("warn_slowpath_fmt"),
	/* drivers/base/core.c, net/core/dev.c, lib/dynamic_debug.c: the same, behind the device's name */
	PRINTS("_dev_alert"),
	PRINTS("_dev_crit"),
	PRINTS("_dev_emerg"),
	PRINTS("_dev_err"),
	PRINTS("_dev_info"),
	PRINTS("_dev_notice"),
	PRINTS("_dev_printk"),
	PRINTS("_dev_warn"),
	PRINTS("netdev_alert"),
	PRINTS("netdev_crit"),
	PRINTS("netdev_emerg"),
	PRINTS("netdev_err"),
	PRINTS("netdev_info"),
	PRINTS("netdev_notice"),
	PRINTS("netdev_printk"),
	PRINTS("netdev_warn"),
	PRINTS("__dynamic_dev_dbg"),
	PRINTS("__dynamic_netdev_dbg"),
	PRINTS("__dynamic_pr_debug"),
	/* lib/ratelimit.c: prints the function's name */
	FORGETS("___ratelimit", A1),
	/* fs/seq_file.c: into the buffer */
	PRINTS("seq_printf"),
	FORGETS("seq_puts", ALL),
	FORGETS("seq_write", ALL),
	FORGETS("seq_put_decimal_ll", ALL),
	FORGETS("seq_put_decimal_ull", ALL),
	FORGETS("seq_put_decimal_ull_width", ALL),
	/* lib/string.c, lib/string_helpers.c */
	FORGETS("memcmp", ALL),
	FORGETS("strcasecmp", ALL),
	FORGETS("strcmp", ALL),
	FORGETS("strlen", ALL),
	FORGETS("strncasecmp", ALL),
	FORGETS("strncmp", ALL),
	FORGETS("sysfs_streq", ALL),
	/* mm/util.c */
	{ .name = "kstrdup", .copies = A0 },
	{ .name = "kstrndup", .copies = A0 },
};

const struct callee *callee_find(struct diff *d, const char *name)
{
	for (size_t i = 0; i < sizeof(callees) / sizeof(callees[0]); i++)
		if (!strcmp(callees[i].name, name))
			return &callees[i];
	return NULL;
}
