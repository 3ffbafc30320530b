// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of klp references and of metadata sections, changed for objtool and back. Reads and
 * changes an elf_edit's symbols and section names; leaves the contents alone.
 */
#include "kpatch-build/link/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/klp/names.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"
#include "lib/util/vmlinux.h"

static int malformed(struct diags *diags, const struct elf_edit *f, const char *name)
{
	diag_error(diags, "klp-reference-malformed", diag_file(f->path), NULL,
		   "'%s' is not a klp reference that a kernel can resolve", name);
	return -EINVAL;
}

/* Every symbol name of @f, so that none is used twice. */
static struct strmap *used_names(const struct elf_edit *f)
{
	struct strmap *used = strmap_new(f->n_symbols);
	uint32_t i;

	for (i = 1; i < f->n_symbols; i++)
		strmap_set(used, f->symbols[i].name, (union strmap_value){ .num = i });
	return used;
}

static int to_natural(struct elf_edit *f, struct elf_edit_symbol *s, struct diags *diags, struct strmap *used,
		      struct strmap *names)
{
	struct klp_ref ref;
	int ret = klp_ref_parse(f->arena, s->name, &ref);

	if (ret == -ENOENT)
		return 0;
	if (ret == -EINVAL)
		return malformed(diags, f, s->name);
	if (ret)
		return ret;
	/* objtool takes no weak function for one that does not return. */
	s->bind = STB_GLOBAL;
	/* kpatch-abi.h, "Static calls": a module's trampoline is called as it is. */
	if (!strncmp(ref.name, "__SCT__", 7) && !is_vmlinux(ref.symbol_object))
		return 0;
	if (strmap_get(used, ref.name))
		return 0;
	strmap_set(used, ref.name, (union strmap_value){ .num = 0 });
	strmap_set(names, ref.name, (union strmap_value){ .cptr = s->name });
	s->name = ref.name;
	return 0;
}

int refs_to_natural(struct elf_edit *f, struct diags *diags, struct strmap *names)
{
	struct strmap *used = used_names(f);
	int ret = 0;
	uint32_t i;

	for (i = 1; !ret && i < f->n_symbols; i++)
		if (elf_edit_undefined(&f->symbols[i]))
			ret = to_natural(f, &f->symbols[i], diags, used, names);
	strmap_free(used);
	return ret;
}

void refs_back(struct elf_edit *f, const struct strmap *names)
{
	uint32_t i;

	for (i = 1; i < f->n_symbols; i++) {
		struct elf_edit_symbol *s = &f->symbols[i];
		const union strmap_value *known;

		if (!elf_edit_undefined(s))
			continue;
		known = strmap_get(names, s->name);
		if (known)
			s->name = known->cptr;
		/* modpost takes a strong undefined symbol for a missing export. */
		if (!strncmp(s->name, KPATCH_REF_PREFIX, strlen(KPATCH_REF_PREFIX)))
			s->bind = STB_WEAK;
	}
}

void metadata_to_final(struct elf_edit *f, bool callbacks)
{
	static const char prefix[] = KPATCH_DISCARD_PREFIX ".kpatch.";
	static const char rela_prefix[] = ".rela" KPATCH_DISCARD_PREFIX ".kpatch.";
	static const char callbacks_section[] = KPATCH_DISCARD_PREFIX KPATCH_CALLBACKS_SECTION;
	uint32_t i;

	for (i = 1; i < f->n_sections; i++) {
		struct elf_edit_section *s = &f->sections[i];
		uint32_t of = s->type == SHT_RELA ? s->info : i;

		if (strncmp(s->name, prefix, strlen(prefix)) &&
		    strncmp(s->name, rela_prefix, strlen(rela_prefix)))
			continue;
		/* A relocation section comes after the one it applies to, which may be renamed. */
		if (callbacks != (!strcmp(f->sections[of].name, callbacks_section) ||
				  !strcmp(f->sections[of].name, KPATCH_CALLBACKS_SECTION)))
			continue;
		if (s->type == SHT_RELA) {
			s->name = arena_printf(f->arena, ".rela%s",
					       s->name + strlen(".rela" KPATCH_DISCARD_PREFIX));
		} else {
			s->name += strlen(KPATCH_DISCARD_PREFIX);
			s->flags |= SHF_ALLOC;
		}
	}
}
