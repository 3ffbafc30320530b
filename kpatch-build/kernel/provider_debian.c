// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debian and its family: linux-image-RELEASE, linux-headers-RELEASE and linux-source-VERSION, in
 * /boot, /lib/modules and /usr/src. Only looks; the source package's version is read from its
 * changelog.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "kpatch-build/kernel/provider.h"
#include "lib/util/arena.h"
#include "lib/util/file.h"
#include "lib/util/path.h"

/* A root that was unpacked from the packages of a kernel has no more than their files. */
static bool has_headers(const char *directory)
{
	DIR *d = opendir(directory);
	struct dirent *e;
	bool has = false;

	while (d && !has && (e = readdir(d)))
		has = !strncmp(e->d_name, "linux-headers-", 14);
	if (d)
		closedir(d);
	return has;
}

static bool present(struct arena *arena, const char *root)
{
	const char *version = arena_printf(arena, "%s/etc/debian_version", root);
	const char *sources = arena_printf(arena, "%s/usr/src", root);

	return file_is_regular(version) || has_headers(sources);
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

/* What stands behind @mark in @version, or NULL. */
static const char *behind(struct arena *arena, const char *version, const char *mark)
{
	const char *at = strstr(version, mark);

	return at ? arena_strndup(arena, at + strlen(mark), strcspn(at + strlen(mark), " ()")) : NULL;
}

/* "6.1.0-56-amd64 (…) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-01)" */
static const char *debian_package(struct arena *arena, const char *version)
{
	return behind(arena, version, " Debian ");
}

/* "5.15.0-91-generic (buildd@…) #101~20.04.1-Ubuntu SMP …" is of the package 5.15.0-91.101~20.04.1. */
static const char *ubuntu_package(struct arena *arena, const char *version)
{
	const char *number = strstr(version, ") #"), *end = number ? strstr(number, "-Ubuntu ") : NULL;
	size_t n = strcspn(version, "-");

	if (!end || version[n] != '-')
		return NULL;
	n += 1 + strspn(version + n + 1, "0123456789");
	number += 3;
	return arena_printf(arena, "%.*s.%.*s", (int)n, version, (int)(end - number), number);
}

#define DEBIAN_NEEDS                                                                                         \
	{                                                                                                    \
		[NEED_BUILD] = "build-essential flex bison bc python3 libelf-dev libssl-dev",                \
		[NEED_TOKENS] = "libengine-pkcs11-openssl", [NEED_DPKG_DEB] = "dpkg",                        \
		[NEED_RPMBUILD] = "rpm"                                                                      \
	}

/* Packages are named so in both, and apt looks at signatures. */
static const struct provider_fetch apt = {
	.versions = "apt-cache madison",
	.download = "apt-get -q download",
	.unpack = "dpkg-deb -x",
	.refresh = "apt-get update",
	/* since 7.x the image's package needs them */
	.more = { "linux-binary-{release}", "linux-modules-{release}", "linux-base-{release}" },
};

const struct provider provider_debian = {
	.name = "debian",
	.ids = { "debian" },
	.present = present,
	/* 7.x packages it among the modules; whoever installs that copies it to /boot */
	.image = { { "/boot/vmlinuz-{release}", "/boot/vmlinux-{release}", "/lib/modules/{release}/vmlinuz",
		     "/usr/lib/modules/{release}/vmlinuz" },
		   .package = "linux-image-{release}" },
	.modules = { { "/lib/modules/{release}/", "/usr/lib/modules/{release}/" },
		     .package = "linux-image-{release}" },
	.config = { { "/usr/src/linux-headers-{release}/.config" }, .package = "linux-headers-{release}" },
	.symvers = { { "/usr/src/linux-headers-{release}/Module.symvers" },
		     .package = "linux-headers-{release}" },
	/* the packages of a series share one source package's name */
	.source = { { "/usr/src/linux-source-{series}.tar.xz", "/usr/src/linux-source-{series}.tar.zst",
		      "/usr/src/linux-source-{series}.tar.gz", "/usr/src/linux-source-{series}.tar.bz2",
		      "/usr/src/linux-source-{series}/" },
		    .package = "linux-source-{series}{=package}" },
	.made_by = " Debian ",
	.version_of = SOURCE_VERSION_OF_PACKAGE,
	.package = debian_package,
	.source_version = source_version,
	.make = { "DISTRIBUTION_OFFICIAL_BUILD=1", "DISTRIBUTOR=Debian", "DISTRIBUTION_VERSION={package}" },
	.install = "apt-get install",
	.fetch = &apt,
	.archive = "Debian's snapshot archive",
	.needs = DEBIAN_NEEDS,
};

/*
 * Its source says the number of the stable release it goes up to (5.15.131) and its release does not (5.15.0), but
 * image and source have the version of one package. Images are readable by root alone.
 */
const struct provider provider_ubuntu = {
	.name = "ubuntu",
	.ids = { "ubuntu" },
	.image = { { "/boot/vmlinuz-{release}" }, .package = "linux-image-{release}" },
	.modules = { { "/lib/modules/{release}/", "/usr/lib/modules/{release}/" },
		     .package = "linux-modules-{release}" },
	.config = { { "/boot/config-{release}", "/usr/src/linux-headers-{release}/.config" },
		    .package = "linux-modules-{release}" },
	.symvers = { { "/usr/src/linux-headers-{release}/Module.symvers" },
		     .package = "linux-headers-{release}" },
	.source = { { "/usr/src/linux-source-{version}/linux-source-{version}.tar.bz2",
		      "/usr/src/linux-source-{version}.tar.bz2", "/usr/src/linux-source-{version}/" },
		    .inside = "init/main.c",
		    .package = "linux-source-{version}{=package}" },
	.made_by = "-Ubuntu ",
	.version_of = SOURCE_VERSION_UNKNOWN,
	.package = ubuntu_package,
	.source_version = source_version,
	.install = "apt-get install",
	.fetch = &apt,
	.archive = "Launchpad",
	.needs = DEBIAN_NEEDS,
};
