# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Kernels of other machines than this one: a small kernel of each, cross-compiled once (test/lib/fetch-port), booted in a
# virtual machine of its kind with the cross-built kpatch. A kernel that is not in the cache (`make
# fixtures`) is built if KPATCH_TEST_PORTS is set; else the tests are skipped, and say so.

setup_suite() {
	local build=(--cached)
	# shellcheck source=../vm/vm.bash
	. "${BASH_SOURCE[0]%/*}/../vm/vm.bash"
	export PORT=ppc64le PORT_CROSS=powerpc64le-linux-gnu- PORT_ARCH=powerpc
	export SUITE_VM=ports-$$ KERNEL_ROOT KERNEL_RELEASE KERNEL_CACHE KPATCH_GUEST
	[[ -z ${KPATCH_TEST_PORTS:-} ]] || build=()
	KERNEL_ROOT=$("$TEST_TOP/test/lib/fetch-port" "${build[@]}" "$PORT") || KERNEL_ROOT=
	[[ -n $KERNEL_ROOT ]] || return 0
	KERNEL_RELEASE=$(basename "$KERNEL_ROOT"/lib/modules/*)
	KERNEL_CACHE=${KPATCH_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpatch-test}/build
	KPATCH_GUEST=$TEST_TOP/build/$PORT/kpatch
	make -C "$TEST_TOP" -s BUILD="build/$PORT" CC="${PORT_CROSS}gcc --sysroot=$("$TEST_TOP/test/lib/fetch-machine" "$PORT")" \
		"build/$PORT/kpatch"
	start_port_vm
}

start_port_vm() {
	vm start --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --smp 1 --lifetime 7200
	in_vm 'echo "file kernel/livepatch/transition.c +p" > /proc/dynamic_debug/control'
}

teardown_suite() {
	[[ -z $KERNEL_ROOT ]] || "$(dirname "${BASH_SOURCE[0]}")/../vm/run" --name "$SUITE_VM" stop
}
