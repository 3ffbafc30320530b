// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of code in the module: replaced functions, the runtime, everything else.
 *
 * Before a patch goes, the livepatch core looks for replaced functions on all stacks. It knows of no
 * other code of the patch: a task that sleeps in a cold part, or in a new function that a replaced one
 * ended in with a jump, has no address of a replaced function on its stack, and would return to memory
 * that was freed. In this order the runtime (cover_rest() in kmod/kpatch-runtime.c) can have the last
 * replaced function of each object reach to the end of the code.
 *
 * Reads unit.diff and unit.report; writes a script that goes before merge.lds. What -ffunction-sections
 * does not split (.sched.text, …) stays where it is, and is covered behind its last replaced function.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/link/link.h"
#include "lib/util/arena.h"
#include "lib/util/file.h"
#include "lib/util/xmalloc.h"

/* Whether it is a function's own section, with a name that a script can have in quotes. */
static bool can_be_named(const char *section)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$";

	return !strncmp(section, ".text.", 6) && section[6] != '.' &&
	       section[strspn(section, letters)] == '\0';
}

static void write_order(const struct build *b, const char *runtime_object, FILE *f)
{
	fputs("SECTIONS { .text 0 : {\n", f);
	for (size_t i = 0; i < b->n_units; i++) {
		const struct unit *u = &b->units[i];

		for (size_t k = 0; u->diff && k < u->report.n_changed; k++)
			if (can_be_named(u->report.changed[k].section))
				fprintf(f, "\t\"%s\"(\"%s\")\n", u->diff, u->report.changed[k].section);
	}
	fprintf(f, "\t\"%s\"(.text .text.*)\n} }\n", runtime_object);
}

int order_script(struct build *b, const char *runtime_object, char **script)
{
	char *path = build_work_path(b, "module/order.lds"), *text = NULL;
	size_t size;
	FILE *f;
	int ret;

	if (!path)
		return -EIO;
	f = xopen_memstream(&text, &size);
	write_order(b, runtime_object, f);
	xclose_memstream(f);
	ret = file_write(path, text, size, 0644);
	free(text);
	if (!ret)
		*script = path;
	return ret;
}
