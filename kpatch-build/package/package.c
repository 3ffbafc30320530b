// SPDX-License-Identifier: GPL-2.0-only
/*
 * See package.h. Reads a finished module; makes, in the work directory, the tree of files that both
 * kinds of package have, and has dpkg-deb or rpmbuild pack it. Everything in a package follows from
 * the module, the options and one date, so that the same input gives the same bytes.
 */
#include "kpatch-build/package/package.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmod/kpatch-abi.h"
#include "kpatch-build/build.h"
#include "kpatch-build/kernel/provider.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/module.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/text.h"

/* Nothing longer fits into a file name together with the rest. */
#define VERSION_MAX 64

static const struct {
	const char *name, *tool;
	enum provider_need need;
	int (*make)(struct build *b, const struct package *p, const char *root, const char **file);
} formats[N_PACKAGE_FORMATS] = {
	[PACKAGE_DEB] = { "deb", "dpkg-deb", NEED_DPKG_DEB, package_make_deb },
	[PACKAGE_RPM] = { "rpm", "rpmbuild", NEED_RPMBUILD, package_make_rpm },
};

bool package_format_named(const char *name, enum package_format *out)
{
	for (int i = 0; i < N_PACKAGE_FORMATS; i++)
		if (!strcmp(name, formats[i].name)) {
			*out = (enum package_format)i;
			return true;
		}
	return false;
}

bool package_version_is_valid(const char *version)
{
	return isdigit((unsigned char)*version) && text_is_plain(version, ".+~") &&
	       strlen(version) <= VERSION_MAX;
}

bool package_revision_is_valid(const char *revision)
{
	return package_version_is_valid(revision);
}

bool package_maintainer_is_valid(const char *s)
{
	const char *open = strchr(s, '<'), *at = strchr(s, '@'), *close = strchr(s, '>');

	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '%' || *p == '\\' || *p == 0x7f)
			return false;
	return open && at && close && open > s + 1 && open[-1] == ' ' && at > open + 1 && close > at + 1 &&
	       !close[1] && strlen(s) < 200;
}

static bool is_in_path(struct arena *a, const char *program)
{
	const char *path = getenv("PATH");
	char *dirs = arena_strdup(a, path && *path ? path : "/usr/bin:/bin"), *dir;

	while ((dir = strsep(&dirs, ":"))) {
		const char *file = arena_printf(a, "%s/%s", dir, program);

		if (!access(file, X_OK))
			return true;
	}
	return false;
}

int package_check(struct build *b, enum package_format format)
{
	if (is_in_path(b->arena, formats[format].tool))
		return 0;
	diag_error(b->diags, "package-tool", diag_file(formats[format].tool),
		   arena_printf(b->arena, "Install it (%s)", provider_need(b->arena, formats[format].need)),
		   "is not there, and it makes the %s package", formats[format].name);
	return -ENOENT;
}

static int bad_module(struct build *b, const char *id, const char *path, const char *remedy, const char *what)
{
	diag_error(b->diags, id, diag_file(path), remedy, "%s", what);
	return -EINVAL;
}

/* What is wrong with a name only here: it becomes a file's and a package's, and a word of scripts. */
static int check_names(struct build *b, const char *path, const struct kmodule *module,
		       const struct manifest *m)
{
	const struct arch *arch = arch_named(m->kernel.machine);

	if (!package_version_is_valid(m->version))
		return bad_module(b, "package-version", path, "Build it again with --patch-version",
				  "its version is not digits, then letters, digits, '.', '+' and '~'");
	if (!isalnum((unsigned char)m->name[0]) || !isalnum((unsigned char)m->kernel.release[0]))
		return bad_module(b, "package-name", path, NULL,
				  "its name and its kernel's release must begin with a letter or a digit");
	if (!arch || !arch->kernels)
		return bad_module(b, "package-module", path, NULL, "made for a machine that is not known");
	if (arch->machine != module->machine)
		return bad_module(b, "package-module", path, "Build it again",
				  "its code is not for the machine that its manifest names");
	return 0;
}

static int read_manifest(struct build *b, const char *path, const struct kmodule *m, struct package *out)
{
	const struct elf_section *s = kmodule_section(m, KPATCH_MANIFEST_SECTION);
	int err;

	if (!m->livepatch || strcmp(m->livepatch, "Y") || !s || !s->data)
		return bad_module(b, "package-module", path, "Name a module that kpatch-build made",
				  "not a livepatch module with a manifest");
	out->yaml = arena_memdup(b->arena, s->data, s->size);
	out->yaml_size = s->size;
	err = manifest_read(out->yaml, s->size, path, b->arena, b->diags, &out->manifest);
	if (!err && strcmp(out->manifest->module, m->name))
		err = bad_module(b, "package-module", path, "Build it again",
				 "its manifest belongs to another module");
	return err ? err : check_names(b, path, m, out->manifest);
}

/* The date that reproducible builds agree on (reproducible-builds.org), else the module's own. */
static int find_date(struct build *b, const char *path, int64_t *out)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	struct stat st;
	char *end;

	if (!epoch || !*epoch) {
		*out = stat(path, &st) ? 0 : st.st_mtime;
		return 0;
	}
	errno = 0;
	*out = strtoll(epoch, &end, 10);
	if (isdigit((unsigned char)*epoch) && !*end && !errno && *out <= INT32_MAX)
		return 0;
	diag_error(b->diags, "source-date-epoch", NULL, "Give it the seconds since 1970, or unset it",
		   "the environment variable SOURCE_DATE_EPOCH is not a date: '%s'", epoch);
	return -EINVAL;
}

int package_read(struct build *b, const char *path, struct package *out)
{
	struct package p = { .revision = NULL };
	struct kmodule *m = NULL;
	int err = kmodule_open(path, b->diags, &m);

	if (err)
		return err;
	err = read_manifest(b, path, m, &p);
	if (!err)
		err = find_date(b, path, &p.date);
	if (!err) {
		p.module = arena_memdup(b->arena, m->data, m->size);
		p.module_size = m->size;
	}
	kmodule_free(m);
	if (!err)
		*out = p;
	return err;
}

static int make(struct build *b, const struct package *p, enum package_format format, const char **file)
{
	const char *base = arena_printf(b->arena, "%s.yaml", p->manifest->name);
	const char *root = build_work_path(b, "package/%s/root", formats[format].name);
	int err = root ? directory_remove(root) : -EIO;

	if (!err)
		err = package_file(b, root, package_module_path(b->arena, p->manifest), p->module,
				   p->module_size, 0644);
	if (!err)
		err = package_file(b, root, package_doc_path(b->arena, p->manifest, base), p->yaml,
				   p->yaml_size, 0644);
	return err ? err : formats[format].make(b, p, root, file);
}

int package_make(struct build *b, const struct package *p, enum package_format format, const char **file)
{
	mode_t mask = umask(022); /* the modes of directories get into the package */
	int err = make(b, p, format, file);

	umask(mask);
	return err;
}

int stage_package(struct build *b)
{
	struct package p = { .revision = NULL };
	int err = b->options.n_packages ? package_read(b, b->module, &p) : 0;

	p.revision = b->options.package_revision;
	p.maintainer = b->options.maintainer;
	for (size_t i = 0; i < b->options.n_packages && !err; i++)
		err = package_make(b, &p, b->options.packages[i], &b->packages[i]);
	return err;
}
