/* SPDX-License-Identifier: GPL-2.0-only */
/* Images and modules as ELF files: what they may be, and how it is said that one is damaged. */
#ifndef KPATCH_KERNEL_ELF_H
#define KPATCH_KERNEL_ELF_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct diags;
struct elf_file;

/*
 * Reads header and sections. @name and @kind ("kernel image", "kernel module") are for messages. @data must outlive what
 * is made. -EBADMSG or -ENOTSUP with the diagnostics "elf-damaged" and "elf-foreign".
 */
int kernel_elf_open(const char *name, const char *kind, const uint8_t *data, size_t size, struct arena *arena,
		    struct diags *diags, struct elf_file *out);

#endif
