// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the differ says of two objects, without a kernel to ask: identity ORIGINAL PATCHED. Every symbol
 * that the original defines is the owner's, every other one vmlinux's, so that nothing is refused for
 * want of a symbol and as much as possible is written and checked. Prints one line,
 *
 *	same | changed FUNCTIONS | refused ID...
 *
 * and a line for each section whose meaning is not known, and for each warning. Exit code 0 for an
 * answer, 1 if the objects cannot be read or the differ has an error of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/diff.h"
#include "lib/elf/object.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

static int find(const struct ksym_source *source, const char *name, const struct symbol *definition,
		struct ksym *out, const char **why)
{
	const struct object *o = source->context;

	*out = (struct ksym){ .where = KSYM_ABSENT };
	if (definition)
		*out = (struct ksym){ .where = KSYM_OWNER, .object = "vmlinux", .sympos = 1 };
	for (uint32_t i = 1; !definition && i < o->n_symbols; i++)
		if (o->symbols[i].section == SECTION_UNDEF && !strcmp(o->symbols[i].name, name))
			*out = (struct ksym){ .where = KSYM_OWNER, .object = "vmlinux" };
	return 0;
}

/* Sections that are nothing but unknown. */
static void print_unknown(const struct object *o)
{
	for (uint32_t i = 1; i < o->n_sections; i++)
		if (o->sections[i].kind == SECTION_UNKNOWN && o->sections[i].size)
			printf("unknown section %s\n", o->sections[i].name);
}

/* Each id once, and warnings in full. */
static void print_diags(const struct diags *diags)
{
	for (size_t i = 0; i < diags_count(diags); i++) {
		const struct diag *d = diags_get(diags, i);
		bool seen = d->severity != DIAG_ERROR;

		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(diags_get(diags, k)->id, d->id);
		if (!seen)
			printf(" %s", d->id);
	}
	putchar('\n');
	for (size_t i = 0; i < diags_count(diags); i++)
		if (diags_get(diags, i)->severity == DIAG_WARNING)
			diag_print(stdout, diags_get(diags, i));
}

static int answer(const struct diff_input *in, struct arena *arena, struct diags *diags)
{
	struct diff_report report = { 0 };
	uint8_t *data = NULL;
	size_t size;
	int err = diff_objects(in, arena, diags, &report, &data, &size);

	if (err && err != -EINVAL)
		printf("error %d", -err);
	else if (err)
		printf("refused");
	else if (data)
		printf("changed %zu", report.n_changed);
	else
		printf("same");
	print_diags(diags);
	free(data);
	return (err && err != -EINVAL) || diags_has(diags, "self-check-failed");
}

int main(int argc, char **argv)
{
	struct diff_input in = { .owner = "vmlinux", .lines_move = true };
	struct diags *diags = diags_new();
	struct arena *arena = arena_new();
	struct ksym_source source = { .find = find };
	int status = 1;

	if (argc == 3 && !object_open(argv[1], diags, &in.original) &&
	    !object_open(argv[2], diags, &in.patched)) {
		in.name = argv[2];
		source.context = in.original;
		in.ksyms = &source;
		print_unknown(in.original);
		status = answer(&in, arena, diags);
	} else {
		printf("error");
		print_diags(diags);
	}
	object_free(in.patched);
	object_free(in.original);
	arena_free(arena);
	diags_free(diags);
	return status;
}
