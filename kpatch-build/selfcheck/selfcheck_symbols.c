// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-check: every symbol that the linked module refers to (selfcheck_references.c: so does the finished one) is found, by the rules of
 * klp_find_object_symbol(), in the installed image's kallsyms table or in the installed module's
 * symbol table. Reads those; shares nothing with the stages that chose the positions.
 */
#include "kpatch-build/selfcheck/selfcheck.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/files/module.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/klp/names.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"
#include "lib/util/vmlinux.h"

struct place checked_target(const struct checked *c, const Elf64_Rela *rela, int pc_bias)
{
	const struct elf_edit_symbol *s = &c->f->symbols[ELF64_R_SYM(rela->r_info)];
	struct place p = { 0, 0 };

	if (!s->reserved && s->section) {
		p.section = s->section;
		p.offset = s->value + rela->r_addend + pc_bias;
	}
	return p;
}

struct resolver {
	struct checked *c;
	const struct selfcheck_want *want;
	const struct kallsyms *kallsyms;
	struct kmodule **opened;
	size_t n_opened;
};

/* What the core makes of @count candidates: position 0 demands that there is one only. */
static bool position_exists(unsigned long position, unsigned long count)
{
	return position ? position <= count : count == 1;
}

bool selfcheck_in_vmlinux(const struct kallsyms *k, const char *name, unsigned long position,
			  uint64_t *address)
{
	unsigned long count = 0;
	uint32_t i;

	for (i = kallsyms_first(k, name); i != KALLSYMS_NONE; i = kallsyms_next(k, i))
		if (++count == position || !position)
			*address = kallsyms_get(k, i).address;
	return position_exists(position, count);
}

static bool in_module(const struct kmodule *m, const char *name, unsigned long position)
{
	unsigned long count = 0;
	uint32_t i, sympos, meant = 0;

	for (i = kmodule_symbol(m, name); i; i = m->symbols[i].next)
		if (m->symbols[i].section != SHN_UNDEF && (++count == position || !meant))
			meant = i;
	/* The same symbol while the module is being loaded and afterwards, when some are gone. */
	return position_exists(position, count) && !kmodule_sympos(m, meant, &sympos, NULL);
}

/* The installed module of that name, or NULL with a diagnostic. */
static const struct kmodule *open_module(struct resolver *r, const char *name)
{
	struct kmodule *m = NULL;
	size_t i;

	for (i = 0; i < r->n_opened; i++)
		if (!strcmp(r->opened[i]->name, name))
			return r->opened[i];
	if (selfcheck_open_module(r->c, r->want, name, &m) || !m) {
		selfcheck_error(r->c, "selfcheck-symbol", "there is no module %s to patch", name);
		return NULL;
	}
	r->opened[r->n_opened++] = m;
	return m;
}

static void resolve(struct resolver *r, const char *object, const char *name, unsigned long position)
{
	const struct kmodule *m;
	uint64_t address;

	if (is_vmlinux(object)) {
		if (r->kallsyms && !selfcheck_in_vmlinux(r->kallsyms, name, position, &address))
			selfcheck_error(r->c, "selfcheck-symbol",
					"the kernel will not find %s,%lu in vmlinux", name, position);
		return;
	}
	if (!r->want->modules)
		return;
	m = open_module(r, object);
	if (m && !in_module(m, name, position))
		selfcheck_error(r->c, "selfcheck-symbol", "the kernel will not find %s,%lu in %s", name,
				position, object);
}

static void resolve_symbol(struct resolver *r, const struct elf_edit_symbol *s)
{
	struct klp_ref ref;

	/* Malformed names are reported elsewhere. */
	if (elf_edit_undefined(s) && !klp_ref_parse(r->c->arena, s->name, &ref))
		resolve(r, ref.symbol_object, ref.name, ref.position);
}

void selfcheck_symbols(struct checked *c, const struct selfcheck_want *want)
{
	struct resolver r = { .c = c, .kallsyms = want->kallsyms, .want = want };
	uint32_t i;

	/* Each symbol and each function names one object at most. */
	r.opened = arena_array(c->arena, c->linked->n_symbols + c->funcs.n, sizeof(*r.opened));
	for (i = 1; i < c->linked->n_symbols; i++)
		resolve_symbol(&r, &c->linked->symbols[i]);
	for (i = 0; i < c->funcs.n; i++)
		resolve(&r, c->funcs.entry[i].object, c->funcs.entry[i].name, c->funcs.entry[i].number);
	for (i = 0; i < r.n_opened; i++)
		kmodule_free(r.opened[i]);
}
