// SPDX-License-Identifier: GPL-2.0-only
/*
 * openSUSE and SUSE Linux Enterprise: kernel-FLAVOUR, kernel-FLAVOUR-devel and kernel-source, all of one version, whose
 * packages are named without the last part of a release ("6.4.0-150600.21-default"). The layout is that of their spec files.
 */
#include "kpatch-build/kernel/provider.h"

const struct provider provider_suse = {
	.name = "suse",
	.ids = { "suse", "opensuse", "sles" },
	.image = { { "/usr/lib/modules/{release}/vmlinuz", "/lib/modules/{release}/vmlinuz", "/boot/vmlinuz-{release}" },
		   .package = "kernel-{flavour}={base}" },
	.modules = { { "/usr/lib/modules/{release}/", "/lib/modules/{release}/" }, .package = "kernel-{flavour}={base}" },
	.config = { { "/usr/lib/modules/{release}/config", "/lib/modules/{release}/config", "/boot/config-{release}",
		      "{build}/.config" },
		    .package = "kernel-{flavour}={base}" },
	.symvers = { { "{build}/Module.symvers", "/usr/lib/modules/{release}/symvers.zst",
		       "/usr/lib/modules/{release}/symvers.gz", "/lib/modules/{release}/symvers.gz",
		       "/boot/symvers-{release}.gz" },
		     .package = "kernel-{flavour}-devel={base}" },
	.source = { { "/usr/src/linux-{base}/", "{source}/" }, .inside = "init/main.c", .package = "kernel-source={base}" },
	.made_by = "(geeko@",
	.version_of = SOURCE_VERSION_OF_RELEASE,
	.install = "zypper install",
	.needs = {
		[NEED_BUILD] = "gcc make flex bison bc python3 libelf-devel libopenssl-devel",
		[NEED_TOKENS] = "openssl-engine-libp11",
		[NEED_DPKG_DEB] = "dpkg",
		[NEED_RPMBUILD] = "rpm-build",
	},
};
