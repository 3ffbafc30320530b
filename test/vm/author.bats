#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What kmod/kpatch-macros.h offers to authors besides callbacks: shadow variables and system states.

load vm

teardown() {
	in_vm 'rmmod zram 2> /dev/null; true'
	unload_all
	check_log
	refute_match "$(log_of_test)" 'invalid relocation target|expected value'
}

reads() { in_vm "cat /sys/block/zram$1/disksize"; }
limit() { in_vm 'cat /proc/sys/fs/pipe-max-size'; }

@test "a shadow variable belongs to one object, and ends with it" {
	in_vm 'modprobe zram num_devices=2'
	build_and_load "$TEST_TOP/examples/shadow-variable.patch"
	[[ $(reads 0) == '0, read 1 times' ]]
	[[ $(reads 0) == '0, read 2 times' ]]
	[[ $(reads 1) == '0, read 1 times' ]]
	[[ $(reads 0) == '0, read 3 times' ]]
	in_vm 'echo 1 > /sys/class/zram-control/hot_remove; cat /sys/class/zram-control/hot_add'
	[[ $(reads 1) == '0, read 1 times' ]]
	[[ $(reads 0) == '0, read 4 times' ]]
	# with the last user gone, post_unpatch frees them all
	unload "$name"
	[[ $(reads 0) == 0 ]]
	in_vm "kpatch load $name.ko"
	[[ $(reads 0) == '0, read 1 times' ]]
	# and the module may go with its devices
	in_vm 'rmmod zram; modprobe zram'
	[[ $(reads 0) == '0, read 1 times' ]]
}

@test "a system state is handed on by a patch that replaces, and restored at the end" {
	local before
	before=$(limit)
	build_and_load "$TEST_TOP/examples/system-state-1.patch"
	[[ $(limit) == 262144 && $before != 262144 ]]
	build_and_load "$TEST_TOP/examples/system-state-2.patch"
	[[ $(limit) == 131072 ]]
	[[ $(in_vm 'ls /sys/kernel/livepatch') == livepatch_system_state_2 ]]
	# an older version of the state does not know how to take this one over
	run ! in_vm 'kpatch load livepatch-system-state-1.ko'
	[[ $(in_vm 'ls /sys/kernel/livepatch') == livepatch_system_state_2 ]]
	assert_match "$(log_of_test)" 'livepatch_system_state_1.*not compatible'
	# neither does a patch that replaces all and has no state
	build "$TEST_TOP/examples/meminfo-string.patch"
	vm put "$module"
	run ! in_vm "kpatch load $name.ko"
	[[ $(limit) == 131072 ]]
	unload livepatch-system-state-2
	[[ $(limit) == "$before" ]]
}

@test "states without a number and two of one number are refused before anything is patched" {
	local n
	for n in 0 0x7a03; do
		sed "s/^+KPATCH_STATE(.*/&\n+KPATCH_STATE(kpatch_another, $n, 1);\n+KPATCH_STATE(kpatch_third, $n, 1);/
			s/^@@ -53,6 +53,28 @@/@@ -53,6 +53,30 @@/" "$TEST_TOP/examples/system-state-1.patch" \
			> "$BATS_TEST_TMPDIR/states-$n.patch"
		build "$BATS_TEST_TMPDIR/states-$n.patch"
		vm put "$module"
		run ! in_vm "insmod $name.ko"
		[[ -z $(in_vm 'ls /sys/kernel/livepatch') ]]
		refute_match "$(log_of_test)" 'enabling patch'
	done
}
