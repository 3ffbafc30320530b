/* SPDX-License-Identifier: GPL-2.0-only */
/* See buildid.h. */
#include "lib/kernel/files/buildid.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

static size_t align4(uint32_t n)
{
	return ((size_t)n + 3) & ~(size_t)3;
}

int buildid_from_notes(const void *notes, size_t size, struct buildid *out)
{
	const uint8_t *p = notes;

	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr h;
		size_t name, desc;

		memcpy(&h, p, sizeof(h));
		name = align4(h.n_namesz);
		desc = align4(h.n_descsz);
		p += sizeof(h);
		size -= sizeof(h);
		if (name > size || h.n_descsz > size - name)
			return -EBADMSG;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == sizeof("GNU") &&
		    !memcmp(p, "GNU", sizeof("GNU"))) {
			if (!h.n_descsz || h.n_descsz > BUILDID_MAX)
				return -EBADMSG;
			memset(out, 0, sizeof(*out));
			memcpy(out->bytes, p + name, h.n_descsz);
			out->size = h.n_descsz;
			return 0;
		}
		if (desc > size - name) /* the last one may lack its padding */
			break;
		p += name + desc;
		size -= name + desc;
	}
	return -ENOENT;
}

const char *buildid_text(const struct buildid *id, char text[BUILDID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	uint32_t n = id->size < BUILDID_MAX ? id->size : BUILDID_MAX;

	for (uint32_t i = 0; i < n; i++) {
		text[2 * i] = digits[id->bytes[i] >> 4];
		text[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	text[2 * n] = 0;
	return text;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int buildid_parse(const char *text, struct buildid *out)
{
	size_t len = strlen(text);
	struct buildid id = { .size = (uint32_t)(len / 2) };

	if (!len || len % 2 || len / 2 > BUILDID_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 2) {
		int hi = digit(text[i]), lo = digit(text[i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		id.bytes[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	*out = id;
	return 0;
}

bool buildid_equal(const struct buildid *a, const struct buildid *b)
{
	return a->size && a->size == b->size && a->size <= BUILDID_MAX &&
	       !memcmp(a->bytes, b->bytes, a->size);
}
