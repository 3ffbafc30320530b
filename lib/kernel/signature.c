// SPDX-License-Identifier: GPL-2.0-only
/*
 * See signature.h. A signed module ends with the PKCS#7 message, struct module_signature (include/
 * linux/module_signature.h: five bytes, three of padding, the message's length in network order) and
 * a marker. The kernel takes messages of type 2 with the other bytes zero (mod_check_sig()).
 */
#include "lib/kernel/signature.h"

#include <errno.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/cms.h>
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

	for (size_t i = 0; text && i < n; i++) {
		static const char digits[] = "0123456789ABCDEF";

		text[3 * i] = digits[bytes[i] >> 4];
		text[3 * i + 1] = digits[bytes[i] & 15];
		text[3 * i + 2] = i + 1 < n ? ':' : '\0';
	}
	return text;
}

static const char *common_name(struct arena *a, X509_NAME *name)
{
	int at = name ? X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1, n;
	unsigned char *utf8 = NULL;
	const char *text;
	char *copy;

	if (at < 0)
		return "";
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (n < 0)
		return "";
	copy = arena_strndup(a, (const char *)utf8, n < NAME_LIMIT ? (size_t)n : NAME_LIMIT);
	text = copy ? printable(a, copy) : NULL;
	OPENSSL_free(utf8);
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

	if (CMS_SignerInfo_get0_signer_id(signer, &identifier, &issuer, &serial) != 1)
		return -EBADMSG;
	CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, NULL);
	key = serial ? serial : identifier;
	if (!digest || !key || ASN1_STRING_length(key) > NAME_LIMIT)
		return -EBADMSG;
	X509_ALGOR_get0(&algorithm, NULL, NULL, digest);
	if (OBJ_obj2nid(algorithm) != NID_undef)
		snprintf(hash, sizeof(hash), "%s", OBJ_nid2ln(OBJ_obj2nid(algorithm)));
	else if (OBJ_obj2txt(hash, sizeof(hash), algorithm, 1) <= 0)
		return -EBADMSG;
	out->signer = common_name(a, issuer);
	out->key = hexadecimal(a, ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key));
	out->hash = arena_strdup(a, hash);
	return out->signer && out->key && out->hash ? 0 : -ENOMEM;
}

int signature_read(const uint8_t *data, size_t size, struct arena *arena,
		   struct module_signature *out)
{
	struct module_signature s = { .signer = NULL };
	STACK_OF(CMS_SignerInfo) *signers;
	const unsigned char *p;
	CMS_ContentInfo *cms;
	int err;

	if (!signature_is_there(data, size))
		return -ENOENT;
	err = find_message(data, size, &s);
	if (err)
		return err;
	p = s.cms;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)s.cms_size);
	signers = cms ? CMS_get0_SignerInfos(cms) : NULL;
	err = signers && sk_CMS_SignerInfo_num(signers) > 0 ?
		      read_signer(sk_CMS_SignerInfo_value(signers, 0), arena, &s) :
		      -EBADMSG;
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	if (!err)
		*out = s;
	return err;
}
