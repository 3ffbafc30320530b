// SPDX-License-Identifier: GPL-2.0-only
/* See oot_build.h. Reads the source; writes the work directory alone. The source's makefiles are run, as the kernel's are. */
#include "kpatch-build/prepare/oot_build.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "kpatch-build/kernel/dkms.h"
#include "kpatch-build/kernel/oot.h"
#include "kpatch-build/kernel/run.h"
#include "kpatch-build/prepare/source.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"

/*
 * The makefile of what the source's own takes for the kernel's tree. One that calls Kbuild without saying for which directory
 * would build the whole kernel, in the tree that all builds share.
 */
static const char guard_mk[] =
	"ifeq ($(filter $(KPATCH_DIR) $(KPATCH_DIR)/%,$(abspath $(M))),)\n"
	"$(error the kernel's makefile is called with M=$(M), which is not the directory of the module)\n"
	"endif\n"
	"kpatch-all:\n"
	"\t+@$(MAKE) -C $(KPATCH_TREE) $(MAKECMDGOALS)\n"
	"$(filter-out kpatch-all,$(MAKECMDGOALS)): kpatch-all\n"
	"\t@:\n"
	".PHONY: kpatch-all $(MAKECMDGOALS)\n";

/* Runs a program as a shell would in @cwd: makefiles read PWD. Nothing that a kernel's makefile has exported is there. */
static int run(struct build *b, const struct words *argv, const char *cwd, const char *log, int *status)
{
	struct words env = { 0 };

	build_environment(b, &env);
	if (cwd)
		words_add(b->arena, &env, arena_printf(b->arena, "PWD=%s", cwd));
	return build_run(b, argv->word, cwd, env.word, log, status);
}

/* The end of what a program said. */
static const char *said(struct build *b, const char *log)
{
	const char *text = run_said(b, log);

	return *text ? text : "nothing was said";
}

/* One run of tar. */
static int tar(struct build *b, const char *from, const struct words *argv)
{
	const char *log = build_work_path(b, "prepare/oot-copy.log");
	int status = 0, err = log ? run(b, argv, NULL, log, &status) : -EIO;

	if (err || !status)
		return err;
	diag_error(b->diags, "oot-source", diag_file(from), "Check that you may read all that is in it",
		   "the source cannot be copied: %s", said(b, log));
	return -EINVAL;
}

int oot_copy(struct build *b, const char *from, const char *to)
{
	const char *archive = build_work_path(b, "prepare/oot.tar");
	struct words pack = { 0 }, unpack = { 0 };
	int err = archive ? directory_make(to, 0777) : -EIO;

	words_add_list(b->arena, &pack, "tar --exclude=./.git");
	for (const char *const *p = source_products; *p; p++)
		words_add(b->arena, &pack, arena_printf(b->arena, "--exclude=*%s", *p));
	for (const char **w = (const char *[]){ "-C", from, "-cf", archive, ".", NULL }; *w; w++)
		words_add(b->arena, &pack, *w);
	words_add_list(b->arena, &unpack, "tar --no-same-owner --no-same-permissions");
	for (const char **w = (const char *[]){ "-C", to, "-xf", archive, NULL }; *w; w++)
		words_add(b->arena, &unpack, *w);
	if (!err)
		err = tar(b, from, &pack);
	if (!err)
		err = tar(b, from, &unpack);
	return err;
}

/* The same variables of make whoever calls it: the kernel's compiler, its release, exports of other modules. */
static void add_variables(struct build *b, struct words *argv)
{
	const struct kernel *k = &b->kernel;
	const char *symbols = "";

	words_add(b->arena, argv, arena_printf(b->arena, "-j%u", b->options.jobs));
	words_add(b->arena, argv, arena_printf(b->arena, "KERNELRELEASE=%s", k->release));
	words_add(b->arena, argv, arena_printf(b->arena, "CC=%s", k->cc));
	if (k->make_arch)
		words_add(b->arena, argv, k->make_arch);
	if (k->make_cross)
		words_add(b->arena, argv, k->make_cross);
	for (size_t i = 0; i < b->options.oot_symvers.n; i++)
		symbols = arena_printf(b->arena, "%s%s%s", symbols, i ? " " : "",
				       b->options.oot_symvers.word[i]);
	if (*symbols)
		words_add(b->arena, argv, arena_printf(b->arena, "KBUILD_EXTRA_SYMBOLS=%s", symbols));
}

/* make's words: DKMS's own where they can be read, else what Kbuild takes of every module. */
static void make_words(struct build *b, const char *dkms_tree, const char *kernel, const char *dir,
		       struct words *argv)
{
	const struct oot *o = b->oot;
	struct words own = { 0 };

	words_add(b->arena, argv, "make");
	words_add(b->arena, argv, arena_printf(b->arena, "KPATCH_TREE=%s", b->kernel.tree));
	words_add(b->arena, argv, arena_printf(b->arena, "KPATCH_DIR=%s", dir));
	if (o->dkms && !dkms_make(b->arena, o->dkms, dkms_tree, kernel, b->kernel.release, &own)) {
		add_variables(b, argv);
		for (size_t i = 1; i < own.n; i++)
			words_add(b->arena, argv, own.word[i]);
		return;
	}
	words_add(b->arena, argv, "-C");
	words_add(b->arena, argv, kernel);
	words_add(b->arena, argv, arena_printf(b->arena, "M=%s", dir));
	add_variables(b, argv);
	words_add(b->arena, argv, "modules");
}

static int failed(struct build *b, const char *log, int status)
{
	build_fails_as(b, EXIT_COMPILE);
	diag_error(
		b->diags, "oot-build", diag_file(b->oot->source),
		"Build it as its authors say, with the headers of this kernel, and name that directory with "
		"--oot-module-src; exports of other modules: --oot-module-symvers",
		"the module's source does not build by itself (make ends with %d): %s", status, said(b, log));
	return -EINVAL;
}

int oot_link_tree(struct build *b, const char *from, const char *to, const char *without)
{
	DIR *d = mkdir(to, 0777) ? NULL : opendir(from);
	int err = d ? 0 : -errno;
	struct dirent *e;

	while (d && !err && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && strcmp(e->d_name, without) &&
		    symlink(arena_printf(b->arena, "%s/%s", from, e->d_name),
			    arena_printf(b->arena, "%s/%s", to, e->d_name)))
			err = -errno;
	if (d)
		closedir(d);
	return err ? build_not_written(b, "cache", to, err) : 0;
}

/* The kernel's tree as the source's makefiles get to see it: *path. */
static int guard(struct build *b, const char **path)
{
	const char *makefile = build_work_path(b, "kernel/Makefile");
	int err;

	if (!makefile)
		return -EIO;
	*path = path_directory(b->arena, makefile);
	err = directory_remove(*path);
	if (!err)
		err = oot_link_tree(b, b->kernel.tree, *path, "Makefile");
	return err ? err : file_write(makefile, guard_mk, sizeof(guard_mk) - 1, 0644);
}

int oot_build(struct build *b, const char **dir)
{
	const struct dkms *d = b->oot->dkms;
	const char *tree = build_work_path(b, "dkms"), *kernel,
		   *log = build_work_path(b, "prepare/oot-build.log");
	struct words argv = { 0 };
	int err = tree && log ? 0 : -EIO, status = 0;

	if (!err && d && dkms_patches(d)) {
		diag_error(b->diags, "oot-source", diag_file(b->oot->source),
			   "Apply them to a copy, build it, and name that with --oot-module-src",
			   "its dkms.conf has patches, which DKMS applies to the source before it builds it");
		return -EINVAL;
	}
	if (err)
		return err;
	/* where DKMS's own words would have it */
	*dir = arena_printf(b->arena, "%s/%s/%s/build", tree, d && d->package ? d->package : "module",
			    d && d->version ? d->version : "0");
	build_say(b, "building %s: once", b->oot->source);
	err = oot_copy(b, b->oot->source, *dir);
	if (!err)
		err = guard(b, &kernel);
	if (err)
		return err;
	make_words(b, tree, kernel, *dir, &argv);
	err = run(b, &argv, *dir, log, &status);
	if (!err && status)
		err = failed(b, log, status);
	return err;
}
