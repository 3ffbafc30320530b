/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel configuration (.config, /boot/config-RELEASE).
 */
#ifndef KPATCH_KERNEL_KCONFIG_H
#define KPATCH_KERNEL_KCONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct diags;
struct kconfig;

/*
 * Reads a file; gzip-compressed ones (/proc/config.gz) too. *out is owned by the caller.
 * -errno of open/read, -EBADMSG (no configuration), each with a diagnostic.
 */
int kconfig_open(const char *path, struct diags *diags, struct kconfig **out);
int kconfig_read(const char *path, const char *text, size_t size, struct diags *diags, struct kconfig **out);
void kconfig_free(struct kconfig *c);

/*
 * The value of an option ("CONFIG_X86_KERNEL_IBT"), strings without their quotes and escapes;
 * NULL if it is not set. Lives as long as @c.
 */
const char *kconfig_get(const struct kconfig *c, const char *option);
/* Whether it is y: built in. */
bool kconfig_yes(const struct kconfig *c, const char *option);

#endif
