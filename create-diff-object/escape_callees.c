// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of the kernel that keep no pointer that they are given. Each entry was read in the sources of 6.1 and 6.12:
 * what the function does with the argument ends before it returns. One that puts the pointer, or what it found
 * through it, anywhere else is not in here; nor one that only some configuration makes harmless.
 */
#include <string.h>

#include "create-diff-object/escape_private.h"

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

/* Initialises a lock of the kernel's; what it is called, and its class, only lockdep wants to know. */
#define NAMES_LOCK(function, arguments)                                                                      \
	{                                                                                                    \
		.name = function, .forgets = (arguments), .without_lockdep = true                            \
	}

static const struct callee callees[] = {
	/* kernel/printk/printk.c, kernel/panic.c, drivers/base/core.c, net/core/dev.c: formatted into the record at once */
	PRINTS("_printk"),
	PRINTS("_printk_deferred"),
	PRINTS("printk"), /* so until 5.14 */
	PRINTS("printk_deferred"),
	FORGETS("vprintk", ALL),
	/* 7.3, the machine's entry.S and traps.c: an instruction that traps; what it is given is printed by the handler */
	PRINTS("__WARN_trap"),
	PRINTS("__SCT__WARN_trap"),
	/* 7.3, lib/ubsan.c: prints, and sets a bit in what it is given */
	FORGETS("__ubsan_handle_out_of_bounds", ALL),
	FORGETS("__ubsan_handle_shift_out_of_bounds", ALL),
	FORGETS("__ubsan_handle_load_invalid_value", ALL),
	PRINTS("__warn_printk"),
	PRINTS("warn_slowpath_fmt"),
	PRINTS("panic"),
	/* lib/string_helpers.c (lib/string.c before 6.2): prints the name of the string function, and ends in BUG() */
	FORGETS("fortify_panic", ALL),
	PRINTS("_dev_emerg"),
	PRINTS("_dev_alert"),
	PRINTS("_dev_crit"),
	PRINTS("_dev_err"),
	PRINTS("_dev_warn"),
	PRINTS("_dev_notice"),
	PRINTS("_dev_info"),
	PRINTS("_dev_printk"),
	PRINTS("netdev_emerg"),
	PRINTS("netdev_alert"),
	PRINTS("netdev_crit"),
	PRINTS("netdev_err"),
	PRINTS("netdev_warn"),
	PRINTS("netdev_notice"),
	PRINTS("netdev_info"),
	PRINTS("netdev_printk"),
	PRINTS("dev_err_probe"),
	/* kernel/panic.c: it takes nothing, and ends in panic() */
	PRINTS("__stack_chk_fail"),
	/* drivers/scsi/scsi_logging.c: formatted into a buffer, which is printed and freed */
	PRINTS("sdev_prefix_printk"),
	PRINTS("scmd_printk"),
	/* net/netlink/af_netlink.c: a tracepoint, which copies the text */
	FORGETS("do_trace_netlink_extack", A0),
	/* drivers/gpu/drm/drm_print.c, fs/btrfs/messages.c (super.c before 6.3) */
	PRINTS("drm_dev_printk"),
	PRINTS("__drm_dev_dbg"),
	PRINTS("___drm_dbg"),
	PRINTS("__drm_err"),
	PRINTS("_btrfs_printk"),
	/* lib/dynamic_debug.c: the descriptor is known to it by the module's table, and forgotten with the module */
	PRINTS("__dynamic_pr_debug"),
	PRINTS("__dynamic_dev_dbg"),
	PRINTS("__dynamic_netdev_dbg"),
	FORGETS("___ratelimit", A0 | A1),
	FORGETS("__printk_ratelimit", A0),
	PRINTS("print_hex_dump"),
	/* lib/vsprintf.c, lib/kasprintf.c, fs/seq_file.c, fs/sysfs/file.c: into a buffer */
	PRINTS("snprintf"),
	PRINTS("scnprintf"),
	PRINTS("sprintf"),
	PRINTS("sscanf"),
	PRINTS("kasprintf"),
	FORGETS("vsnprintf", ALL),
	FORGETS("vscnprintf", ALL),
	FORGETS("vsprintf", ALL),
	FORGETS("kvasprintf", ALL),
	PRINTS("seq_printf"),
	FORGETS("seq_vprintf", ALL),
	FORGETS("seq_puts", A0 | A1),
	FORGETS("seq_put_decimal_ull_width", A0 | A1),
	FORGETS("seq_put_decimal_ull", A0 | A1),
	FORGETS("seq_put_decimal_ll", A0 | A1),
	FORGETS("seq_put_hex_ll", A0 | A1),
	PRINTS("seq_hex_dump"),
	PRINTS("sysfs_emit"),
	PRINTS("sysfs_emit_at"),
	/* lib/string.c, lib/kstrtox.c: read only */
	FORGETS("strcmp", A0 | A1),
	FORGETS("strncmp", A0 | A1),
	FORGETS("strcasecmp", A0 | A1),
	FORGETS("strncasecmp", A0 | A1),
	FORGETS("strlen", A0),
	FORGETS("strnlen", A0),
	FORGETS("strspn", A0 | A1),
	FORGETS("strcspn", A0 | A1),
	FORGETS("memcmp", A0 | A1),
	FORGETS("bcmp", A0 | A1),
	FORGETS("sysfs_streq", A0 | A1),
	FORGETS("match_string", A0 | A2),
	FORGETS("kstrtoint", A0 | A2),
	FORGETS("kstrtouint", A0 | A2),
	FORGETS("kstrtoll", A0 | A2),
	FORGETS("kstrtoull", A0 | A2),
	FORGETS("kstrtobool", A0 | A1),
	/* the result points into an argument */
	{ .name = "strchr", .forgets = A0, .returns = A0 },
	{ .name = "strrchr", .forgets = A0, .returns = A0 },
	{ .name = "strnchr", .forgets = A0, .returns = A0 },
	{ .name = "strstr", .forgets = A0 | A1, .returns = A0 },
	{ .name = "strnstr", .forgets = A0 | A1, .returns = A0 },
	{ .name = "strpbrk", .forgets = A0 | A1, .returns = A0 },
	{ .name = "memchr", .forgets = A0, .returns = A0 },
	{ .name = "memset", .forgets = A0, .returns = A0 },
	/* what is there is copied, and with it the addresses that it holds */
	{ .name = "memcpy", .forgets = A0, .copies = A1, .returns = A0 },
	{ .name = "memmove", .forgets = A0, .copies = A1, .returns = A0 },
	{ .name = "strcpy", .forgets = A0, .copies = A1, .returns = A0 },
	{ .name = "strncpy", .forgets = A0, .copies = A1, .returns = A0 },
	{ .name = "strcat", .forgets = A0, .copies = A1, .returns = A0 },
	{ .name = "strncat", .forgets = A0, .copies = A1, .returns = A0 },
	{ .name = "strscpy", .forgets = A0, .copies = A1 },
	{ .name = "sized_strscpy", .forgets = A0, .copies = A1 },
	{ .name = "strscpy_pad", .forgets = A0, .copies = A1 },
	{ .name = "strlcpy", .forgets = A0, .copies = A1 },
	{ .name = "strlcat", .forgets = A0, .copies = A1 },
	{ .name = "kstrdup", .copies = A0 },
	{ .name = "kstrndup", .copies = A0 },
	{ .name = "kmemdup", .copies = A0 },
	{ .name = "kmemdup_noprof", .copies = A0 },
	{ .name = "seq_write", .forgets = A0, .copies = A1 },
	{ .name = "_copy_to_user", .copies = A1 },
	FORGETS("_copy_from_user", A0),
	FORGETS("simple_read_from_buffer", A2 | A3),
	FORGETS("__check_object_size", A0),
	/* Locks: who waits is known while he waits. What lockdep knows of a module it forgets with it. */
	FORGETS("mutex_lock", A0),
	FORGETS("mutex_lock_interruptible", A0),
	FORGETS("mutex_lock_killable", A0),
	FORGETS("mutex_trylock", A0),
	FORGETS("mutex_unlock", A0),
	FORGETS("_raw_spin_lock", A0),
	FORGETS("_raw_spin_lock_bh", A0),
	FORGETS("_raw_spin_lock_irq", A0),
	FORGETS("_raw_spin_lock_irqsave", A0),
	FORGETS("_raw_spin_unlock", A0),
	FORGETS("_raw_spin_unlock_bh", A0),
	FORGETS("_raw_spin_unlock_irq", A0),
	FORGETS("_raw_spin_unlock_irqrestore", A0),
	FORGETS("_raw_read_lock", A0),
	FORGETS("_raw_read_lock_bh", A0),
	FORGETS("_raw_read_lock_irq", A0),
	FORGETS("_raw_read_lock_irqsave", A0),
	FORGETS("_raw_read_unlock", A0),
	FORGETS("_raw_read_unlock_bh", A0),
	FORGETS("_raw_read_unlock_irq", A0),
	FORGETS("_raw_read_unlock_irqrestore", A0),
	FORGETS("_raw_write_lock", A0),
	FORGETS("_raw_write_lock_bh", A0),
	FORGETS("_raw_write_lock_irq", A0),
	FORGETS("_raw_write_lock_irqsave", A0),
	FORGETS("_raw_write_unlock", A0),
	FORGETS("_raw_write_unlock_bh", A0),
	FORGETS("_raw_write_unlock_irq", A0),
	FORGETS("_raw_write_unlock_irqrestore", A0),
	FORGETS("_raw_spin_trylock", A0),
	FORGETS("_raw_spin_trylock_bh", A0),
	FORGETS("down_read", A0),
	FORGETS("down_read_killable", A0),
	FORGETS("down_read_trylock", A0),
	FORGETS("down_write", A0),
	FORGETS("down_write_killable", A0),
	FORGETS("down_write_trylock", A0),
	FORGETS("up_read", A0),
	FORGETS("up_write", A0),
	FORGETS("downgrade_write", A0),
	/* kernel/locking/, kernel/sched/wait.c, swait.c, kernel/time/timer.c: the last two arguments */
	NAMES_LOCK("__mutex_init", A1 | A2),
	NAMES_LOCK("__init_rwsem", A1 | A2),
	NAMES_LOCK("__percpu_init_rwsem", A1 | A2),
	NAMES_LOCK("__init_waitqueue_head", A1 | A2),
	NAMES_LOCK("__init_swait_queue_head", A1 | A2),
	NAMES_LOCK("init_timer_key", A3 | A4),
	/* where the caller is, for lockdep and tracers of what disables interrupts for long */
	FORGETS("__local_bh_disable_ip", A0),
	FORGETS("__local_bh_enable_ip", A0),
	/* they only report, or do not come back */
	FORGETS("refcount_warn_saturate", A0),
	FORGETS("__list_add_valid", A0 | A1 | A2),
	FORGETS("__list_del_entry_valid", A0),
	FORGETS("__list_add_valid_or_report", A0 | A1 | A2),
	FORGETS("__list_del_entry_valid_or_report", A0),
};

const struct callee *callee_find(struct diff *d, const char *name)
{
	for (size_t i = 0; i < sizeof(callees) / sizeof(callees[0]); i++)
		if (!strcmp(callees[i].name, name))
			return callees[i].without_lockdep && !escapes_without_lockdep(escapes_get(d)) ?
				       NULL :
				       &callees[i];
	return NULL;
}
