# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Once for all tests of this directory: the stock kernel, and a prepared tree of it in the cache that
# all tests share.

setup_suite() {
	local here
	here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
	export KERNEL_ROOT KERNEL_RELEASE KERNEL_CACHE KERNEL_TREE
	KERNEL_ROOT=${KPATCH_TEST_ROOT:-$("$here/../lib/fetch-kernel" "${KPATCH_TEST_SERIES:-6.1}")}
	KERNEL_RELEASE=$(basename "$KERNEL_ROOT")
	KERNEL_CACHE=${KPATCH_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpatch-test}/build
	# prepares the kernel if that has not been done, and says where
	KERNEL_TREE=$("${KPATCH_BUILD_DIR:-$here/../../build}/kpatch-build" --root "$KERNEL_ROOT" \
		--kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" --verbose --stop-after prepare \
		"$here/../../examples/meminfo-string.patch" 2>&1 >&3 | tee /dev/fd/3 |
		sed -n 's/^tree  *//p')
	[[ -d $KERNEL_TREE ]]
}
