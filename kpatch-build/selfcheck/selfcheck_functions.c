// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-check of the functions that a patch puts in: that kallsyms will find them, that ftrace knows
 * their entries, and that the unwinder knows the stack there.
 */
#include "kpatch-build/selfcheck/selfcheck.h"

#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/arch/arch.h"
#include "lib/util/arena.h"

/* The relocations of the ordinary relocation section for @section, *n of them. */
static const Elf64_Rela *relas_for(const struct checked *c, const char *section, size_t *n)
{
	const struct elf_edit *f = c->f;
	uint32_t i, index = elf_edit_find_section(f, section);

	*n = 0;
	for (i = 1; index && i < f->n_sections; i++)
		if (f->sections[i].type == SHT_RELA && f->sections[i].info == index &&
		    !(f->sections[i].flags & SHF_RELA_LIVEPATCH))
			return elf_edit_relas(f, i, n);
	return NULL;
}

static bool is_function(const struct checked *c, const struct module_entry *e)
{
	uint32_t i;

	for (i = 1; i < c->f->n_symbols; i++) {
		const struct elf_edit_symbol *s = &c->f->symbols[i];

		if (s->type == STT_FUNC && s->section == e->section && !s->reserved &&
		    s->value == e->offset && s->size)
			return true;
	}
	return false;
}

static bool is_recorded(const struct checked *c, uint32_t section, uint64_t offset)
{
	size_t i, n;
	const Elf64_Rela *rela = relas_for(c, "__mcount_loc", &n);

	for (i = 0; i < n; i++) {
		struct place p = checked_target(c, &rela[i], 0);

		if (p.section == section && p.offset == offset)
			return true;
	}
	return false;
}

/* The unwinder's entry that holds at the function's first byte is the last one at or before it. */
static bool unwinds(const struct checked *c, const struct module_entry *e)
{
	const struct unwind *unwind = c->f->arch->unwind;
	const struct elf_edit_section *s = &c->f->sections[elf_edit_find_section(c->f, unwind->entries)];
	const uint8_t *entry = NULL;
	uint64_t best = 0;
	size_t i, n;
	const Elf64_Rela *rela = relas_for(c, unwind->addresses, &n);

	for (i = 0; i < n; i++) {
		struct place p = checked_target(c, &rela[i], 0);
		uint64_t at = rela[i].r_offset / 4 * unwind->entry_size;

		if (!s->data || p.section != e->section || p.offset > e->offset ||
		    at + unwind->entry_size > s->size)
			continue;
		if (!entry || p.offset >= best) {
			best = p.offset;
			entry = s->data + at;
		}
	}
	return entry && unwind->holds_at_entry(entry, c->orc_stack_pointer);
}

static void check_function(struct checked *c, const struct module_entry *e, bool unwound)
{
	const struct elf_edit_section *s = &c->f->sections[e->section];
	int traced;

	if (!(s->flags & SHF_EXECINSTR) || !s->data || !is_function(c, e)) {
		selfcheck_error(c, "selfcheck-function",
				"the replacement of %s is no function that kallsyms could find", e->name);
		return;
	}
	traced = c->f->arch->traced_at(s->data + e->offset, s->size - e->offset);
	if (traced < 0 || !is_recorded(c, e->section, e->offset + (uint64_t)traced))
		selfcheck_error(c, "selfcheck-function",
				"ftrace does not know the replacement of %s, so no later patch could "
				"replace it",
				e->name);
	if (unwound && !unwinds(c, e))
		selfcheck_error(c, "selfcheck-orc",
				"stack traces through the replacement of %s would not be reliable", e->name);
}

static void check_duplicates(struct checked *c)
{
	size_t i, j;

	for (i = 0; i < c->funcs.n; i++) {
		const struct module_entry *x = &c->funcs.entry[i];

		for (j = 0; j < i; j++) {
			const struct module_entry *y = &c->funcs.entry[j];

			if (x->number == y->number && !strcmp(x->name, y->name) &&
			    !strcmp(x->object, y->object))
				selfcheck_error(c, "selfcheck-function", "%s is replaced twice", x->name);
		}
	}
}

void selfcheck_functions(struct checked *c)
{
	bool unwound = c->orc_stack_pointer && c->f->arch->unwind;
	struct module_entries callbacks = { 0 };
	size_t i;

	for (i = 0; i < c->funcs.n; i++)
		check_function(c, &c->funcs.entry[i], unwound);
	check_duplicates(c);
	if (!module_callbacks(c->f, c->arena, c->diags, &callbacks) && !callbacks.n && !c->funcs.n)
		selfcheck_error(c, "selfcheck-function", "the module patches nothing");
}
