/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel images and kallsyms: contents, damage of every kind, the cache. Run by kernel.bats. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/kernel/files/decompress.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/util/diag.h"
#include "test/unit/fake_kernel.h"
#include "test/unit/tap.h"

static char work[] = "/tmp/kernel_image.XXXXXX";
static char path[64], cache[64];

/* Opens the bytes as an image. *id: the first diagnostic's, or "". */
static int open_bytes(const void *data, size_t size, const char *dir, struct kimage **k, char id[64])
{
	struct diags *d = diags_new();
	int err;

	fake_write(path, data, size);
	*k = NULL;
	err = kimage_open(path, dir, d, k);
	snprintf(id, 64, "%s", diags_count(d) ? diags_get(d, 0)->id : "");
	diags_free(d);
	return err;
}

static bool all_symbols_right(const struct kallsyms *k, bool own_relative)
{
	for (uint32_t i = 0; i < FAKE_SYMBOLS; i++) {
		struct kallsym s = kallsyms_get(k, i);
		char name[32], type;

		fake_name(i, name, &type);
		if (strcmp(s.name, name) || s.type != type || s.address != fake_address(i, own_relative) ||
		    s.module)
			return false;
	}
	return true;
}

static void check_lookups(const struct kallsyms *k)
{
	uint32_t i = kallsyms_first(k, "dup"), n = 0, count;
	bool ascending = true, counted = true;

	for (; i != KALLSYMS_NONE; i = kallsyms_next(k, i), n++) {
		ascending &= i == 50 + 100 * n;
		counted &= kallsyms_sympos(k, i, &count) == n + 1 && count == 7;
	}
	ok_number(n, 7, "every symbol of a name is found");
	ok(ascending, "in the order of their addresses");
	ok(counted, "positions count from 1");
	ok_number(kallsyms_sympos(k, kallsyms_first(k, "_text"), NULL), 0, "a unique name: position 0");
	ok(kallsyms_first(k, "sym_1x") == KALLSYMS_NONE, "absent names are absent");
	ok_number(kallsyms_at(k, fake_address(60, false)), 60, "by address");
	ok(kallsyms_at(k, fake_address(60, false) + 1) == KALLSYMS_NONE, "no symbol between symbols");
	ok_number(kallsyms_below(k, fake_address(60, false) + 31), 60, "the symbol below an address");
	ok_number(kallsyms_below(k, 5), 0, "the symbol below a per-CPU address");
}

static void check_image(const struct kimage *k)
{
	char text[BUILDID_TEXT];
	const uint8_t *p;

	ok_string(k->release, "6.1.0-99-test", "release");
	ok_string(k->compiler, FAKE_COMPILER, "compiler, as the configuration has it");
	ok_string(buildid_text(&k->build_id, text), "0102030405060708090a0b0c0d0e0f1011121314", "build ID");
	ok_number(kallsyms_count(k->kallsyms), FAKE_SYMBOLS, "number of symbols");
	ok(all_symbols_right(k->kallsyms, false), "name, type and address of each symbol");
	p = kimage_bytes(k, FAKE_TEXT + 0x123, 2);
	ok(p && p[0] == (uint8_t)(0x123 * 7 + 1), "bytes by address");
	ok(!kimage_bytes(k, FAKE_TEXT + FAKE_TEXT_SIZE - 1, 2), "no bytes beyond a section");
	ok(kimage_bytes(k, FAKE_TEXT + FAKE_TEXT_SIZE - 1, 1), "the last byte of a section");
	ok(!kimage_bytes(k, FAKE_RODATA + 0x200000, 1), "no bytes in bss");
	ok(!kimage_bytes(k, UINT64_MAX, 2), "no bytes at the end of the address space");
}

static void test_formats(void)
{
	static const char *const names[] = { "gzip", "xz", "lzma", "zstd", "lz4" };

	for (int order = 0; order < 2; order++) {
		struct fake_kernel f = fake_kernel_make(order ? FAKE_NEW_ORDER : FAKE_OLD_ORDER);

		for (int how = FAKE_GZIP; how <= FAKE_LZ4; how++) {
			struct fake_buffer b =
				fake_bzimage((enum fake_compression)how, f.elf, f.size, (uint32_t)f.size);
			struct kimage *k;
			char id[64];

			printf("# bzImage, %s, order of kallsyms %d\n", names[how], order);
			if (ok(!open_bytes(b.data, b.size, NULL, &k, id), "opens (%s)", id)) {
				check_image(k);
				check_lookups(k->kallsyms);
			}
			kimage_free(k);
			free(b.data);
		}
		free(f.elf);
	}
}

static void test_plain(void)
{
	struct fake_kernel f = fake_kernel_make(FAKE_NEW_ORDER);
	struct fake_buffer b = fake_compress(FAKE_XZ, f.elf, f.size);
	struct kimage *k;
	char id[64];

	ok(!open_bytes(f.elf, f.size, NULL, &k, id), "a plain vmlinux (%s)", id);
	ok(k && all_symbols_right(k->kallsyms, false), "has its symbols");
	kimage_free(k);
	ok(!open_bytes(b.data, b.size, NULL, &k, id), "a compressed vmlinux (%s)", id);
	kimage_free(k);
	free(b.data);
	free(f.elf);
}

/* The offsets of 7.x; and with one of them out of order, which no other form of the table explains. */
static void test_own_relative(void)
{
	struct fake_kernel f = fake_kernel_make(FAKE_OWN_RELATIVE);
	struct kimage *k = NULL;
	int32_t wrong = INT32_MIN;
	char id[64];

	ok(!open_bytes(f.elf, f.size, NULL, &k, id), "offsets that count from their own place (%s)", id);
	ok(k && all_symbols_right(k->kallsyms, true), "name, type and address of each symbol");
	kimage_free(k);
	memcpy(f.elf + f.offsets + 4 * 60, &wrong, sizeof(wrong));
	k = NULL;
	ok(open_bytes(f.elf, f.size, NULL, &k, id) == -EBADMSG, "one of them out of order (%s)", id);
	kimage_free(k);
	free(f.elf);
}

/* Every shorter file is refused with a diagnostic of ours. */
static void test_truncation(void)
{
	struct fake_kernel f = fake_kernel_make(FAKE_OLD_ORDER);
	struct fake_buffer b = fake_bzimage(FAKE_ZSTD, f.elf, f.size, (uint32_t)f.size);
	unsigned int bad = 0, silent = 0;
	struct kimage *k;
	char id[64];

	for (size_t n = 0; n < b.size; n += 1 + b.size / 400) {
		bad += !open_bytes(b.data, n, NULL, &k, id);
		silent += !*id;
		kimage_free(k);
	}
	ok(!bad, "no truncated bzImage opens (%u do)", bad);
	ok(!silent, "each is explained");
	bad = silent = 0;
	for (size_t n = 0; n < f.size; n += 1 + f.size / 400) {
		bad += !open_bytes(f.elf, n, NULL, &k, id);
		silent += !*id;
		kimage_free(k);
	}
	ok(!bad && !silent, "nor a truncated vmlinux");
	free(b.data);
	free(f.elf);
}

/* LZ4's frame has no end: what is cut between two blocks lacks the size that a kernel's build appends. */
static void test_lz4_end(void)
{
	struct fake_kernel f = fake_kernel_make(false);
	size_t size = 20u << 20;
	uint8_t *plain = calloc(1, size), *out;
	struct fake_buffer b;
	size_t first, n;

	memcpy(plain, f.elf, f.size);
	b = fake_compress(FAKE_LZ4, plain, size);
	first = 8 + (size_t)(b.data[4] | b.data[5] << 8 | b.data[6] << 16);
	ok_number(decompress(COMPRESSION_LZ4, b.data, b.size, size, 0, &out, &n), 0, "blocks alone");
	ok(n == size && !memcmp(out, plain, size), "all bytes");
	free(out);
	memcpy(b.data + first, &(uint32_t){ 8u << 20 }, 4);
	ok_number(decompress(COMPRESSION_LZ4, b.data, first + 4, size, 0, &out, &n), 0,
		  "a block and its size");
	free(out);
	memcpy(b.data + first, &(uint32_t){ 9u << 20 }, 4);
	ok_number(decompress(COMPRESSION_LZ4, b.data, first + 4, size, 0, &out, &n), -EBADMSG,
		  "another size");
	ok_number(decompress(COMPRESSION_LZ4, b.data, first + 3, size, 0, &out, &n), -EBADMSG, "half a size");
	ok_number(decompress(COMPRESSION_LZ4, b.data, first - 1, size, 0, &out, &n), -EBADMSG,
		  "half a block");
	ok_number(decompress(COMPRESSION_LZ4, b.data, first, (8u << 20) - 1, 0, &out, &n), -EFBIG,
		  "more than wanted");
	ok_number(decompress(COMPRESSION_LZ4, b.data, 4, size, 0, &out, &n), -EBADMSG, "no block");
	free(b.data);
	free(plain);
	free(f.elf);
}

static void try_damage(const char *what, bool order, size_t (*where)(const struct fake_kernel *),
		       uint32_t value, const char *want)
{
	struct fake_kernel f = fake_kernel_make(order ? FAKE_NEW_ORDER : FAKE_OLD_ORDER);
	struct kimage *k;
	char id[64];

	memcpy(f.elf + where(&f), &value, 4);
	if (open_bytes(f.elf, f.size, NULL, &k, id))
		ok_string(id, want, what);
	else
		ok(false, "%s: it opens", what);
	kimage_free(k);
	free(f.elf);
}

static size_t at_count(const struct fake_kernel *k)
{
	return k->num_syms;
}
static size_t at_marker(const struct fake_kernel *k)
{
	return k->markers + 4;
}
static size_t at_first_name(const struct fake_kernel *k)
{
	return k->names;
}
static size_t at_index(const struct fake_kernel *k)
{
	return k->token_index + 256;
}
static size_t at_token(const struct fake_kernel *k)
{
	return k->token_table + 2;
}
static size_t at_offset(const struct fake_kernel *k)
{
	return k->offsets + 4 * 300;
}
static size_t at_base(const struct fake_kernel *k)
{
	return k->relative_base;
}

static void test_damage(void)
{
	static const char want[] = "kallsyms-undecodable";

	for (int order = 0; order < 2; order++) {
		try_damage("one symbol more than there is", order, at_count, FAKE_SYMBOLS + 1, want);
		try_damage("one symbol less", order, at_count, FAKE_SYMBOLS - 1, want);
		try_damage("a lying number of symbols", order, at_count, 0x7fffffff, want);
		try_damage("no symbols", order, at_count, 0, want);
		try_damage("a marker that lies", order, at_marker, 1500, want);
		try_damage("a name longer than any", order, at_first_name, 0xffffffff, want);
		try_damage("a token index that falls", order, at_index, 0, want);
		try_damage("a token table with a hole", order, at_token, 0, want);
		try_damage("an address out of order", order, at_offset, 0x80000000, want);
		try_damage("a wrong base", order, at_base, 0x12345678, want);
	}
}

static void test_lies(void)
{
	static const uint8_t elf32[64] = { 0x7f, 'E', 'L', 'F', 1, 1, 1 };
	struct fake_kernel f = fake_kernel_make(FAKE_OLD_ORDER);
	size_t bomb_size = 64u << 20;
	uint8_t *zeros = calloc(1, bomb_size);
	struct fake_buffer b;
	struct kimage *k;
	char id[64];

	for (int how = FAKE_GZIP; how <= FAKE_LZ4; how++) {
		b = fake_bzimage((enum fake_compression)how, zeros, bomb_size, 1u << 20);
		ok_number(open_bytes(b.data, b.size, NULL, &k, id), -EBADMSG, "a bomb: refused");
		ok_string(id, "image-damaged", "a bomb: explained");
		free(b.data);
	}
	b = fake_bzimage(FAKE_GZIP, f.elf, f.size, 0xfffffff0);
	ok_number(open_bytes(b.data, b.size, NULL, &k, id), -EBADMSG, "a payload of 4 GB: refused");
	free(b.data);
	b = fake_bzimage(FAKE_GZIP, f.elf, f.size, (uint32_t)f.size);
	memset(b.data + 0x24c, 0xff, 4);
	ok_number(open_bytes(b.data, b.size, NULL, &k, id), -EBADMSG, "a payload beyond the file");
	b.data[FAKE_PAYLOAD] = 'x';
	memcpy(b.data + 0x24c, &(uint32_t){ 100 }, 4);
	memcpy(b.data + FAKE_PAYLOAD + 96, &(uint32_t){ 100 }, 4);
	ok_number(open_bytes(b.data, b.size, NULL, &k, id), -ENOTSUP, "an unknown compression");
	ok_string(id, "compression-unsupported", "is named");
	free(b.data);
	open_bytes("", 0, NULL, &k, id);
	ok_string(id, "image-foreign", "an empty file");
	open_bytes("hello, world\n", 13, NULL, &k, id);
	ok_string(id, "image-foreign", "a text file");
	ok_number(open_bytes(elf32, sizeof(elf32), NULL, &k, id), -ENOTSUP, "a 32-bit file");
	f.elf[0x12] = EM_AARCH64;
	ok_number(open_bytes(f.elf, f.size, NULL, &k, id), -ENOTSUP, "another machine");
	ok_string(id, "image-foreign", "is no kernel to patch");
	free(zeros);
	free(f.elf);
}

/* Whatever single byte is changed: an image or an error, never a crash. */
static void test_mutation(void)
{
	struct fake_kernel f = fake_kernel_make(FAKE_OLD_ORDER);
	unsigned int seed = 1, opened = 0;
	struct kimage *k;
	char id[64];

	for (unsigned int i = 0; i < 1500; i++) {
		size_t at = (size_t)(rand_r(&seed) % f.size);
		uint8_t old = f.elf[at];

		/* the interesting parts are small: every other time among the headers */
		if (i % 2)
			at = f.size - 1 - at % (6 * sizeof(Elf64_Shdr) + 64);
		old = f.elf[at];
		f.elf[at] = (uint8_t)rand_r(&seed);
		opened += !open_bytes(f.elf, f.size, NULL, &k, id);
		kimage_free(k);
		f.elf[at] = old;
	}
	ok(opened > 0 && opened < 1500, "1500 single bytes changed: %u still open", opened);
	free(f.elf);
}

static unsigned int cache_files(char name[330])
{
	DIR *d = opendir(cache);
	struct dirent *e;
	unsigned int n = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.') {
			snprintf(name, 330, "%s/%s", cache, e->d_name);
			n++;
		}
	if (d)
		closedir(d);
	return n;
}

static bool reopen(bool *from_cache)
{
	struct diags *d = diags_new();
	struct kimage *k = NULL;
	bool good = !kimage_open(path, cache, d, &k) && all_symbols_right(k->kallsyms, false) &&
		    !diags_count(d) && !strcmp(k->release, "6.1.0-99-test");

	*from_cache = k && k->from_cache;
	kimage_free(k);
	diags_free(d);
	return good;
}

static void test_cache(void)
{
	struct fake_kernel f = fake_kernel_make(FAKE_OLD_ORDER);
	unsigned int trusted = 0, wrong = 0;
	char name[330], id[64];
	struct kimage *k;
	struct stat st;
	bool cached;
	FILE *file;

	open_bytes(f.elf, f.size, cache, &k, id);
	ok(k && !k->from_cache, "the first time it is decoded");
	kimage_free(k);
	ok_number(cache_files(name), 1, "one file is in the cache, no temporary one");
	ok(reopen(&cached) && cached, "the second time it comes from the cache, the same");
	stat(name, &st);
	for (off_t at = 0; at < st.st_size; at += 1 + st.st_size / 100) {
		int byte;

		file = fopen(name, "r+");
		fseek(file, at, SEEK_SET);
		byte = fgetc(file);
		fseek(file, at, SEEK_SET);
		fputc(byte ^ 0x10, file);
		fclose(file);
		wrong += !reopen(&cached);
		trusted += cached;
		/* a damaged entry is replaced; one damaged in its padding is not noticed, nor used */
	}
	ok(!wrong, "a damaged cache never gives another image");
	printf("# %u of the damaged entries were taken: damage in padding\n", trusted);
	ok(trusted < 50, "damage is noticed");
	ok(!truncate(name, st.st_size / 2) && reopen(&cached) && !cached, "a cut cache file is not used");
	usleep(20000);
	fake_write(path, f.elf, f.size); /* the same contents: another file */
	ok(reopen(&cached) && !cached, "a changed image is decoded again");
	free(f.elf);
}

/* Every image is another file; one of them is used in between and so stays. */
static void test_cache_is_bounded(void)
{
	struct fake_kernel f = fake_kernel_make(FAKE_OLD_ORDER);
	char favourite[80], name[330];
	bool cached;

	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "%s/image.%d", work, i);
		fake_write(path, f.elf, f.size);
		ok(reopen(&cached) && !cached, "image %d is new", i);
		if (!i)
			strcpy(favourite, path);
		usleep(5000); /* file times have the clock's tick */
		strcpy(path, favourite);
		ok(reopen(&cached) && cached, "the one in use is still there");
		usleep(5000);
	}
	ok_number(cache_files(name), 8, "the cache keeps eight");
	free(f.elf);
}

int main(void)
{
	if (!mkdtemp(work))
		return 99;
	snprintf(path, sizeof(path), "%s/image", work);
	snprintf(cache, sizeof(cache), "%s/a/cache", work);
	test_formats();
	test_plain();
	test_own_relative();
	test_truncation();
	test_lz4_end();
	test_damage();
	test_lies();
	test_mutation();
	test_cache();
	test_cache_is_bounded();
	return tap_done();
}
