/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For test/sweep and test/vm: prove [--positions] IMAGE-OR-MODULE OBJECT...
 * Proves each object (compiled with the kernel's own flags, after objtool) against the image or the
 * module. One line an object, "MATCHED/FUNCTIONS OBJECT", and one for each function or data object
 * that is not the installed one: "! FUNCTION OBJECT: why". Exit code 1 if there is one.
 *
 * With --positions also a line for each symbol whose name the image or module has several times:
 * "@ OWNER NAME POSITION PLACE", POSITION being what a patch would say or "refused", and PLACE the
 * address by which it was found: in vmlinux the linked one, in a module SECTION+OFFSET, in hex.
 *
 * With --times CACHE-DIRECTORY, which must be empty, what test/bench prints instead.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/elf/object.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/proof/installed.h"
#include "lib/kernel/proof/proof.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

static int open_installed(const char *path, struct arena *arena, struct diags *d, struct installed *in)
{
	struct kmodule *module;
	struct kimage *image;
	int err;

	if (strstr(path, ".ko")) {
		err = kmodule_open(path, d, &module);
		return err ? err : installed_module(module, arena, in);
	}
	err = kimage_open(path, NULL, d, &image);
	return err ? err : installed_image(image, arena, in);
}

/* Returns how many atoms are not the installed ones. */
static unsigned int report(const struct object *o, const struct proof *p, struct arena *arena)
{
	unsigned int bad = 0;

	printf("%u/%u %s\n", p->matched, p->functions, o->name);
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		if (p->atoms[i].status == PROOF_SKIPPED || p->atoms[i].status == PROOF_MATCHED)
			continue;
		/* unnamed data to which nothing leads has no place that could be found */
		if (p->atoms[i].status == PROOF_UNPLACED && !o->atoms[i].symbol)
			continue;
		printf("! %s %s: %s\n", o->atoms[i].name, o->name, proof_explain(p, i, arena));
		bad++;
	}
	return bad;
}

static void print_place(const struct installed *in, uint64_t address)
{
	uint64_t section = address >> INSTALLED_SECTION_SHIFT;

	if (in->image)
		printf("%" PRIx64 "\n", address);
	else
		printf("%s+%" PRIx64 "\n", in->module->sections[section].name,
		       address - (section << INSTALLED_SECTION_SHIFT));
}

/* Positions as kpatch-build finds them: the section's base gives the address, that the position. */
static void print_positions(const struct object *o, const struct proof *p, const struct installed *in)
{
	for (uint32_t i = 1; i < o->n_symbols; i++) {
		const struct symbol *s = &o->symbols[i];
		uint32_t first = installed_first(in, s->name), position, found;
		uint64_t address;

		if ((s->type != STT_FUNC && s->type != STT_OBJECT) || s->section >= o->n_sections ||
		    p->base[s->section] == PROOF_NOWHERE || first == INSTALLED_NONE ||
		    installed_next(in, first) == INSTALLED_NONE)
			continue;
		address = p->base[s->section] + s->value;
		found = installed_at(in, s->name, address);
		if (found == INSTALLED_NONE) /* weak, and another definition won */
			continue;
		printf("@ %s %s ", installed_name(in), s->name);
		if (installed_sympos(in, found, &position, NULL))
			printf("refused ");
		else
			printf("%u ", position);
		print_place(in, address);
	}
}

static int prove(const char *path, const struct installed *in, struct diags *d, bool positions)
{
	struct arena *arena = arena_new();
	struct object *o = NULL;
	struct proof *p = NULL;
	unsigned int bad = 1;

	if (arena && !object_open(path, d, &o) && !proof_make(o, in, arena, &p))
		bad = report(o, p, arena);
	else
		printf("! - %s: cannot be read\n", path);
	if (p && positions)
		print_positions(o, p, in);
	proof_free(p);
	object_free(o);
	arena_free(arena);
	return bad != 0;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds that the proof of an object takes, the reading of the object and the answer included. */
static double time_of_proof(const char *path, const struct installed *in, struct diags *d)
{
	double start = seconds();
	struct arena *arena = arena_new();
	struct object *o = NULL;
	struct proof *p = NULL;

	if (!arena || object_open(path, d, &o) || proof_make(o, in, arena, &p))
		return 1e9;
	proof_free(p);
	object_free(o);
	arena_free(arena);
	return seconds() - start;
}

static int times(const char *cache, int argc, char **argv, struct diags *d)
{
	struct kimage *fresh, *cached;
	double start = seconds(), first, again, longest = 0;
	struct arena *arena = arena_new();
	struct installed in;

	if (!arena || kimage_open(argv[0], cache, d, &fresh))
		return 2;
	first = seconds() - start;
	start = seconds();
	if (kimage_open(argv[0], cache, d, &cached) || !cached->from_cache ||
	    installed_image(cached, arena, &in))
		return 2;
	again = seconds() - start;
	printf("%-24s %6.3f s, %.3f s from the cache\n", "image and kallsyms", first, again);
	for (int i = 1; i < argc; i++) {
		double t = time_of_proof(argv[i], &in, d);

		longest = t > longest ? t : longest;
	}
	printf("%-24s %6.3f s, the longest of %d objects\n", "proof", longest, argc - 1);
	arena_free(arena);
	kimage_free(fresh);
	kimage_free(cached);
	return 0;
}

static int prove_all(int argc, char **argv, bool positions, struct diags *d)
{
	struct arena *arena = arena_new();
	struct installed in;
	int bad = 0;

	if (!arena || open_installed(argv[0], arena, d, &in))
		return 2;
	for (int i = 1; i < argc; i++)
		bad |= prove(argv[i], &in, d, positions);
	return bad;
}

int main(int argc, char **argv)
{
	struct diags *d = diags_new();
	bool positions = argc > 1 && !strcmp(argv[1], "--positions");
	int status = 2;

	if (argc > 3 && !strcmp(argv[1], "--times"))
		status = times(argv[2], argc - 3, argv + 3, d);
	else if (argc > 1 + positions)
		status = prove_all(argc - 1 - positions, argv + 1 + positions, positions, d);
	for (size_t i = 0; i < diags_count(d); i++)
		diag_print(stderr, diags_get(d, i));
	return status;
}
