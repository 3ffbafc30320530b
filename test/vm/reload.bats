#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Targets that fail to load under a patch. On kernels before 6.3 nothing but the runtime of the patch
# module clears what livepatch relocations wrote, and without that the target never loads again.

load vm

teardown() {
	in_vm '[ ! -e /proc/fs/nfsd/threads ] || nfs-up down; rmmod zram 2> /dev/null; true'
	unload_all
	check_log
	refute_match "$(log_of_test)" 'invalid relocation target|expected value'
}

# refused MODULE [ARGUMENT...]: loading it fails. What it depends on must be there (see known).
# busybox tries every module twice, with finit_module() and with init_module().
refused() {
	local module=$1
	shift
	local path
	path=$(in_vm "grep -o '^[^:]*/$module\.ko[^:]*' /lib/modules/$KERNEL_RELEASE/modules.dep")
	run ! in_vm "insmod /lib/modules/$KERNEL_RELEASE/$path $*"
	run ! in_vm "grep '^$module ' /proc/modules"
}
# known MODULE: what it depends on is loaded, itself not
known() { in_vm "modprobe $1 && rmmod $1"; }

# The callback of zram-callbacks.patch refuses zram's first two loads. One run of insmod is one or two
# of them, depending on whether busybox has to decompress the module itself.
refused_by_callback() {
	while (($(log_of_test | grep -c 'zram: pre_patch with') < 2)); do
		refused zram
	done
}

patched() { in_vm "cat /sys/kernel/livepatch/$1/$2/patched"; }

# bats test_tags=any-kernel
@test "a parameter that zram refuses: the next load of the module is patched" {
	known zram
	build_and_load zram-callbacks.patch
	refused_by_callback
	for _ in 1 2; do
		refused zram num_devices=nonsense
		in_vm 'modprobe zram'
		assert_match "$(in_vm 'cat /sys/block/zram0/disksize')" '^live patched: 0, .*\[lz[^ ]+\]'
		in_vm 'rmmod zram'
	done
	assert_match "$(log_of_test)" "reverting patch 'livepatch_zram_callbacks' on unloading module 'zram'"
}

# bats test_tags=any-kernel
@test "a pre_patch callback that refuses the module: the next load is patched" {
	known zram
	build_and_load zram-callbacks.patch
	refused_by_callback
	[[ $(patched livepatch_zram_callbacks zram) == 0 ]]
	assert_match "$(log_of_test)" 'pre-patch callback failed for object .zram'
	in_vm 'modprobe zram'
	[[ $(patched livepatch_zram_callbacks zram) == 1 ]]
	assert_match "$(in_vm 'cat /sys/block/zram0/disksize')" '^live patched: '
	in_vm 'rmmod zram'
	# the author's callbacks find the module's data where it was, cleared after the last of them
	[[ $(log_of_test | grep -c 'pre_patch with lz') == 3 ]]
	[[ $(log_of_test | grep -c 'post_unpatch with lz') == 1 ]]
}

@test "a pre_patch callback that refuses the patch: nothing of it is left" {
	build zram-callbacks.patch
	vm put "$module"
	in_vm 'modprobe zram'
	run ! in_vm "kpatch load $name.ko"
	[[ -z $(in_vm 'ls /sys/kernel/livepatch') ]]
	run ! in_vm 'grep ^livepatch_zram /proc/modules'
	refute_match "$(in_vm 'cat /sys/block/zram0/disksize')" 'live patched'
	# its memory is fresh, and so is its counter: it refuses again, and unloads again
	run ! in_vm "kpatch load $name.ko"
	in_vm 'rmmod zram && modprobe zram'
	refute_match "$(in_vm 'cat /sys/block/zram0/disksize')" 'live patched'
}

# A kernel that clears by itself stops at a field that is not what it wrote.
@test "the patch changes a pointer into zram that it came with: zram loads again, and the pointer is fresh" {
	known zram
	build_and_load zram-pointer.patch
	for _ in 1 2 3; do
		in_vm 'modprobe zram'
		[[ $(in_vm 'cat /sys/block/zram0/disksize') == $'live patched: 0\n0' ]]
		[[ $(in_vm 'cat /sys/block/zram0/disksize') == $'live patched: later\n0' ]]
		in_vm 'rmmod zram'
	done
}

# bats test_tags=any-kernel
@test "a parameter that nfsd refuses: the right nfsd is patched" {
	known nfsd
	build_and_load "$TEST_TOP/examples/nfsd-noexec.patch"
	for _ in 1 2; do
		refused nfsd nfs4_disable_idmapping=xyz
		in_vm 'modprobe nfsd'
		[[ $(patched livepatch_nfsd_noexec nfsd) == 1 ]]
		in_vm 'rmmod nfsd'
	done
}

# other_build MODULE: a copy of the installed one with another build ID, put into the machine as other.ko
other_build() {
	local file=$BATS_TEST_TMPDIR/other.ko section=.note.gnu.build-id
	xz -dcf "$(find "$KERNEL_ROOT/lib/modules" -name "$1.ko*" | head -n 1)" > "$file.1"
	objcopy -O binary -j $section --set-section-flags $section=alloc "$file.1" "$file.id"
	printf '\xff\xff\xff\xff' | dd of="$file.id" bs=1 seek=16 conv=notrunc status=none
	objcopy "${@:2}" --update-section "$section=$file.id" "$file.1" "$file"
	vm put "$file"
}

@test "a module of another build is refused, and said so; the right one is patched afterwards" {
	known nfsd
	other_build nfsd
	build_and_load "$TEST_TOP/examples/nfsd-noexec.patch"
	targets=/sys/module/livepatch_nfsd_noexec/parameters/targets
	expected=$(in_vm "sed -n 's/^nfsd //p' $targets")
	[[ $expected =~ ^[0-9a-f]{40}$ ]]
	# other than 0 where an earlier test has forced a patch, whose module stays
	healthy=$(in_vm 'kpatch status > /dev/null 2>&1; echo $?')
	run ! in_vm 'insmod other.ko'
	run ! in_vm 'grep "^nfsd " /proc/modules'
	assert_match "$(log_of_test)" "livepatch_nfsd_noexec: not made for this build of nfsd: its build ID is ffffffff${expected:8}, not $expected"
	run -11 in_vm 'kpatch status 2>&1'
	assert_match "$output" "module nfsd was not loaded.* expected build ID $expected, found ffffffff${expected:8}.*target-refused"
	run -11 in_vm 'as-user kpatch status 2>&1'
	in_vm 'modprobe nfsd'
	[[ $(patched livepatch_nfsd_noexec nfsd) == 1 ]]
	run -"$healthy" in_vm 'kpatch status 2>&1'
	refute_match "$output" 'target-refused|nfsd was not loaded'
	in_vm 'rmmod nfsd'
}

# bats test_tags=any-kernel
@test "a module without a build ID is refused" {
	known nfsd
	build_and_load "$TEST_TOP/examples/nfsd-noexec.patch"
	xz -dcf "$(find "$KERNEL_ROOT/lib/modules" -name 'nfsd.ko*' | head -n 1)" > "$BATS_TEST_TMPDIR/nfsd.ko"
	objcopy -R .note.gnu.build-id "$BATS_TEST_TMPDIR/nfsd.ko"
	vm put "$BATS_TEST_TMPDIR/nfsd.ko"
	run ! in_vm 'insmod nfsd.ko'
	assert_match "$(log_of_test)" 'not made for this build of nfsd: it has no build ID'
	in_vm 'modprobe nfsd && rmmod nfsd'
}

@test "a patch is refused while a module of another build is loaded, by the runtime as well as by kpatch" {
	known nfsd
	other_build nfsd
	build "$TEST_TOP/examples/nfsd-noexec.patch"
	vm put "$module"
	in_vm 'insmod other.ko'
	run -4 in_vm "kpatch load $name.ko"
	run ! in_vm "insmod $name.ko"
	assert_match "$(log_of_test)" 'not made for this build of nfsd'
	[[ -z $(in_vm 'ls /sys/kernel/livepatch') ]]
	in_vm "rmmod nfsd && modprobe nfsd && kpatch load $name.ko"
	[[ $(patched livepatch_nfsd_noexec nfsd) == 1 ]]
}

@test "a patch for another build of the kernel is refused by the runtime" {
	build "$TEST_TOP/examples/meminfo-string.patch"
	python3 - "$module" "$BATS_TEST_TMPDIR/other.ko" <<-'END'
		import sys
		b = open(sys.argv[1], "rb").read()
		at = b.index(b"vmlinux".ljust(56, b"\0")) + 56
		open(sys.argv[2], "wb").write(b[:at] + bytes([b[at] ^ 1]) + b[at + 1:])
	END
	vm put "$BATS_TEST_TMPDIR/other.ko"
	run ! in_vm 'insmod other.ko'
	assert_match "$(log_of_test)" 'livepatch_meminfo_string: not made for this build of vmlinux: its build ID is '
	run -7 in_vm 'kpatch load other.ko 2>&1'
	assert_match "$output" 'the kernel says: livepatch_meminfo_string: not made for this build of vmlinux'
}
