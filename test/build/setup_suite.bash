# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Once for all tests of this directory: the stock kernel, and a cache with a prepared tree of it. The tree is
# the one that all tests share. The cache is this suite's own, because tests look at what kpatch-build
# leaves in it, while other suites may be building.

setup_suite() {
	local here shared
	here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
	. "$here/../lib/tests.bash"
	export KERNEL_ROOT KERNEL_RELEASE KERNEL_CACHE KERNEL_TREE
	KERNEL_ROOT=${KPATCH_TEST_ROOT:-$("$here/../lib/fetch-kernel" "${KPATCH_TEST_SERIES:-6.1}")}
	KERNEL_RELEASE=$(basename "$KERNEL_ROOT")
	shared=${KPATCH_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpatch-test}/build
	# prepares the kernel if that has not been done, and says where
	KERNEL_TREE=$("$BUILD/kpatch-build" --root "$KERNEL_ROOT" \
		--kernel "$KERNEL_RELEASE" --cache "$shared" --verbose --stop-after prepare \
		"$here/../../examples/meminfo-string.patch" 2>&1 >&3 | tee /dev/fd/3 |
		sed -n 's/^tree  *//p')
	[[ -d $KERNEL_TREE ]]
	KERNEL_CACHE=$BATS_SUITE_TMPDIR/cache
	mkdir "$KERNEL_CACHE"
	link_prepared "$shared" "$KERNEL_CACHE"
}
