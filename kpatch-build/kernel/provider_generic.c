// SPDX-License-Identifier: GPL-2.0-only
/*
 * A distribution that has no provider of its own, or a kernel that somebody built: what `make install` and
 * `make modules_install` leave behind, and what most distributions add to that. Release and version of the source are
 * the same but for what CONFIG_LOCALVERSION appends. Names of packages are unknown, so a file
 * that is missing is to be named.
 */
#include "kpatch-build/kernel/provider.h"

static bool present(struct arena *arena, const char *root)
{
	return true;
}

const struct provider provider_generic = {
	.name = "generic",
	.present = present,
	.image = { { "/lib/modules/{release}/vmlinuz", "/boot/vmlinuz-{release}" } },
	.modules = { { "/lib/modules/{release}/", "/usr/lib/modules/{release}/" } },
	.config = { { "/lib/modules/{release}/config", "{build}/.config", "/boot/config-{release}" } },
	.symvers = { { "{build}/Module.symvers" } },
	/* packages of headers have a tree of makefiles there */
	.source = { { "{source}/", "{build}/" }, .inside = "init/main.c" },
	.release_is_version = true,
	.needs = {
		[NEED_BUILD] = "gcc, make, flex, bison, bc, python3, headers of libelf and OpenSSL",
		[NEED_TOKENS] = "the PKCS#11 engine of libp11",
		[NEED_DPKG_DEB] = "dpkg",
		[NEED_RPMBUILD] = "rpm-build",
	},
};
