/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SHA-256 (FIPS 180-4), for the digests of the manifest and the keys of the cache.
 */
#ifndef KPATCH_UTIL_SHA256_H
#define KPATCH_UTIL_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t state[8];
	uint64_t size; /* bytes so far */
	uint8_t block[64];
};

#define SHA256_TEXT 65 /* 64 lower case hexadecimal digits and a NUL */

void sha256_start(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t size);
/* Writes the digest of everything added and returns @text. */
const char *sha256_end(struct sha256 *s, char text[SHA256_TEXT]);

#endif
