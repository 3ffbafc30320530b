/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys and certificates in tokens (PKCS#11), through OpenSSL's engine for them, which the system has or has not.
 * The key stays in the token: what is handed out signs by asking it.
 */
#ifndef KPATCH_BUILD_TOKEN_H
#define KPATCH_BUILD_TOKEN_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Whether the URI has a PIN in it, where everybody on the machine can read it. */
bool token_has_pin(const char *uri);

/*
 * @pin may be NULL: a PIN that the URI names the source of is used then. Nobody is asked on the terminal. The caller
 * frees the result. 0, -ENOTSUP (this OpenSSL has no such engine), -ENOENT (the token has no such object, or
 * does not give it with this PIN).
 */
int token_key(const char *uri, const char *pin, EVP_PKEY **out);
int token_certificate(const char *uri, const char *pin, X509 **out);

#endif
