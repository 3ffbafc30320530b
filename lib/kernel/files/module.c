/* SPDX-License-Identifier: GPL-2.0-only */
/* See module.h. Reads one module file; finding module files is in module_find.c. */
#include "lib/kernel/files/module.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/files/decompress.h"
#include "lib/kernel/files/input.h"
#include "lib/kernel/files/kernel_elf.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"

#define KIND "kernel module"
#define FILE_LIMIT (512u << 20)
#define PLAIN_LIMIT (1024u << 20)
#define RATIO 64
#define SMALL (16u << 20)
/* struct module of 64-bit kernels: an enum (and padding) and a list head come before the name. */
#define NAME_IN_STRUCT_MODULE 24

struct kmodule_private {
	struct arena *arena;
	struct strmap *by_name; /* symbol name → index of the first */
	uint8_t *owned, *plain; /* the file as read; decompressed */
};

static int damaged(const struct kmodule *m, struct diags *diags, const char *what)
{
	diag_error(diags, "module-damaged", diag_file(m->path), "Install the module again",
		   "this kernel module is damaged: %s", what);
	return -EBADMSG;
}

/* Chains the symbols of each name, in file order. */
static void index_symbols(struct kmodule *m)
{
	m->priv->by_name = strmap_new(m->n_symbols);
	for (uint32_t i = m->n_symbols; i-- > 1;) {
		struct kmodule_symbol *s = &m->symbols[i];
		union strmap_value *first;

		if (!*s->name)
			continue;
		first = strmap_get(m->priv->by_name, s->name);
		s->next = first ? (uint32_t)first->num : 0;
		if (first)
			first->num = i;
		else
			strmap_set(m->priv->by_name, s->name, (union strmap_value){ .num = i });
	}
}

static int read_symbols(struct kmodule *m, struct elf_file *f, struct diags *diags)
{
	if (elf_file_symbols(f))
		return damaged(m, diags, f->damage.what);
	if (!f->symtab)
		return damaged(m, diags, "it has no symbol table");
	m->n_symbols = f->n_symbols;
	m->symbols = arena_array(m->priv->arena, (size_t)m->n_symbols + 1, sizeof(*m->symbols));
	for (uint32_t i = 0; i < m->n_symbols; i++) {
		const struct elf_symbol *s = &f->symbols[i];

		m->symbols[i] = (struct kmodule_symbol){
			.name = s->name,
			.value = s->value,
			.size = s->size,
			.section = s->reserved ? s->reserved : s->section,
			.bind = s->bind,
			.type = s->type,
		};
	}
	index_symbols(m);
	return 0;
}

/* The value of @key in .modinfo (its first occurrence), or NULL. */
static const char *info(const struct kmodule *m, const char *key)
{
	size_t len = strlen(key);
	const char *p = m->modinfo, *end = p + m->modinfo_size;

	while (p && p < end) {
		size_t n = strnlen(p, (size_t)(end - p));

		if (n == (size_t)(end - p))
			return NULL; /* the last one does not end */
		if (n > len && !memcmp(p, key, len) && p[len] == '=')
			return p + len + 1;
		p += n + 1;
	}
	return NULL;
}

/* Older modules have no name= in .modinfo: the name in struct module, else the file's. */
static const char *find_name(struct kmodule *m)
{
	const char *name = info(m, "name");
	const struct elf_section *s = kmodule_section(m, ".gnu.linkonce.this_module");
	char buf[256];

	if (name && *name)
		return name;
	if (s && s->data && s->size > NAME_IN_STRUCT_MODULE) {
		const char *in = (const char *)s->data + NAME_IN_STRUCT_MODULE;
		size_t room = s->size - NAME_IN_STRUCT_MODULE;

		if (*in && memchr(in, 0, room < 64 ? room : 64))
			return in;
	}
	if (kmodule_name_from_path(m->path, buf, sizeof(buf)))
		return "";
	return arena_strdup(m->priv->arena, buf);
}

static void read_info(struct kmodule *m)
{
	const struct elf_section *s = kmodule_section(m, ".modinfo");

	if (s && s->data) {
		m->modinfo = (const char *)s->data;
		m->modinfo_size = s->size;
	}
	m->vermagic = info(m, "vermagic");
	m->depends = info(m, "depends");
	m->livepatch = info(m, "livepatch");
	m->name = find_name(m);
	for (uint32_t i = 1; i < m->n_sections; i++)
		if (m->sections[i].type == SHT_NOTE && m->sections[i].data &&
		    !buildid_from_notes(m->sections[i].data, m->sections[i].size, &m->build_id))
			return;
}

/* Modules are compressed to a third or a tenth; what comes to much more was made to fill memory. */
static size_t plain_limit(size_t size)
{
	return size < (PLAIN_LIMIT - SMALL) / RATIO ? size * RATIO + SMALL : PLAIN_LIMIT;
}

static int unpack(struct kmodule *m, const uint8_t *data, size_t size, struct diags *diags)
{
	enum compression c = compression_detect(data, size);
	int err;

	m->data = data;
	m->size = size;
	if (c == COMPRESSION_NONE)
		return 0;
	err = decompress(c, data, size, plain_limit(size), 0, &m->priv->plain, &m->size);
	if (err) {
		diag_error(diags, err == -ENOTSUP ? "compression-unsupported" : "module-damaged",
			   diag_file(m->path), NULL, "cannot decompress this kernel module (%s): %s",
			   compression_name(c),
			   err == -EBADMSG ? "the compressed data is damaged" : strerror(-err));
		return err;
	}
	m->data = m->priv->plain;
	return 0;
}

static int fill(struct kmodule *m, const uint8_t *data, size_t size, struct diags *diags)
{
	int err = unpack(m, data, size, diags);
	struct elf_file f;

	if (!err)
		err = kernel_elf_open(m->path, KIND, m->data, m->size, m->priv->arena, diags, &f);
	if (err)
		return err;
	m->machine = f.machine;
	m->sections = f.sections;
	m->n_sections = f.n_sections;
	if (f.type != ET_REL) {
		diag_error(diags, "elf-foreign", diag_file(m->path), NULL,
			   "this is no kernel module: it is not a relocatable file");
		return -ENOTSUP;
	}
	err = read_symbols(m, &f, diags);
	if (!err)
		read_info(m);
	return err;
}

int kmodule_read(const char *name, const uint8_t *data, size_t size, struct diags *diags,
		 struct kmodule **out)
{
	struct arena *arena = arena_new();
	struct kmodule *m = arena_alloc(arena, sizeof(*m));
	int err;

	m->priv = arena_alloc(arena, sizeof(*m->priv));
	m->priv->arena = arena;
	m->path = arena_strdup(arena, name);
	err = fill(m, data, size, diags);
	if (err) {
		kmodule_free(m);
		return err;
	}
	*out = m;
	return 0;
}

int kmodule_open(const char *path, struct diags *diags, struct kmodule **out)
{
	uint8_t *data;
	size_t size;
	int err = input_read_diag(path, KIND, FILE_LIMIT, diags, &data, &size);

	if (err)
		return err;
	err = kmodule_read(path, data, size, diags, out);
	if (err)
		free(data);
	else
		(*out)->priv->owned = data;
	return err;
}

void kmodule_free(struct kmodule *m)
{
	struct kmodule_private *p;

	if (!m)
		return;
	p = m->priv;
	strmap_free(p->by_name);
	free(p->owned);
	free(p->plain);
	arena_free(p->arena); /* m and p are its own */
}

bool kmodule_is_for(const struct kmodule *m, const char *release)
{
	size_t n = strlen(release);

	return m->vermagic && !strncmp(m->vermagic, release, n) && (m->vermagic[n] == ' ' || !m->vermagic[n]);
}

uint32_t kmodule_symbol(const struct kmodule *m, const char *name)
{
	const union strmap_value *v = strmap_get(m->priv->by_name, name);

	return v ? (uint32_t)v->num : 0;
}

const struct elf_section *kmodule_section(const struct kmodule *m, const char *name)
{
	for (uint32_t i = 1; i < m->n_sections; i++)
		if (!strcmp(m->sections[i].name, name))
			return &m->sections[i];
	return NULL;
}

/*
 * Whether a symbol is still in the module's symbol table once the module is loaded: the rules of
 * is_core_symbol() and of the section layout in kernel/module/{kallsyms,main}.c, with
 * CONFIG_KALLSYMS_ALL. .modinfo and __versions lose SHF_ALLOC before they are laid out.
 */
static bool stays(const struct kmodule *m, const struct kmodule_symbol *s)
{
	const struct elf_section *sec;

	if (s->section == SHN_UNDEF || s->section >= m->n_sections)
		return false;
	sec = &m->sections[s->section];
	return sec->flags & SHF_ALLOC && strncmp(sec->name, ".init", 5) && strcmp(sec->name, ".modinfo") &&
	       strcmp(sec->name, "__versions");
}

int kmodule_sympos(const struct kmodule *m, uint32_t index, uint32_t *sympos, uint32_t *count)
{
	uint32_t all = 0, all_pos = 0, core = 0, core_pos = 0;

	if (!index || index >= m->n_symbols || m->symbols[index].section == SHN_UNDEF)
		return -ENOENT;
	for (uint32_t i = kmodule_symbol(m, m->symbols[index].name); i; i = m->symbols[i].next) {
		if (m->symbols[i].section == SHN_UNDEF)
			continue;
		all++;
		core += stays(m, &m->symbols[i]);
		if (i == index) {
			all_pos = all;
			core_pos = core;
		}
	}
	if (count)
		*count = all;
	if (!all_pos || !stays(m, &m->symbols[index]))
		return -ENOENT;
	if ((all > 1) != (core > 1) || all_pos != core_pos)
		return -ENOTUNIQ;
	*sympos = all > 1 ? all_pos : 0;
	return 0;
}
