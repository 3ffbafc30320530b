// SPDX-License-Identifier: GPL-2.0-only
/* See sha256.h. */
#include "lib/util/sha256.h"

#include <openssl/evp.h>
#include <string.h>
#include <stdbool.h>
#include <stdio.h>

void sha256_drop(struct sha256 *s)
{
	EVP_MD_CTX_free(s->context);
	s->context = NULL;
}

void sha256_start(struct sha256 *s)
{
	s->context = EVP_MD_CTX_new();
	if (s->context && !EVP_DigestInit_ex(s->context, EVP_sha256(), NULL))
		sha256_drop(s);
}

void sha256_copy(struct sha256 *s, const struct sha256 *from)
{
	s->context = from->context ? EVP_MD_CTX_new() : NULL;
	if (s->context && !EVP_MD_CTX_copy_ex(s->context, from->context))
		sha256_drop(s);
}

void sha256_add(struct sha256 *s, const void *data, size_t size)
{
	if (s->context && !EVP_DigestUpdate(s->context, data, size))
		sha256_drop(s);
}

void sha256_add_text(struct sha256 *s, const char *text)
{
	text = text ? text : "";
	sha256_add(s, text, strlen(text) + 1);
}

const char *sha256_end(struct sha256 *s, char text[SHA256_TEXT])
{
	unsigned char digest[(SHA256_TEXT - 1) / 2];
	bool made = s->context && EVP_DigestFinal_ex(s->context, digest, NULL);

	sha256_drop(s);
	for (size_t i = 0; made && i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return made ? text : NULL;
}
