// SPDX-License-Identifier: GPL-2.0-only
/*
 * A distribution that has no provider of its own, or a kernel that somebody built: what `make install` and
 * `make modules_install` leave behind, and what most distributions add to that. Release and version of the source are
 * the same but for what CONFIG_LOCALVERSION appends. Names of packages are unknown, so a file
 * that is missing is to be named.
 */
#include "kpatch-build/kernel/provider.h"

const struct provider provider_generic = {
	.name = "generic",
	.image = { { "/lib/modules/{release}/vmlinuz", "/boot/vmlinuz-{release}", "/boot/vmlinux-{release}" } },
	.modules = { { "/lib/modules/{release}/", "/usr/lib/modules/{release}/" } },
	.config = { { "/lib/modules/{release}/config", "/boot/config-{release}", "{build}/.config" } },
	.symvers = { { "{build}/Module.symvers" } },
	/* packages of headers have a tree of makefiles there */
	.source = { { "{source}/", "{build}/source/", "{build}/" }, .inside = "init/main.c" },
	.version_of = SOURCE_VERSION_OF_RELEASE,
	.needs = {
		[NEED_BUILD] = "gcc, make, flex, bison, bc, python3, headers of libelf and OpenSSL",
		[NEED_TOKENS] = "the PKCS#11 engine of libp11",
		[NEED_DPKG_DEB] = "dpkg",
		[NEED_RPMBUILD] = "rpm-build",
	},
};

/* Its release is in include/config/kernel.release. With O= there is a link to the source. */
const struct provider provider_build = {
	.name = "build",
	.image = { { "/vmlinux" } },
	.modules = { { "/" }, .inside = "modules.order" },
	.config = { { "/.config" } },
	.symvers = { { "/Module.symvers" } },
	.source = { { "/source/", "/" }, .inside = "init/main.c" },
	.version_of = SOURCE_VERSION_OF_RELEASE,
};
