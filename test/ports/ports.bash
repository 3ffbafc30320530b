# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the files of this directory share: patches for the machine's kernel, and the tests' beginning and end.

load ../vm/vm

setup() {
	[[ -n $KERNEL_ROOT ]] || skip "no $PORT kernel in the cache: make fixtures"
	vm_setup
}

# make_patch PATCH [OPTION...]: kpatch-build; $module is put into the machine
make_patch() {
	local patch=$1
	shift
	name=livepatch-$(basename "$patch" .patch)
	mkdir -p "$BATS_TEST_TMPDIR/out"
	"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --source "$KERNEL_ROOT/usr/src/linux-source-6.1.tar.xz" \
		--cache "$KERNEL_CACHE" --output "$BATS_TEST_TMPDIR/out" "$@" "$patch" 2>> "$BATS_TEST_TMPDIR/said"
	module=$BATS_TEST_TMPDIR/out/$name.ko
	vm put "$module"
}
