/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An installed kernel image: bzImage as in /boot, or a vmlinux ELF file (which may be compressed).
 * Opening it gives the code and data at their link-time addresses, the kallsyms table, the GNU
 * build ID, the release and the compiler, with no other file needed.
 *
 * The decoded image is kept in a cache directory if one is given: one file an image, keyed by the
 * image's device, inode, size and times, complete or absent.
 */
#ifndef KPATCH_KERNEL_IMAGE_H
#define KPATCH_KERNEL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/elf/file.h"
#include "lib/kernel/files/buildid.h"

struct diags;
struct kallsyms;

struct kimage {
	const char *path;	      /* as given */
	const char *release;	      /* "6.1.0-56-amd64", from the banner */
	const char *banner;	      /* "Linux version 6.1.0-56-amd64 (…) (gcc-12 …) #1 SMP …" */
	const char *compiler;	      /* "gcc-12 (12.2.0-14+deb12u1) 12.2.0", as CC_VERSION_TEXT has it */
	uint16_t machine;	      /* EM_*, one that lib/arch knows */
	struct buildid build_id;      /* what a running kernel shows in /sys/kernel/notes */
	struct elf_section *sections; /* [0] is the null section; per-CPU data has the address 0 */
	uint32_t n_sections;
	const uint8_t *elf; /* the whole vmlinux ELF file, decompressed */
	size_t elf_size;
	struct kallsyms *kallsyms; /* of vmlinux, in the order of the running kernel's table */
	bool from_cache;
	struct kimage_private *priv;
};

/*
 * Opens an image. @cache_dir may be NULL (no cache); it is created if need be, and a cache that
 * cannot be written is no error. On success *out is owned by the caller. Safe from several
 * threads and processes at once. Errors, each with a diagnostic: -ENOENT etc. from open,
 * -EBADMSG (damaged), -ENOTSUP (foreign machine or format), -EFBIG (larger than any kernel).
 */
int kimage_open(const char *path, const char *cache_dir, struct diags *diags, struct kimage **out);
void kimage_free(struct kimage *k);

/* The section of that name, or NULL. */
const struct elf_section *kimage_section(const struct kimage *k, const char *name);

/*
 * The allocated section that holds @address, or NULL. Per-CPU data is linked at address 0 and is
 * found by its own addresses (0 up to its size).
 */
const struct elf_section *kimage_section_at(const struct kimage *k, uint64_t address);

/* The @size bytes at @address, or NULL where they are not all in one section with contents. */
const uint8_t *kimage_bytes(const struct kimage *k, uint64_t address, size_t size);

#endif
