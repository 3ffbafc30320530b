/* SPDX-License-Identifier: GPL-2.0-only */
/* See contents.h. Reads relocatable files only, whose pointers are relocations. */
#include "kpatch/file/contents.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "kpatch/file/patchfile.h"
#include "lib/kernel/files/module.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"

#ifndef SHF_RELA_LIVEPATCH
#define SHF_RELA_LIVEPATCH 0x00100000
#endif

/* The table of functions and where its pointers lead. */
struct table {
	const struct kmodule *m;
	const struct elf_section *section;
	const char **pointers; /* by offset / 8: the string that is pointed to, or NULL */
	size_t n;	       /* records */
};

/* The NUL-terminated string at @offset of section @index, or NULL. */
static const char *string_at(const struct kmodule *m, uint32_t index, uint64_t offset)
{
	const struct elf_section *s;

	if (!index || index >= m->n_sections)
		return NULL;
	s = &m->sections[index];
	if (!s->data || offset >= s->size || !memchr(s->data + offset, '\0', s->size - offset))
		return NULL;
	return (const char *)s->data + offset;
}

static void follow(struct table *t, const Elf64_Rela *rela)
{
	uint32_t symbol = (uint32_t)ELF64_R_SYM(rela->r_info);
	const struct kmodule_symbol *s;

	if (rela->r_offset % 8 || rela->r_offset >= t->section->size || symbol >= t->m->n_symbols)
		return;
	s = &t->m->symbols[symbol];
	t->pointers[rela->r_offset / 8] = string_at(t->m, s->section, s->value + (uint64_t)rela->r_addend);
}

/* One section of relocations belongs to it, besides livepatch's; many would be read again and again. */
static void follow_all(struct table *t)
{
	uint32_t index = (uint32_t)(t->section - t->m->sections);
	bool done = false;

	for (uint32_t i = 0; i < t->m->n_sections; i++) {
		const struct elf_section *s = &t->m->sections[i];

		if (s->type != SHT_RELA || s->info != index || !s->data || done ||
		    s->flags & SHF_RELA_LIVEPATCH)
			continue;
		done = true;
		for (uint64_t at = 0; at + sizeof(Elf64_Rela) <= s->size; at += sizeof(Elf64_Rela)) {
			Elf64_Rela rela;

			memcpy(&rela, s->data + at, sizeof(rela));
			follow(t, &rela);
		}
	}
}

static enum outcome lies(struct kpatch *k, const struct patch_file *f, const char *what, const char *name)
{
	diag_error(k->diags, "manifest-lies", diag_file(f->path), "Build it again",
		   "the manifest does not belong to this module: %s %s", what, name);
	return OUTCOME_BAD_FILE;
}

static enum outcome damaged(struct kpatch *k, const struct patch_file *f, const char *what)
{
	diag_error(k->diags, "metadata-damaged", diag_file(f->path), "Build it again",
		   "the list of functions in the module is damaged: %s", what);
	return OUTCOME_BAD_FILE;
}

/* Key of a function. Positions 0 and 1 mean the same to the kernel where a name is unique. */
static char *function_key(struct arena *a, const char *object, const char *name, uint64_t position)
{
	return arena_printf(a, "%s of %s (position %" PRIu64 ")", name, object, position);
}

static void collect_manifest(struct kpatch *k, const struct manifest *m, struct strmap *seen, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < m->n_objects; i++)
		for (size_t j = 0; j < m->objects[i].n_functions; j++) {
			const struct manifest_function *f = &m->objects[i].functions[j];
			char *key = function_key(k->arena, m->objects[i].name, f->name, f->position);

			strmap_set(seen, key, (union strmap_value){ .num = 0 });
			++*n;
		}
}

/* One record of the table must be in the manifest, and not have been there before. */
static enum outcome match_record(struct kpatch *k, const struct patch_file *f, const struct table *t,
				 size_t i, struct strmap *seen)
{
	uint64_t at = i * sizeof(struct kpatch_func);
	const char *name = t->pointers[(at + offsetof(struct kpatch_func, old_name)) / 8];
	const char *object = t->pointers[(at + offsetof(struct kpatch_func, object)) / 8];
	union strmap_value *found;
	struct kpatch_func record;
	char *key;

	memcpy(&record, t->section->data + at, sizeof(record));
	if (record.abi_version != KPATCH_ABI_VERSION)
		return damaged(k, f, "it has another version");
	if (!name || !object)
		return damaged(k, f, "a name is missing");
	key = function_key(k->arena, object, name, record.sympos);
	found = strmap_get(seen, key);
	if (!found || found->num)
		return lies(k, f, "it does not have", key);
	found->num = 1;
	return OUTCOME_OK;
}

static enum outcome match_all(struct kpatch *k, const struct patch_file *f, const struct table *t,
			      struct strmap *seen)
{
	enum outcome o = OUTCOME_OK;
	size_t listed;

	collect_manifest(k, f->manifest, seen, &listed);
	for (size_t i = 0; i < t->n && !o; i++)
		o = match_record(k, f, t, i, seen);
	if (!o && listed != t->n)
		o = lies(k, f, "it has", "functions that the module does not replace");
	return o;
}

static enum outcome check_functions(struct kpatch *k, const struct patch_file *f)
{
	struct table t = { .m = f->module, .section = kmodule_section(f->module, KPATCH_FUNCS_SECTION) };
	struct strmap *seen;
	enum outcome o;

	/* a patch may have nothing but callbacks: then the list is empty */
	if (!t.section || (t.section->size && !t.section->data) ||
	    t.section->size % sizeof(struct kpatch_func))
		return damaged(k, f, "it is missing or cut short");
	t.n = t.section->size / sizeof(struct kpatch_func);
	t.pointers = arena_array(k->arena, t.section->size / 8 + 1, sizeof(*t.pointers));
	seen = strmap_new(t.n);
	follow_all(&t);
	o = match_all(k, f, &t, seen);
	strmap_free(seen);
	return o;
}

static enum outcome check_flags(struct kpatch *k, const struct patch_file *f)
{
	const struct elf_section *s = kmodule_section(f->module, KPATCH_PATCH_SECTION);
	struct kpatch_patch patch;

	if (!s || !s->data || s->size != sizeof(patch))
		return damaged(k, f, "its flags are missing");
	memcpy(&patch, s->data, sizeof(patch));
	if (!(patch.flags & KPATCH_PATCH_REPLACE) == f->manifest->replace)
		return lies(k, f, "they differ in", "whether it replaces other patches");
	if (!(patch.flags & KPATCH_PATCH_KEEP) != !f->manifest->n_kept)
		return lies(k, f, "they differ in", "whether its module can be removed");
	if (!(patch.flags & KPATCH_PATCH_UNVERIFIED) != f->manifest->verified)
		return lies(k, f, "they differ in", "whether it is verified");
	return OUTCOME_OK;
}

/* The states between the runtime's two symbols, one after the other. */
static bool has_states(const struct elf_section *s, uint64_t start, uint64_t end, const struct manifest *m)
{
	if (start > end || end > s->size || end - start != m->n_states * sizeof(struct kpatch_state) ||
	    (m->n_states && !s->data))
		return false;
	for (size_t i = 0; i < m->n_states; i++) {
		struct kpatch_state state;

		memcpy(&state, s->data + start + i * sizeof(state), sizeof(state));
		if (state.id != m->states[i].id || state.version != m->states[i].version)
			return false;
	}
	return true;
}

static enum outcome check_state_table(struct kpatch *k, const struct patch_file *f)
{
	const struct kmodule *m = f->module;
	const struct kmodule_symbol *start = &m->symbols[kmodule_symbol(m, KPATCH_STATES_START)];
	const struct kmodule_symbol *end = &m->symbols[kmodule_symbol(m, KPATCH_STATES_END)];

	if (!start->section || start->section >= m->n_sections || start->section != end->section)
		return f->manifest->n_states ? lies(k, f, "it does not have", "the states") : OUTCOME_OK;
	if (has_states(&m->sections[start->section], start->value, end->value, f->manifest))
		return OUTCOME_OK;
	return lies(k, f, "they differ in", "the states of the system that it changes");
}

enum outcome check_contents(struct kpatch *k, const struct patch_file *f)
{
	enum outcome o = OUTCOME_OK;

	if (strcmp(f->manifest->module, f->module->name))
		o = lies(k, f, "it is about", f->manifest->module);
	o = worse(o, check_functions(k, f));
	o = worse(o, check_flags(k, f));
	return worse(o, check_state_table(k, f));
}
