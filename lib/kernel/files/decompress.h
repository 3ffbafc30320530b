/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decompression of kernel images and modules in memory, with a limit on what may come out.
 */
#ifndef KPATCH_KERNEL_DECOMPRESS_H
#define KPATCH_KERNEL_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_XZ,
	COMPRESSION_LZMA,
	COMPRESSION_ZSTD,
	COMPRESSION_LZ4, /* its legacy frame */
	/* recognised, so that a message can name them, but not supported: */
	COMPRESSION_BZIP2,
	COMPRESSION_LZO,
};

/* What the first bytes say; COMPRESSION_NONE if nothing known. */
enum compression compression_detect(const uint8_t *data, size_t size);

/* "gzip", "xz", … for messages. */
const char *compression_name(enum compression c);

/*
 * Decompresses one stream at @data; bytes after its end are ignored, but for LZ4, whose frame has no end. At most @limit bytes may
 * come out. @hint: expected size (0: unknown), only saves reallocations. *out is malloc'ed, owned
 * by the caller. Errors: -EBADMSG (damaged or cut short), -EFBIG (more than @limit), -ENOTSUP
 * (format not supported).
 */
int decompress(enum compression c, const uint8_t *data, size_t size, size_t limit, size_t hint, uint8_t **out,
	       size_t *out_size);

#endif
