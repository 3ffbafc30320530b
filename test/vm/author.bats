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

# bats test_tags=any-kernel
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

# refused_by_state FILE ID: by kpatch, which says so beforehand, and by the kernel
refused_by_state() {
	local command
	for command in check load; do
		run -7 in_vm "kpatch $command $1 2>&1"
		assert_match "$output" "\\[$2\\]"
	done
	refute_match "$(log_of_test)" 'not compatible'
	run ! in_vm "insmod $1"
	assert_match "$(log_of_test)" 'not compatible'
	mark_log
	[[ $(in_vm 'ls /sys/kernel/livepatch') == livepatch_system_state_2 ]]
}

# bats test_tags=any-kernel
@test "a system state is handed on by a patch that replaces, and restored at the end" {
	local before
	before=$(limit)
	build_and_load "$TEST_TOP/examples/system-state-1.patch"
	[[ $(limit) == 262144 && $before != 262144 ]]
	build_and_load "$TEST_TOP/examples/system-state-2.patch"
	[[ $(limit) == 131072 ]]
	[[ $(in_vm 'ls /sys/kernel/livepatch') == livepatch_system_state_2 ]]
	# an older version of the state does not know how to take this one over
	refused_by_state livepatch-system-state-1.ko state-older
	# neither does a patch that replaces all and has no state
	build "$TEST_TOP/examples/meminfo-string.patch"
	vm put "$module"
	refused_by_state "$name.ko" state-unknown
	[[ $(limit) == 131072 ]]
	# one that is added leaves the state alone
	build "$TEST_TOP/examples/meminfo-string.patch" --no-replace
	vm put "$module"
	in_vm "kpatch check $name.ko && insmod $name.ko"
	unload "$name"
	unload livepatch-system-state-2
	[[ $(limit) == "$before" ]]
}

# bats test_tags=any-kernel
@test "states without a number and two of one number are refused before anything is patched" {
	local n
	# kpatch-build does not make such a module any more (state-number): a number is changed in a good one
	sed "s/^+KPATCH_STATE(.*/&\n+KPATCH_STATE(kpatch_another, 0x7a035a5a, 1);/
		s/^@@ -53,6 +53,28/@@ -53,6 +53,29/" "$TEST_TOP/examples/system-state-1.patch" \
		> "$BATS_TEST_TMPDIR/states.patch"
	build "$BATS_TEST_TMPDIR/states.patch"
	for n in '\x00\x00\x00\x00' '\x02\x7a\x00\x00'; do
		LC_ALL=C sed "s/\x5a\x5a\x03\x7a/$n/" "$module" > "$BATS_TEST_TMPDIR/other.ko"
		run ! cmp -s "$module" "$BATS_TEST_TMPDIR/other.ko"
		vm put "$BATS_TEST_TMPDIR/other.ko"
		run ! in_vm 'insmod other.ko'
		[[ -z $(in_vm 'ls /sys/kernel/livepatch') ]]
		refute_match "$(log_of_test)" 'enabling patch'
	done
}

# bats test_tags=any-kernel
@test "a patch that was written for kpatch: callbacks, messages, a system call" {
	local plain
	plain=$(in_vm 'uname -v')
	run -0 build from-kpatch.patch
	name=livepatch-from-kpatch
	assert_match "$output" 'KPATCH_FORCE_UNSAFE\(version_proc_show\) does nothing: .*\[force-unsafe\]'
	vm put "$BATS_TEST_TMPDIR/$name.ko"
	in_vm "kpatch load $name.ko"
	assert_match "$(log_of_test)" 'version comes to vmlinux'
	assert_match "$(log_of_test)" 'version is here'
	[[ $(in_vm 'uname -v') == "$plain patched" ]]
	in_vm 'cat /proc/version; grep -c Linux /proc/version'
	assert_match "$(log_of_test)" 'version is read by cat'
	assert_match "$(log_of_test)" 'version is read by another, grep'
	refute_match "$(log_of_test)" 'version goes'
	unload "$name"
	assert_match "$(log_of_test)" 'version goes'
	assert_match "$(log_of_test)" 'version is gone'
	[[ $(in_vm 'uname -v') == "$plain" ]]
}

# bats test_tags=any-kernel
@test "a callback does what __init code of the patch would have done, and another undoes it" {
	local before
	watches() { in_vm 'cat /proc/sys/fs/epoll/max_user_watches'; }
	before=$(watches)
	((before > 20000))
	build_and_load "$TEST_TOP/examples/init-code.patch"
	[[ $(watches) == 20000 ]]
	assert_match "$(cat "$BATS_TEST_TMPDIR/$name.yaml")" 'KPATCH_IGNORE_FUNCTION\(eventpoll_init\) asks'
	unload "$name"
	[[ $(watches) == "$before" ]]
	# a lower value that somebody has set stays
	in_vm 'echo 777 > /proc/sys/fs/epoll/max_user_watches'
	in_vm "kpatch load $name.ko"
	[[ $(watches) == 777 ]]
	unload "$name"
	[[ $(watches) == 777 ]]
	in_vm "echo $before > /proc/sys/fs/epoll/max_user_watches"
}
