/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See ibt.h. The list has one 32-bit field an entry, relative to the field itself: in vmlinux its
 * bytes, in a module a relocation. Exported functions are never in it.
 */
#include "lib/arch/arch.h"
#include "lib/kernel/proof/ibt.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/object.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/module.h"
#include "lib/util/arena.h"
#include "lib/util/vmlinux.h"

#define TRAMPOLINE "__SCT__" /* static_call_update() is given its address */

struct ibt {
	const struct installed *in;
	uint64_t *sealed; /* addresses, sorted */
	size_t n;
};

struct source {
	struct ksym_source base;
	const struct ibt *vmlinux, *module;
};

static int by_address(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Where the list is, as installed_bytes() counts, and its size in bytes; 0: there is none. */
static uint64_t find_list(const struct installed *in, uint64_t *address)
{
	const char *name = in->arch->seals;
	const struct elf_section *s = in->image && name ? kimage_section(in->image, name) : NULL;

	if (s) {
		*address = s->address;
		return s->data ? s->size : 0;
	}
	for (uint32_t i = 1; name && in->module && i < in->module->n_sections; i++)
		if (!strcmp(in->module->sections[i].name, name)) {
			*address = (uint64_t)i << INSTALLED_SECTION_SHIFT;
			return in->module->sections[i].size;
		}
	return 0;
}

bool ibt_enabled(const struct installed *vmlinux)
{
	uint64_t list;

	return find_list(vmlinux, &list) > 0;
}

void ibt_new(const struct installed *in, struct arena *arena, struct ibt **out)
{
	uint64_t list, size = find_list(in, &list);
	struct ibt *ibt = arena_alloc(arena, sizeof(*ibt));
	struct ref field = { .type = in->arch->relative_type, .width = 4, .pc_relative = true };
	struct installed_field target;

	*ibt = (struct ibt){ .in = in, .sealed = arena_array(arena, size / 4, sizeof(*ibt->sealed)) };
	for (uint64_t at = 0; at + 4 <= size; at += 4)
		if (installed_field(in, list + at, &field, &target) == 0 && !target.external)
			ibt->sealed[ibt->n++] = target.address;
	qsort(ibt->sealed, ibt->n, sizeof(*ibt->sealed), by_address);
	*out = ibt;
}

/* 7.x says of vmlinux's .data that it is code, too; what can be written is none. */
static bool holds_code(uint64_t flags)
{
	return (flags & (SHF_EXECINSTR | SHF_WRITE)) == SHF_EXECINSTR;
}

static bool is_code(const struct installed *in, uint64_t address)
{
	const struct elf_section *s;
	uint64_t index = address >> INSTALLED_SECTION_SHIFT;

	if (in->image) {
		s = kimage_section_at(in->image, address);
		return s && holds_code(s->flags);
	}
	return index < in->module->n_sections && holds_code(in->module->sections[index].flags);
}

const char *ibt_problem(const struct ibt *ibt, uint64_t address)
{
	const struct arch *arch = ibt->in->arch;
	const uint8_t *code;

	if (!is_code(ibt->in, address))
		return NULL;
	if (bsearch(&address, ibt->sealed, ibt->n, sizeof(address), by_address))
		return "the kernel seals it: its ENDBR is overwritten";
	code = installed_bytes(ibt->in, address, arch->landing_pad_size);
	return code && !memcmp(code, arch->landing_pad, arch->landing_pad_size) ?
		       NULL :
		       "it does not begin with ENDBR";
}

/* The problem of the symbol that an answer means. */
static const char *problem_of(const struct source *s, const char *name, const struct ksym *answer)
{
	bool kernel = answer->where == KSYM_VMLINUX || answer->where == KSYM_VMLINUX_EXPORT ||
		      (answer->object && is_vmlinux(answer->object));
	const struct ibt *ibt = kernel ? s->vmlinux : answer->where == KSYM_OWNER ? s->module : NULL;

	if (!ibt || answer->where == KSYM_ABSENT || !strncmp(name, TRAMPOLINE, strlen(TRAMPOLINE)))
		return NULL;
	for (uint32_t i = installed_first(ibt->in, name); i != INSTALLED_NONE;
	     i = installed_next(ibt->in, i)) {
		uint32_t position;

		if (!installed_sympos(ibt->in, i, &position, NULL) && position == answer->sympos)
			return ibt_problem(ibt, installed_address(ibt->in, i));
	}
	return NULL;
}

static int find(const struct ksym_source *source, const char *name, const struct symbol *definition,
		struct ksym *out, const char **why)
{
	const struct source *s = source->context;
	int err = s->base.find(&s->base, name, definition, out, why);

	if (!err)
		out->no_pointer = problem_of(s, name, out);
	return err;
}

static bool boot_only(const struct ksym_source *source, const char *name)
{
	const struct source *s = source->context;

	return s->base.boot_only && s->base.boot_only(&s->base, name);
}

static bool find_literal(const struct ksym_source *source, const struct atom *literal, struct ksym_place *out)
{
	const struct source *s = source->context;

	return s->base.find_literal && s->base.find_literal(&s->base, literal, out);
}

void ibt_source(const struct ksym_source *base, const struct ibt *vmlinux, const struct ibt *module,
		struct arena *arena, struct ksym_source *out)
{
	struct source *s;

	if (!vmlinux) {
		*out = *base;
		return;
	}
	s = arena_alloc(arena, sizeof(*s));
	*s = (struct source){ .base = *base, .vmlinux = vmlinux, .module = module };
	*out = (struct ksym_source){
		.find = find, .boot_only = boot_only, .find_literal = find_literal, .context = s
	};
}
