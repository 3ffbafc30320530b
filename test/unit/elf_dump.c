// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the object model of a file as text, a line an atom and a line a reference, for the bats
 * tests (elf_*.bats) and for people. With "--line FUNCTION OFFSET" it prints a source line, with
 * "--quiet" only diagnostics, unknown sections and a summary, for sweeps over many files.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/elf/object.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

static const char *const section_kinds[] = {
	"META",	     "RELA",	"TEXT",	  "INIT", "DATA",    "BSS",   "RODATA",	 "STRINGS",
	"CONSTANTS", "SPECIAL", "EXPORT", "TOOL", "DISCARD", "DEBUG", "UNKNOWN",
};
static const char *const atom_kinds[] = {
	"FUNC", "OBJECT", "STRING", "CONSTANT", "ENTRY", "BYTES", "EXTERN", "ABS",
};

static const char *name_of(const struct object *o, uint32_t atom)
{
	return o->atoms[atom].name;
}

static void print_ref(const struct object *o, const struct ref *r)
{
	printf("    +0x%x type %u width %u -> %s%+" PRId64 " bias %" PRId64 "%s%s%s\n", r->offset, r->type,
	       r->width, name_of(o, r->target), r->addend, r->bias, r->pc_relative ? " pcrel" : "",
	       r->decoded ? " decoded" : "", r->through_table ? " table" : "");
}

static void print_atom(const struct object *o, const struct atom *a)
{
	printf("  %s %s offset 0x%" PRIx64 " size 0x%" PRIx64, atom_kinds[a->kind], a->name, a->offset,
	       a->size);
	if (a->entry)
		printf(" entry 0x%" PRIx64, a->entry);
	printf("%s%s", a->local ? " local" : " global", a->traced ? " traced" : "");
	if (a->parent != NO_ATOM)
		printf(" parent %s", name_of(o, a->parent));
	if (a->owner != NO_ATOM)
		printf(" owner %s", name_of(o, a->owner));
	for (uint32_t i = 0; i < a->n_symbols; i++) {
		const struct symbol *s = &o->symbols[o->atom_symbols[a->first_symbol + i]];

		if (s != a->symbol)
			printf(" alias %s", s->name);
	}
	putchar('\n');
	for (uint32_t i = 0; i < a->n_refs; i++)
		print_ref(o, &o->refs[a->first_ref + i]);
}

static void print_object(const struct object *o)
{
	for (uint32_t i = 1; i < o->n_sections; i++) {
		const struct section *s = &o->sections[i];

		printf("%s %s%s%s%s\n", section_kinds[s->kind], s->name, s->special ? " special" : "",
		       s->per_cpu ? " percpu" : "", s->once ? " once" : "");
		for (uint32_t n = 0; n < s->n_atoms; n++)
			print_atom(o, &o->atoms[s->first_atom + n]);
	}
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (!o->atoms[i].section)
			print_atom(o, &o->atoms[i]);
}

static void print_summary(const struct object *o, double ms)
{
	size_t used = arena_used(o->arena) + o->n_atoms * sizeof(*o->atoms) + o->n_refs * sizeof(*o->refs);
	uint32_t decoded = 0;

	for (uint32_t i = 1; i < o->n_sections; i++)
		if (o->sections[i].kind == SECTION_UNKNOWN)
			printf("%s: unknown section %s\n", o->name, o->sections[i].name);
	for (uint32_t i = 0; i < o->n_refs; i++)
		decoded += o->refs[i].decoded;
	printf("%s: %zu bytes, %u atoms, %u references (%u decoded), %.2f ms, memory %.2f of the file\n",
	       o->name, o->size, o->n_atoms, o->n_refs, decoded, ms, (double)used / o->size);
}

static int print_line(struct object *o, const char *function, const char *offset)
{
	struct source_line line;

	for (uint32_t i = 0; i < o->n_atoms; i++) {
		if (o->atoms[i].kind != ATOM_FUNC || strcmp(o->atoms[i].name, function))
			continue;
		if (object_source_line(o, i, strtoull(offset, NULL, 0), &line))
			break;
		printf("%s:%u\n", line.file, line.line);
		return 0;
	}
	puts("no line");
	return 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int dump(const char *path, bool quiet, char **line)
{
	struct diags *diags = diags_new();
	double start = now();
	struct object *o;
	int err = object_open(path, diags, &o);

	for (size_t i = 0; i < diags_count(diags); i++)
		diag_print(stdout, diags_get(diags, i));
	diags_free(diags);
	if (err) {
		printf("%s: error %d\n", path, -err);
		return 1;
	}
	if (line)
		err = print_line(o, line[0], line[1]);
	else if (quiet)
		print_summary(o, now() - start);
	else
		print_object(o);
	object_free(o);
	return err;
}

int main(int argc, char **argv)
{
	bool quiet = argc > 1 && !strcmp(argv[1], "--quiet");
	bool line = argc > 4 && !strcmp(argv[1], "--line");
	int status = 0;

	for (int i = line ? 4 : quiet ? 2 : 1; i < argc; i++)
		status |= dump(argv[i], quiet, line ? &argv[2] : NULL);
	return status;
}
