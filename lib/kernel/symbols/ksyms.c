/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See ksyms.h. For a name, counts the symbols that could be meant, then decides. What is global and
 * what is local is known for modules; in kallsyms it is the case of the type letter, except for
 * per-CPU symbols, which are all 'A' there.
 */
#include "lib/kernel/symbols/ksyms.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/object.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/vmlinux.h"
#include "lib/util/xmalloc.h"

struct context {
	struct ksyms_input input;
	pthread_mutex_t lock; /* of the arena: the only thing that changes */
	struct arena *arena;
};

/* The symbols of one name in one kernel object. */
struct candidates {
	uint32_t count, global, local, unknown;		/* how many of each kind */
	uint32_t last_global, last_local, last_unknown; /* an index of each kind */
};

static bool owner_is_vmlinux(const struct context *c)
{
	return is_vmlinux(c->input.owner);
}

static const char *explain(struct context *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static const char *explain(struct context *c, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	pthread_mutex_lock(&c->lock);
	text = arena_vprintf(c->arena, fmt, ap);
	pthread_mutex_unlock(&c->lock);
	va_end(ap);
	return text;
}

static void add_candidate(struct candidates *set, uint32_t index, bool global, bool unknown)
{
	set->count++;
	if (unknown) {
		set->unknown++;
		set->last_unknown = index;
	} else if (global) {
		set->global++;
		set->last_global = index;
	} else {
		set->local++;
		set->last_local = index;
	}
}

/* @module: NULL for vmlinux's own symbols. */
static struct candidates in_kallsyms(const struct kallsyms *k, const char *name, const char *module)
{
	struct candidates set = { 0 };

	for (uint32_t i = kallsyms_first(k, name); i != KALLSYMS_NONE; i = kallsyms_next(k, i)) {
		struct kallsym s = kallsyms_get(k, i);

		if (!s.module != !module || (module && strcmp(s.module, module)))
			continue;
		add_candidate(&set, i, isupper((unsigned char)s.type), s.type == 'A' || s.type == 'a');
	}
	return set;
}

static struct candidates in_module(const struct kmodule *m, const char *name)
{
	struct candidates set = { 0 };

	for (uint32_t i = kmodule_symbol(m, name); i; i = m->symbols[i].next)
		if (m->symbols[i].section != SHN_UNDEF)
			add_candidate(&set, i, m->symbols[i].bind != STB_LOCAL, false);
	return set;
}

static struct candidates in_owner(const struct context *c, const char *name)
{
	if (owner_is_vmlinux(c))
		return in_kallsyms(c->input.vmlinux, name, NULL);
	if (c->input.module)
		return in_module(c->input.module, name);
	return in_kallsyms(c->input.vmlinux, name, c->input.owner);
}

/*
 * Which of the candidates is meant by a symbol that is global (@global) or local. -ENOENT: none;
 * -ENOTUNIQ: the name does not say.
 */
static int choose(const struct candidates *set, bool global, uint32_t *index)
{
	uint32_t fitting = global ? set->global : set->local;

	if (fitting + set->unknown > 1)
		return -ENOTUNIQ;
	if (fitting)
		*index = global ? set->last_global : set->last_local;
	else if (set->unknown)
		*index = set->last_unknown;
	else
		return -ENOENT;
	return 0;
}

/* Position of the chosen symbol in the owner. */
static int owner_position(struct context *c, const char *name, uint32_t index, struct ksym *out,
			  const char **why)
{
	const struct kmodule *m = c->input.module;
	uint32_t count;
	int err;

	if (owner_is_vmlinux(c) || !m) {
		out->sympos = kallsyms_sympos(c->input.vmlinux, index, NULL);
		out->address = owner_is_vmlinux(c) ? kallsyms_get(c->input.vmlinux, index).address : 0;
		return 0;
	}
	err = kmodule_sympos(m, index, &out->sympos, &count);
	if (err == -ENOENT)
		*why = explain(c,
			       "'%s' of module %s is gone once the module is loaded (init code or "
			       "data)",
			       name, m->name);
	else if (err)
		*why = explain(c,
			       "module %s has %u symbols named '%s', some of them in init sections: "
			       "the position would change when the module has been loaded",
			       m->name, count, name);
	return err ? -ENOTUNIQ : 0;
}

static int ambiguous(struct context *c, const char *name, const struct candidates *set, const char **why)
{
	*why = explain(c,
		       "%s has %u symbols named '%s' (%u global, %u local), and the name alone does "
		       "not say which one is meant",
		       c->input.owner, set->count, name, set->global, set->local);
	return -ENOTUNIQ;
}

/* Whether the chosen symbol is a weak one. */
static bool is_weak(const struct context *c, uint32_t index)
{
	char type;

	if (!owner_is_vmlinux(c) && c->input.module)
		return c->input.module->symbols[index].bind == STB_WEAK;
	type = kallsyms_get(c->input.vmlinux, index).type;
	return type == 'W' || type == 'V';
}

/* A symbol that the original object defines: it is in the owner, or nowhere. */
static int find_defined(struct context *c, const char *name, uint8_t bind, struct ksym *out, const char **why)
{
	bool global = bind != STB_LOCAL;
	struct candidates set = in_owner(c, name);
	const struct symvers_entry *export = global ? symvers_find(c->input.symvers, name) : NULL;
	uint32_t index = 0;
	int err = choose(&set, global, &index);

	if (err == -ENOENT && set.count == 1) /* hidden symbols become local in the final link */
		err = choose(&set, !global, &index);
	if (err == -ENOTUNIQ)
		return ambiguous(c, name, &set, why);
	if (err)
		return 0;
	if (bind == STB_WEAK && !is_weak(c, index)) {
		*why = explain(c, "'%s' is weak here, and another object of %s overrides it", name,
			       c->input.owner);
		return -EEXIST;
	}
	out->where = KSYM_OWNER;
	out->object = c->input.owner;
	if (export && owner_is_vmlinux(c) && is_vmlinux(export->owner) && symvers_importable(export))
		out->where = KSYM_VMLINUX_EXPORT;
	return owner_position(c, name, index, out, why);
}

static int find_in_vmlinux(struct context *c, const char *name, struct ksym *out, const char **why)
{
	struct candidates set = in_kallsyms(c->input.vmlinux, name, NULL);
	uint32_t index;
	int err = choose(&set, true, &index);

	if (err == -ENOTUNIQ) {
		*why = explain(c,
			       "vmlinux has %u symbols named '%s', and the name alone does not say "
			       "which one is meant",
			       set.count, name);
		return err;
	}
	if (err)
		return 0;
	out->where = owner_is_vmlinux(c) ? KSYM_OWNER : KSYM_VMLINUX;
	out->object = VMLINUX;
	out->sympos = kallsyms_sympos(c->input.vmlinux, index, NULL);
	out->address = kallsyms_get(c->input.vmlinux, index).address;
	return 0;
}

/* Whether @name is one of the words in @list, which commas separate; '-' and '_' are the same. */
static bool is_listed(const char *list, const char *name)
{
	while (*list) {
		size_t n = strcspn(list, ","), i = 0;

		while (i < n && name[i] && (list[i] == name[i] || (list[i] == '-' && name[i] == '_')))
			i++;
		if (i == n && !name[i])
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

/*
 * The loader takes a reference to the modules that an owner depends on, and loads them before it. To the
 * livepatch core a symbol of any other module is a name: the module may be absent, or be removed later.
 */
static const char *why_not_held(struct context *c, const char *exporter)
{
	const struct kmodule *m = c->input.module;

	if (!m || !strcmp(exporter, c->input.owner) || is_listed(m->depends ? m->depends : "", exporter))
		return NULL;
	return explain(c,
		       "module %s exports it, on which %s does not depend: it may be absent, or be "
		       "removed while the patch uses it",
		       exporter, m->name);
}

/* A symbol that comes from elsewhere: as a linker would, the owner's globals first. */
static int find_undefined(struct context *c, const char *name, struct ksym *out, const char **why)
{
	const struct symvers_entry *export = symvers_find(c->input.symvers, name);
	struct candidates set = { 0 };
	uint32_t index = 0;
	int err;

	if (!owner_is_vmlinux(c)) {
		set = in_owner(c, name);
		err = choose(&set, true, &index);
		if (err == -ENOTUNIQ)
			return ambiguous(c, name, &set, why);
		if (!err) {
			out->where = KSYM_OWNER;
			out->object = c->input.owner;
			return owner_position(c, name, index, out, why);
		}
	}
	if (export && !is_vmlinux(export->owner)) {
		out->where = KSYM_MODULE_EXPORT;
		out->object = export->owner;
		out->not_held = why_not_held(c, export->owner);
		return 0;
	}
	err = find_in_vmlinux(c, name, out, why);
	if (export && !err && symvers_importable(export)) {
		out->where = KSYM_VMLINUX_EXPORT;
		out->object = VMLINUX;
	}
	return err;
}

static int find(const struct ksym_source *source, const char *name, const struct symbol *definition,
		struct ksym *out, const char **why)
{
	struct context *c = source->context;
	struct ksym answer = { .where = KSYM_ABSENT };
	int err;

	*why = NULL;
	if (definition && definition->section != SECTION_UNDEF)
		err = find_defined(c, name, definition->bind, &answer, why);
	else
		err = find_undefined(c, name, &answer, why);
	if (!err)
		*out = answer;
	return err;
}

void ksyms_new(const struct ksyms_input *input, struct ksym_source *out)
{
	struct context *c = xcalloc(1, sizeof(*c));

	c->arena = arena_new();
	c->input = *input;
	pthread_mutex_init(&c->lock, NULL);
	out->find = find;
	out->context = c;
}

void ksyms_free(struct ksym_source *source)
{
	struct context *c = source->context;

	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	arena_free(c->arena);
	free(c);
	source->context = NULL;
}
