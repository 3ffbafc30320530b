/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The signature that is appended to a signed module. Reads what it says of itself; whether a kernel
 * trusts it only that kernel knows.
 */
#ifndef KPATCH_KERNEL_SIGNATURE_H
#define KPATCH_KERNEL_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/*
 * The strings are printable ASCII, and the same that modinfo(8) shows.
 */
struct module_signature {
	const char *signer; /* common name of the certificate's issuer, or "" */
	const char *key;    /* serial number of the certificate, or key identifier: "4F:0A:…" */
	const char *hash;   /* "sha256" */
	size_t contents;    /* the bytes before it, which it is about */
	const uint8_t *cms; /* the PKCS#7 message itself, in the caller's data */
	size_t cms_size;
};

/* What follows a PKCS#7 message of @size bytes at the end of a signed module. */
#define SIGNATURE_TAIL 40
void signature_tail(size_t size, uint8_t tail[SIGNATURE_TAIL]);

/* Whether the last bytes say that there is a signature. */
bool signature_is_there(const uint8_t *data, size_t size);

/*
 * Reads the signature of the (decompressed) module of @size bytes at @data. Strings are owned by
 * @arena. -ENOENT: there is none. -EBADMSG: there is one, but the kernel could not read it.
 * Where libcrypto is not installed, key and hash are words that say so.
 */
int signature_read(const uint8_t *data, size_t size, struct arena *arena, struct module_signature *out);

#endif
