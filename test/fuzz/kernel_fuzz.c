// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target of the readers of kernel images, modules, kallsyms tables, Module.symvers, configurations and build
 * IDs, and of the decompressors: any bytes give a result or an error. With clang:
 * -fsanitize=fuzzer,address -DLIBFUZZER. Otherwise a program that reads the files it is given and,
 * with "--mutate ROUNDS SEED", so many mutations of each.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/kernel/files/buildid.h"
#include "lib/kernel/files/decompress.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/kconfig.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/files/signature.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_signature(const uint8_t *data, size_t size)
{
	struct module_signature s;
	struct arena *a = arena_new();

	if (!signature_read(data, size, a, &s) && s.contents + s.cms_size >= size)
		abort();
	arena_free(a);
}

/* What was accepted is walked: every section's first and last byte, every symbol. */
static void walk_image(const struct kimage *k)
{
	volatile uint8_t sum = 0;

	for (uint32_t i = 1; i < k->n_sections; i++) {
		const struct elf_section *s = &k->sections[i];
		const uint8_t *p = s->size ? kimage_bytes(k, s->address, s->size) : NULL;

		if (p)
			sum ^= p[0] ^ p[s->size - 1];
	}
	for (uint32_t i = 0; i < kallsyms_count(k->kallsyms); i++)
		kimage_section_at(k, kallsyms_get(k->kallsyms, i).address);
	if (strncmp(k->banner, "Linux version ", 14) || !*k->release)
		abort();
}

/* The reader takes a path: the input is put into a file in memory, the same one each time. */
static void fuzz_image(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct diags *d = diags_new();
	struct kimage *k = NULL;
	char path[32];

	if (fd < 0)
		fd = memfd_create("image", 0);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		exit(2);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!kimage_open(path, NULL, d, &k))
		walk_image(k);
	else if (!diags_errors(d))
		abort();
	kimage_free(k);
	diags_free(d);
}

static void fuzz_module(const uint8_t *data, size_t size)
{
	struct diags *d = diags_new();
	struct kmodule *m = NULL;
	uint32_t position;

	if (kmodule_read("fuzz.ko", data, size, d, &m) && !diags_errors(d))
		abort();
	for (uint32_t i = 0; m && i < m->n_symbols; i++)
		kmodule_sympos(m, i, &position, NULL);
	kmodule_free(m);
	diags_free(d);
	fuzz_signature(data, size);
}

/* The input as .rodata; aligned, as the image reader hands it over. */
static void fuzz_kallsyms(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	struct kallsyms_range rodata = { 0xffffffff82000000ull, copy, size };
	struct kallsyms_range text = { 0xffffffff81000000ull, copy, 0x8000 };
	struct kallsyms *k = NULL;

	if (!copy)
		return;
	memcpy(copy, data, size);
	if (!kallsyms_decode(&rodata, &text, &k)) {
		for (uint32_t i = 0; i < kallsyms_count(k); i++)
			if (kallsyms_first(k, kallsyms_get(k, i).name) == KALLSYMS_NONE)
				abort();
		kallsyms_free(k);
	}
	k = NULL;
	if (!kallsyms_from_block(copy, size, &k))
		kallsyms_free(k);
	free(copy);
}

static void fuzz_texts(const uint8_t *data, size_t size)
{
	struct diags *d = diags_new();
	struct symvers *s = NULL;
	struct kconfig *c = NULL;
	struct buildid id;

	symvers_read("fuzz", (const char *)data, size, d, &s);
	kconfig_read("fuzz", (const char *)data, size, d, &c);
	buildid_from_notes(data, size, &id);
	symvers_free(s);
	kconfig_free(c);
	diags_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum compression c = compression_detect(data, size);
	uint8_t *plain;
	size_t plain_size;

	if (c != COMPRESSION_NONE && !decompress(c, data, size, 1u << 20, 0, &plain, &plain_size)) {
		if (plain_size > 1u << 20)
			abort();
		free(plain);
	}
	fuzz_image(data, size);
	fuzz_module(data, size);
	fuzz_kallsyms(data, size);
	fuzz_texts(data, size);
	return 0;
}

#ifndef LIBFUZZER
static uint8_t *load(const char *path, size_t *size)
{
	uint8_t *data = malloc(1 << 20);
	FILE *f = fopen(path, "r");

	if (!f || !data)
		exit(2);
	*size = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

/* A few bytes changed, and now and then the end cut off. */
static void mutate(const uint8_t *data, size_t size, unsigned int *seed)
{
	uint8_t *copy = malloc(size + 1);
	size_t n = size;

	if (!copy || !size)
		exit(2);
	memcpy(copy, data, size);
	for (int i = 1 + rand_r(seed) % 6; i; i--)
		copy[((size_t)rand_r(seed) << 8 ^ (size_t)rand_r(seed)) % size] = (uint8_t)rand_r(seed);
	if (rand_r(seed) % 8 == 0)
		n = (size_t)rand_r(seed) % size;
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

int main(int argc, char **argv)
{
	int first = argc > 3 && !strcmp(argv[1], "--mutate") ? 4 : 1;
	long rounds = first == 4 ? atol(argv[2]) : 0;
	unsigned int seed = first == 4 ? (unsigned int)strtoul(argv[3], NULL, 0) : 0, runs = 0;

	if (first >= argc)
		return 2;
	for (long round = 0; round <= rounds; round++)
		for (int i = first; i < argc; i++, runs++) {
			size_t size;
			uint8_t *data = load(argv[i], &size);

			if (round)
				mutate(data, size, &seed);
			else
				LLVMFuzzerTestOneInput(data, size);
			free(data);
		}
	printf("%u inputs\n", runs);
	return 0;
}
#endif
