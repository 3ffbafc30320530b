// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sign stage. Reads the key and the certificate that the user names and the finished module;
 * has the kernel's own sign-file (from the prepared tree) append the signature, verifies what came
 * out, and makes that the module. The key is never copied.
 */
#include "kpatch-build/sign/sign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "kpatch-build/build.h"
#include "kpatch-build/prepare/link_tools.h"
#include "lib/kernel/files/kconfig.h"
#include "lib/kernel/files/signature.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/text.h"

/* sign-file, too, takes the passphrase of a key from there. */
#define PIN_VARIABLE "KBUILD_SIGN_PIN"

/* For OpenSSL: the passphrase, or a refusal instead of a question on the terminal. */
static int give_pin(char *buffer, int size, int writing, void *asked)
{
	const char *pin = getenv(PIN_VARIABLE);
	size_t n = pin ? strlen(pin) : 0;

	*(bool *)asked = true;
	if (!n || n >= (size_t)size)
		return -1;
	memcpy(buffer, pin, n + 1);
	return (int)n;
}

static int key_error(struct build *b, bool locked)
{
	diag_error(b->diags, locked ? "sign-key-locked" : "sign-key", diag_file(b->options.sign_key),
		   locked ? "Put its passphrase into the environment variable " PIN_VARIABLE :
			    "Name a private key in PEM format with --sign-key",
		   locked ? "the key is encrypted, and its passphrase is missing or wrong" :
			    "no private key can be read from it");
	return -EINVAL;
}

static int read_key(struct build *b, EVP_PKEY **out)
{
	BIO *file = BIO_new_file(b->options.sign_key, "rb");
	bool asked = false;
	struct stat st;

	*out = file ? PEM_read_bio_PrivateKey(file, NULL, give_pin, &asked) : NULL;
	BIO_free(file);
	ERR_clear_error();
	if (!*out)
		return key_error(b, asked);
	if (!stat(b->options.sign_key, &st) && st.st_mode & (S_IRWXG | S_IRWXO))
		diag_warning(b->diags, "sign-key-exposed", diag_file(b->options.sign_key), "chmod 600 it",
			     "others than its owner may use this private key (mode %04o)",
			     (unsigned int)st.st_mode & 07777);
	return 0;
}

/* PEM or DER, as sign-file takes it. */
static int read_certificate(struct build *b, X509 **out)
{
	BIO *file = BIO_new_file(b->options.sign_cert, "rb");

	*out = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
	if (file && !*out && BIO_seek(file, 0) == 0)
		*out = d2i_X509_bio(file, NULL);
	BIO_free(file);
	ERR_clear_error();
	if (*out)
		return 0;
	diag_error(b->diags, "sign-cert", diag_file(b->options.sign_cert),
		   "Name an X.509 certificate in PEM or DER format with --sign-cert",
		   "no certificate can be read from it");
	return -EINVAL;
}

int sign_check(struct build *b)
{
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;
	int err;

	if (!b->options.sign_key)
		return 0;
	err = read_key(b, &key);
	if (read_certificate(b, &certificate))
		err = -EINVAL;
	if (!err && X509_check_private_key(certificate, key) != 1) {
		diag_error(b->diags, "sign-mismatch", diag_file(b->options.sign_cert),
			   "Name the certificate that was made for this key",
			   "the certificate belongs to another key than %s", b->options.sign_key);
		err = -EINVAL;
	}
	ERR_clear_error();
	X509_free(certificate);
	EVP_PKEY_free(key);
	return err;
}

/* The hash that the kernel signs its own modules with; it is there for sure when they are verified. */
static int find_hash(struct build *b, const char **out)
{
	struct kconfig *config;
	const char *hash;
	int err = kconfig_open(b->kernel.config, b->diags, &config);

	if (err)
		return err;
	hash = kconfig_yes(config, "CONFIG_MODULE_SIG") ? kconfig_get(config, "CONFIG_MODULE_SIG_HASH") :
							  NULL;
	*out = hash ? arena_strdup(b->arena, hash) : NULL;
	kconfig_free(config);
	if (*out && text_is_plain(*out, "/-"))
		return 0;
	diag_error(
		b->diags, "kernel-without-signatures", diag_file(b->kernel.config),
		"Build without --sign-key",
		"this kernel is built without CONFIG_MODULE_SIG, or names no hash for it: it looks at no signature");
	return -ENOTSUP;
}

/* The stages' environment and the passphrase. */
static const char *const *sign_environment(struct build *b)
{
	const char *pin = getenv(PIN_VARIABLE);
	const char **env;
	size_t n = 0;

	while (b->kernel.env[n])
		n++;
	env = arena_array(b->arena, n + 2, sizeof(*env));
	if (!env)
		return NULL;
	memcpy(env, b->kernel.env, n * sizeof(*env));
	env[n] = pin ? arena_printf(b->arena, PIN_VARIABLE "=%s", pin) : NULL;
	return env;
}

static int run_sign_file(struct build *b, const char *signed_module)
{
	const char *program = arena_printf(b->arena, "%s/scripts/sign-file", b->kernel.tree);
	const char *const *env = sign_environment(b);
	const char *argv[] = { program,	      NULL, b->options.sign_key, b->options.sign_cert, b->module,
			       signed_module, NULL };
	int err = program && env ? find_hash(b, &argv[1]) : -ENOMEM;

	return err ? err : tool_run(b, "sign-file", argv, NULL, env);
}

/* Whether @s is the signature of @size bytes at @data by @certificate's key. */
static bool verifies(const struct module_signature *s, const char *data, X509 *certificate)
{
	const unsigned char *p = s->cms;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)s->cms_size);
	BIO *contents = BIO_new_mem_buf(data, (int)s->contents);
	STACK_OF(X509) *certificates = sk_X509_new_null();
	bool ok = cms && contents && certificates && sk_X509_push(certificates, certificate) > 0 &&
		  CMS_verify(cms, certificates, NULL, contents, NULL,
			     CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1;

	sk_X509_free(certificates);
	BIO_free(contents);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return ok;
}

/* What sign-file wrote: the module unchanged, and a signature of it that this key made? */
static int check_signed(struct build *b, const char *signed_module)
{
	struct module_signature s;
	X509 *certificate = NULL;
	size_t before, after;
	char *old, *new;
	int err = file_read(b->arena, b->module, &old, &before);

	if (!err)
		err = file_read(b->arena, signed_module, &new, &after);
	if (!err)
		err = read_certificate(b, &certificate);
	if (err)
		return err;
	err = signature_read((const uint8_t *)new, after, b->arena, &s);
	if (err != -ENOMEM &&
	    (err || s.contents != before || memcmp(old, new, before) || !verifies(&s, new, certificate))) {
		diag_error(b->diags, "sign-selfcheck", diag_file(signed_module), NULL,
			   "the kernel's sign-file made something that is not this module with a valid "
			   "signature");
		err = -EBADMSG;
	}
	X509_free(certificate);
	if (!err && b->options.verbose)
		build_say(b, "signed by %s (key %s, %s)", s.signer, s.key, s.hash);
	return err;
}

int stage_sign(struct build *b)
{
	char *signed_module;
	int err;

	if (!b->options.sign_key)
		return 0;
	signed_module = build_work_path(b, "signed/%s.ko", b->name);
	err = signed_module ? run_sign_file(b, signed_module) : -ENOMEM;
	if (!err)
		err = check_signed(b, signed_module);
	if (!err)
		b->module = signed_module;
	return err;
}
