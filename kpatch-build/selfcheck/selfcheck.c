// SPDX-License-Identifier: GPL-2.0-only
/*
 * The self-check: a finished module is read from its file again, as the kernel and kpatch will, and
 * compared with what it should be. Reads that file only; it does not look at what the stages
 * before thought they had made.
 */
#include "kpatch-build/selfcheck/selfcheck.h"

#include <errno.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/arch/arch.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"

/* The value of @key in .modinfo, or NULL. */
static const char *modinfo(const struct checked *c, const char *key)
{
	uint32_t index = elf_edit_find_section(c->f, ".modinfo");
	const struct elf_edit_section *s = &c->f->sections[index];
	const char *p = (const char *)s->data, *end;
	size_t length = strlen(key);

	if (!index || !s->size || !p || p[s->size - 1])
		return NULL;
	end = p + s->size;
	for (; p < end; p += strlen(p) + 1)
		if (!strncmp(p, key, length) && p[length] == '=')
			return p + length + 1;
	return NULL;
}

static void check_modinfo(struct checked *c, const char *key, const char *want)
{
	const char *found = modinfo(c, key);

	if (!found || strcmp(found, want))
		selfcheck_error(c, "selfcheck-modinfo", "modinfo has %s=%s instead of %s", key,
				found ? found : "(nothing)", want);
}

static void check_sections(struct checked *c)
{
	uint32_t i;

	for (i = 1; i < c->f->n_sections; i++) {
		const char *name = c->f->sections[i].name;

		if (!strncmp(name, ".discard", 8) || !strncmp(name, ".rela.discard", 13))
			selfcheck_error(c, "selfcheck-section", "section %s is still there", name);
	}
	if (!elf_edit_find_section(c->f, ".gnu.linkonce.this_module"))
		selfcheck_error(c, "selfcheck-section", "the module has no module structure");
}

static bool is_field(const struct special *table, uint64_t offset)
{
	for (uint32_t i = 0; i < table->n_fields; i++)
		if (table->fields[i].offset == offset % table->entry_size)
			return true;
	return false;
}

/* Relocations that apply to section @index, of both kinds: all, or those of the fields of @table's entries. */
static size_t count_relas(const struct checked *c, uint32_t index, const struct special *table)
{
	size_t n = 0;
	uint32_t i;

	for (i = 1; i < c->f->n_sections; i++) {
		const struct elf_edit_section *s = &c->f->sections[i];
		size_t j, count;
		const Elf64_Rela *rela;

		if (s->type != SHT_RELA || s->info != index)
			continue;
		rela = elf_edit_relas(c->f, i, &count);
		for (j = 0; j < count; j++)
			n += ELF64_R_TYPE(rela[j].r_info) != R_NONE &&
			     (!table || is_field(table, rela[j].r_offset));
	}
	return n;
}

/* Whether each field of entries of @table, and nothing else, is relocated: by livepatch relocations or others. */
static bool table_is_complete(struct checked *c, uint32_t index, const struct special *table)
{
	const uint64_t size = c->f->sections[index].size;

	return size % table->entry_size == 0 &&
	       size / table->entry_size * table->n_fields == count_relas(c, index, table) &&
	       count_relas(c, index, NULL) == count_relas(c, index, table);
}

/* Tables whose entries have a fixed number of fields that must all be relocated; which, is in one of a name's rows. */
static void check_tables(struct checked *c)
{
	for (uint32_t i = 1; i < c->f->n_sections; i++) {
		const struct elf_edit_section *s = &c->f->sections[i];
		const struct special_section *table = arch_special(c->f->arch, s->name), *row = table;

		if (!table || !table->special.complete)
			continue;
		while (row->special.name && !strcmp(row->special.name, table->special.name) &&
		       !table_is_complete(c, i, &row->special))
			row++;
		if (!row->special.name || strcmp(row->special.name, table->special.name) != 0)
			selfcheck_error(c, "selfcheck-table", "%s has incomplete entries", s->name);
	}
}

/*
 * Names that the kernel has checksums for: __versions, entries of 64 bytes, the name from the
 * eighth on. An empty map without the section.
 */
static struct strmap *versions(const struct checked *c)
{
	uint32_t index = elf_edit_find_section(c->f, "__versions");
	const struct elf_edit_section *s = &c->f->sections[index];
	struct strmap *names = strmap_new(64);
	uint64_t i;

	for (i = 0; s->data && i + 64 <= s->size; i += 64) {
		char *name = arena_strndup(c->arena, (const char *)s->data + i + 8, 56);

		strmap_set(names, name, (union strmap_value){ .num = 1 });
	}
	return names;
}

/* Whether the kernel's module loader gives the symbol a value itself: it has no checksum. */
static bool is_loaders(const struct elf_edit *f, const char *name)
{
	const struct indirection *in = f->arch->indirection;

	return in && !strcmp(name, in->base_symbol);
}

/* Fields with the whole of a distance from the table reach its first 64 KiB; ld -r does not look. */
static void check_near(struct checked *c)
{
	for (uint32_t i = 1; i < c->f->n_sections; i++) {
		size_t n = 0;
		const Elf64_Rela *rela =
			c->f->sections[i].type == SHT_RELA ? elf_edit_relas(c->f, i, &n) : NULL;

		for (size_t k = 0; k < n; k++) {
			const struct reloc_type *t = arch_reloc(c->f->arch, ELF64_R_TYPE(rela[k].r_info));
			struct place p = checked_target(c, &rela[k], 0);

			if (t && t->from_table && !t->drops_low && !t->drops_high &&
			    (!p.section || p.offset >= 2 * c->f->arch->indirection->base))
				selfcheck_error(c, "selfcheck-klp",
						"%s has a field that does not reach its entry of %s",
						c->f->sections[i].name, c->f->arch->indirection->table);
		}
	}
}

static void check_undefined(struct checked *c, const struct strmap *imports)
{
	uint32_t i;

	for (i = 1; i < c->f->n_symbols; i++) {
		const struct elf_edit_symbol *s = &c->f->symbols[i];

		if (!elf_edit_undefined(s) || is_loaders(c->f, s->name))
			continue;
		if (s->bind != STB_GLOBAL)
			selfcheck_error(c, "selfcheck-undefined", "%s is undefined and weak", s->name);
		else if (strmap_count(imports) && !strmap_get(imports, s->name))
			selfcheck_error(c, "selfcheck-undefined", "%s is undefined and not in __versions",
					s->name);
	}
}

static void check_imports(struct checked *c)
{
	struct strmap *imports = versions(c);

	check_undefined(c, imports);
	strmap_free(imports);
}

static void check_manifest(struct checked *c, const void *want, size_t size)
{
	uint32_t index = elf_edit_find_section(c->f, KPATCH_MANIFEST_SECTION);
	const struct elf_edit_section *s = &c->f->sections[index];

	if (!s->data || s->flags & SHF_ALLOC || s->size != size || memcmp(s->data, want, size))
		selfcheck_error(c, "selfcheck-manifest", "the manifest in the module is damaged");
}

int selfcheck(const char *path, const struct selfcheck_want *want, struct arena *a, struct diags *diags)
{
	struct checked c = { .arena = a, .diags = diags, .orc_stack_pointer = want->orc_stack_pointer };
	size_t errors = diags_errors(diags);
	struct elf_edit *f, *linked = NULL;
	int ret = elf_edit_read(path, a, diags, &f);

	if (!ret && want->linked)
		ret = elf_edit_read(want->linked, a, diags, &linked);
	c.f = f;
	c.linked = linked;
	if (!ret)
		ret = module_funcs(f, a, diags, &c.funcs);
	if (ret)
		return ret;
	check_modinfo(&c, "livepatch", "Y");
	check_modinfo(&c, "name", want->module_name);
	if (want->vermagic)
		check_modinfo(&c, "vermagic", want->vermagic);
	check_sections(&c);
	check_tables(&c);
	if (want->manifest)
		check_manifest(&c, want->manifest, want->manifest_size);
	selfcheck_klp(&c);
	check_near(&c);
	selfcheck_functions(&c);
	selfcheck_targets(&c, want);
	if (linked) {
		selfcheck_symbols(&c, want);
		selfcheck_references(&c, want);
	}
	check_imports(&c);
	return ret ? ret : diags_errors(diags) > errors ? -EINVAL : 0;
}
