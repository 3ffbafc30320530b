/* SPDX-License-Identifier: GPL-2.0-only */
/* The cache of decoded images. Private to lib/kernel. */
#ifndef KPATCH_KERNEL_IMAGE_CACHE_H
#define KPATCH_KERNEL_IMAGE_CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* A mapped cache file. */
struct image_cache {
	void *map;
	size_t map_size;
	const uint8_t *elf;
	size_t elf_size;
	const void *kallsyms;
	size_t kallsyms_size;
};

/*
 * Maps the entry of the image whose identity @st is. -ENOENT: there is none, or it is damaged (it
 * will be written anew), or another error that means the same to the caller.
 */
int image_cache_open(const char *dir, const struct stat *st, struct image_cache *out);
void image_cache_close(struct image_cache *c);

/* Writes an entry: a temporary file, renamed when complete. Creates @dir. 0 or -errno. */
int image_cache_write(const char *dir, const struct stat *st, const uint8_t *elf, size_t elf_size,
		      const void *kallsyms, size_t kallsyms_size);

#endif
