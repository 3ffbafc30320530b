/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SHA-256 by libcrypto, as text: for the digests of the manifest and the keys of the cache. Not for kpatch, which must
 * start without libcrypto (see lib/kernel/files/signature.c).
 */
#ifndef KPATCH_UTIL_SHA256_H
#define KPATCH_UTIL_SHA256_H

#include <stddef.h>

/* A digest that is being made. What fails before the end is said at the end. */
struct sha256 {
	struct evp_md_ctx_st *context; /* OpenSSL's EVP_MD_CTX; NULL: something has failed */
};

#define SHA256_TEXT 65 /* 64 lower case hexadecimal digits and a NUL */

/* What was started or copied must be ended or dropped. */
void sha256_start(struct sha256 *s);
/* @s goes on from where @from is, which stays as it is: several threads may copy it. */
void sha256_copy(struct sha256 *s, const struct sha256 *from);
void sha256_add(struct sha256 *s, const void *data, size_t size);
/* A text and the NUL behind it, so that two texts are not one; NULL is "". */
void sha256_add_text(struct sha256 *s, const char *text);
/* Writes the digest of everything added and returns @text, or NULL: it could not be made. */
const char *sha256_end(struct sha256 *s, char text[SHA256_TEXT]);
void sha256_drop(struct sha256 *s);

#endif
