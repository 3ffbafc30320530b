// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the check pass: the names of klp references, and the metadata that the runtime reads: an entry
 * for every replaced function and every callback, in the order of the object, and no others.
 */
#include "create-diff-object/check.h"

#include <errno.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/arch/arch.h"
#include "lib/klp/names.h"

void check_names(struct check *c)
{
	for (uint32_t i = 1; i < c->out->n_symbols; i++) {
		const struct symbol *s = &c->out->symbols[i];
		struct klp_ref ref;
		int err = s->section == SHN_UNDEF ? klp_ref_parse(c->d->arena, s->name, &ref) : -ENOENT;

		if (err && err != -ENOENT)
			check_problem(c, NO_ATOM, "the kernel could not parse the name %s", s->name);
	}
}

/* The text that the pointer at @at leads to, or NULL. */
static const char *pointed_string(struct check *c, const struct section *from, uint64_t at)
{
	const Elf64_Rela *rela = check_reloc(c, from->index, at, c->d->arch->pointer_type);
	const struct symbol *s = rela ? check_symbol_of(c, rela) : NULL;
	const struct section *strings;
	uint64_t offset;

	if (!s || s->section == SHN_UNDEF || s->section >= c->out->n_sections)
		return NULL;
	strings = &c->out->sections[s->section];
	offset = s->value + (uint64_t)rela->r_addend;
	if (!strings->data || offset >= strings->size || strings->data[strings->size - 1] ||
	    strcmp(strings->name, KPATCH_DISCARD_PREFIX KPATCH_STRINGS_SECTION))
		return NULL;
	c->meant[s->section] = true;
	return (const char *)strings->data + offset;
}

static bool points_to(struct check *c, const struct section *from, uint64_t at, uint32_t function)
{
	const Elf64_Rela *rela = check_reloc(c, from->index, at, c->d->arch->pointer_type);
	const struct symbol *s = rela ? check_symbol_of(c, rela) : NULL;

	return s && s->section == c->copy[function] &&
	       s->value + (uint64_t)rela->r_addend == c->at[function] + new_atom(c->d, function)->entry;
}

static void check_func(struct check *c, const struct section *s, uint64_t at, uint32_t f)
{
	const char *name = pointed_string(c, s, at + offsetof(struct kpatch_func, old_name));
	const char *object = pointed_string(c, s, at + offsetof(struct kpatch_func, object));
	struct kpatch_func func;

	memcpy(&func, s->data + at, sizeof(func));
	if (func.abi_version != KPATCH_ABI_VERSION || func.sympos != lookup_atom(c->d, f)->ksym.sympos ||
	    !name || !object || strcmp(name, orig_atom(c->d, c->d->pairs.twin[f])->symbol->name) ||
	    strcmp(object, c->d->input->owner) ||
	    !points_to(c, s, at + offsetof(struct kpatch_func, new_func), f))
		check_problem(c, f, "its metadata is wrong");
}

static void check_callback(struct check *c, const struct section *s, uint64_t at, const struct callback *want)
{
	const char *object = pointed_string(c, s, at + offsetof(struct kpatch_callback, object));
	struct kpatch_callback cb;

	memcpy(&cb, s->data + at, sizeof(cb));
	if (cb.abi_version != KPATCH_ABI_VERSION || cb.kind != want->kind || !object ||
	    strcmp(object, c->d->input->owner) ||
	    !points_to(c, s, at + offsetof(struct kpatch_callback, function), want->function))
		check_problem(c, want->function, "its metadata as a callback is wrong");
}

/* The section of @n entries, or NULL where there are none or not as many. */
static const struct section *table(struct check *c, const char *name, uint64_t n, size_t entry)
{
	const struct section *s = object_section(c->out, name);

	if ((s ? s->size : 0) != n * entry || (s && !s->data)) {
		check_problem(c, NO_ATOM, "the metadata is incomplete");
		return NULL;
	}
	if (s)
		c->meant[s->index] = true;
	return n ? s : NULL;
}

void check_metadata(struct check *c)
{
	const struct diff *d = c->d;
	const struct section *funcs = table(c, KPATCH_DISCARD_PREFIX KPATCH_FUNCS_SECTION, d->n_replaced,
					    sizeof(struct kpatch_func));
	const struct section *cbs = table(c, KPATCH_DISCARD_PREFIX KPATCH_CALLBACKS_SECTION, d->n_callbacks,
					  sizeof(struct kpatch_callback));
	uint64_t at = 0;

	for (uint32_t i = 0; funcs && i < d->new.object->n_atoms; i++)
		if (d->replaced[i]) {
			check_func(c, funcs, at, i);
			at += sizeof(struct kpatch_func);
		}
	for (uint32_t i = 0; cbs && i < d->n_callbacks; i++)
		check_callback(c, cbs, i * sizeof(struct kpatch_callback), &d->callbacks[i]);
}
