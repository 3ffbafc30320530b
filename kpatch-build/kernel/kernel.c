// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel stage: which kernel is to be patched, where its files are, whether they are of one
 * version, and which compiler it was made with. Reads options, fills in build.kernel but for the
 * prepared tree. Writes nothing.
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

#include "kpatch-build/kernel/provider.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/text.h"

#define RELEASE_OTHERS "._+~-"

int kernel_image_version(struct arena *arena, const char *path, const char **version)
{
	const struct arch *arch;
	uint8_t head[BOOT_IMAGE_HEAD];
	char text[512];
	struct stat st;
	int fd = file_open_regular(path, &st), err = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		err = -errno;
	arch = n > 0 ? arch_of_boot_image(head, (size_t)n) : NULL;
	if (!err && !arch)
		err = -ENOTSUP;
	if (!err) {
		n = pread(fd, text, sizeof(text) - 1, (off_t)arch->boot_image->version_at(head));
		if (n <= 0 || !memchr(text, '\0', (size_t)n))
			err = -EBADMSG;
	}
	close(fd);
	if (err)
		return err;
	*version = arena_strdup(arena, text);
	return *version ? 0 : -ENOMEM;
}

/* Releases below the root of which image and modules are there, for messages. */
static const char *available(struct build *b, const struct provider *provider)
{
	const char *root = b->options.root;
	DIR *d = opendir(arena_printf(b->arena, "%s/lib/modules", root));
	const char *list = "";
	struct dirent *e;

	while (d && list && (e = readdir(d))) {
		struct kernel_files files = { 0 };

		if (*e->d_name != '.' && !provider_find(provider, b->arena, root, e->d_name, &files) &&
		    files.image.found)
			list = arena_printf(b->arena, "%s%s%s", list, *list ? ", " : "", e->d_name);
	}
	if (d)
		closedir(d);
	return list && *list ? list : "none";
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
	err = cache ? kimage_open(path, cache, b->diags, &b->image) : -ENOMEM;
	if (err || !b->kernel.release || !strcmp(b->image->release, b->kernel.release))
		return err;
	return refuse_image(b, path, b->image->release);
}

/*
 * The release: named, or of the image that was named, or the running one.
 */
static int choose_release(struct build *b)
{
	const struct options *o = &b->options;
	const char *version = "";
	struct utsname running;

	b->kernel.release = o->kernel;
	if (!b->kernel.release && o->image && kernel_image_version(b->arena, o->image, &version) == 0)
		b->kernel.release = arena_strndup(b->arena, version, strcspn(version, " "));
	if (!b->kernel.release && o->image) {
		int err = open_image(b, o->image);

		if (err)
			return err;
		b->kernel.release = b->image->release;
	}
	if (!b->kernel.release && uname(&running) == 0)
		b->kernel.release = arena_strdup(b->arena, running.release);
	return b->kernel.release ? 0 : -ENOMEM;
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
	else
		remedy = file->package ? arena_printf(b->arena, "Install %s, or name it with --%s",
						      file->package, option) :
					 arena_printf(b->arena, "Name it with --%s", option);
	if (!found)
		diag_error(b->diags, "kernel-file-missing", diag_file(path), remedy,
			   "the %s of kernel %s is not there", what, b->kernel.release);
	return path;
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
	struct words packages = { 0 };
	const char *command = provider->install;

	for (size_t i = 0; i < sizeof(missing) / sizeof(*missing) && command; i++) {
		const char *package = missing[i] && !missing[i]->found ? missing[i]->package : NULL;
		bool twice = false;

		for (size_t j = 0; package && j < packages.n; j++)
			twice |= !strcmp(packages.word[j], package);
		if (!package || twice || words_add(b->arena, &packages, package))
			continue;
		command = arena_printf(b->arena, "%s %s", command, package);
	}
	if (command && packages.n)
		diag_note(b->diags, "kernel-packages", NULL, NULL, "what is missing is installed by: %s",
			  command);
}

static int choose_files(struct build *b, const struct provider *provider)
{
	const struct options *o = &b->options;
	struct kernel *k = &b->kernel;
	struct kernel_files files = { 0 };
	int err = provider_find(provider, b->arena, o->root, k->release, &files);

	if (err)
		return err;
	k->image = pick(b, "image", "image", o->image, &files.image);
	k->modules = pick(b, "modules directory", "modules", o->modules, &files.modules);
	k->config = pick(b, "configuration", "config", o->config, &files.config);
	k->symvers_path = pick(b, "Module.symvers", "symvers", o->symvers, &files.symvers);
	k->source = pick(b, "source", "source", o->source, &files.source);
	if (!diags_errors(b->diags))
		return 0;
	say_install(b, provider, &files);
	if (!all_named(o))
		diag_note(b->diags, "kernels-available", NULL, NULL,
			  "installed kernels%s%s: %s. "
			  "Choose one with --kernel",
			  *o->root ? " below " : "", o->root, available(b, provider));
	return -ENOENT;
}

/* Image, --kernel and source package must be of one version. */
static int check_versions(struct build *b, const struct provider *provider)
{
	struct kernel *k = &b->kernel;
	const char *version = "", *release, *source;
	int err = kernel_image_version(b->arena, k->image, &version);

	if (err == -ENOTSUP)
		return 0; /* a vmlinux or a foreign file: the image reader will tell */
	if (err) {
		diag_error(b->diags, "image-damaged", diag_file(k->image), "Install the image again",
			   "not a readable kernel image: %s", strerror(-err));
		return err;
	}
	release = arena_strndup(b->arena, version, strcspn(version, " "));
	/* the image tells more surely whose it is than what else is below the root */
	k->provider = provider_of_image(version);
	k->package = k->provider ? provider_package(k->provider, b->arena, version) : NULL;
	k->version = k->package ? k->package : provider->release_is_version ? k->release : NULL;
	if (!release)
		return -ENOMEM;
	if (k->package)
		err = check_text(b, k->image, "package's version", k->package, "._+~:-");
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

int stage_kernel(struct build *b)
{
	const struct provider *provider = provider_of(b->arena, b->options.root);
	int err = choose_release(b);

	if (!err)
		err = check_text(b, b->options.image, "release", b->kernel.release, RELEASE_OTHERS);
	if (!err)
		err = choose_files(b, provider);
	if (!err)
		err = check_versions(b, provider);
	if (!err)
		err = open_image(b, b->kernel.image);
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
