/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The section table of a 64-bit ELF file in memory, read with libelf and checked, for the readers
 * of images and modules. Contents are not copied.
 */
#ifndef KPATCH_KERNEL_ELFVIEW_H
#define KPATCH_KERNEL_ELFVIEW_H

#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct diags;

struct elfview_section {
	const char *name;
	uint32_t type, link, info;
	uint64_t flags, address, size, entsize;
	const uint8_t *data; /* NULL for SHT_NOBITS and empty sections */
};

struct elfview {
	Elf *elf; /* ended with elfview_close() */
	uint16_t machine, type;
	struct elfview_section *sections; /* [0] is the null section; from the arena */
	uint32_t n_sections;
};

/*
 * @name and @kind ("kernel image", "kernel module") are for messages. @data must outlive the view.
 * -EBADMSG or -ENOTSUP with the diagnostics "elf-damaged" and "elf-foreign".
 */
int elfview_open(const char *name, const char *kind, const uint8_t *data, size_t size, struct arena *arena,
		 struct diags *diags, struct elfview *out);
void elfview_close(struct elfview *v);

/* First section of that name, or NULL. */
const struct elfview_section *elfview_section(const struct elfview *v, const char *name);

#endif
