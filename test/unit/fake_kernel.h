/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes small kernel images for tests: an ELF file with .text, .rodata (banner and a kallsyms table
 * in either order of its parts), .notes; and a bzImage around it, compressed in any way. The layout
 * of every part can be asked for, so that tests can damage exactly one thing.
 */
#ifndef KPATCH_TEST_FAKE_KERNEL_H
#define KPATCH_TEST_FAKE_KERNEL_H

#include <elf.h>
#include <lz4.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define FAKE_TEXT 0xffffffff81000000ull
#define FAKE_RODATA 0xffffffff82000000ull
#define FAKE_TEXT_SIZE 0x8000u
#define FAKE_SYMBOLS 700u
#define FAKE_PER_CPU 3u /* the first symbols: absolute addresses */
#define FAKE_BANNER                                                                                          \
	"Linux version 6.1.0-99-test (builder@example.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU "          \
	"ld (GNU Binutils for Debian) 2.40) #1 SMP Debian 6.1.99-1\n"
#define FAKE_COMPILER "gcc-12 (Debian 12.2.0-14) 12.2.0"

struct fake_kernel {
	uint8_t *elf;
	size_t size;
	/* file offsets of the parts of kallsyms */
	size_t rodata, num_syms, names, markers, token_table, token_index, offsets, relative_base;
};

struct fake_buffer {
	uint8_t *data;
	size_t size;
};

static inline size_t fake_put(struct fake_buffer *b, const void *p, size_t n, size_t align)
{
	size_t at = (b->size + align - 1) / align * align;

	b->data = realloc(b->data, at + n);
	memset(b->data + b->size, 0, at - b->size);
	memcpy(b->data + at, p, n);
	b->size = at + n;
	return at;
}

/* Symbol @i: its name and type as kallsyms has them. Every 100th is called "dup", from 50 on. */
static inline void fake_name(unsigned int i, char name[32], char *type)
{
	*type = i < FAKE_PER_CPU ? 'A' : i % 2 ? 't' : 'T';
	if (i % 100 == 50)
		strcpy(name, "dup");
	else if (i == 0)
		strcpy(name, "per_cpu_start");
	else if (i == FAKE_PER_CPU)
		strcpy(name, "_text");
	else
		snprintf(name, 32, "sym_%u", i);
}

/* Since 6.15 the first symbols are no per-CPU data at 0: here, what lies below .text. */
static inline uint64_t fake_address(unsigned int i, bool own_relative)
{
	if (i >= FAKE_PER_CPU)
		return FAKE_TEXT + (i - FAKE_PER_CPU) * 32;
	return own_relative ? FAKE_TEXT - 0x1000 + i * 64 : i * 64;
}

/* Token 1 is "sym_", the others single characters or nothing. */
static inline void fake_encode(struct fake_buffer *names, unsigned int i)
{
	uint8_t coded[40], n = 0;
	char name[32], type, *p = name;

	fake_name(i, name, &type);
	coded[++n] = (uint8_t)type;
	if (!strncmp(p, "sym_", 4)) {
		coded[++n] = 1;
		p += 4;
	}
	while (*p)
		coded[++n] = (uint8_t)*p++;
	coded[0] = n;
	fake_put(names, coded, n + 1u, 1);
}

struct fake_tables {
	struct fake_buffer names, tokens;
	uint32_t markers[(FAKE_SYMBOLS + 255) / 256];
	uint16_t index[256];
	int32_t offsets[FAKE_SYMBOLS];
};

static inline void fake_fill(struct fake_tables *t)
{
	for (unsigned int i = 0; i < FAKE_SYMBOLS; i++) {
		if (i % 256 == 0)
			t->markers[i / 256] = (uint32_t)t->names.size;
		fake_encode(&t->names, i);
		t->offsets[i] = i < FAKE_PER_CPU ? (int32_t)fake_address(i, false) :
						   (int32_t)(FAKE_TEXT - 1 - fake_address(i, false));
	}
	for (unsigned int i = 0; i < 256; i++) {
		char token[8] = { (char)i, 0 };

		if (i == 1)
			strcpy(token, "sym_");
		t->index[i] = (uint16_t)t->tokens.size;
		fake_put(&t->tokens, token, strlen(token) + 1, 1);
	}
}

/* What changed: the order of the parts with 6.4; 7.x counts each offset from its own place, and has no base. */
enum fake_form { FAKE_OLD_ORDER, FAKE_NEW_ORDER, FAKE_OWN_RELATIVE };

static inline size_t fake_put_relative(struct fake_buffer *b, const struct fake_tables *t)
{
	size_t at = fake_put(b, t->offsets, sizeof(t->offsets), 4);

	for (unsigned int i = 0; i < FAKE_SYMBOLS; i++) {
		int32_t offset = (int32_t)(fake_address(i, true) - (FAKE_RODATA + at + 4 * i));

		memcpy(b->data + at + 4 * i, &offset, sizeof(offset));
	}
	return at;
}

static inline struct fake_buffer fake_rodata(struct fake_kernel *k, enum fake_form form)
{
	bool new_order = form != FAKE_OLD_ORDER;
	struct fake_tables t = { 0 };
	struct fake_buffer b = { 0 };
	uint32_t count = FAKE_SYMBOLS;
	uint64_t base = FAKE_TEXT;

	fake_fill(&t);
	fake_put(&b, "\0some data before\0Linux version of nothing", 42, 1);
	fake_put(&b, FAKE_BANNER, sizeof(FAKE_BANNER), 16);
	if (!new_order) {
		k->offsets = fake_put(&b, t.offsets, sizeof(t.offsets), 8);
		k->relative_base = fake_put(&b, &base, 8, 8);
	}
	k->num_syms = fake_put(&b, &count, 4, 8);
	k->names = fake_put(&b, t.names.data, t.names.size, 8);
	k->markers = fake_put(&b, t.markers, sizeof(t.markers), 8);
	k->token_table = fake_put(&b, t.tokens.data, t.tokens.size, 8);
	k->token_index = fake_put(&b, t.index, sizeof(t.index), 8);
	if (form == FAKE_OWN_RELATIVE)
		k->offsets = fake_put_relative(&b, &t);
	if (form == FAKE_NEW_ORDER) {
		k->offsets = fake_put(&b, t.offsets, sizeof(t.offsets), 8);
		k->relative_base = fake_put(&b, &base, 8, 8);
	}
	fake_put(&b, "what follows", 12, 8);
	free(t.names.data);
	free(t.tokens.data);
	return b;
}

static const uint8_t fake_note[] = { 4, 0, 0, 0, 20, 0, 0, 0,  3,  0,  0,  0,  'G', 'N', 'U', 0,  1,  2,
				     3, 4, 5, 6, 7,  8, 9, 10, 11, 12, 13, 14, 15,  16,	 17,  18, 19, 20 };

static inline struct fake_kernel fake_kernel_make(enum fake_form form)
{
	static const char names[] = "\0.text\0.rodata\0.notes\0.bss\0.shstrtab";
	struct fake_kernel k = { 0 };
	struct fake_buffer f = { 0 }, rodata = fake_rodata(&k, form);
	uint8_t text[FAKE_TEXT_SIZE];
	Elf64_Ehdr h = { .e_type = ET_EXEC,
			 .e_machine = EM_X86_64,
			 .e_version = 1,
			 .e_ehsize = sizeof(h),
			 .e_shentsize = sizeof(Elf64_Shdr),
			 .e_shnum = 6,
			 .e_shstrndx = 5 };
	Elf64_Shdr s[6] = {
		{ 0 },
		{ 1, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, FAKE_TEXT, 0, sizeof(text), 0, 0, 4096, 0 },
		{ 7, SHT_PROGBITS, SHF_ALLOC, FAKE_RODATA, 0, rodata.size, 0, 0, 4096, 0 },
		{ 15, SHT_NOTE, SHF_ALLOC, FAKE_RODATA + 0x100000, 0, sizeof(fake_note), 0, 0, 4, 0 },
		{ 22, SHT_NOBITS, SHF_ALLOC | SHF_WRITE, FAKE_RODATA + 0x200000, 0, 0x1000, 0, 0, 8, 0 },
		{ 27, SHT_STRTAB, 0, 0, 0, sizeof(names), 0, 0, 1, 0 },
	};

	memcpy(h.e_ident, ELFMAG, SELFMAG);
	h.e_ident[EI_CLASS] = ELFCLASS64;
	h.e_ident[EI_DATA] = ELFDATA2LSB;
	h.e_ident[EI_VERSION] = EV_CURRENT;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + i / 256);
	fake_put(&f, &h, sizeof(h), 1);
	s[1].sh_offset = fake_put(&f, text, sizeof(text), 64);
	s[2].sh_offset = k.rodata = fake_put(&f, rodata.data, rodata.size, 64);
	s[3].sh_offset = fake_put(&f, fake_note, sizeof(fake_note), 64);
	s[4].sh_offset = f.size;
	s[5].sh_offset = fake_put(&f, names, sizeof(names), 64);
	h.e_shoff = fake_put(&f, s, sizeof(s), 64);
	memcpy(f.data, &h, sizeof(h));
	free(rodata.data);
	k.num_syms += k.rodata;
	k.names += k.rodata;
	k.markers += k.rodata;
	k.token_table += k.rodata;
	k.token_index += k.rodata;
	k.offsets += k.rodata;
	k.relative_base += k.rodata;
	k.elf = f.data;
	k.size = f.size;
	return k;
}

enum fake_compression { FAKE_GZIP, FAKE_XZ, FAKE_LZMA, FAKE_ZSTD, FAKE_LZ4 };

/* The legacy frame: blocks of 8 MiB, each behind the size that it has compressed. */
static inline size_t fake_lz4(const uint8_t *data, size_t n, uint8_t *to, size_t room)
{
	size_t size = 4;

	memcpy(to, "\x02\x21\x4c\x18", 4);
	for (size_t done = 0, part; done < n; done += part) {
		int32_t length;

		part = n - done < 8u << 20 ? n - done : 8u << 20;
		length = LZ4_compress_default((const char *)data + done, (char *)to + size + 4, (int)part,
					      (int)(room - size - 4));
		memcpy(to + size, &length, 4);
		size += 4 + (size_t)length;
	}
	return size;
}

static inline struct fake_buffer fake_compress(enum fake_compression how, const uint8_t *data, size_t n)
{
	struct fake_buffer b = { malloc(n + n / 2 + 65536), 0 };
	size_t room = n + n / 2 + 65536;

	if (how == FAKE_ZSTD) {
		b.size = ZSTD_compress(b.data, room, data, n, 1);
	} else if (how == FAKE_LZ4) {
		b.size = fake_lz4(data, n, b.data, room);
	} else if (how == FAKE_GZIP) {
		z_stream z = { .next_in = (Bytef *)data,
			       .avail_in = (uInt)n,
			       .next_out = b.data,
			       .avail_out = (uInt)room };

		deflateInit2(&z, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
		deflate(&z, Z_FINISH);
		b.size = z.total_out;
		deflateEnd(&z);
	} else {
		lzma_stream z = LZMA_STREAM_INIT;
		lzma_options_lzma o;

		lzma_lzma_preset(&o, 0);
		if ((how == FAKE_XZ ? lzma_easy_encoder(&z, 0, LZMA_CHECK_CRC32) :
				      lzma_alone_encoder(&z, &o)) != LZMA_OK)
			abort();
		z.next_in = data;
		z.avail_in = n;
		z.next_out = b.data;
		z.avail_out = room;
		if (lzma_code(&z, LZMA_FINISH) != LZMA_STREAM_END)
			abort();
		b.size = z.total_out;
		lzma_end(&z);
	}
	return b;
}

#define FAKE_SETUP (3 * 512u) /* setup_sects 2, and the boot sector */
#define FAKE_PAYLOAD (FAKE_SETUP + 64u)

/* @claimed: the uncompressed size that the image says it has. */
static inline struct fake_buffer fake_bzimage(enum fake_compression how, const uint8_t *data, size_t n,
					      uint32_t claimed)
{
	struct fake_buffer packed = fake_compress(how, data, n), b = { 0 };
	uint8_t setup[FAKE_PAYLOAD] = { 0 };
	uint32_t offset = 64, length = (uint32_t)packed.size + 4;

	setup[0x1f1] = 2;
	setup[0x1fe] = 0x55;
	setup[0x1ff] = 0xaa;
	memcpy(setup + 0x202, "HdrS", 4);
	setup[0x206] = 0x0f;
	setup[0x207] = 0x02;
	memcpy(setup + 0x248, &offset, 4);
	memcpy(setup + 0x24c, &length, 4);
	fake_put(&b, setup, sizeof(setup), 1);
	fake_put(&b, packed.data, packed.size, 1);
	fake_put(&b, &claimed, 4, 1);
	free(packed.data);
	return b;
}

static inline void fake_write(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f)) {
		perror(path);
		exit(99);
	}
}

#endif
