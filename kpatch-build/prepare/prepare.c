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
#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "kpatch-build/cache.h"
#include "kpatch-build/kernel/provider.h"
#include "kpatch-build/prepare/config.h"
#include "kpatch-build/prepare/includes.h"
#include "kpatch-build/prepare/kbuild.h"
#include "kpatch-build/prepare/link_prepare.h"
#include "kpatch-build/prepare/owner.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/kconfig.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/process.h"
#include "lib/util/sha256.h"

/* Goes up when what prepare makes changes. */
#define TREE_FORMAT "tree 4"

static void add_text(struct sha256 *s, const char *text)
{
	text = text ? text : "";
	sha256_add(s, text, strlen(text) + 1);
}

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

/* Size and time of every file: nftw() has no context argument, so the digest is per thread. */
static _Thread_local struct sha256 *walked;

static int walk_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	int64_t facts[3] = { st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec };

	if (flag == FTW_D && !strcmp(path + ftw->base, ".git"))
		return FTW_SKIP_SUBTREE;
	if (flag != FTW_F && flag != FTW_SL)
		return FTW_CONTINUE;
	add_text(walked, path);
	sha256_add(walked, facts, sizeof(facts));
	return FTW_CONTINUE;
}

/* A tar file is known by its name, size and time; a directory by those of all its files. */
static int add_source(struct build *b, struct sha256 *s)
{
	const char *path = b->kernel.source;
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode)) {
		int64_t facts[3] = { st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec };

		add_text(s, path_base(path));
		sha256_add(s, facts, sizeof(facts));
		return 0;
	}
	walked = s;
	return nftw(path, walk_one, 64, FTW_PHYS | FTW_ACTIONRETVAL) < 0 ? -errno : 0;
}

/* The key of this kernel's entry: whatever can change what prepare makes. */
static int make_key(struct build *b, char text[SHA256_TEXT])
{
	const struct kernel *k = &b->kernel;
	struct sha256 s;
	int err;

	sha256_start(&s);
	add_text(&s, TREE_FORMAT);
	add_text(&s, k->release);
	add_text(&s, k->package);
	add_text(&s, k->cc);
	add_text(&s, k->cc_version);
	err = add_file(b, &s, k->config);
	if (!err)
		err = add_file(b, &s, k->symvers_path);
	if (!err)
		err = add_source(b, &s);
	walked = NULL;
	if (!sha256_end(&s, text) && !err)
		err = -ENOMEM;
	return err;
}

/* Runs one program of the preparation; its failure is explained with the end of its output. */
static int run_step(struct build *b, const char *id, const char *what, const char *const *argv,
		    const char *cwd, const char *remedy)
{
	char *log = build_work_path(b, "prepare/%s.log", id), *text = NULL;
	size_t size = 0;
	int status, err;

	if (!log)
		return -ENOMEM;
	err = build_run(b, argv, cwd, NULL, log, &status);
	if (err || !status)
		return err;
	file_read(b->arena, log, &text, &size);
	if (text && size > 1500)
		text += size - 1500;
	diag_error(b->diags, id, diag_file(b->kernel.source), remedy, "%s failed (exit code %d): %s", what,
		   status, text ? text : "");
	return -EINVAL;
}

/*
 * Parts of the source that this machine's kernel is not built from: a third of its files, which are
 * as many to write and to remove. Other architectures' crypto/ stays for its Kconfig, which every
 * configuration reads.
 */
static int add_exclusions(struct build *b, struct words *argv)
{
	const char *own = path_base(b->kernel.arch->source.directory);
	int err = words_add_list(b->arena, argv,
				 "--anchored --no-wildcards-match-slash "
				 "--exclude=*/Documentation/*/* --exclude=*/tools/testing");

	for (size_t i = 0; arch_directories[i] && !err; i++)
		if (strcmp(arch_directories[i], own) != 0)
			err = words_add(b->arena, argv,
					arena_printf(b->arena, "--exclude=*/arch/%s/[!c]*",
						     arch_directories[i]));
	return err;
}

/* Unpacks a tar file, or copies a directory. @whole: with the parts that are hardly ever needed. */
static int unpack(struct build *b, const char *tree, bool whole)
{
	const char *source = b->kernel.source, *ending = strrchr(source, '.');
	/* neither the user's build products nor the history */
	static const char script[] =
		"tar -C \"$0\" --exclude=./.git -cf - . | "
		"tar -C \"$1\" --no-same-owner --no-same-permissions -xf - && make -C \"$1\" mrproper";
	const char *copy[] = { "sh", "-c", script, source, tree, NULL };
	struct words tar = { 0 };
	int err;

	if (file_is_directory(source)) {
		build_say(b, "copying %s", source);
		return run_step(b, "source-unpack", "copying the source", copy, NULL,
				"Name a whole kernel source with --source");
	}
	build_say(b, "unpacking %s", source);
	err = words_add(b->arena, &tar, "tar");
	if (!err && ending && !strcmp(ending, ".xz")) {
		err = words_add(b->arena, &tar, "-I");
		if (!err)
			err = words_add(b->arena, &tar, "xz -T0");
	}
	if (!err)
		err = words_add_list(b->arena, &tar,
				     "--strip-components=1 --no-same-owner --no-same-permissions");
	if (!err && !whole)
		err = add_exclusions(b, &tar);
	for (const char **w = (const char *[]){ "-C", tree, "-xf", source, NULL }; *w && !err; w++)
		err = words_add(b->arena, &tar, *w);
	return err ? err :
		     run_step(b, "source-unpack", "unpacking the source", tar.word, NULL,
			      "Install the source package again, or name the source with --source");
}

/* "VERSION = 6" and so on in the top Makefile → "6.1.192". */
static const char *tree_version(struct build *b, const char *tree)
{
	static const char *const keys[] = { "\nVERSION = ", "\nPATCHLEVEL = ", "\nSUBLEVEL = " };
	const char *version = "";
	char *text;

	if (file_read(b->arena, arena_printf(b->arena, "%s/Makefile", tree), &text, NULL))
		return NULL;
	for (int i = 0; i < 3; i++) {
		const char *p = strstr(text, keys[i]);

		if (!p)
			return NULL;
		p += strlen(keys[i]);
		version =
			arena_printf(b->arena, "%s%s%.*s", version, i ? "." : "", (int)strcspn(p, " \n"), p);
	}
	return version;
}

static bool same_series(const char *a, const char *b)
{
	size_t n = strcspn(a, "."), length;

	length = n + (a[n] ? 1 + strcspn(a + n + 1, ".") : 0);
	return !strncmp(a, b, length) && !isdigit((unsigned char)b[length]);
}

/*
 * The source must be of the version that the image's package or release has ("6.1.192-2"). That of another point
 * release will do where the proof finds it equal; this is said once, when the tree is @ready.
 */
static int check_tree_version(struct build *b, const char *tree, bool ready)
{
	const char *version = tree_version(b, tree), *wanted = b->kernel.version;
	size_t n = version ? strlen(version) : 0;

	if (!version) {
		diag_error(b->diags, "source-foreign", diag_file(b->kernel.source),
			   "Name the kernel's source with --source", "this is not a kernel source");
		return -EINVAL;
	}
	if (!wanted || (!strncmp(wanted, version, n) && strchr("-~+", wanted[n])))
		return 0;
	if (b->options.verify && same_series(version, wanted)) {
		if (ready)
			diag_warning(b->diags, "source-version", diag_file(b->kernel.source),
				     "Better use the source of the image's version",
				     "the source is version %s, the image was built from %s; only what is "
				     "proven to be equal can be patched",
				     version, wanted);
		return 0;
	}
	diag_error(b->diags, "source-version", diag_file(b->kernel.source),
		   "Install source and image of one version",
		   "the source is version %s, the image was built from %s", version, wanted);
	return -EINVAL;
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
	if (version && atoi(version) >= 100 && path) {
		char *text = arena_printf(b->arena, "#!/bin/sh\necho v%d.%02d\n", atoi(version) / 100,
					  atoi(version) % 100);

		err = text ? file_write(path, text, strlen(text), 0755) : -ENOMEM;
		if (!err)
			err = words_add(b->arena, make, arena_printf(b->arena, "PAHOLE=%s", path));
	}
	if (!err && !kconfig_yes(config, "CONFIG_RUST"))
		err = words_add_list(b->arena, make, "RUSTC=false BINDGEN=false");
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
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !err; i++)
		if (words[i])
			err = words_add(b->arena, make, words[i]);
	if (!err && k->package)
		err = provider_make(k->provider, b->arena, k->package, make);
	return err ? err : settle_tools(b, entry, make);
}

static int make_argv(struct build *b, const struct words *make, const char *target, struct words *argv)
{
	int err = 0;

	for (size_t i = 0; i < make->n && !err; i++)
		err = words_add(b->arena, argv, make->word[i]);
	return err ? err : words_add(b->arena, argv, target);
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
	int err = log ? make_argv(b, make, target, &argv) : -ENOMEM, status;

	if (!err && !*whole) {
		err = build_run(b, argv.word, tree, NULL, log, &status);
		if (err || !status)
			return err;
		*whole = true;
		err = unpack(b, tree, true);
	}
	return err ? err :
		     run_step(b, target, arena_printf(b->arena, "make %s", target), argv.word, tree,
			      arena_printf(b->arena, "Install what the kernel's build needs (%s)",
					   provider_need(b->arena, NEED_BUILD)));
}

static int copy_into(struct build *b, const char *from, const char *tree, const char *name)
{
	const char *to = arena_printf(b->arena, "%s/%s", tree, name);
	int err = to ? file_copy(from, to, 0644) : -ENOMEM;

	return err ? build_not_written(b, "cache", to, err) : 0;
}

static int configure(struct build *b, const char *entry, const char *tree)
{
	bool whole = file_is_directory(b->kernel.source);
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
	int err = tree ? directory_make(tree, 0777) : -ENOMEM;

	build_say(b, "preparing kernel %s: once, a minute or so", b->kernel.release);
	if (!err)
		err = unpack(b, tree, false);
	if (!err)
		err = check_tree_version(b, tree, false);
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
	b->kernel.runtime = arena_printf(b->arena, "%s/%s", b->options.cache, link);
	if (!b->kernel.entry || !b->kernel.tree || !b->kernel.runtime)
		return -ENOMEM;
	err = cache_enter(b, tree, "the same kernel ready", make_tree, &b->entry_lock);
	if (!err)
		err = cache_enter(b, link, "the runtime for this kernel", make_link, &link_lock);
	if (!err && b->options.verbose)
		build_say(b, "tree     %s", b->kernel.tree);
	if (!err)
		err = check_tree_version(b, b->kernel.tree, true);
	return err ? err : kbuild_load_environment(b);
}
