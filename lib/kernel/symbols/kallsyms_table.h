/* SPDX-License-Identifier: GPL-2.0-only */
/* How the two readers of kallsyms make a table. Private to lib/kernel. */
#ifndef KPATCH_KERNEL_KALLSYMS_TABLE_H
#define KPATCH_KERNEL_KALLSYMS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/symbols/kallsyms.h"

struct arena;

/* More symbols than any kernel has: ten times what a kernel with everything built in has. */
#define KALLSYMS_MAX (16u << 20)

/* Arrays of @count elements, and a pool of NUL-terminated names. */
struct kallsyms_table {
	uint32_t count;
	const uint64_t *address;
	const uint32_t *name; /* offset in the pool */
	const char *type;
	const char *strings;
	size_t strings_size;
};

/* Copies the arrays and indexes the names. 0, -EBADMSG (too large). */
int kallsyms_table_build(const struct kallsyms_table *t, bool sorted, struct kallsyms **out);

/* Gives the symbols their modules; @arena holds them and becomes @k's. */
void kallsyms_set_modules(struct kallsyms *k, const char *const *modules, struct arena *arena);

#endif
