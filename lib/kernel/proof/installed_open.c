/* SPDX-License-Identifier: GPL-2.0-only */
/* How a struct installed begins: with an image, or with a module, whose relocations are sorted here. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/proof/installed.h"
#include "lib/kernel/proof/installed_private.h"
#include "lib/util/arena.h"

static int by_offset(const void *a, const void *b)
{
	const struct installed_rela *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static int read_relas(const struct kmodule *m, const struct elf_section *s, struct arena *arena,
		      struct installed_relas *out)
{
	size_t n = s->size / sizeof(Elf64_Rela);
	struct installed_rela *list = arena_array(arena, n, sizeof(*list));
	bool sorted = true;

	if (n > UINT32_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		Elf64_Rela r;

		memcpy(&r, s->data + i * sizeof(r), sizeof(r));
		list[i].offset = r.r_offset;
		list[i].symbol = ELF64_R_SYM(r.r_info);
		list[i].type = ELF64_R_TYPE(r.r_info);
		list[i].addend = r.r_addend;
		if (list[i].symbol >= m->n_symbols)
			return -EBADMSG;
		sorted &= !i || list[i - 1].offset <= r.r_offset;
	}
	if (!sorted)
		qsort(list, n, sizeof(*list), by_offset);
	out->list = list;
	out->count = (uint32_t)n;
	return 0;
}

int installed_image(const struct kimage *image, struct arena *arena, struct installed *out)
{
	*out = (struct installed){ .image = image, .arch = arch_find(image->machine) };
	if (!out->arch)
		return -EBADMSG;
	installed_lists_new(arena, &out->lists);
	return 0;
}

int installed_module(const struct kmodule *module, struct arena *arena, struct installed *out)
{
	struct installed in = { .module = module, .arch = arch_find(module->machine) };

	if (!in.arch)
		return -EBADMSG;
	in.relas = arena_array(arena, module->n_sections, sizeof(*in.relas));
	installed_lists_new(arena, &in.lists);
	for (uint32_t i = 1; i < module->n_sections; i++) {
		const struct elf_section *s = &module->sections[i];
		int err;

		if (s->type != SHT_RELA || !s->data || !s->info || s->info >= module->n_sections)
			continue;
		err = read_relas(module, s, arena, &in.relas[s->info]);
		if (err)
			return err;
	}
	*out = in;
	return 0;
}
