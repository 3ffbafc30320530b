// SPDX-License-Identifier: GPL-2.0-only
/*
 * The deb: what deb-control(5), deb-postinst(5) and the Debian policy ask for, packed by dpkg-deb.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "kpatch-build/build.h"
#include "kpatch-build/package/package.h"
#include "lib/arch/arch.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/xmalloc.h"

/* A text under construction. */
struct text {
	FILE *f;
	char *data;
	size_t size;
};

static void text_open(struct text *t)
{
	*t = (struct text){ .data = NULL };
	t->f = xopen_memstream(&t->data, &t->size);
}

/* The text becomes a file of the package, and is gone. */
static int text_close(struct build *b, struct text *t, const char *root, const char *path, unsigned int mode)
{
	int err;

	xclose_memstream(t->f);
	err = package_file(b, root, path, t->data, t->size, mode);

	free(t->data);
	return err;
}

static int write_control(struct build *b, const struct package *p, const char *root)
{
	const struct manifest *m = p->manifest;
	struct text t;

	text_open(&t);
	fprintf(t.f, "Package: %s\nVersion: %s-%s\nArchitecture: %s\nMaintainer: %s\n",
		package_name(b->arena, m), m->version, p->revision, arch_named(m->kernel.machine)->deb,
		p->maintainer);
	fprintf(t.f, "Section: kernel\nPriority: optional\nInstalled-Size: %zu\n",
		(p->module_size + p->yaml_size) / 1024 + 8);
	/* no dependency: a hotfix must neither bring a kernel nor keep one that apt could remove */
	fprintf(t.f,
		"Depends: " PACKAGE_LOADER " (>= " PACKAGE_LOADER_VERSION ")\n"
		"Enhances: linux-image-%s, linux-image-%s-unsigned\n",
		m->kernel.release, m->kernel.release);
	fprintf(t.f, "Description: %s\n", package_summary(b->arena, m));
	package_write_text(t.f, m, " ");
	return text_close(b, &t, root, "DEBIAN/control", 0644);
}

/*
 * @when: the shell pattern of the first argument with which dpkg asks for it. What dpkg calls the script for otherwise
 * needs nothing done: an upgrade is looked after by the new version's postinst.
 */
static int write_script(struct build *b, const struct package *p, const char *root, const char *name,
			const char *when, const char *verb)
{
	struct text t;

	text_open(&t);
	fprintf(t.f, "#!/bin/sh\nset -e\ncase \"$1\" in\n%s)\n\t%s%s\n\t;;\nesac\n", when,
		strcmp(verb, "remove") ? "" : "[ ! -x " PACKAGE_HOTFIX " ] || ",
		package_hotfix(b->arena, p->manifest, verb));
	return text_close(b, &t, root, arena_printf(b->arena, "DEBIAN/%s", name), 0755);
}

/* gzip without a name or a time in it, as the policy wants it. */
static int compress_text(const char *text, size_t size, uint8_t **out, size_t *out_size)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)size };
	int err;

	if (size > INT_MAX || deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		memory_exhausted();
	z.avail_out = (uInt)deflateBound(&z, (uLong)size);
	*out = xmalloc(z.avail_out);
	z.next_out = *out;
	err = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -EINVAL;
	*out_size = z.total_out;
	deflateEnd(&z);
	if (err)
		free(*out);
	return err;
}

static void write_changelog(FILE *f, struct build *b, const struct package *p)
{
	const struct manifest *m = p->manifest;
	time_t date = (time_t)p->date;
	char when[64];
	struct tm tm;

	strftime(when, sizeof(when), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&date, &tm));
	fprintf(f, "%s (%s-%s) stable; urgency=high\n\n", package_name(b->arena, m), m->version, p->revision);
	package_write_changes(f, m, "  * ", "    ");
	fprintf(f, "\n -- %s  %s\n", p->maintainer, when);
}

static int make_changelog(struct build *b, const struct package *p, const char *root)
{
	const char *path = package_doc_path(b->arena, p->manifest, "changelog.Debian.gz");
	uint8_t *compressed;
	size_t size;
	struct text t;
	int err;

	text_open(&t);
	write_changelog(t.f, b, p);
	xclose_memstream(t.f);
	err = compress_text(t.data, t.size, &compressed, &size);
	free(t.data);
	if (err)
		return err;
	err = package_file(b, root, path, compressed, size, 0644);
	free(compressed);
	return err;
}

static int write_copyright(struct build *b, const struct package *p, const char *root)
{
	static const char text[] =
		"This live patch consists of code of the Linux kernel, with the changes that the\n"
		"manifest beside this file lists.\n\n"
		"License: GPL-2\n"
		" Copyright is held by the authors of the Linux kernel and of the changes. It may be\n"
		" used and passed on under the terms of version 2 of the GNU General Public License,\n"
		" which is in /usr/share/common-licenses/GPL-2 on Debian systems.\n";

	return package_file(b, root, package_doc_path(b->arena, p->manifest, "copyright"), text,
			    sizeof(text) - 1, 0644);
}

static int write_sum(struct build *b, FILE *f, const char *root, const char *path)
{
	const char *full = arena_printf(b->arena, "%s/%s", root, path);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	size_t size;
	char *data;
	int err = file_read(b->arena, full, &data, &size);

	if (!err && EVP_Digest(data, size, digest, &n, EVP_md5(), NULL) != 1)
		return -ENOTSUP; /* a machine where OpenSSL has no MD5: then there are no sums */
	for (unsigned int i = 0; i < n; i++)
		fprintf(f, "%02x", digest[i]);
	if (!err)
		fprintf(f, "  %s\n", path);
	return err;
}

/* For dpkg --verify. */
static int write_sums(struct build *b, const struct package *p, const char *root)
{
	struct arena *a = b->arena;
	const struct manifest *m = p->manifest;
	const char *const paths[] = {
		package_module_path(a, m),
		package_doc_path(a, m, "changelog.Debian.gz"),
		package_doc_path(a, m, "copyright"),
		package_doc_path(a, m, arena_printf(a, "%s.yaml", m->name)),
	};
	struct text t;
	int err = 0;

	text_open(&t);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths) && !err; i++)
		err = write_sum(b, t.f, root, paths[i]);
	if (err) {
		fclose(t.f);
		free(t.data);
		return err == -ENOTSUP ? 0 : err;
	}
	return text_close(b, &t, root, "DEBIAN/md5sums", 0644);
}

int package_make_deb(struct build *b, const struct package *p, const char *root, const char **file)
{
	const struct manifest *m = p->manifest;
	const char *out = build_work_path(b, "package/%s_%s-%s_%s.deb", package_name(b->arena, m), m->version,
					  p->revision, arch_named(m->kernel.machine)->deb);
	const char *argv[] = { "dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, out, NULL };
	int err = out ? make_changelog(b, p, root) : -EIO;

	if (!err)
		err = write_copyright(b, p, root);
	if (!err)
		err = write_sums(b, p, root);
	if (!err)
		err = write_control(b, p, root);
	if (!err)
		err = write_script(b, p, root, "postinst",
				   "configure|abort-upgrade|abort-remove|abort-deconfigure", "install");
	if (!err)
		err = write_script(b, p, root, "prerm", "remove", "remove");
	if (!err)
		err = package_run(b, p, argv);
	if (!err)
		*file = out;
	return err;
}
