# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests in this directory share: a machine that is booted once for all of them (see
# setup_suite.bash), patches built through the front door, and a look at the kernel's log after each
# test. Tests set nothing but what they name; what they load is unloaded for them.

bats_require_minimum_version 1.7.0

# shellcheck source=../lib/tests.bash
. "${BASH_SOURCE[0]%/*}/../lib/tests.bash"

# vm COMMAND...: test/vm/run, on the machine of this file
vm() { "$TEST_TOP/test/vm/run" --name "${VM_NAME:-$SUITE_VM}" "$@"; }

# in_vm [--timeout S] LINE: a shell line in the machine
in_vm() { vm exec "$@"; }

# start_suite_vm: the machine that all files share
start_suite_vm() {
	vm start --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --lifetime 14400
	vm put --to /usr/bin "$PROGS"/*
	# stacks that the kernel cannot unwind are only mentioned at this level
	in_vm 'echo "file kernel/livepatch/transition.c +p" > /proc/dynamic_debug/control'
}

# A machine of this file's own, with other processors or another command line: own_vm NAME OPTION...
own_vm() {
	export VM_NAME=$SUITE_VM-$1
	shift
	vm start --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" "$@"
	vm put --to /usr/bin "$PROGS"/*
}
own_vm_stop() { vm stop; unset VM_NAME; }

# The log of a machine must stay free of surprises; this marks where a test begins.
mark_log() {
	MARK="test-$BATS_SUITE_TEST_NUMBER-$RANDOM"
	in_vm "echo $MARK > /dev/kmsg"
	EXPECTED_WARNINGS=
}
# log_of_test: the kernel's messages since mark_log
log_of_test() { in_vm "dmesg" | sed "1,/$MARK/d"; }

# check_log: fail if the kernel complained, other than with lines that match EXPECTED_WARNINGS
check_log() {
	local bad
	bad=$(log_of_test | grep -E 'WARNING|BUG|Oops|general protection|Call Trace|unreliable stack' |
		grep -vE "${EXPECTED_WARNINGS:-^\$}" || true)
	[[ -z $bad ]] || { echo "the kernel complained:"; log_of_test; return 1; }
}

# patch_form FILE: of test/vm/patches, or any other; or the same change for sources of the machine's series, which
# have other lines around it
patch_form() {
	local patch=$1 form
	[[ $patch == /* ]] || patch=$TEST_TOP/test/vm/patches/$patch
	form=$TEST_TOP/test/vm/patches/${KPATCH_TEST_SERIES%%.*}/${patch##*/}
	[[ -z ${KPATCH_TEST_SERIES:-} || ! -e $form ]] || patch=$form
	echo "$patch"
}

# build PATCH [OPTION...]: kpatch-build; the module's path is in $module, its name in $name. A patch that several
# tests of a run use with the same options is built for the first of them.
build() {
	local patch=$1 made
	shift
	name=livepatch-$(basename "$patch" .patch)
	patch=$(patch_form "$patch")
	made=$BATS_SUITE_TMPDIR/built/$({ printf '%s\n' "$name" "$@"; cat "$patch"; } | sha256sum | cut -c -32)
	if [[ ! -d $made ]]; then
		rm -rf "$made.new"
		mkdir -p "$made.new"
		"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
			--output "$made.new" "$@" "$patch"
		mv "$made.new" "$made"
	fi
	cp "$made"/* "$BATS_TEST_TMPDIR"
	module=$BATS_TEST_TMPDIR/$name.ko
	[[ -s $module ]]
}

# generations NAME: livepatch-NAME-1.ko to -3.ko, that stack, and livepatch-NAME-all.ko, that replaces, made
# from patches/NAME.patch.in and put into the machine
generations() {
	local n patches=$BATS_FILE_TMPDIR options
	for n in 1 2 3 all; do
		sed "s/@N@/${n/all/4}/" "$(patch_form "$1.patch.in")" > "$patches/$1-$n.patch"
		[[ $n == all ]] && options= || options=--no-replace
		"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
			$options --output "$patches" "$patches/$1-$n.patch"
		vm put "$patches/livepatch-$1-$n.ko"
	done
}

# test_module NAME: kmods/NAME.c, compiled with the headers of the machine's kernel and put into it
test_module() {
	local tree=$BATS_FILE_TMPDIR/headers dir=$BATS_FILE_TMPDIR/kmods
	mkdir -p "$dir"
	kernel_headers "$tree"
	cp "$TEST_TOP/test/vm/kmods/$1.c" "$dir"
	echo "obj-m += $1.o" > "$dir/Kbuild"
	# since 6.13 a module is built where make was called, which is not to be this directory of links: MO=
	make -s -C "$tree" M="$dir" MO="$dir" KCFLAGS=-Werror CONFIG_DEBUG_INFO_BTF_MODULES= modules
	vm put "$dir/$1.ko"
}

# build_and_load PATCH [OPTION...]
build_and_load() {
	build "$@"
	vm put "$module"
	in_vm "kpatch load $name.ko"
}

# unload NAME
unload() { in_vm "kpatch unload $1"; }

# unload_all: whatever is left, newest first
unload_all() {
	local left
	left=$(in_vm 'ls -t /sys/kernel/livepatch' || true)
	for name in $left; do
		unload "$name"
	done
}

# code_of FUNCTION [MODULE]: disassembly of what the kernel executes, addresses as in the kernel
code_of() {
	local address bytes
	read -r address bytes < <(vm exec peek "$@")
	perl -e 'print pack("H*", $ARGV[0])' "$bytes" > "$BATS_TEST_TMPDIR/code"
	objdump -D -b binary -m i386:x86-64 --adjust-vma="$address" "$BATS_TEST_TMPDIR/code"
}

# address_of SYMBOL: in the running kernel, without leading 0x
address_of() { in_vm "grep -m 1 -w '$1\$' /proc/kallsyms" | cut -d ' ' -f 1; }

# thunks: the addresses of the indirect call thunks, as alternatives of a pattern
thunks() {
	in_vm "grep -E ' __x86_indirect_thunk_(r|array)' /proc/kallsyms" | cut -d ' ' -f 1 | sort -u | paste -sd '|'
}

# fails with both texts if a text does not hold a pattern
assert_match() {
	grep -qE -- "$2" <<< "$1" || { echo "expected /$2/ in:"; echo "$1"; return 1; }
}
refute_match() {
	! grep -qE -- "$2" <<< "$1" || { echo "did not expect /$2/ in:"; echo "$1"; return 1; }
}

vm_setup() {
	# A machine that went in one test is no reason for all others to fail. What a file itself put into it is gone.
	[[ -n ${VM_NAME:-} ]] || vm status > /dev/null || start_suite_vm
	mark_log
}
setup() { vm_setup; }
teardown() {
	unload_all
	check_log
}
