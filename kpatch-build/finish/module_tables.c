// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the tables that the runtime reads (kmod/kpatch-abi.h) out of a linked module, following
 * their pointers through the relocations. Changes nothing.
 */
#include "kpatch-build/finish/finish.h"

#include <errno.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/arch/arch.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

struct table {
	const struct elf_edit *f;
	struct arena *a;
	struct diags *diags;
	uint32_t section, rela; /* indexes; rela 0: none */
};

static int malformed(const struct table *t, uint64_t offset, const char *what)
{
	struct diag_place place = {
		.file = t->f->path,
		.function = t->f->sections[t->section].name,
		.offset = offset,
		.has_offset = true,
	};

	diag_error(t->diags, "metadata-malformed", &place, NULL, "%s", what);
	return -EINVAL;
}

static uint32_t rela_of(const struct elf_edit *f, uint32_t section)
{
	uint32_t i;

	for (i = 1; i < f->n_sections; i++)
		if (f->sections[i].type == SHT_RELA && !f->sections[i].removed &&
		    f->sections[i].info == section && !(f->sections[i].flags & SHF_RELA_LIVEPATCH))
			return i;
	return 0;
}

/* Where the pointer field at @offset leads. */
static int follow(const struct table *t, uint64_t offset, uint32_t *section, uint64_t *target)
{
	const Elf64_Rela *rela = NULL;
	const struct elf_edit_symbol *s;
	size_t i, n = 0;

	if (t->rela)
		rela = elf_edit_relas(t->f, t->rela, &n);
	for (i = 0; i < n && rela[i].r_offset != offset; i++)
		;
	if (i == n || ELF64_R_TYPE(rela[i].r_info) != t->f->arch->pointer_type)
		return malformed(t, offset, "a pointer has no relocation");
	s = &t->f->symbols[ELF64_R_SYM(rela[i].r_info)];
	*section = s->section;
	*target = s->value + rela[i].r_addend;
	if (s->reserved || !s->section || *target >= t->f->sections[s->section].size)
		return malformed(t, offset, "a pointer leads outside of the module");
	return 0;
}

static int follow_string(const struct table *t, uint64_t offset, const char **out)
{
	const struct elf_edit_section *s;
	uint32_t section;
	uint64_t target;
	int ret = follow(t, offset, &section, &target);

	if (ret)
		return ret;
	s = &t->f->sections[section];
	if (!s->data || !memchr(s->data + target, '\0', s->size - target))
		return malformed(t, offset, "a name has no end");
	*out = arena_strdup(t->a, (const char *)s->data + target);
	return 0;
}

static int check_version(const struct table *t, uint64_t offset)
{
	uint32_t version;

	memcpy(&version, t->f->sections[t->section].data + offset, sizeof(version));
	return version == KPATCH_ABI_VERSION ?
		       0 :
		       malformed(t, offset, "made for another version of the runtime");
}

static int open_table(struct table *t, const char *name, size_t entry_size, size_t *n)
{
	const struct elf_edit_section *s;

	*n = 0;
	t->section = elf_edit_find_section(t->f, name);
	if (!t->section)
		return 0;
	s = &t->f->sections[t->section];
	if (s->size % entry_size || (s->size && !s->data))
		return malformed(t, 0, "the size is no multiple of an entry's");
	t->rela = rela_of(t->f, t->section);
	*n = s->size / entry_size;
	return 0;
}

static int read_func(const struct table *t, uint64_t offset, struct module_entry *e)
{
	int ret = check_version(t, offset);

	if (ret)
		return ret;
	memcpy(&e->number, t->f->sections[t->section].data + offset + offsetof(struct kpatch_func, sympos),
	       sizeof(e->number));
	ret = follow(t, offset + offsetof(struct kpatch_func, new_func), &e->section, &e->offset);
	if (!ret)
		ret = follow_string(t, offset + offsetof(struct kpatch_func, old_name), &e->name);
	if (!ret)
		ret = follow_string(t, offset + offsetof(struct kpatch_func, object), &e->object);
	return ret;
}

static int read_callback(const struct table *t, uint64_t offset, struct module_entry *e)
{
	int ret = check_version(t, offset);

	if (ret)
		return ret;
	memcpy(&e->number, t->f->sections[t->section].data + offset + offsetof(struct kpatch_callback, kind),
	       sizeof(e->number));
	if (e->number > KPATCH_POST_UNPATCH)
		return malformed(t, offset, "unknown kind of callback");
	ret = follow(t, offset + offsetof(struct kpatch_callback, function), &e->section, &e->offset);
	if (!ret)
		ret = follow_string(t, offset + offsetof(struct kpatch_callback, object), &e->object);
	return ret;
}

static int read_table(struct table *t, const char *name, size_t entry_size,
		      int (*read)(const struct table *t, uint64_t offset, struct module_entry *e),
		      struct module_entries *out)
{
	struct module_entry *entries;
	size_t i, n;
	int ret = open_table(t, name, entry_size, &n);

	if (ret)
		return ret;
	entries = arena_array(t->a, n, sizeof(*entries));
	for (i = 0; i < n && !ret; i++)
		ret = read(t, i * entry_size, &entries[i]);
	*out = (struct module_entries){ entries, n };
	return ret;
}

static const struct elf_edit_symbol *find_symbol(const struct elf_edit *f, const char *name)
{
	for (uint32_t i = 1; i < f->n_symbols; i++)
		if (!f->symbols[i].removed && f->symbols[i].section && !strcmp(f->symbols[i].name, name))
			return &f->symbols[i];
	return NULL;
}

int module_states(const struct elf_edit *f, struct arena *a, struct diags *diags,
		  const struct manifest_state **out, size_t *n)
{
	const struct elf_edit_symbol *start = find_symbol(f, KPATCH_STATES_START);
	const struct elf_edit_symbol *end = find_symbol(f, KPATCH_STATES_END);
	struct table t = { .f = f, .a = a, .diags = diags, .section = start ? start->section : 0 };
	const struct elf_edit_section *s = &f->sections[t.section];
	struct manifest_state *states;
	struct kpatch_state state;

	if (!start || !end || start->section != end->section || end->value < start->value ||
	    end->value > s->size || !s->data || (end->value - start->value) % sizeof(state))
		return malformed(&t, 0, "the table of states has no bounds");
	*n = (end->value - start->value) / sizeof(state);
	states = arena_array(a, *n, sizeof(*states));
	for (size_t i = 0; i < *n; i++) {
		memcpy(&state, s->data + start->value + i * sizeof(state), sizeof(state));
		states[i] = (struct manifest_state){ .id = state.id, .version = state.version };
	}
	*out = states;
	return 0;
}

int module_funcs(const struct elf_edit *f, struct arena *a, struct diags *diags, struct module_entries *out)
{
	struct table t = { .f = f, .a = a, .diags = diags };

	return read_table(&t, KPATCH_FUNCS_SECTION, sizeof(struct kpatch_func), read_func, out);
}

int module_callbacks(const struct elf_edit *f, struct arena *a, struct diags *diags,
		     struct module_entries *out)
{
	struct table t = { .f = f, .a = a, .diags = diags };

	return read_table(&t, KPATCH_CALLBACKS_SECTION, sizeof(struct kpatch_callback), read_callback, out);
}
