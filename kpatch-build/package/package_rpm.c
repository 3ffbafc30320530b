// SPDX-License-Identifier: GPL-2.0-only
/*
 * The RPM: a spec file for the tree that is there already, packed by rpmbuild. Nothing that
 * rpmbuild does to binaries by itself (stripping, build ID links, dependencies) is let at the module.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kpatch-build/build.h"
#include "kpatch-build/package/package.h"
#include "lib/arch/arch.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/path.h"
#include "lib/util/xmalloc.h"

/*
 * Kernel packages provide their release as a version, but a version has at most one hyphen: where
 * the release has more (some have flavours behind it), the image itself is named. It is no requirement: a hotfix must
 * neither bring a kernel nor keep one that could go.
 */
static void write_kernel(FILE *f, const char *release)
{
	const char *hyphen = strchr(release, '-');

	if (hyphen && strchr(hyphen + 1, '-'))
		fprintf(f, "Enhances: /boot/vmlinuz-%s\n", release);
	else
		fprintf(f, "Enhances: kernel-uname-r = %s\n", release);
}

static void write_tags(FILE *f, struct build *b, const struct package *p)
{
	const struct manifest *m = p->manifest;
	const char *summary = package_summary(b->arena, m);

	fputs("%global debug_package %{nil}\n"
	      "%global __os_install_post %{nil}\n"
	      "%global _build_id_links none\n"
	      "%global use_source_date_epoch_as_buildtime 1\n"
	      "%global clamp_mtime_to_source_date_epoch 1\n"
	      "%global _buildhost localhost\n",
	      f);
	fprintf(f, "Name: %s\nVersion: %s\nRelease: %s\nSummary: L%s\n", package_name(b->arena, m),
		m->version, p->revision, summary ? summary + 1 : ""); /* a capital, as RPM has it */
	fprintf(f, "License: GPL-2.0-only\nGroup: System Environment/Kernel\nPackager: %s\n", p->maintainer);
	fprintf(f, "ExclusiveArch: %s\nAutoReqProv: no\n", m->kernel.machine);
	write_kernel(f, m->kernel.release);
	fputs("Requires: " PACKAGE_LOADER " >= " PACKAGE_LOADER_VERSION "\n"
	      "Requires(post): " PACKAGE_LOADER "\n"
	      "Requires(preun): " PACKAGE_LOADER "\n",
	      f);
}

/* $1 is how many versions of the package there will be. */
static void write_scripts(FILE *f, struct build *b, const struct package *p)
{
	fprintf(f,
		"\n%%post\n%s\n\n%%preun\nif [ \"$1\" = 0 ] && [ -x " PACKAGE_HOTFIX " ]; then\n\t%s\nfi\n",
		package_hotfix(b->arena, p->manifest, "install"),
		package_hotfix(b->arena, p->manifest, "remove"));
}

static void write_changelog(FILE *f, const struct package *p)
{
	time_t date = (time_t)p->date;
	char when[32];
	struct tm tm;

	strftime(when, sizeof(when), "%a %b %d %Y", gmtime_r(&date, &tm));
	fprintf(f, "\n%%changelog\n* %s %s - %s-%s\n", when, p->maintainer, p->manifest->version,
		p->revision);
	package_write_changes(f, p->manifest, "- ", "  ");
}

static void write_spec(FILE *f, struct build *b, const struct package *p)
{
	const struct manifest *m = p->manifest;

	write_tags(f, b, p);
	fputs("\n%description\n", f);
	package_write_text(f, m, "");
	fputs("\n%install\nmkdir -p \"%{buildroot}\"\ncp -a root/. \"%{buildroot}\"\n", f);
	write_scripts(f, b, p);
	fprintf(f, "\n%%files\n%%dir /usr/lib/kpatch/%s\n/%s\n%%doc /%s\n", m->kernel.release,
		package_module_path(b->arena, m),
		package_doc_path(b->arena, m, arena_printf(b->arena, "%s.yaml", m->name)));
	write_changelog(f, p);
}

static int make_spec(struct build *b, const struct package *p, const char *directory)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = xopen_memstream(&text, &size);
	int err;

	write_spec(f, b, p);
	xclose_memstream(f);
	err = package_file(b, directory, "hotfix.spec", text, size, 0644);
	free(text);
	return err;
}

int package_make_rpm(struct build *b, const struct package *p, const char *root, const char **file)
{
	const struct manifest *m = p->manifest;
	const char *directory = path_directory(b->arena, root);
	const char *name = package_name(b->arena, m);
	const char *out = arena_printf(b->arena, "%s/out/%s-%s-%s.%s.rpm", directory, name, m->version,
				       p->revision, m->kernel.machine);
	const char *top = arena_printf(b->arena, "_topdir %s", directory);
	const char *builddir = arena_printf(b->arena, "_builddir %s", directory);
	const char *rpmdir = arena_printf(b->arena, "_rpmdir %s/out", directory);
	const char *target = arena_printf(b->arena, "%s-linux", m->kernel.machine);
	const char *spec = arena_printf(b->arena, "%s/hotfix.spec", directory);
	const char *argv[] = {
		"rpmbuild",
		"-bb",
		"--nodeps",
		"--target",
		target,
		"--define",
		top,
		"--define",
		builddir,
		"--define",
		rpmdir,
		"--define",
		"_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
		spec,
		NULL,
	};
	int err = make_spec(b, p, directory);

	if (!err)
		err = package_run(b, p, argv);
	if (!err)
		*file = out;
	return err;
}
