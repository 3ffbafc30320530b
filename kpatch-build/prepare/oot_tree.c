// SPDX-License-Identifier: GPL-2.0-only
/*
 * See oot_tree.h. An entry of the cache like the kernel's own, made from that and the module's source:
 *
 * CACHE/tree-KEY/tree           links to what is in the kernel's tree, but for:
 * CACHE/tree-KEY/tree/oot       a copy of the source, with what its build generated
 * CACHE/tree-KEY/tree/Module.symvers  the kernel's with the exports of the module, and of others that were named
 * CACHE/tree-KEY/lists, commands      what the build said (oot_commands.c); all else as in the kernel's entry
 *
 * So a module of somebody else's is a directory with a makefile for all that follows.
 */
#include "kpatch-build/prepare/oot_tree.h"

#include <elf.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/cache.h"
#include "kpatch-build/kernel/oot.h"
#include "kpatch-build/prepare/includes.h"
#include "kpatch-build/prepare/kbuild.h"
#include "kpatch-build/prepare/oot_build.h"
#include "kpatch-build/prepare/oot_commands.h"
#include "kpatch-build/prepare/owner.h"
#include "kpatch-build/prepare/source.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/sha256.h"
#include "lib/util/strmap.h"
#include "lib/util/text.h"
#include "lib/util/xmalloc.h"

/* Goes up when what is made here changes. */
#define OOT_FORMAT "oot 1"

/* --- what decides what it is --- */

static int add_facts(struct sha256 *s, const char *path)
{
	struct stat st;
	int64_t facts[3];

	if (stat(path, &st))
		return -errno;
	facts[0] = st.st_size;
	facts[1] = st.st_mtim.tv_sec;
	facts[2] = st.st_mtim.tv_nsec;
	sha256_add_text(s, path);
	sha256_add(s, facts, sizeof(facts));
	return 0;
}

static int make_key(struct build *b, const char *key, char text[SHA256_TEXT])
{
	const struct words *symvers = &b->options.oot_symvers;
	struct sha256 s;
	int err;

	sha256_start(&s);
	sha256_add_text(&s, OOT_FORMAT);
	sha256_add_text(&s, key);
	err = source_digest_directory(b->oot->source, true, &s);
	if (err)
		diag_error(b->diags, "oot-source", diag_file(b->oot->source), NULL, "cannot be read: %s",
			   strerror(-err));
	if (!err)
		err = add_facts(&s, b->oot->file);
	for (size_t i = 0; i < symvers->n && !err; i++) {
		err = add_facts(&s, symvers->word[i]);
		if (err)
			diag_error(b->diags, "oot-source", diag_file(symvers->word[i]), NULL,
				   "cannot be read: %s", strerror(-err));
	}
	if (!sha256_end(&s, text))
		memory_exhausted();
	return err;
}

/* --- __FILE__ --- */

/* What stands in front of "/@name" in a string of the module's that is an absolute path. NULL: it has none. */
static const char *prefix_in(struct arena *arena, const struct elf_section *s, const char *name)
{
	size_t n = strlen(name) + 1;
	const char *data = (const char *)s->data, *end = data + s->size;

	for (const char *p = data; (p = memmem(p, (size_t)(end - p), name, n)); p++) {
		const char *start = p;

		while (start > data && start[-1])
			start--;
		if (p > start && *start == '/' && p[-1] == '/' &&
		    text_is_plain_path(arena_strndup(arena, start, (size_t)(p - start))))
			return arena_strndup(arena, start, (size_t)(p - start));
	}
	return NULL;
}

static const char *prefix_for(struct arena *arena, const struct kmodule *m, const char *name)
{
	const char *found = NULL;

	for (uint32_t i = 1; i < m->n_sections && !found; i++)
		if (m->sections[i].data && (m->sections[i].flags & SHF_ALLOC))
			found = prefix_in(arena, &m->sections[i], name);
	return found;
}

/*
 * Where the installed module was built is in it wherever its code has __FILE__, and has to be the same in what is compared with
 * it. "" if no string says it: then no code depends on it.
 */
static int find_prefix(struct build *b, const char *source, const char **prefix)
{
	char *roots[] = { (char *)(uintptr_t)source, NULL };
	size_t skip = strlen(source) + 1;
	const char *found = NULL;
	struct kmodule *m;
	FTSENT *e;
	FTS *fts;
	int err;

	err = kmodule_open(b->oot->file, b->diags, &m);
	if (err)
		return err;
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	while (fts && !found && (e = fts_read(fts)))
		if (e->fts_info == FTS_F &&
		    (text_ends_in(e->fts_name, ".c") || text_ends_in(e->fts_name, ".h")))
			found = prefix_for(b->arena, m, e->fts_path + skip);
	if (fts)
		fts_close(fts);
	kmodule_free(m);
	*prefix = found ? found : "";
	return 0;
}

/* --- Module.symvers --- */

/* Adds lines of a Module.symvers, after a look at them; their symbols to @seen. */
static int add_symvers(struct build *b, FILE *f, struct strmap *seen, const char *path)
{
	struct symvers *s;
	int err = symvers_open(path, b->diags, &s);

	if (err)
		return err;
	for (size_t i = 0; i < symvers_count(s); i++) {
		const struct symvers_entry *e = symvers_get(s, i);

		if (strmap_get(seen, e->name))
			continue;
		strmap_set(seen, arena_strdup(b->arena, e->name), (union strmap_value){ .num = 1 });
		fprintf(f, "0x%08x\t%s\t%s\t%s\t%s\n", e->crc, e->name, e->path, e->kind, e->name_space);
	}
	symvers_free(s);
	return 0;
}

/* What a module exports that replaces one of the kernel's counts, so the kernel's own come last. */
static int write_symvers(struct build *b, const char *built, const char *kernels)
{
	const char *to = arena_printf(b->arena, "%s/Module.symvers", b->kernel.tree);
	const char *own = arena_printf(b->arena, "%s/Module.symvers", built);
	const struct words *named = &b->options.oot_symvers;
	struct strmap *seen = strmap_new(1024);
	FILE *f = fopen(to, "we");
	int err = f ? 0 : -errno, written;
	struct stat st;

	/* empty where the module exports nothing */
	if (!err && !stat(own, &st) && st.st_size)
		err = add_symvers(b, f, seen, own);
	for (size_t i = 0; i < named->n && !err; i++)
		err = add_symvers(b, f, seen, named->word[i]);
	if (!err)
		err = add_symvers(b, f, seen, kernels);
	strmap_free(seen);
	written = f ? file_finish(f) : 0;
	err = err ? err : written;
	return err && !diags_errors(b->diags) ? build_not_written(b, "cache", to, err) : err;
}

/* --- the entry --- */

/* A source that makes other modules than the one that is to be patched. */
static int check_modules(struct build *b, const struct words *modules)
{
	const char *list = "";

	for (size_t i = 0; i < modules->n; i++) {
		if (!strcmp(modules->word[i], b->oot->name))
			return 0;
		list = arena_printf(b->arena, "%s%s%s", list, i ? ", " : "", modules->word[i]);
	}
	diag_error(b->diags, "oot-source", diag_file(b->oot->source),
		   "Name the source that the module was built from with --oot-module-src",
		   "this source makes %s, not %s", *list ? list : "no module", b->oot->name);
	return -EINVAL;
}

/* The source with what its build made of it, if that was not here: kernel.tree is still the kernel's. */
static int get_built(struct build *b, const char **dir)
{
	if (oot_is_built(b, b->oot->source)) {
		*dir = b->oot->source;
		return 0;
	}
	return oot_build(b, dir);
}

static int fill_entry(struct build *b, const char *built, const char *kernels_tree)
{
	const char *source = arena_printf(b->arena, "%s/" OOT_DIRECTORY, b->kernel.tree), *prefix;
	struct words modules = { 0 };
	int err = oot_link_tree(b, kernels_tree, b->kernel.tree, "Module.symvers");

	if (!err)
		err = oot_copy(b, built, source);
	if (!err)
		err = write_symvers(b, built, arena_printf(b->arena, "%s/Module.symvers", kernels_tree));
	if (!err)
		err = find_prefix(b, source, &prefix);
	if (!err)
		err = oot_commands_learn(b, built, prefix, &modules);
	return err ? err : check_modules(b, &modules);
}

static int make_entry(struct build *b, const char *entry)
{
	const char *kernels_tree = b->kernel.tree, *kernels_entry = b->kernel.entry, *built;
	int err = get_built(b, &built);

	if (err)
		return err;
	b->kernel.entry = entry;
	b->kernel.tree = arena_printf(b->arena, "%s/tree", entry);
	err = kbuild_copy_environment(b, kernels_entry, entry);
	if (!err)
		err = fill_entry(b, built, kernels_tree);
	if (!err)
		err = includes_index(b, b->kernel.tree, entry);
	if (!err)
		err = kbuild_load_environment(b);
	if (!err)
		err = owners_index(b, entry);
	b->kernel.env = NULL;
	b->kernel.entry = kernels_entry;
	b->kernel.tree = kernels_tree;
	return err;
}

static int read_symvers(struct build *b)
{
	symvers_free(b->kernel.symvers);
	b->kernel.symvers = NULL;
	return symvers_open(arena_printf(b->arena, "%s/Module.symvers", b->kernel.tree), b->diags,
			    &b->kernel.symvers);
}

int oot_prepare(struct build *b, const char *key)
{
	char own[SHA256_TEXT];
	const char *name;
	int err, lock;

	if (!b->oot)
		return 0;
	err = make_key(b, key, own);
	if (err)
		return err;
	name = arena_printf(b->arena, "tree-%.32s", own);
	/* the kernel's stays locked as well: the links lead there */
	err = cache_enter(b, name, "the same module ready", make_entry, &lock);
	if (err)
		return err;
	b->kernel.entry = arena_printf(b->arena, "%s/%s", b->options.cache, name);
	b->kernel.tree = arena_printf(b->arena, "%s/tree", b->kernel.entry);
	if (b->options.verbose)
		build_say(b, "module   %s, source %s", b->oot->name, b->oot->source);
	return read_symvers(b);
}
