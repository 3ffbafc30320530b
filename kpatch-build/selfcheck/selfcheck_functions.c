// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-check of the functions that a patch puts in: that kallsyms will find them, that ftrace knows
 * their entries, and that the ORC unwinder knows the stack there.
 */
#include "kpatch-build/selfcheck/selfcheck.h"

#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/util/arena.h"

static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

/* The relocations of the ordinary relocation section for @section, *n of them. */
static const Elf64_Rela *relas_for(const struct checked *c, const char *section, size_t *n)
{
	const struct elfile *f = c->f;
	uint32_t i, index = elfile_find_section(f, section);

	*n = 0;
	for (i = 1; index && i < f->n_sections; i++)
		if (f->sections[i].type == SHT_RELA && f->sections[i].info == index &&
		    !(f->sections[i].flags & SHF_RELA_LIVEPATCH))
			return elfile_relas(f, i, n);
	return NULL;
}

static bool is_function(const struct checked *c, const struct module_entry *e)
{
	uint32_t i;

	for (i = 1; i < c->f->n_symbols; i++) {
		const struct elfile_symbol *s = &c->f->symbols[i];

		if (s->type == STT_FUNC && s->section == e->section && !s->reserved &&
		    s->value == e->offset && s->size)
			return true;
	}
	return false;
}

/* Where the call of __fentry__ must be: at the entry, or behind its ENDBR. */
static uint64_t ftrace_offset(const struct checked *c, const struct module_entry *e)
{
	const struct elfile_section *s = &c->f->sections[e->section];

	if (s->size - e->offset > sizeof(endbr64) && !memcmp(s->data + e->offset, endbr64, sizeof(endbr64)))
		return e->offset + sizeof(endbr64);
	return e->offset;
}

/* A call (to be relocated) or the five-byte no-operation that objtool may make of it. */
static bool is_call_or_nop(const struct elfile_section *s, uint64_t offset)
{
	static const uint8_t nop[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

	if (s->size - offset < sizeof(nop))
		return false;
	return s->data[offset] == 0xe8 || !memcmp(s->data + offset, nop, sizeof(nop));
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

/*
 * The ORC entry that holds at the function's first byte: the last one at or before it. It must say
 * that the caller's frame is at SP + 8. (struct orc_entry: sp_offset, bp_offset, and the
 * registers, SP being 5, in the low bits of the third half-word. Unchanged since 4.14.)
 */
static bool orc_is_right(const struct checked *c, const struct module_entry *e)
{
	uint32_t unwind = elfile_find_section(c->f, ".orc_unwind");
	const struct elfile_section *s = &c->f->sections[unwind];
	const uint8_t *entry = NULL;
	uint64_t best = 0;
	size_t i, n;
	const Elf64_Rela *rela = relas_for(c, ".orc_unwind_ip", &n);
	int16_t sp_offset;

	for (i = 0; i < n; i++) {
		struct place p = checked_target(c, &rela[i], 0);
		uint64_t at = rela[i].r_offset / 4 * 6;

		if (!s->data || p.section != e->section || p.offset > e->offset || at + 6 > s->size)
			continue;
		if (!entry || p.offset >= best) {
			best = p.offset;
			entry = s->data + at;
		}
	}
	if (!entry)
		return false;
	memcpy(&sp_offset, entry, sizeof(sp_offset));
	return sp_offset == 8 && (entry[4] & 0xf) == 5;
}

static void check_function(struct checked *c, const struct module_entry *e, bool orc)
{
	const struct elfile_section *s = &c->f->sections[e->section];
	uint64_t offset;

	if (!(s->flags & SHF_EXECINSTR) || !s->data || !is_function(c, e)) {
		selfcheck_error(c, "selfcheck-function",
				"the replacement of %s is no function that kallsyms could find", e->name);
		return;
	}
	offset = ftrace_offset(c, e);
	if (!is_call_or_nop(s, offset) || !is_recorded(c, e->section, offset))
		selfcheck_error(c, "selfcheck-function",
				"ftrace does not know the replacement of %s, so no later patch could "
				"replace it",
				e->name);
	if (orc && !orc_is_right(c, e))
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

void selfcheck_functions(struct checked *c, bool orc)
{
	struct module_entries callbacks = { 0 };
	size_t i;

	for (i = 0; i < c->funcs.n; i++)
		check_function(c, &c->funcs.entry[i], orc);
	check_duplicates(c);
	if (!module_callbacks(c->f, c->arena, c->diags, &callbacks) && !callbacks.n && !c->funcs.n)
		selfcheck_error(c, "selfcheck-function", "the module patches nothing");
}
