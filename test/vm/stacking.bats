#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Several patches, and tasks that sleep in replaced functions while the next one comes.

load vm

teardown() {
	in_vm '[ ! -e /tmp/sleeper ] || kill -9 $(cat /tmp/sleeper); rm -f /tmp/fifo /tmp/sleeper' || true
	unload_all
	check_log
}

# a process that sleeps in fifo_open(); prints its number
start_sleeper() {
	in_vm 'rm -f /tmp/fifo; mkfifo /tmp/fifo; cat /tmp/fifo > /dev/null 2>&1 &
		echo $! | tee /tmp/sleeper
		for i in 1 2 3 4 5 6 7 8 9 10; do
			grep -q fifo_open /proc/$!/stack && exit 0; sleep 0.2
		done
		exit 1'
}

@test "a stack through a replaced function is reliable: the next patch does not wait for it" {
	build_and_load sleeper-1.patch
	pid=$(start_sleeper)
	assert_match "$(in_vm "cat /proc/$pid/stack")" 'fifo_open\+0x.*\[livepatch_sleeper_1\]'
	build "$TEST_TOP/examples/meminfo-string.patch" --no-replace
	vm put "$module"
	in_vm "kpatch load $name.ko"
	# the kernel looks once a second, and when it has looked in vain 15 times it wakes up those that it waits for
	refute_match "$(log_of_test)" 'signaling remaining tasks'
	in_vm "grep -q ^CommittedLive: /proc/meminfo"
	# still asleep in the first patch's function, never disturbed
	assert_match "$(in_vm "cat /proc/$pid/stack")" 'fifo_open\+0x.*\[livepatch_sleeper_1\]'
	in_vm 'echo data > /tmp/fifo'
}

# bats test_tags=any-kernel
@test "a second patch of the same function goes through" {
	build_and_load sleeper-1.patch --no-replace
	in_vm 'mkfifo /tmp/fifo; cat /tmp/fifo & echo data > /tmp/fifo; wait'
	assert_match "$(log_of_test)" 'live patch: first fifo_open'
	build_and_load sleeper-2.patch --no-replace
	in_vm 'cat /tmp/fifo & echo data > /tmp/fifo; wait'
	assert_match "$(log_of_test)" 'live patch: second fifo_open'
	[[ $(in_vm 'ls /sys/kernel/livepatch | wc -l') == 2 ]]
	unload "$name"
	before=$(log_of_test | grep -c 'second fifo_open')
	in_vm 'cat /tmp/fifo & echo data > /tmp/fifo; wait'
	[[ $(log_of_test | grep -c 'second fifo_open') == "$before" ]]
	(($(log_of_test | grep -c 'first fifo_open') >= 4))
}

# bats test_tags=any-kernel
@test "a patch of a function that a task sleeps in waits for that task" {
	build_and_load sleeper-1.patch
	pid=$(start_sleeper)
	build sleeper-2.patch --no-replace
	vm put "$module"
	in_vm "(sleep 3; echo data > /tmp/fifo) & time kpatch load $name.ko"
	assert_match "$(log_of_test)" 'is sleeping on function fifo_open|signaling remaining tasks'
	in_vm 'cat /tmp/fifo & echo data > /tmp/fifo; wait'
	assert_match "$(log_of_test)" 'live patch: second fifo_open'
}

@test "atomic replace: the newer patch takes the place of the older" {
	build_and_load sleeper-1.patch
	build_and_load "$TEST_TOP/examples/meminfo-string.patch"
	[[ $(in_vm 'cd /sys/kernel/livepatch && echo *') == livepatch_meminfo_string ]]
	in_vm 'rm -f /tmp/fifo; mkfifo /tmp/fifo; cat /tmp/fifo & echo data > /tmp/fifo; wait'
	refute_match "$(log_of_test)" 'first fifo_open'
	in_vm "grep -q ^CommittedLive: /proc/meminfo"
}

# bats test_tags=any-kernel
@test "a stack: what an earlier patch calls is the latest version; a function that changes hands is named" {
	build_and_load callee-1.patch --no-replace
	[[ $(in_vm 'cat /proc/self/status | head -n 1') == $'NameLive:\tcat k1' ]]
	build callee-2.patch --no-replace
	vm put "$module"
	for command in check load; do
		run -0 in_vm "kpatch $command $name.ko 2>&1"
		assert_match "$output" 'proc_task_name: warning: livepatch_callee_1 has replaced it already.*function-taken-over'
		refute_match "$output" 'proc_pid_status: warning'
	done
	# the first patch's caller reaches the second one's function
	[[ $(in_vm 'cat /proc/self/status | head -n 1') == $'NameLive:\tcat k2' ]]
	unload livepatch_callee_2
	[[ $(in_vm 'cat /proc/self/status | head -n 1') == $'NameLive:\tcat k1' ]]
}

@test "atomic replace: a module to which the kernel has a pointer stays in memory, another one goes" {
	build_and_load keeps.patch
	in_vm 'cat /proc/meminfo > /dev/null'
	assert_match "$(in_vm 'cat /proc/ioports')" ' : named by a live patch$'
	build_and_load sleeper-1.patch
	[[ $(in_vm 'ls /sys/kernel/livepatch') == livepatch_sleeper_1 ]]
	in_vm 'grep "^livepatch_keeps " /proc/modules'
	assert_match "$(in_vm 'cat /proc/ioports')" ' : named by a live patch$'
	assert_match "$(in_vm 'kpatch list')" '^livepatch_keeps +- +off .*stays in memory until the next boot'
	run -6 in_vm 'kpatch load livepatch-keeps.ko 2>&1'
	assert_match "$output" 'module-in-memory'
	run ! in_vm 'rmmod livepatch_keeps'
	run -0 in_vm "kpatch unload livepatch_sleeper_1"
	refute_match "$(in_vm 'cat /proc/modules')" 'livepatch_sleeper_1'
}
