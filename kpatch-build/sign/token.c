// SPDX-License-Identifier: GPL-2.0-only
/* See token.h. Engines are deprecated, and what distributions have for PKCS#11 up to now. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "kpatch-build/sign/token.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/opensslconf.h>
#include <openssl/ui.h>

bool token_has_pin(const char *uri)
{
	return strcasestr(uri, "pin-value=");
}

#ifdef OPENSSL_NO_ENGINE

int token_key(const char *uri, const char *pin, EVP_PKEY **out)
{
	return -ENOTSUP;
}

int token_certificate(const char *uri, const char *pin, X509 **out)
{
	return -ENOTSUP;
}

#else

#include <openssl/engine.h>

/* The engine, ready; NULL: there is none. For close_engine(). */
static ENGINE *open_engine(const char *pin)
{
	ENGINE *e;

	ENGINE_load_dynamic();
	e = ENGINE_by_id("pkcs11");
	if (e && pin && *pin && ENGINE_ctrl_cmd_string(e, "PIN", pin, 0) != 1) {
		ENGINE_free(e);
		e = NULL;
	}
	if (e)
		ENGINE_ctrl_cmd_string(e, "QUIET", NULL, 1); /* what it says itself has no place here */
	if (e && ENGINE_init(e) != 1) {
		ENGINE_free(e);
		e = NULL;
	}
	return e;
}

/* A key that was loaded keeps the engine for itself. */
static void close_engine(ENGINE *e)
{
	ENGINE_finish(e);
	ENGINE_free(e);
	ERR_clear_error();
}

int token_key(const char *uri, const char *pin, EVP_PKEY **out)
{
	ENGINE *e = open_engine(pin);
	EVP_PKEY *key;

	if (!e) {
		ERR_clear_error();
		return -ENOTSUP;
	}
	/* a UI that knows no answer, so that nobody is asked */
	key = ENGINE_load_private_key(e, uri, (UI_METHOD *)UI_null(), NULL);
	close_engine(e);
	if (!key)
		return -ENOENT;
	*out = key;
	return 0;
}

int token_certificate(const char *uri, const char *pin, X509 **out)
{
	/* the engine's own, in its documentation */
	struct {
		const char *uri;
		X509 *certificate;
	} wanted = { uri, NULL };
	ENGINE *e = open_engine(pin);

	if (!e) {
		ERR_clear_error();
		return -ENOTSUP;
	}
	ENGINE_ctrl_cmd(e, "LOAD_CERT_CTRL", 0, &wanted, NULL, 0);
	close_engine(e);
	if (!wanted.certificate)
		return -ENOENT;
	*out = wanted.certificate;
	return 0;
}

#endif
