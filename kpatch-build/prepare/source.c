// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's source on its way into the cache: a tar file, a directory or a source package. Reads it and never writes to it.
 */
#include "kpatch-build/prepare/source.h"

#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "kpatch-build/build.h"
#include "kpatch-build/prepare/run.h"
#include "lib/arch/arch.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/process.h"
#include "lib/util/sha256.h"
#include "lib/util/text.h"
#include "lib/util/words.h"

/*
 * What a build of somebody's leaves in a source directory, by the ends of names; no source of a kernel has one of them. They
 * are gigabytes, and make mrproper would remove them; what else it generates is small.
 */
const char *const source_products[] = { ".o", ".ko", ".a", ".cmd", ".mod", ".mod.c", NULL };

static bool is_product(const char *name)
{
	for (const char *const *p = source_products; *p; p++)
		if (text_ends_in(name, *p))
			return true;
	return false;
}

/* Size and time of every file: nftw() has no context argument, so the digest is per thread. */
static _Thread_local struct sha256 *walked;
static _Thread_local bool with_products;

static int walk_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	int64_t facts[3] = { st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec };

	if (flag == FTW_D && !strcmp(path + ftw->base, ".git"))
		return FTW_SKIP_SUBTREE;
	if ((flag != FTW_F && flag != FTW_SL) || (!with_products && is_product(path + ftw->base)))
		return FTW_CONTINUE;
	sha256_add_text(walked, path);
	sha256_add(walked, facts, sizeof(facts));
	return FTW_CONTINUE;
}

int source_digest_directory(const char *path, bool products, struct sha256 *s)
{
	int err;

	walked = s;
	with_products = products;
	err = nftw(path, walk_one, 64, FTW_PHYS | FTW_ACTIONRETVAL) < 0 ? -errno : 0;
	walked = NULL;
	return err;
}

/* A tar file is known by its name, size and time; a directory by those of all its files. */
int source_digest(struct build *b, struct sha256 *s)
{
	const char *path = b->kernel.source;
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode)) {
		int64_t facts[3] = { st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec };

		sha256_add_text(s, path_base(path));
		sha256_add(s, facts, sizeof(facts));
		return 0;
	}
	return source_digest_directory(path, false, s);
}

/*
 * Parts of the source that this machine's kernel is not built from: a third of its files, which are
 * as many to write and to remove. Other architectures' crypto/ stays for its Kconfig, which every
 * configuration reads.
 */
static void add_exclusions(struct build *b, struct words *argv)
{
	const char *own = path_base(b->kernel.arch->source.directory);

	words_add_list(b->arena, argv,
		       "--anchored --no-wildcards-match-slash "
		       "--exclude=*/Documentation/*/* --exclude=*/tools/testing");
	for (size_t i = 0; arch_directories[i]; i++)
		if (strcmp(arch_directories[i], own) != 0)
			words_add(b->arena, argv,
				  arena_printf(b->arena, "--exclude=*/arch/%s/[!c]*", arch_directories[i]));
}

/* Copies a directory: neither the user's build products nor the history. */
static int copy(struct build *b, const char *tree)
{
	static const char script[] =
		"from=$0 to=$1; shift; tar -C \"$from\" --exclude=./.git --exclude='./vmlinux*' \"$@\" -cf - . | "
		"tar -C \"$to\" --no-same-owner --no-same-permissions -xf - && make -C \"$to\" mrproper";
	const char *const first[] = { "sh", "-c", script, b->kernel.source, tree, NULL };
	struct words argv = { 0 };

	build_say(b, "copying %s", b->kernel.source);
	for (const char *const *w = first; *w; w++)
		words_add(b->arena, &argv, *w);
	for (const char *const *p = source_products; *p; p++)
		words_add(b->arena, &argv, arena_printf(b->arena, "--exclude=*%s", *p));
	return prepare_run(b, "source-unpack", "copying the source", argv.word, NULL,
			   "Name a whole kernel source with --source");
}

int source_unpack(struct build *b, const char *tree, bool whole)
{
	const char *source = b->kernel.source, *ending = strrchr(source, '.');
	struct words tar = { 0 };

	if (file_is_directory(source))
		return copy(b, tree);
	build_say(b, "unpacking %s", source);
	if (source_is_rpm(source))
		return source_rpm_unpack(b, source, tree);
	words_add(b->arena, &tar, "tar");
	if (ending && !strcmp(ending, ".xz")) {
		words_add(b->arena, &tar, "-I");
		words_add(b->arena, &tar, "xz -T0");
	}
	words_add_list(b->arena, &tar, "--strip-components=1 --no-same-owner --no-same-permissions");
	if (!whole)
		add_exclusions(b, &tar);
	for (const char **w = (const char *[]){ "-C", tree, "-xf", source, NULL }; *w; w++)
		words_add(b->arena, &tar, *w);
	return prepare_run(b, "source-unpack", "unpacking the source", tar.word, NULL,
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
int source_check_version(struct build *b, const char *tree, bool ready)
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
