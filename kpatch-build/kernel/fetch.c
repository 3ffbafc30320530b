// SPDX-License-Identifier: GPL-2.0-only
/* See fetch.h. Writes one directory of the cache, files-KEY, which looks like the root of a system that has the packages. */
#include "kpatch-build/kernel/fetch.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/cache.h"
#include "kpatch-build/kernel/kernel.h"
#include "kpatch-build/kernel/provider.h"
#include "kpatch-build/kernel/run.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/sha256.h"
#include "lib/util/text.h"

#define DOWNLOADS "downloads"

/* How the archive is reached and which one it is are the user's settings, which no compiler gets to see. */
static const char *const *environment(struct build *b)
{
	static const char *const passed[] = { "http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
					      "APT_CONFIG" };
	struct words env = { 0 };

	build_environment(b, &env);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (getenv(passed[i]))
			words_add(b->arena, &env,
				  arena_printf(b->arena, "%s=%s", passed[i], getenv(passed[i])));
	return env.word;
}

/* A package in a version that is on offer. */
struct offer {
	const char *package, *version;
};

struct offers {
	struct offer *list; /* of one package: newest first */
	size_t n;
};

/* "PACKAGE | VERSION | …" */
static bool read_offer(char *line, struct offer *out)
{
	char *version = strchr(line, '|');

	if (!version)
		return false;
	version += 1 + strspn(version + 1, " ");
	version[strcspn(version, " |")] = '\0';
	line += strspn(line, " ");
	line[strcspn(line, " |")] = '\0';
	*out = (struct offer){ line, version };
	/* they become words of a command, and the version part of a name */
	return text_is_plain(line, KERNEL_PACKAGE_OTHERS) && text_is_plain(version, KERNEL_PACKAGE_OTHERS);
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

static int list_offers(struct build *b, const struct provider_fetch *how, const struct words *packages,
		       const struct words *more, struct offers *out)
{
	char *log = build_work_path(b, "fetch/versions"), *text, *line;
	struct words argv = { 0 };
	int status, err;

	words_add_list(b->arena, &argv, how->versions);
	for (size_t i = 0; i < packages->n; i++)
		words_add(b->arena, &argv, packages->word[i]);
	for (size_t i = 0; i < more->n; i++)
		words_add(b->arena, &argv, more->word[i]);
	/* its exit code says that a package is not known, which is seen below */
	err = log ? build_run(b, argv.word, NULL, environment(b), log, &status) : -EIO;
	if (!err)
		err = file_read(b->arena, log, &text, NULL);
	if (err)
		return err;
	out->list = arena_array(b->arena, count_lines(text) + 1, sizeof(*out->list));
	while ((line = strsep(&text, "\n")))
		out->n += read_offer(line, &out->list[out->n]);
	return 0;
}

static int not_on_offer(struct build *b, const struct provider *p, const char *package, const char *version)
{
	build_fails_as(b, EXIT_KERNEL);
	diag_error(b->diags, "fetch-not-on-offer", diag_file(package),
		   arena_printf(b->arena,
				"Refresh the lists of packages (%s); %s has what is not on offer any more",
				p->fetch->refresh, p->archive),
		   "no package%s%s of this name is on offer", version ? " of version " : "",
		   version ? version : "");
	return -ENOENT;
}

/* The offer of a package in @version, NULL: in any. */
static const struct offer *find_offer(const struct offers *offers, const char *package, const char *version)
{
	for (size_t i = 0; i < offers->n; i++)
		if (!strcmp(offers->list[i].package, package) &&
		    (!version || !strcmp(offers->list[i].version, version)))
			return &offers->list[i];
	return NULL;
}

/* *version: that of the installed image; if there is none, the newest that the image's package, the first, has. */
static int choose(struct build *b, const struct provider *p, const char **version)
{
	struct words packages = { 0 }, more = { 0 };
	struct offers offers = { 0 };
	int err;

	provider_packages(p, b->arena, b->kernel.release, &packages, &more);
	err = list_offers(b, p->fetch, &packages, &more, &offers);
	for (size_t i = 0; i < packages.n + more.n && !err; i++) {
		bool needed = i < packages.n;
		const char *package = needed ? packages.word[i] : more.word[i - packages.n];
		const struct offer *offer = find_offer(&offers, package, *version);

		if (offer) {
			*version = offer->version;
			words_add(b->arena, &b->kernel.fetched,
				  arena_printf(b->arena, "%s=%s", package, offer->version));
		} else if (needed) {
			err = not_on_offer(b, p, package, *version);
		}
	}
	return err;
}

static int unpack(struct build *b, const struct provider_fetch *how, const char *entry, const char *file)
{
	const struct run_failure failure = {
		.id = "fetch-unpack",
		.place = file,
		.what = "unpacking",
		.remedy = "Try again: what was got is removed",
	};
	struct words argv = { 0 };

	words_add_list(b->arena, &argv, how->unpack);
	words_add(b->arena, &argv, file);
	words_add(b->arena, &argv, entry);
	return run_program(b, &failure, argv.word, NULL, NULL);
}

static int unpack_all(struct build *b, const struct provider_fetch *how, const char *entry)
{
	glob_t files;
	int err = glob(arena_printf(b->arena, "%s/" DOWNLOADS "/?*", entry), 0, NULL, &files) ? -ENOENT : 0;

	if (err)
		return build_not_written(b, "cache", entry, err);
	for (size_t i = 0; i < files.gl_pathc && !err; i++)
		err = unpack(b, how, entry, arena_strdup(b->arena, files.gl_pathv[i]));
	globfree(&files);
	return err;
}

static const struct provider *provider(struct build *b)
{
	return provider_of(b->arena, b->options.root);
}

static int fetch_into(struct build *b, const char *entry)
{
	const struct provider *p = provider(b);
	const char *downloads = arena_printf(b->arena, "%s/" DOWNLOADS, entry);
	const struct run_failure failure = {
		.id = "fetch-failed",
		.place = b->kernel.release,
		.what = "getting its packages",
		.remedy =
			"Look at what it says; without --fetch, kernel-packages has the command that installs them",
	};
	struct words argv = { 0 };
	int err = directory_make(downloads, 0777);

	if (err)
		return build_not_written(b, "cache", downloads, err);
	build_say(b, "getting the packages of kernel %s: once", b->kernel.release);
	words_add_list(b->arena, &argv, p->fetch->download);
	for (size_t i = 0; i < b->kernel.fetched.n; i++)
		words_add(b->arena, &argv, b->kernel.fetched.word[i]);
	err = run_program(b, &failure, argv.word, downloads, environment(b));
	if (!err)
		err = unpack_all(b, p->fetch, entry);
	if (!err)
		err = directory_remove(downloads);
	return err;
}

/* Whether everything is there, of the version @package of the image. */
static bool is_whole(struct build *b, const struct provider *p, const struct kernel_files *files,
		     const char *package)
{
	const char *source;

	if (!files->image.found || !files->modules.found || !files->config.found || !files->symvers.found ||
	    !files->source.found)
		return false;
	source = p->source_version ? p->source_version(b->arena, b->options.root, files->source.path) : NULL;
	return !source || !package || !strcmp(source, package);
}

static int enter(struct build *b)
{
	char key[SHA256_TEXT];
	const char *name;
	struct sha256 s;
	int err;

	sha256_start(&s);
	for (size_t i = 0; i < b->kernel.fetched.n; i++)
		sha256_add(&s, b->kernel.fetched.word[i], strlen(b->kernel.fetched.word[i]) + 1);
	sha256_end(&s, key);
	name = arena_printf(b->arena, "files-%.32s", key);
	err = cache_enter(b, name, "the same kernel's files", fetch_into, &b->files_lock);
	if (!err)
		b->options.root = arena_printf(b->arena, "%s/%s", b->options.cache, name);
	return err;
}

int kernel_fetch(struct build *b)
{
	const char *text, *version = NULL;
	struct kernel_files files = { 0 };
	const struct provider *p;
	int err;

	if (!b->options.fetch)
		return 0;
	p = provider(b);
	if (!p->fetch) {
		build_fails_as(b, EXIT_KERNEL);
		diag_error(b->diags, "fetch-unknown", diag_file(*b->options.root ? b->options.root : "/"),
			   "Install the packages, or name the files with options",
			   "how packages of this system (%s) are got without installing them is not known",
			   p->name);
		return -ENOTSUP;
	}
	err = provider_find(p, b->arena, b->options.root, b->kernel.release, NULL, &files);
	if (err)
		return err;
	if (files.image.found && !kernel_image_version(b->arena, files.image.path, &text))
		version = kernel_image_package(b, p, text);
	if (is_whole(b, p, &files, version))
		return 0;
	err = choose(b, p, &version);
	b->kernel.package = version;
	return err ? err : enter(b);
}
