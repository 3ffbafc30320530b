// SPDX-License-Identifier: GPL-2.0-only
/*
 * See signature.h. A signed module ends with the PKCS#7 message, struct module_signature (include/
 * linux/module_signature.h: five bytes, three of padding, the message's length in network order) and
 * a marker. The kernel takes messages of type 2 with the other bytes zero (mod_check_sig()).
 *
 * libcrypto is loaded when the first message is read: it would otherwise take ten times as long to
 * start as all the rest of kpatch, which mostly runs without looking at a signature.
 */
#include "lib/kernel/files/signature.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "lib/util/arena.h"

#define TRAILER_SIZE 12
#define TYPE_AT 2
#define TYPE_PKCS7 2
#define LENGTH_AT 8
#define NAME_LIMIT 256

static const char marker[] = "~Module signature appended~\n";
#define MARKER_SIZE (sizeof(marker) - 1)

/* The functions of libcrypto that are used here, each with the type that its header gives it. */
// clang-format off
#define CRYPTO_FUNCTIONS(F)                                                                        \
	F(ASN1_STRING_get0_data) F(ASN1_STRING_length) F(ASN1_STRING_to_UTF8) \
	F(CMS_ContentInfo_free) F(CMS_SignerInfo_get0_algs) \
	F(CMS_SignerInfo_get0_signer_id) F(CMS_get0_SignerInfos) F(CRYPTO_free) \
	F(ERR_clear_error) F(OBJ_nid2ln) F(OBJ_obj2nid) F(OBJ_obj2txt) \
	F(OPENSSL_sk_num) F(OPENSSL_sk_value) F(X509_ALGOR_get0) \
	F(X509_NAME_ENTRY_get_data) F(X509_NAME_get_entry) \
	F(X509_NAME_get_index_by_NID) F(d2i_CMS_ContentInfo)
// clang-format on

#define LIBRARY_OF(major) "libcrypto.so." #major
#define LIBRARY(major) LIBRARY_OF(major)

static struct {
#define DECLARE(name) typeof(name) *name;
	CRYPTO_FUNCTIONS(DECLARE)
	bool there;
} crypto;

static void load_crypto(void)
{
	void *library = dlopen(LIBRARY(OPENSSL_SHLIB_VERSION), RTLD_NOW | RTLD_LOCAL);
	bool all = library;

#define LOAD(name)                                                                                           \
	*(void **)&crypto.name = library ? dlsym(library, #name) : NULL;                                     \
	all &= crypto.name != NULL;
	CRYPTO_FUNCTIONS(LOAD)
	crypto.there = all;
}

static bool have_crypto(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load_crypto);
	return crypto.there;
}

/* Of the kernel's struct module_signature all but the kind and the length, in big-endian order, is unused. */
void signature_tail(size_t size, uint8_t tail[SIGNATURE_TAIL])
{
	_Static_assert(TRAILER_SIZE + MARKER_SIZE == SIGNATURE_TAIL, "what follows a message");
	memset(tail, 0, TRAILER_SIZE);
	tail[TYPE_AT] = TYPE_PKCS7;
	for (int i = 0; i < 4; i++)
		tail[LENGTH_AT + i] = (uint8_t)(size >> (24 - 8 * i));
	memcpy(tail + TRAILER_SIZE, marker, MARKER_SIZE);
}

bool signature_is_there(const uint8_t *data, size_t size)
{
	return size > MARKER_SIZE && !memcmp(data + size - MARKER_SIZE, marker, MARKER_SIZE);
}

/* Sets .cms and .contents. */
static int find_message(const uint8_t *data, size_t size, struct module_signature *out)
{
	const uint8_t *trailer;
	size_t length;

	size -= MARKER_SIZE;
	if (size < TRAILER_SIZE)
		return -EBADMSG;
	size -= TRAILER_SIZE;
	trailer = data + size;
	for (size_t i = 0; i < LENGTH_AT; i++)
		if (trailer[i] != (i == TYPE_AT ? TYPE_PKCS7 : 0))
			return -EBADMSG;
	length = (size_t)trailer[LENGTH_AT] << 24 | (size_t)trailer[LENGTH_AT + 1] << 16 |
		 (size_t)trailer[LENGTH_AT + 2] << 8 | trailer[LENGTH_AT + 3];
	if (!length || length >= size)
		return -EBADMSG;
	out->contents = size - length;
	out->cms = data + out->contents;
	out->cms_size = length;
	return 0;
}

static const char *printable(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	for (char *p = copy; p && *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return copy;
}

static const char *hexadecimal(struct arena *a, const unsigned char *bytes, size_t n)
{
	char *text = arena_alloc(a, 3 * n + 1);

	for (size_t i = 0; i < n; i++) {
		static const char digits[] = "0123456789ABCDEF";

		text[3 * i] = digits[bytes[i] >> 4];
		text[3 * i + 1] = digits[bytes[i] & 15];
		text[3 * i + 2] = i + 1 < n ? ':' : '\0';
	}
	return text;
}

static const char *common_name(struct arena *a, X509_NAME *name)
{
	int at = name ? crypto.X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1, n;
	unsigned char *utf8 = NULL;
	const char *text;
	char *copy;

	if (at < 0)
		return "";
	n = crypto.ASN1_STRING_to_UTF8(&utf8,
				       crypto.X509_NAME_ENTRY_get_data(crypto.X509_NAME_get_entry(name, at)));
	if (n < 0)
		return "";
	copy = arena_strndup(a, (const char *)utf8, n < NAME_LIMIT ? (size_t)n : NAME_LIMIT);
	text = printable(a, copy);
	crypto.CRYPTO_free(utf8, __FILE__, __LINE__);
	return text;
}

static int read_signer(CMS_SignerInfo *signer, struct arena *a, struct module_signature *out)
{
	ASN1_OCTET_STRING *identifier = NULL;
	const ASN1_OBJECT *algorithm;
	X509_ALGOR *digest = NULL;
	ASN1_INTEGER *serial = NULL;
	X509_NAME *issuer = NULL;
	const ASN1_STRING *key;
	char hash[80];

	if (crypto.CMS_SignerInfo_get0_signer_id(signer, &identifier, &issuer, &serial) != 1)
		return -EBADMSG;
	crypto.CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, NULL);
	key = serial ? serial : identifier;
	if (!digest || !key || crypto.ASN1_STRING_length(key) > NAME_LIMIT)
		return -EBADMSG;
	crypto.X509_ALGOR_get0(&algorithm, NULL, NULL, digest);
	if (crypto.OBJ_obj2nid(algorithm) != NID_undef)
		snprintf(hash, sizeof(hash), "%s", crypto.OBJ_nid2ln(crypto.OBJ_obj2nid(algorithm)));
	else if (crypto.OBJ_obj2txt(hash, sizeof(hash), algorithm, 1) <= 0)
		return -EBADMSG;
	out->signer = common_name(a, issuer);
	out->key = hexadecimal(a, crypto.ASN1_STRING_get0_data(key), (size_t)crypto.ASN1_STRING_length(key));
	out->hash = arena_strdup(a, hash);
	return 0;
}

int signature_read(const uint8_t *data, size_t size, struct arena *arena, struct module_signature *out)
{
	struct module_signature s = { .signer = NULL };
	const OPENSSL_STACK *signers;
	const unsigned char *p;
	CMS_ContentInfo *cms;
	int err;

	if (!signature_is_there(data, size))
		return -ENOENT;
	err = find_message(data, size, &s);
	if (err)
		return err;
	if (!have_crypto()) {
		s.signer = "";
		s.key = "unknown: libcrypto is not installed";
		s.hash = "unknown";
		*out = s;
		return 0;
	}
	p = s.cms;
	cms = crypto.d2i_CMS_ContentInfo(NULL, &p, (long)s.cms_size);
	signers = cms ? (const OPENSSL_STACK *)crypto.CMS_get0_SignerInfos(cms) : NULL;
	err = signers && crypto.OPENSSL_sk_num(signers) > 0 ?
		      read_signer(crypto.OPENSSL_sk_value(signers, 0), arena, &s) :
		      -EBADMSG;
	crypto.CMS_ContentInfo_free(cms);
	crypto.ERR_clear_error();
	if (!err)
		*out = s;
	return err;
}
