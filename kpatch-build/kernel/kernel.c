// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel stage: which kernel is to be patched, where its files are, whether they are of one
 * version, and which compiler it was made with. Reads options, fills in build.kernel but for the
 * prepared tree. Writes nothing but what --fetch gets.
 */
#include "kpatch-build/kernel/kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kpatch-build/kernel/fetch.h"
#include "kpatch-build/kernel/oot.h"
#include "kpatch-build/kernel/provider.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/text.h"

/* Releases below the root of which the image is there. */
static void available(struct build *b, const struct provider *provider, struct words *out)
{
	const char *root = b->options.root;
	DIR *d = opendir(arena_printf(b->arena, "%s/lib/modules", root));
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct kernel_files files = { 0 };

		if (*e->d_name != '.' && !provider_find(provider, b->arena, root, e->d_name, NULL, &files) &&
		    files.image.found)
			words_add(b->arena, out, arena_strdup(b->arena, e->d_name));
	}
	if (d)
		closedir(d);
}

static void say_available(struct build *b, const struct provider *provider)
{
	const char *root = b->options.root, *list = "";
	struct words releases = { 0 };

	available(b, provider, &releases);
	for (size_t i = 0; i < releases.n; i++)
		list = arena_printf(b->arena, "%s%s%s", list, i ? ", " : "", releases.word[i]);
	diag_note(b->diags, "kernels-available", NULL, NULL,
		  "installed kernels%s%s: %s. "
		  "Choose one with --kernel",
		  *root ? " below " : "", root, *list ? list : "none");
}

/* Whether the user has named every file, so that nothing is to be looked for. */
static bool all_named(const struct options *o)
{
	return o->source && o->config && o->image && o->modules && o->symvers;
}

static int refuse_image(struct build *b, const char *path, const char *release)
{
	diag_error(b->diags, "kernel-image-mismatch", diag_file(path),
		   "Name the image of the kernel that is to be patched",
		   "this is the image of kernel %s, not of %s", release, b->kernel.release);
	return -EINVAL;
}

/*
 * Decoded once and cached: a build that cannot be proven to fit should end before anything is
 * compiled.
 */
static int open_image(struct build *b, const char *path)
{
	const char *cache = arena_printf(b->arena, "%s/images", b->options.cache);
	int err;

	if (b->image)
		return 0;
	err = kimage_open(path, cache, b->diags, &b->image);
	if (err || !b->kernel.release || !strcmp(b->image->release, b->kernel.release))
		return err;
	return refuse_image(b, path, b->image->release);
}

/* What the build in the tree --build calls its kernel. */
static int built_release(struct build *b, const char **release)
{
	const char *path = arena_printf(b->arena, "%s/include/config/kernel.release", b->options.build);
	char *text = NULL;
	int err = file_read(b->arena, path, &text, NULL);

	if (err) {
		diag_error(b->diags, "kernel-file-missing", diag_file(path),
			   "Build the kernel there, or name its tree", "no kernel was built in this tree: %s",
			   strerror(-err));
		return err;
	}
	text[strcspn(text, "\n")] = '\0';
	*release = text;
	return 0;
}

/* The only kernel below --root, or the running one. */
static void default_release(struct build *b, const char **release)
{
	const char *root = b->options.root;
	struct words there = { 0 };
	struct utsname running;

	if (*root)
		available(b, provider_of(b->arena, root), &there);
	if (there.n == 1)
		*release = there.word[0];
	else if (uname(&running) == 0)
		*release = arena_strdup(b->arena, running.release);
}

/* The release: named, or of the image or the tree that was named, or the one that is meant. */
static int choose_release(struct build *b)
{
	const struct options *o = &b->options;
	const char *version = "";
	int err = 0;

	b->kernel.release = o->kernel;
	if (!b->kernel.release && o->image && kernel_image_version(b->arena, o->image, &version) == 0)
		b->kernel.release = arena_strndup(b->arena, version, strcspn(version, " "));
	if (!b->kernel.release && o->image) {
		err = open_image(b, o->image);
		if (err)
			return err;
		b->kernel.release = b->image->release;
	}
	if (!b->kernel.release && o->build)
		err = built_release(b, &b->kernel.release);
	if (!err && !b->kernel.release)
		default_release(b, &b->kernel.release);
	return err ? err : b->kernel.release ? 0 : -EINVAL;
}

/* What a file says of itself becomes a word of commands, a variable of make, a path: '$' would be more there. */
static int check_text(struct build *b, const char *path, const char *what, const char *text,
		      const char *others)
{
	if (text_is_plain(text, others) && *text != '.' && strlen(text) <= 64)
		return 0;
	build_fails_as(b, EXIT_KERNEL);
	diag_error(b->diags, "unsafe-text", diag_file(path), "Use the files of the kernel's own packages",
		   "its %s is '%s', which is not letters, digits and '%s' alone", what, text, others);
	return -EINVAL;
}

static const char *pick(struct build *b, const char *what, const char *option, const char *named,
			const struct kernel_file *file)
{
	const char *path = named ? named : file->path;
	const char *remedy = "Check the path";
	bool found = file->found;

	if (named && !strcmp(option, "modules"))
		found = file_is_directory(named);
	else if (named)
		found = access(named, R_OK) == 0 && (file_is_regular(named) || !strcmp(option, "source"));
	else if (file->package)
		remedy = arena_printf(b->arena, "Install %s, or name it with --%s", file->package, option);
	else if (file->command)
		remedy = arena_printf(b->arena, "Run %s, or name it with --%s", file->command, option);
	else
		remedy = arena_printf(b->arena, "Name it with --%s", option);
	if (!found)
		diag_error(b->diags, "kernel-file-missing", diag_file(path), remedy,
			   "the %s of kernel %s is not there", what, b->kernel.release);
	return path;
}

static const char *joined(struct arena *arena, const char *a, const char *between, const char *b)
{
	return a ? arena_printf(arena, "%s%s%s", a, between, b) : b;
}

/* What installs all that is missing, as one command. */
static void say_install(struct build *b, const struct provider *provider, const struct kernel_files *files)
{
	const struct options *o = &b->options;
	const struct kernel_file *const missing[] = {
		o->image ? NULL : &files->image,   o->modules ? NULL : &files->modules,
		o->config ? NULL : &files->config, o->symvers ? NULL : &files->symvers,
		o->source ? NULL : &files->source,
	};
	const char *install = NULL, *fetch = NULL;
	struct words packages = { 0 };

	for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++) {
		const struct kernel_file *file = missing[i] && !missing[i]->found ? missing[i] : NULL;
		bool twice = false;

		for (size_t j = 0; file && file->package && j < packages.n; j++)
			twice |= !strcmp(packages.word[j], file->package);
		if (file && file->command)
			fetch = joined(b->arena, fetch, " && ", file->command);
		if (!file || !file->package || !provider->install || twice)
			continue;
		words_add(b->arena, &packages, file->package);
		install = joined(b->arena, install ? install : provider->install, " ", file->package);
	}
	if (fetch)
		install = joined(b->arena, install, " && ", fetch);
	if (install)
		diag_note(b->diags, "kernel-packages", NULL, NULL,
			  "what is missing is installed by: %s%s%s%s", install,
			  provider->archive ? ". What is not on offer any more is in " : "",
			  provider->archive ? provider->archive : "",
			  provider->fetch && !o->fetch ? ". With --fetch it need not be installed" : "");
}

/* Finds the files, and who knows this kernel: *provider is whose system this is, or NULL. */
static int find_files(struct build *b, const struct provider **provider, struct kernel_files *files)
{
	const struct options *o = &b->options;
	const char *root = o->build ? o->build : o->root, *release = b->kernel.release;
	const struct provider *p = o->build ? &provider_build : provider_of(b->arena, root);
	const char *version = NULL, *package, *image;
	int err = provider_find(p, b->arena, root, release, NULL, files);

	if (err)
		return err;
	image = o->image ? o->image : files->image.path;
	if (kernel_image_version(b->arena, image, &version))
		version = NULL; /* it is not there, or the image's reader will tell */
	if (!o->build)
		p = provider_of_kernel(b->arena, root, version);
	*provider = p;
	package = version ? kernel_image_package(b, p, version) : NULL;
	return provider_find(p, b->arena, root, release, package, files);
}

static int choose_files(struct build *b, const struct provider **provider)
{
	const struct options *o = &b->options;
	struct kernel *k = &b->kernel;
	struct kernel_files files = { 0 };
	int err = find_files(b, provider, &files);

	if (err)
		return err;
	k->image = pick(b, "image", "image", o->image, &files.image);
	k->modules = pick(b, "modules directory", "modules", o->modules, &files.modules);
	k->config = pick(b, "configuration", "config", o->config, &files.config);
	k->symvers_path = pick(b, "Module.symvers", "symvers", o->symvers, &files.symvers);
	k->source = pick(b, "source", "source", o->source, &files.source);
	if (!diags_errors(b->diags))
		return 0;
	say_install(b, *provider, &files);
	if (!all_named(o) && !o->build)
		say_available(b, *provider);
	return -ENOENT;
}

/* Some distributions keep their images from ordinary users, who may read a copy. */
static int refuse_unreadable(struct build *b, const char *path, int err)
{
	if (err == -EACCES || err == -EPERM)
		diag_error(
			b->diags, "image-unreadable", diag_file(path),
			arena_printf(
				b->arena,
				"Make a copy, sudo install -m 600 -o \"$USER\" %s vmlinuz-%s, and name it with "
				"--image vmlinuz-%s",
				path, b->kernel.release, b->kernel.release),
			"only root may read this image");
	else
		diag_error(b->diags, "image-damaged", diag_file(path), "Install the image again",
			   "not a readable kernel image: %s", strerror(-err));
	return err;
}

/* Whose kernel this is: the image tells more surely than what else is below the root. */
static int identify(struct build *b, const struct provider *provider, const char *version)
{
	struct kernel *k = &b->kernel;

	k->provider = provider_of_image(version);
	k->package = k->provider ? provider_package(k->provider, b->arena, version) : NULL;
	if (k->provider && k->package)
		provider = k->provider;
	k->version = provider->version_of == SOURCE_VERSION_OF_PACKAGE ? k->package :
		     provider->version_of == SOURCE_VERSION_OF_RELEASE ? k->release :
									 NULL;
	return k->package ? check_text(b, k->image, "package's version", k->package, KERNEL_PACKAGE_OTHERS) :
			    0;
}

/* Image, --kernel and source package must be of one version. */
static int check_versions(struct build *b, const struct provider *provider)
{
	struct kernel *k = &b->kernel;
	const char *version = "", *release, *source;
	int err = kernel_image_version(b->arena, k->image, &version);

	if (err == -ENOTSUP)
		return 0; /* a vmlinux or a foreign file: the image reader will tell */
	if (err)
		return refuse_unreadable(b, k->image, err);
	release = arena_strndup(b->arena, version, strcspn(version, " "));
	err = identify(b, provider, version);
	if (err)
		return err;
	if (strcmp(release, k->release))
		return refuse_image(b, k->image, release);
	source = b->options.source || !provider->source_version ?
			 NULL :
			 provider->source_version(b->arena, b->options.root, k->source);
	if (source && k->package && strcmp(source, k->package)) {
		diag_error(b->diags, "source-version", diag_file(k->source),
			   "Install source and image of one version",
			   "the source is version %s, the image was built from %s", source, k->package);
		return -EINVAL;
	}
	return 0;
}

int kernel_open_module(struct build *b, struct kmodule **out)
{
	char *list = arena_printf(b->arena, "%s/modules.order", b->kernel.modules);
	char *text, *path, name[64];
	int ret = file_read(b->arena, list, &text, NULL);

	if (ret && ret != -ENOENT)
		diag_error(b->diags, "file-unreadable", diag_file(list), NULL,
			   "cannot read the list of modules: %s", strerror(-ret));
	if (!ret)
		ret = kmodule_name_from_path(strsep(&text, "\n"), name, sizeof(name));
	if (!ret)
		ret = kmodule_find(b->kernel.modules, name, &path);
	if (ret)
		return ret;
	ret = kmodule_open(path, b->diags, out);
	free(path);
	return ret;
}

/* The modules of another kernel are told by any one of them, which says what kernel it is for. */
static int check_modules(struct build *b)
{
	struct kmodule *m = NULL;
	size_t n;
	int err = kernel_open_module(b, &m);

	if (err)
		return err == -ENOENT ? 0 : err;
	n = m->vermagic ? strcspn(m->vermagic, " ") : 0;
	if (n && !kmodule_is_for(m, b->kernel.release)) {
		diag_error(b->diags, "kernel-modules-mismatch", diag_file(b->kernel.modules),
			   "Name the modules of the kernel that is to be patched",
			   "these are modules of kernel %.*s, not of %s", (int)n, m->vermagic,
			   b->kernel.release);
		err = -EINVAL;
	}
	kmodule_free(m);
	return err;
}

int stage_kernel(struct build *b)
{
	const struct provider *provider = NULL;
	int err = choose_release(b);

	if (!err)
		err = check_text(b, b->options.image, "release", b->kernel.release, KERNEL_RELEASE_OTHERS);
	if (!err)
		err = kernel_fetch(b);
	if (!err)
		err = choose_files(b, &provider);
	if (!err)
		err = check_versions(b, provider);
	if (!err)
		err = open_image(b, b->kernel.image);
	if (!err)
		err = check_modules(b);
	if (!err)
		err = oot_find(b);
	if (!err)
		b->kernel.arch = arch_find(b->image->machine);
	if (!err)
		err = kernel_find_compiler(b);
	if (!err)
		err = symvers_open(b->kernel.symvers_path, b->diags, &b->kernel.symvers);
	if (!err && b->options.verbose)
		build_say(b, "kernel   %s%s%s, %s", b->kernel.release, b->kernel.package ? ", package " : "",
			  b->kernel.package ? b->kernel.package : "", b->kernel.cc_version);
	return err;
}
