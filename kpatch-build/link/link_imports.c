// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces of imported symbols. Code of vmlinux that is being patched never had to import the
 * namespaces of vmlinux's own exports; in a module, modpost and the kernel ask for an import_ns= in
 * .modinfo. Reads Module.symvers; adds to that section.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kpatch-build/link/link.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"

static int append_modinfo(struct elf_edit *f, const char *name_space)
{
	struct elf_edit_section *s = &f->sections[elf_edit_find_section(f, ".modinfo")];
	size_t length = strlen("import_ns=") + strlen(name_space) + 1;
	char *data;

	if (!s->data)
		return -EINVAL;
	data = arena_alloc(f->arena, s->size + length);
	memcpy(data, s->data, s->size);
	sprintf(data + s->size, "import_ns=%s", name_space);
	s->data = (uint8_t *)data;
	s->size += length;
	return 0;
}

int import_namespaces(struct elf_edit *f, const struct symvers *symvers)
{
	struct strmap *done = strmap_new(8);
	uint32_t i;
	int ret = 0;

	for (i = 1; !ret && i < f->n_symbols; i++) {
		const struct symvers_entry *e = NULL;

		if (elf_edit_undefined(&f->symbols[i]))
			e = symvers_find(symvers, f->symbols[i].name);
		if (!e || !*e->name_space || strmap_get(done, e->name_space))
			continue;
		strmap_set(done, e->name_space, (union strmap_value){ .num = 1 });
		ret = append_modinfo(f, e->name_space);
	}
	strmap_free(done);
	return ret;
}
