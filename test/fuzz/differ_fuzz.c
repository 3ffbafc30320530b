// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target of the whole differ: any two objects give an output whose self-check passes, no output, or
 * refusals with a diagnostic; never a crash, never a hang, and no output that differs from what was meant.
 *
 * With clang: -fsanitize=fuzzer,address -DLIBFUZZER; the input is the length of the original (four bytes),
 * the original and the patched object. Otherwise a program: ORIGINAL PATCHED runs one pair, and
 * --mutate ROUNDS SEED ORIGINAL PATCHED... mutates each pair so many times. Mutations know the file format:
 * they go to all sections and to all tables alike, however small. What ends it badly is left in
 * crash-original.o and crash-patched.o, to be run as a pair.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "create-diff-object/diff.h"
#include "lib/elf/object.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

#define HANG_SECONDS 20 /* of processor time, with sanitizers */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A kernel that has what the original defines and what has no "added" in its name, most of the time: anything
 * can be the case, and it is the same for the same name.
 */
static int find(const struct ksym_source *source, const char *name, const struct symbol *definition,
		struct ksym *out, const char **why)
{
	static const enum ksym_where where[] = { KSYM_OWNER, KSYM_VMLINUX_EXPORT, KSYM_VMLINUX,
						 KSYM_MODULE_EXPORT, KSYM_ABSENT };
	uint32_t hash = definition ? 1 : 2;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619;
	hash ^= hash >> 15;
	if (hash % 61 == 7) {
		*why = "a reason";
		return hash % 2 ? -ENOTUNIQ : -EKEYREJECTED;
	}
	*out = (struct ksym){ .where = KSYM_OWNER, .sympos = hash / 512 % 4 };
	if (strstr(name, "added"))
		out->where = KSYM_ABSENT;
	else if (hash % 16 == 3 || (!definition && hash % 4 == 1))
		out->where = where[hash / 64 % 5];
	if (out->where == KSYM_OWNER)
		out->object = source->context;
	else if (out->where != KSYM_ABSENT)
		out->object = out->where == KSYM_MODULE_EXPORT ? "other" : "vmlinux";
	if (hash % 37 == 5)
		out->no_pointer = "it is sealed";
	return 0;
}

static unsigned long n_runs, n_read, n_refused, n_same, n_changed;

static void run_diff(struct object *original, struct object *patched, char *owner)
{
	struct ksym_source source = { .find = find, .context = owner };
	const struct diff_input in = {
		.name = "fuzz.o", .owner = owner, .original = original, .patched = patched, .ksyms = &source
	};
	struct diags *diags = diags_new();
	struct arena *arena = arena_new();
	struct diff_report report = { 0 };
	uint8_t *data = NULL;
	size_t size = 0;
	int err = diff_objects(&in, arena, diags, &report, &data, &size);

	if ((err && (err != -EINVAL || data || !diags_errors(diags))) ||
	    diags_has(diags, "self-check-failed")) {
		fprintf(stderr, "error %d\n", err);
		for (size_t i = 0; i < diags_count(diags); i++)
			diag_print(stderr, diags_get(diags, i));
		abort();
	}
	n_refused += err != 0;
	n_same += !err && !data;
	n_changed += !err && data;
	free(data);
	arena_free(arena);
	diags_free(diags);
}

static void run_pair(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b)
{
	static char vmlinux[] = "vmlinux", module[] = "module";
	struct diags *diags = diags_new();
	struct object *original = NULL, *patched = NULL;

	n_runs++;
	if (!object_read("original.o", a, n_a, diags, &original) &&
	    !object_read("patched.o", b, n_b, diags, &patched)) {
		n_read++;
		run_diff(original, patched, n_a % 2 ? module : vmlinux);
	} else if (!diags_errors(diags)) {
		abort();
	}
	object_free(patched);
	object_free(original);
	diags_free(diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t first;

	if (size < sizeof(first))
		return 0;
	memcpy(&first, data, sizeof(first));
	data += sizeof(first);
	size -= sizeof(first);
	if (first > size)
		first = size;
	run_pair(data, first, data + first, size - first);
	return 0;
}

#ifndef LIBFUZZER
struct bytes {
	uint8_t *data;
	size_t size;
};

static struct bytes current[2];

static void save(const char *path, struct bytes b)
{
	FILE *f = fopen(path, "wb");

	if (f) {
		fwrite(b.data, 1, b.size, f);
		fclose(f);
	}
}

static void save_current(void)
{
	save("crash-original.o", current[0]);
	save("crash-patched.o", current[1]);
}

static void limit_time(void)
{
	struct itimerval limit = { .it_value.tv_sec = HANG_SECONDS };

	setitimer(ITIMER_PROF, &limit, NULL);
}

static void on_signal(int signal)
{
	save_current();
	fprintf(stderr, signal == SIGALRM ? "hangs\n" : "aborts\n");
	_exit(3);
}

static struct bytes read_file(const char *path)
{
	struct bytes b = { malloc(16 << 20), 0 };
	FILE *f = fopen(path, "rb");

	if (!f || !b.data) {
		perror(path);
		exit(2);
	}
	b.size = fread(b.data, 1, 16 << 20, f);
	fclose(f);
	return b;
}

static uint64_t any(uint64_t below)
{
	return below ? (uint64_t)random() % below : 0;
}

/* Numbers that are likely to matter: small, large, near others of the file. */
static uint64_t number(uint64_t was, uint64_t size)
{
	static const uint64_t interesting[] = {
		0,	    1,	    2,	    3,		4,	    5,		8,
		0x7f,	    0x80,   0xff,   0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff,
		UINT64_MAX, 0xff00, 0xfff1, 0xffff
	};

	switch (any(5)) {
	case 0:
		return interesting[any(sizeof(interesting) / sizeof(interesting[0]))];
	case 1:
		return was + any(33) - 16;
	case 2:
		return was ^ 1ull << any(64);
	case 3:
		return any(size);
	default:
		return any(64);
	}
}

/* Overwrites an aligned field of an element of a table; all of the format's are 1, 2, 4 or 8 bytes. */
static void mutate_field(struct bytes b, uint64_t table, uint64_t entry_size, uint64_t n)
{
	uint64_t width = 1ull << any(4), at = table + any(n) * entry_size + any(entry_size / width) * width;
	uint64_t value = 0;

	if (at > b.size || width > b.size - at)
		return;
	memcpy(&value, b.data + at, width);
	value = number(value, b.size);
	memcpy(b.data + at, &value, width);
}

static void copy_entry(struct bytes b, uint64_t table, uint64_t entry_size, uint64_t n)
{
	uint64_t from = table + any(n) * entry_size, to = table + any(n) * entry_size;

	if (from <= b.size && to <= b.size && b.size - from >= entry_size && b.size - to >= entry_size)
		memmove(b.data + to, b.data + from, entry_size);
}

/* A section of the file, or its table of sections, as a table. */
static void mutate_once(struct bytes b)
{
	Elf64_Ehdr h;
	Elf64_Shdr s;
	uint64_t entry_size, i;

	memcpy(&h, b.data, sizeof(h));
	i = any(h.e_shnum);
	if (!any(8) || h.e_shoff > b.size || (b.size - h.e_shoff) / sizeof(s) <= i) {
		if (any(4))
			mutate_field(b, h.e_shoff, sizeof(s), h.e_shnum);
		else
			b.data[any(b.size)] = (uint8_t)random();
		return;
	}
	memcpy(&s, b.data + h.e_shoff + i * sizeof(s), sizeof(s));
	entry_size = s.sh_type == SHT_SYMTAB ? sizeof(Elf64_Sym) :
		     s.sh_type == SHT_RELA   ? sizeof(Elf64_Rela) :
					       1 + any(16);
	if (s.sh_type == SHT_NOBITS || s.sh_size < entry_size)
		return;
	if (any(6))
		mutate_field(b, s.sh_offset, entry_size, s.sh_size / entry_size);
	else
		copy_entry(b, s.sh_offset, entry_size, s.sh_size / entry_size);
}

static struct bytes mutated(struct bytes from, uint64_t times)
{
	struct bytes b = { malloc(from.size), from.size };

	if (!b.data)
		abort();
	memcpy(b.data, from.data, from.size);
	for (uint64_t i = 0; i < times; i++)
		mutate_once(b);
	if (times && !any(64))
		b.size = any(b.size);
	return b;
}

/* Damages one of the two, both, or both in the same way, which is what the differ sees as no change. */
static void mutate_pair(struct bytes a, struct bytes b)
{
	enum { ONLY_FIRST, ONLY_SECOND, EACH, ALIKE, KINDS };
	unsigned int seed = (unsigned int)random();
	uint64_t times = 1 + any(4), kind = any(KINDS);

	if (kind == ALIKE)
		srandom(seed);
	current[0] = mutated(a, kind == ONLY_SECOND ? 0 : times);
	if (kind == ALIKE)
		srandom(seed);
	current[1] = mutated(b, kind == ONLY_FIRST ? 0 : times);
	limit_time();
	run_pair(current[0].data, current[0].size, current[1].data, current[1].size);
	free(current[0].data);
	free(current[1].data);
}

static int run_mutations(long rounds, int n, char **files)
{
	struct bytes *pool = calloc((size_t)n, sizeof(*pool));

	for (int i = 0; i < n; i++)
		pool[i] = read_file(files[i]);
	while (rounds-- > 0)
		for (int i = 0; i + 1 < n; i += 2)
			mutate_pair(pool[i], pool[i + 1]);
	printf("%lu pairs, %lu read, %lu refused, %lu same, %lu changed\n", n_runs, n_read, n_refused, n_same,
	       n_changed);
	for (int i = 0; i < n; i++)
		free(pool[i].data);
	free(pool);
	return 0;
}

#ifdef __SANITIZE_ADDRESS__
void __sanitizer_set_death_callback(void (*callback)(void));
#endif

int main(int argc, char **argv)
{
	signal(SIGPROF, on_signal);
	signal(SIGABRT, on_signal);
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_set_death_callback(save_current);
#endif
	if (argc > 4 && !strcmp(argv[1], "--mutate")) {
		srandom((unsigned int)strtoul(argv[3], NULL, 0));
		return run_mutations(atol(argv[2]), argc - 4, argv + 4);
	}
	if (argc != 3) {
		fprintf(stderr, "usage: differ_fuzz [--mutate ROUNDS SEED] ORIGINAL PATCHED...\n");
		return 2;
	}
	current[0] = read_file(argv[1]);
	current[1] = read_file(argv[2]);
	limit_time();
	run_pair(current[0].data, current[0].size, current[1].data, current[1].size);
	printf("%lu read, %lu refused, %lu same, %lu changed\n", n_read, n_refused, n_same, n_changed);
	free(current[0].data);
	free(current[1].data);
	return 0;
}
#endif
