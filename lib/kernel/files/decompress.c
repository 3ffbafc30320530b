/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See decompress.h. One function a format, each driving its library's streaming interface into
 * one growing buffer; nothing is ever allocated beyond the caller's limit.
 */
#include "lib/kernel/files/decompress.h"
#include "lib/util/bytes.h"
#include "lib/util/xmalloc.h"

#include <errno.h>
#include <limits.h>
#include <lz4.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* Decoder state: xz dictionaries of kernels are 8 to 128 MiB; more is no kernel. */
#define DECODER_MEMORY (192u << 20)
#define ZSTD_WINDOW_LOG 27
#define FIRST_ROOM (1u << 20)
/* What a block of LZ4's legacy frame holds at most, and all but the last do. */
#define LZ4_BLOCK (8u << 20)

struct output {
	uint8_t *data;
	size_t used, room, limit;
};

static const struct {
	enum compression kind;
	const char *name;
	uint8_t magic[6];
	uint8_t magic_size;
} formats[] = {
	{ COMPRESSION_GZIP, "gzip", { 0x1f, 0x8b, 0x08 }, 3 },
	{ COMPRESSION_XZ, "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6 },
	{ COMPRESSION_LZMA, "lzma", { 0x5d, 0, 0 }, 3 },
	{ COMPRESSION_ZSTD, "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4 },
	{ COMPRESSION_BZIP2, "bzip2", { 'B', 'Z', 'h' }, 3 },
	{ COMPRESSION_LZ4, "lz4", { 0x02, 0x21, 0x4c, 0x18 }, 4 },
	{ COMPRESSION_LZO, "lzo", { 0x89, 'L', 'Z', 'O' }, 4 },
};

enum compression compression_detect(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (size >= formats[i].magic_size && !memcmp(data, formats[i].magic, formats[i].magic_size))
			return formats[i].kind;
	return COMPRESSION_NONE;
}

const char *compression_name(enum compression c)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (formats[i].kind == c)
			return formats[i].name;
	return "none";
}

/* Makes room for at least one more byte. */
static int grow(struct output *o)
{
	size_t room = o->room ? o->room : FIRST_ROOM;

	if (o->used < o->room)
		return 0;
	if (o->room >= o->limit)
		return -EFBIG;
	if (o->room)
		room = o->room > o->limit / 2 ? o->limit : o->room * 2;
	if (room > o->limit)
		room = o->limit;
	o->data = xreallocarray(o->data, room, 1);
	o->room = room;
	return 0;
}

/* A stream may end exactly at the limit: room for one byte more tells that from going beyond. */
static int grow_probe(struct output *o, uint8_t *probe, uint8_t **to, size_t *room)
{
	int err = grow(o);

	if (err == -EFBIG) {
		*to = probe;
		*room = 1;
		return 0;
	}
	*to = o->data + o->used;
	*room = o->room - o->used;
	return err;
}

static int produced(struct output *o, const uint8_t *to, const uint8_t *probe, size_t n)
{
	if (to == probe)
		return n ? -EFBIG : 0;
	o->used += n;
	return 0;
}

static int gzip(const uint8_t *data, size_t size, struct output *o)
{
	z_stream z = { 0 };
	uint8_t probe, *to;
	size_t room;
	int ret = Z_OK, err;

	if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK)
		memory_exhausted();
	do {
		err = grow_probe(o, &probe, &to, &room);
		if (err)
			break;
		if (!z.avail_in && size) {
			z.next_in = (Bytef *)data;
			z.avail_in = size > UINT_MAX ? UINT_MAX : (uInt)size;
			data += z.avail_in;
			size -= z.avail_in;
		}
		z.next_out = to;
		z.avail_out = room > UINT_MAX ? UINT_MAX : (uInt)room;
		room = z.avail_out;
		ret = inflate(&z, Z_NO_FLUSH);
		err = produced(o, to, &probe, room - z.avail_out);
		if (ret == Z_MEM_ERROR)
			memory_exhausted();
		if (!err && ret != Z_OK && ret != Z_STREAM_END)
			err = -EBADMSG;
	} while (!err && ret != Z_STREAM_END);
	inflateEnd(&z);
	return err;
}

static int lzma(enum compression c, const uint8_t *data, size_t size, struct output *o)
{
	lzma_stream z = LZMA_STREAM_INIT;
	uint8_t probe, *to;
	size_t room;
	lzma_ret ret;
	int err;

	ret = c == COMPRESSION_XZ ? lzma_stream_decoder(&z, DECODER_MEMORY, 0) :
				    lzma_alone_decoder(&z, DECODER_MEMORY);
	if (ret != LZMA_OK)
		memory_exhausted();
	z.next_in = data;
	z.avail_in = size;
	do {
		err = grow_probe(o, &probe, &to, &room);
		if (err)
			break;
		z.next_out = to;
		z.avail_out = room;
		ret = lzma_code(&z, LZMA_RUN);
		err = produced(o, to, &probe, room - z.avail_out);
		if (ret == LZMA_MEM_ERROR)
			memory_exhausted();
		if (!err && ret != LZMA_OK && ret != LZMA_STREAM_END)
			err = -EBADMSG;
	} while (!err && ret != LZMA_STREAM_END);
	lzma_end(&z);
	return err;
}

static int zstd(const uint8_t *data, size_t size, struct output *o)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer in = { data, size, 0 };
	size_t ret = 1;
	int err = 0;

	if (!z)
		memory_exhausted();
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
	while (!err && ret) {
		ZSTD_outBuffer out;
		uint8_t probe, *to;
		size_t before = in.pos;

		err = grow_probe(o, &probe, &to, &out.size);
		if (err)
			break;
		out.dst = to;
		out.pos = 0;
		ret = ZSTD_decompressStream(z, &out, &in);
		err = produced(o, to, &probe, out.pos);
		if (!err && (ZSTD_isError(ret) || (ret && !out.pos && in.pos == before)))
			err = -EBADMSG;
	}
	ZSTD_freeDStream(z);
	return err;
}

static int append(struct output *o, const uint8_t *data, size_t n)
{
	int err = n > o->limit - o->used ? -EFBIG : 0;

	while (n && !err) {
		err = grow(o);
		if (!err) {
			size_t part = n < o->room - o->used ? n : o->room - o->used;

			memcpy(o->data + o->used, data, part);
			o->used += part;
			data += part;
			n -= part;
		}
	}
	return err;
}

/*
 * The frame that kernels are compressed with, the legacy one: a magic number, then blocks that follow the size that each
 * has compressed. Nothing marks its end. A kernel's build appends the plain size in four bytes, which look like the
 * size of another block and must be right here: what was cut short has none.
 */
static int lz4(const uint8_t *data, size_t size, struct output *o)
{
	char *block = xmalloc(LZ4_BLOCK);
	int err = 0, n = 0;

	data += 4;
	size -= 4;
	while (size > 4 && !err) {
		uint32_t length = get_le32(data);

		if (length <= size - 4 && length <= INT_MAX)
			n = LZ4_decompress_safe((const char *)data + 4, block, (int)length, (int)LZ4_BLOCK);
		else
			n = -1;
		err = n > 0 ? append(o, (const uint8_t *)block, (size_t)n) : -EBADMSG;
		if (!err) {
			data += 4 + length;
			size -= 4 + length;
		}
	}
	if (!err && (size == 4 ? get_le32(data) != o->used : size || !n))
		err = -EBADMSG;
	free(block);
	return err;
}

int decompress(enum compression c, const uint8_t *data, size_t size, size_t limit, size_t hint, uint8_t **out,
	       size_t *out_size)
{
	struct output o = { .limit = limit };
	int err;

	if (hint && hint <= limit) {
		o.data = xmalloc(hint);
		o.room = hint;
	}
	switch (c) {
	case COMPRESSION_GZIP:
		err = gzip(data, size, &o);
		break;
	case COMPRESSION_XZ:
	case COMPRESSION_LZMA:
		err = lzma(c, data, size, &o);
		break;
	case COMPRESSION_ZSTD:
		err = zstd(data, size, &o);
		break;
	case COMPRESSION_LZ4:
		err = lz4(data, size, &o);
		break;
	default:
		err = -ENOTSUP;
	}
	if (err) {
		free(o.data);
		return err;
	}
	*out = o.data;
	*out_size = o.used;
	return 0;
}
