// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fedora, Red Hat Enterprise Linux and what is made from them: kernel-core, kernel-devel, and the source package, which
 * is not installed but fetched: /usr/src is where the command below puts it. The layout is that of their kernel.spec.
 */
#include "kpatch-build/kernel/provider.h"

const struct provider provider_fedora = {
	.name = "fedora",
	.ids = { "fedora", "rhel", "centos" },
	.image = { { "/lib/modules/{release}/vmlinuz", "/boot/vmlinuz-{release}" }, .package = "kernel-core-{release}" },
	.modules = { { "/lib/modules/{release}/", "/usr/lib/modules/{release}/" },
		     .package = "kernel-modules-{release}" },
	.config = { { "/lib/modules/{release}/config", "/boot/config-{release}", "/usr/src/kernels/{release}/.config" },
		    .package = "kernel-core-{release}" },
	.symvers = { { "/usr/src/kernels/{release}/Module.symvers", "/lib/modules/{release}/symvers.xz",
		       "/lib/modules/{release}/symvers.gz" },
		     .package = "kernel-devel-{release}" },
	.source = { { "/usr/src/kernel-{bare}.src.rpm", "/root/rpmbuild/SRPMS/kernel-{bare}.src.rpm" },
		    .command = "dnf download --source --destdir=/usr/src kernel-{bare}" },
	.made_by = "(mockbuild@",
	.version_of = SOURCE_VERSION_OF_RELEASE,
	.install = "dnf install",
	.archive = "the distribution's build system (koji)",
	.needs = {
		[NEED_BUILD] = "gcc make flex bison bc python3 elfutils-libelf-devel openssl-devel cpio rpm-build",
		[NEED_TOKENS] = "openssl-pkcs11",
		[NEED_DPKG_DEB] = "dpkg",
		[NEED_RPMBUILD] = "rpm-build",
	},
};
