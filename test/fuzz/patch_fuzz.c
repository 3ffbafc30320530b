// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target of what kpatch reads of a module's file: the ELF file, the signature, the manifest, the records of functions
 * and states, and what info and check print of them. Any bytes give a result or an error with a message, and
 * nothing but text reaches the terminal. With clang: -fsanitize=fuzzer,address -DLIBFUZZER, in a directory of
 * test/loader/machine.bash. Otherwise a program that reads the files it is given and, with "--mutate ROUNDS SEED", so
 * many mutations of each. It writes the file "fuzz.ko" in the current directory, which is the machine.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kpatch/kpatch.h"
#include "lib/util/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fake_uname(struct system *s, struct utsname *out)
{
	memset(out, 0, sizeof(*out));
	strcpy(out->release, "6.1.0-1-amd64");
	strcpy(out->machine, "x86_64");
	return 0;
}

static uid_t fake_euid(struct system *s)
{
	return geteuid();
}

/* Whoever only looks changes nothing. */
static int no_insert(struct system *s, const struct module_image *image)
{
	abort();
}

static int no_remove(struct system *s, const char *module)
{
	abort();
}

static int no_write(struct system *s, const char *path, const char *value)
{
	abort();
}

static uint64_t fake_now(struct system *s)
{
	return 1000;
}

static void no_sleep(struct system *s, unsigned int milliseconds)
{
	abort();
}

static int fake_interrupted(struct system *s)
{
	return 0;
}

static void check_text(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\n') || text[i] == 0x7f) {
			fprintf(stderr, "byte 0x%02x reaches the terminal: %s\n", (unsigned char)text[i],
				text);
			abort();
		}
}

static void no_log(struct system *s, const struct log_entry *e)
{
}

/* kpatch with these arguments; it ends with 0, or with an error that it has said. */
static void run(int argc, char **argv)
{
	static const struct system_calls calls = {
		.uname = fake_uname,
		.euid = fake_euid,
		.insert = no_insert,
		.remove = no_remove,
		.write = no_write,
		.now = fake_now,
		.sleep = no_sleep,
		.interrupted = fake_interrupted,
		.log = no_log,
	};
	char root[4096], *out, *err;
	size_t n_out, n_err;
	FILE *o = open_memstream(&out, &n_out), *e = open_memstream(&err, &n_err);
	struct system s = { .calls = &calls, .root = getcwd(root, sizeof(root)) };
	int code;

	if (!o || !e || !s.root)
		exit(2);
	code = kpatch_run(argc, argv, &s, o, e);
	fclose(o);
	fclose(e);
	check_text(out, n_out);
	check_text(err, n_err);
	if (code && !n_out && !n_err) {
		fprintf(stderr, "exit code %d without a word\n", code);
		abort();
	}
	free(out);
	free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char kpatch[] = "kpatch", info[] = "info", check[] = "check", format[] = "--format",
		    json[] = "json", file[] = "./fuzz.ko";

	if (file_write(file, data, size, 0644))
		exit(2);
	run(3, (char *[]){ kpatch, info, file, NULL });
	run(3, (char *[]){ kpatch, check, file, NULL });
	run(5, (char *[]){ kpatch, info, format, json, file, NULL });
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

/*
 * A few bytes changed, half of the time to what means something in YAML or on a terminal; now and then a piece copied
 * over another one, or the end cut off.
 */
static void mutate(const uint8_t *data, size_t size, unsigned int *seed)
{
	static const char telling[] = "\0\x1b\n\r\x7f\xff\x80\":{}[]-#&*!|%0";
	uint8_t *copy = malloc(size + 1);
	size_t n = size;

	if (!copy || size < 2)
		exit(2);
	memcpy(copy, data, size);
	for (int i = 1 + rand_r(seed) % 6; i; i--) {
		size_t at = ((size_t)rand_r(seed) << 8 ^ (size_t)rand_r(seed)) % size;

		copy[at] = (uint8_t)(rand_r(seed) % 2 ? telling[(size_t)rand_r(seed) % sizeof(telling)] :
							rand_r(seed));
	}
	if (rand_r(seed) % 8 == 0) {
		size_t from = (size_t)rand_r(seed) % size, to = (size_t)rand_r(seed) % size;
		size_t length = (size_t)rand_r(seed) % (size - (from > to ? from : to));

		memmove(copy + to, copy + from, length);
	}
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
