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
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/elf/object.h"
#include "lib/kernel/image.h"
#include "lib/kernel/installed.h"
#include "lib/kernel/module.h"
#include "lib/kernel/proof.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

static int open_installed(const char *path, struct arena *arena, struct diags *d,
			  struct installed *in)
{
	struct kmodule *module;
	struct kimage *image;
	int err;

	if (strstr(path, ".ko")) {
		err = kmodule_open(path, d, &module);
		return err ? err : installed_module(module, arena, in);
	}
	err = kimage_open(path, NULL, d, &image);
	return err ? err : installed_image(image, in);
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
		if (found == INSTALLED_NONE)	/* weak, and another definition won */
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

int main(int argc, char **argv)
{
	struct diags *d = diags_new();
	struct arena *arena = arena_new();
	bool positions = argc > 1 && !strcmp(argv[1], "--positions");
	struct installed in;
	int bad = 0;

	argv += positions;
	argc -= positions;
	if (argc < 2 || open_installed(argv[1], arena, d, &in))
		bad = 2;
	for (int i = 2; i < argc && bad < 2; i++)
		bad |= prove(argv[i], &in, d, positions);
	for (size_t i = 0; i < diags_count(d); i++)
		diag_print(stderr, diags_get(d, i));
	return bad;
}
