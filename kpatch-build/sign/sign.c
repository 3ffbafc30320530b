// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sign stage. Reads the finished module, and the key and the certificate that the user names, files or objects in a
 * token; appends the signature that the kernel's own sign-file would, verifies what came out, and makes that the
 * module. No other program gets to see the key or its passphrase.
 */
#include "kpatch-build/sign/sign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "kpatch-build/build.h"
#include "kpatch-build/kernel/provider.h"
#include "kpatch-build/options.h"
#include "kpatch-build/sign/token.h"
#include "lib/kernel/files/kconfig.h"
#include "lib/kernel/files/signature.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/text.h"

/* Where the kernel's makefiles take the passphrase of a key from. */
#define PIN_VARIABLE "KBUILD_SIGN_PIN"

void sign_take_pin(struct build *b)
{
	char *pin = getenv(PIN_VARIABLE);

	if (!pin)
		return;
	b->pin = arena_strdup(b->arena, pin);
	explicit_bzero(pin, strlen(pin)); /* /proc/PID/environ shows the bytes, whatever unsetenv() did */
	unsetenv(PIN_VARIABLE);
}

/* What OpenSSL asks for, and whether it did. */
struct question {
	const char *pin; /* may be NULL */
	bool asked;
};

/* For OpenSSL: the passphrase, or a refusal instead of a question on the terminal. */
static int give_pin(char *buffer, int size, int writing, void *context)
{
	struct question *q = context;
	size_t n = q->pin ? strlen(q->pin) : 0;

	q->asked = true;
	if (!n || n >= (size_t)size)
		return -1;
	memcpy(buffer, q->pin, n + 1);
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

/* What the token did not give. */
static int token_error(struct build *b, const char *id, const char *uri, int err)
{
	if (err == -ENOTSUP)
		diag_error(b->diags, "sign-key-token", NULL,
			   arena_printf(b->arena, "Install it (%s), or name files",
					provider_need(b->arena, NEED_TOKENS)),
			   "OpenSSL has no engine here for keys and certificates in tokens (PKCS#11)");
	else
		diag_error(
			b->diags, id, diag_file(uri),
			"See what is there with pkcs11-tool -O; put the PIN into the environment variable " PIN_VARIABLE
			", or into a file that the URI names as its pin-source",
			"no token has it, or its PIN is missing or wrong");
	return -EINVAL;
}

/* Everybody on the machine can read the arguments of a program. */
static int refuse_pin(struct build *b)
{
	diag_error(b->diags, "sign-pin-in-argument", NULL,
		   "Put the PIN into the environment variable " PIN_VARIABLE
		   ", or into a file that the URI names as its pin-source; and change it",
		   "there is a PIN in a URI (pin-value), where everybody on the machine can read it");
	return -EINVAL;
}

static int read_token_key(struct build *b, EVP_PKEY **out)
{
	int err;

	if (token_has_pin(b->options.sign_key))
		return refuse_pin(b);
	err = token_key(b->options.sign_key, b->pin, out);
	return err ? token_error(b, "sign-key", b->options.sign_key, err) : 0;
}

static int read_key_file(struct build *b, EVP_PKEY **out)
{
	BIO *file = BIO_new_file(b->options.sign_key, "rb");
	struct question q = { .pin = b->pin };
	struct stat st;

	*out = file ? PEM_read_bio_PrivateKey(file, NULL, give_pin, &q) : NULL;
	BIO_free(file);
	ERR_clear_error();
	if (!*out)
		return key_error(b, q.asked);
	if (!stat(b->options.sign_key, &st) && st.st_mode & (S_IRWXG | S_IRWXO))
		diag_warning(b->diags, "sign-key-exposed", diag_file(b->options.sign_key), "chmod 600 it",
			     "others than its owner may use this private key (mode %04o)",
			     (unsigned int)st.st_mode & 07777);
	return 0;
}

static int read_key(struct build *b, EVP_PKEY **out)
{
	*out = NULL;
	return options_is_token(b->options.sign_key) ? read_token_key(b, out) : read_key_file(b, out);
}

static int read_token_certificate(struct build *b, X509 **out)
{
	int err;

	if (token_has_pin(b->options.sign_cert))
		return refuse_pin(b);
	err = token_certificate(b->options.sign_cert, b->pin, out);
	return err ? token_error(b, "sign-cert", b->options.sign_cert, err) : 0;
}

/* PEM or DER, as sign-file takes it. */
static int read_certificate_file(struct build *b, X509 **out)
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

static int read_certificate(struct build *b, X509 **out)
{
	*out = NULL;
	return options_is_token(b->options.sign_cert) ? read_token_certificate(b, out) :
							read_certificate_file(b, out);
}

/* Who signs: what release_signer() frees, also when one of the two is missing. */
struct signer {
	EVP_PKEY *key;
	X509 *certificate;
};

/* Says what is wrong with both. */
static int read_signer(struct build *b, struct signer *out)
{
	int err = read_key(b, &out->key);

	return read_certificate(b, &out->certificate) ? -EINVAL : err;
}

static void release_signer(struct signer *s)
{
	ERR_clear_error();
	X509_free(s->certificate);
	EVP_PKEY_free(s->key);
}

/* What the kernel verifies modules with: RSA in its first form (RSASSA-PKCS1-v1_5), and ECDSA. */
static int check_type(struct build *b, const EVP_PKEY *key)
{
	int type = EVP_PKEY_base_id(key);

	if (type == EVP_PKEY_RSA || type == EVP_PKEY_EC)
		return 0;
	diag_error(b->diags, "sign-key-type", diag_file(b->options.sign_key), "Sign with an RSA or EC key",
		   "this kind of key (%s) is not one that kernels verify modules with", OBJ_nid2sn(type));
	return -EINVAL;
}

int sign_check(struct build *b)
{
	struct signer s;
	int err;

	if (!b->options.sign_key)
		return 0;
	err = read_signer(b, &s);
	if (!err)
		err = check_type(b, s.key);
	if (!err && X509_check_private_key(s.certificate, s.key) != 1) {
		diag_error(b->diags, "sign-mismatch", diag_file(b->options.sign_cert),
			   "Name the certificate that was made for this key",
			   "the certificate belongs to another key than %s", b->options.sign_key);
		err = -EINVAL;
	}
	release_signer(&s);
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

int sign_check_kernel(struct build *b)
{
	const char *hash;
	int err = b->options.sign_key ? find_hash(b, &hash) : 0;

	if (err)
		build_fails_as(b, EXIT_SIGN);
	return err;
}

/*
 * The message that the kernel reads: PKCS#7 (RFC 5652) over what is not in it, without certificates, and without signed
 * attributes, so that the signature is of the module's own hash. The signer is named by issuer and number.
 */
static CMS_ContentInfo *make_message(const char *data, size_t size, const EVP_MD *hash, X509 *certificate,
				     EVP_PKEY *key)
{
	const unsigned int flags = CMS_BINARY | CMS_DETACHED | CMS_NOCERTS | CMS_PARTIAL | CMS_STREAM;
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	BIO *contents = BIO_new_mem_buf(data, (int)size);
	bool ok = cms && contents &&
		  CMS_add1_signer(cms, certificate, key, hash,
				  CMS_BINARY | CMS_NOCERTS | CMS_NOATTR | CMS_NOSMIMECAP) &&
		  CMS_final(cms, contents, NULL, CMS_BINARY | CMS_NOCERTS) == 1;

	BIO_free(contents);
	if (ok)
		return cms;
	CMS_ContentInfo_free(cms);
	return NULL;
}

static int write_signed(const char *path, const char *data, size_t size, const uint8_t *message, size_t n)
{
	uint8_t tail[SIGNATURE_TAIL];
	struct new_file f;
	int err = new_file_open(&f, path);

	signature_tail(n, tail);
	if (!err)
		err = new_file_write(&f, data, size);
	if (!err)
		err = new_file_write(&f, message, n);
	if (!err)
		err = new_file_write(&f, tail, sizeof(tail));
	if (!err)
		err = new_file_close(&f, 0644, false);
	if (!err)
		err = new_file_publish(&f);
	new_file_drop(&f);
	return err;
}

/* Why OpenSSL, or the token, did not sign. */
static int sign_error(struct build *b)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	diag_error(b->diags, "sign-failed", diag_file(b->options.sign_key),
		   "Use a key that is made for signing, of the length that is usual today",
		   "the module cannot be signed with this key: %s", reason ? reason : "no reason is given");
	return -EINVAL;
}

static int sign_module(struct build *b, const struct signer *signer, const char *hash_name, const char *to)
{
	const EVP_MD *hash = EVP_get_digestbyname(hash_name);
	CMS_ContentInfo *cms;
	uint8_t *der = NULL;
	size_t size;
	char *data;
	int err = hash ? file_read(b->arena, b->module, &data, &size) : sign_error(b), n;

	if (err)
		return err;
	cms = make_message(data, size, hash, signer->certificate, signer->key);
	n = cms ? i2d_CMS_ContentInfo(cms, &der) : -1;
	err = n > 0 ? write_signed(to, data, size, der, (size_t)n) : sign_error(b);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	return err;
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

/* What was written: the module unchanged, and a signature of it that this key made? */
static int check_signed(struct build *b, X509 *certificate, const char *signed_module)
{
	struct module_signature s;
	size_t before, after;
	char *old, *new;
	int err = file_read(b->arena, b->module, &old, &before);

	if (!err)
		err = file_read(b->arena, signed_module, &new, &after);
	if (err)
		return err;
	err = signature_read((const uint8_t *)new, after, b->arena, &s);
	if (err || s.contents != before || memcmp(old, new, before) || !verifies(&s, new, certificate)) {
		diag_error(b->diags, "sign-selfcheck", diag_file(signed_module), NULL,
			   "what was made is not this module with a valid signature");
		err = -EBADMSG;
	}
	if (!err && b->options.verbose)
		build_say(b, "signed by %s (key %s, %s)", s.signer, s.key, s.hash);
	return err;
}

int stage_sign(struct build *b)
{
	struct signer signer = { NULL, NULL };
	const char *hash, *signed_module;
	int err;

	if (!b->options.sign_key)
		return 0;
	err = find_hash(b, &hash);
	if (err)
		return err;
	signed_module = build_work_path(b, "signed/%s.ko", b->name);
	err = signed_module ? read_signer(b, &signer) : -EIO;
	if (!err)
		err = sign_module(b, &signer, hash, signed_module);
	if (!err)
		err = check_signed(b, signer.certificate, signed_module);
	release_signer(&signer);
	if (!err)
		b->module = signed_module;
	return err;
}
