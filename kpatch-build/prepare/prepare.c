// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prepare stage: a tree of our own for this source, configuration, release and compiler, made
 * once and kept in the cache. Reads the source and never writes to it. No part of the kernel but
 * what every build needs first is compiled (make modules_prepare).
 *
 * CACHE/tree-KEY/tree         the source with .config, Module.symvers and what make has generated
 * CACHE/tree-KEY/environment  what the top Makefile exports (kbuild.c)
 * CACHE/tree-KEY/includes.*   which files include which others (includes.c)
 * CACHE/tree-KEY/foreign      objects that makefiles reach outside of their directory (owner.c)
 * CACHE/link-KEY/             the patch-module runtime and the commands that link a module (link.h)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "kpatch-build/cache.h"
#include "kpatch-build/kernel/provider.h"
#include "kpatch-build/prepare/config.h"
#include "kpatch-build/prepare/includes.h"
#include "kpatch-build/prepare/kbuild.h"
#include "kpatch-build/prepare/link_prepare.h"
#include "kpatch-build/prepare/oot_tree.h"
#include "kpatch-build/prepare/owner.h"
#include "kpatch-build/prepare/run.h"
#include "kpatch-build/prepare/source.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/input.h"
#include "lib/kernel/files/kconfig.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/process.h"
#include "lib/util/sha256.h"
#include "lib/util/xmalloc.h"

#define TEXT_LIMIT (64u << 20) /* configuration and Module.symvers: fifty times the usual */
/* Goes up when what prepare makes changes. */
#define TREE_FORMAT "tree 6"

static int add_file(struct build *b, struct sha256 *s, const char *path)
{
	size_t size;
	char *data;
	int err = file_read(b->arena, path, &data, &size);

	if (err) {
		diag_error(b->diags, "kernel-file-missing", diag_file(path), NULL, "cannot be read: %s",
			   strerror(-err));
		return err;
	}
	sha256_add(s, data, size);
	return 0;
}

/* The key of this kernel's entry: whatever can change what prepare makes. */
static int make_key(struct build *b, char text[SHA256_TEXT])
{
	const struct kernel *k = &b->kernel;
	struct sha256 s;
	int err;

	sha256_start(&s);
	sha256_add_text(&s, TREE_FORMAT);
	sha256_add_text(&s, k->release);
	sha256_add_text(&s, k->package);
	sha256_add_text(&s, k->cc);
	sha256_add_text(&s, k->cc_version);
	err = add_file(b, &s, k->config);
	if (!err)
		err = add_file(b, &s, k->symvers_path);
	if (!err)
		err = source_digest(b, &s);
	if (!sha256_end(&s, text))
		memory_exhausted();
	return err;
}

/*
 * The makefiles ask the tools for their versions and write them into the configuration. pahole is
 * not needed for a patch, so where the kernel was built with one, its version is all there is; and a
 * Rust compiler that happens to be on this machine is none of a kernel's that was built without.
 */
static int settle_tools(struct build *b, const char *entry, struct words *make)
{
	struct kconfig *config;
	const char *version;
	char *path;
	int err = kconfig_open(b->kernel.config, b->diags, &config);

	if (err)
		return err;
	version = kconfig_get(config, "CONFIG_PAHOLE_VERSION");
	path = arena_printf(b->arena, "%s/pahole", entry);
	if (version && atoi(version) >= 100) {
		char *text = arena_printf(b->arena, "#!/bin/sh\necho v%d.%02d\n", atoi(version) / 100,
					  atoi(version) % 100);

		err = file_write(path, text, strlen(text), 0755);
		if (!err)
			words_add(b->arena, make, arena_printf(b->arena, "PAHOLE=%s", path));
	}
	if (!err && !kconfig_yes(config, "CONFIG_RUST"))
		words_add_list(b->arena, make, "RUSTC=false BINDGEN=false");
	kconfig_free(config);
	return err;
}

/* make with the variables that decide what code says about itself. */
static int make_command(struct build *b, const char *entry, struct words *make)
{
	const struct kernel *k = &b->kernel;
	const char *words[] = {
		"make",
		arena_printf(b->arena, "-j%u", b->options.jobs),
		arena_printf(b->arena, "KERNELRELEASE=%s", k->release),
		arena_printf(b->arena, "CC=%s", k->cc),
		k->make_arch,
		k->make_cross,
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i])
			words_add(b->arena, make, words[i]);
	if (k->package)
		provider_make(k->provider, b->arena, k->package, make);
	return settle_tools(b, entry, make);
}

static void make_argv(struct build *b, const struct words *make, const char *target, struct words *argv)
{
	for (size_t i = 0; i < make->n; i++)
		words_add(b->arena, argv, make->word[i]);
	words_add(b->arena, argv, target);
}

/*
 * Runs make. The first failure may be due to a part of the source that was left out, so it is put
 * there and make is run again.
 */
static int run_make(struct build *b, const struct words *make, const char *target, const char *tree,
		    bool *whole)
{
	char *log = build_work_path(b, "prepare/%s.first.log", target);
	struct words argv = { 0 };
	int err = log ? 0 : -EIO, status;

	make_argv(b, make, target, &argv);
	if (!err && !*whole) {
		err = build_run(b, argv.word, tree, NULL, log, &status);
		if (err || !status)
			return err;
		*whole = true;
		err = source_unpack(b, tree, true);
	}
	return err ? err :
		     prepare_run(b, target, arena_printf(b->arena, "make %s", target), argv.word, tree,
				 arena_printf(b->arena, "Install what the kernel's build needs (%s)",
					      provider_need(b->arena, NEED_BUILD)));
}

/* Copies a text, which may be compressed, into the tree. */
static int copy_into(struct build *b, const char *from, const char *tree, const char *name)
{
	const char *to = arena_printf(b->arena, "%s/%s", tree, name);
	uint8_t *text = NULL;
	size_t size;
	int err = input_read_text(from, name, TEXT_LIMIT, b->diags, &text, &size);

	if (err)
		return err;
	err = file_write(to, text, size, 0644);
	free(text);
	return err ? build_not_written(b, "cache", to, err) : 0;
}

static int configure(struct build *b, const char *entry, const char *tree)
{
	bool whole = file_is_directory(b->kernel.source) || source_is_rpm(b->kernel.source);
	struct words make = { 0 };
	int err = copy_into(b, b->kernel.config, tree, ".config");

	if (!err)
		err = copy_into(b, b->kernel.symvers_path, tree, "Module.symvers");
	if (!err)
		err = make_command(b, entry, &make);
	if (!err) {
		build_say(b, "preparing the source (make modules_prepare)");
		err = run_make(b, &make, "olddefconfig", tree, &whole);
	}
	if (!err)
		err = run_make(b, &make, "modules_prepare", tree, &whole);
	if (!err)
		err = kbuild_learn_environment(b, tree, entry, &make);
	if (!err)
		err = config_restore(b, tree);
	return err;
}

static int make_tree(struct build *b, const char *entry)
{
	char *tree = arena_printf(b->arena, "%s/tree", entry);
	int err = directory_make(tree, 0777);

	build_say(b, "preparing kernel %s: once, a minute or so", b->kernel.release);
	if (!err)
		err = source_unpack(b, tree, false);
	if (!err)
		err = source_check_version(b, tree, false);
	if (!err)
		err = configure(b, entry, tree);
	if (!err)
		err = includes_index(b, tree, entry);
	if (!err)
		err = kbuild_load_environment(b);
	if (!err)
		err = owners_index(b, entry);
	b->kernel.env = NULL;
	return err;
}

static int make_link(struct build *b, const char *entry)
{
	build_say(b, "preparing the patch-module runtime");
	return prepare_link(b, b->kernel.tree, entry);
}

int stage_prepare(struct build *b)
{
	char key[SHA256_TEXT], tree[SHA256_TEXT], link[SHA256_TEXT];
	int err = make_key(b, key), link_lock;

	if (err)
		return err;
	snprintf(tree, sizeof(tree), "tree-%.32s", key);
	snprintf(link, sizeof(link), "link-%.32s", key);
	b->kernel.entry = arena_printf(b->arena, "%s/%s", b->options.cache, tree);
	b->kernel.tree = arena_printf(b->arena, "%s/%s/tree", b->options.cache, tree);
	b->kernel.own_tree = b->kernel.tree;
	b->kernel.runtime = arena_printf(b->arena, "%s/%s", b->options.cache, link);
	err = cache_enter(b, tree, "the same kernel ready", make_tree, &b->entry_lock);
	if (!err)
		config_warn(b);
	if (!err)
		err = cache_enter(b, link, "the runtime for this kernel", make_link, &link_lock);
	if (!err && b->options.verbose)
		build_say(b, "tree     %s", b->kernel.tree);
	if (!err)
		err = source_check_version(b, b->kernel.tree, true);
	if (!err)
		err = oot_prepare(b, key);
	return err ? err : kbuild_load_environment(b);
}
