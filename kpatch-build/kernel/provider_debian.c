// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debian and its family: linux-image-RELEASE, linux-headers-RELEASE and linux-source-VERSION, in
 * /boot, /lib/modules and /usr/src. Only looks; the source package's version is read from its
 * changelog.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "kpatch-build/kernel/kernel.h"
#include "lib/util/arena.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"

static bool present(struct arena *arena, const char *root)
{
	return file_is_directory(arena_printf(arena, "%s/usr/share/doc", root)) &&
	       (file_is_regular(arena_printf(arena, "%s/etc/debian_version", root)) || *root);
}

/* "6.1.0-56-amd64" → "6.1": the packages of a series share one source package's name. */
static const char *series(struct arena *arena, const char *release)
{
	size_t n = strspn(release, "0123456789");

	if (release[n] == '.')
		n += 1 + strspn(release + n + 1, "0123456789");
	return arena_strndup(arena, release, n);
}

static void find_source(struct arena *arena, const char *root, const char *release, struct kernel_file *out)
{
	static const char *const endings[] = { ".tar.xz", ".tar.zst", ".tar.gz", ".tar.bz2", "" };
	const char *version = series(arena, release);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]) && !out->found; i++) {
		const char *path =
			arena_printf(arena, "%s/usr/src/linux-source-%s%s", root, version, endings[i]);

		if (!path)
			return;
		out->found = *endings[i] ? file_is_regular(path) : file_is_directory(path);
		if (out->found || !i)
			out->path = path;
	}
	out->remedy = arena_printf(arena,
				   "Install linux-source-%s of the kernel's version, or name "
				   "the source with --source",
				   version);
}

static void find_file(struct arena *arena, struct kernel_file *out, const char *path, const char *package,
		      const char *release, const char *option)
{
	if (!path)
		return;
	out->path = path;
	out->found = !strcmp(option, "modules") ? file_is_directory(path) : file_is_regular(path);
	out->remedy = arena_printf(arena, "Install %s%s, or name it with --%s", package, release, option);
}

static int find(struct arena *arena, const char *root, const char *release, struct kernel_files *out)
{
	find_source(arena, root, release, &out->source);
	find_file(arena, &out->config,
		  arena_printf(arena, "%s/usr/src/linux-headers-%s/.config", root, release), "linux-headers-",
		  release, "config");
	find_file(arena, &out->symvers,
		  arena_printf(arena, "%s/usr/src/linux-headers-%s/Module.symvers", root, release),
		  "linux-headers-", release, "symvers");
	find_file(arena, &out->image, arena_printf(arena, "%s/boot/vmlinuz-%s", root, release),
		  "linux-image-", release, "image");
	find_file(arena, &out->modules, arena_printf(arena, "%s/lib/modules/%s", root, release),
		  "linux-image-", release, "modules");
	if (!out->modules.found)
		find_file(arena, &out->modules, arena_printf(arena, "%s/usr/lib/modules/%s", root, release),
			  "linux-image-", release, "modules");
	return out->modules.remedy && out->symvers.remedy && out->source.remedy ? 0 : -ENOMEM;
}

/* First line of a Debian changelog: "linux (6.1.192-2) bookworm-security; urgency=high". */
static const char *source_version(struct arena *arena, const char *root, const char *source)
{
	const char *base = path_base(source), *start, *end;
	size_t n = strlen(base);
	struct stat st;
	char line[256];
	gzFile f;
	int fd;

	for (const char *tar = strstr(base, ".tar"); tar; tar = NULL)
		n = (size_t)(tar - base);
	fd = file_open_regular(arena_printf(arena, "%s/usr/share/doc/%.*s/changelog.Debian.gz", root, (int)n,
					    base),
			       &st);
	f = fd < 0 ? NULL : gzdopen(fd, "rb");
	if (!f) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	start = gzgets(f, line, sizeof(line)) ? strchr(line, '(') : NULL;
	end = start ? strchr(start, ')') : NULL;
	gzclose(f);
	return end ? arena_strndup(arena, start + 1, (size_t)(end - start - 1)) : NULL;
}

const struct provider provider_debian = {
	.name = "debian",
	.present = present,
	.find = find,
	.source_version = source_version,
};
