#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Patches of another machine's kernel and of a module, over time, as test/vm has them for this one: stacked and replaced, in
# transition, names that are not unique. What version_proc_show() in vmlinux and loop_attr_offset_show() in
# the module say must always agree.

load ports.bash

teardown() {
	[[ -n $KERNEL_ROOT ]] || return 0
	in_vm '[ ! -e /tmp/sleeper ] || kill -9 $(cat /tmp/sleeper); rm -f /tmp/fifo /tmp/sleeper
		[ ! -e /proc/fs/nfsd/threads ] || nfs-up down; losetup -d /dev/loop0 2> /dev/null; rmmod loop 2> /dev/null; true' || true
	unload_all
	check_log
	refute_match "$(log_of_test)" 'Expected nop|invalid relocation target|livepatch: failed|stub'
}

# generation_patch N [OPTION...]: built once for all tests, and loaded
generation_patch() {
	local dir=$BATS_FILE_TMPDIR/generations
	mkdir -p "$dir"
	if [[ ! -e $dir/livepatch-generation-$1.ko ]]; then
		sed "s/@N@/$1/" "$TEST_TOP/test/vm/patches/$PORT/generation.patch.in" > "$dir/generation-$1.patch"
		make_patch "$dir/generation-$1.patch" "${@:2}"
		cp "$module" "$dir"
	fi
	in_vm "kpatch load livepatch-generation-$1.ko"
}
loop_up() { in_vm "modprobe loop $* && truncate -s 64k /tmp/img && losetup -P -o 512 /dev/loop0 /tmp/img"; }
loop_down() { in_vm 'losetup -d /dev/loop0; rmmod loop'; }
loop_says() { in_vm 'cat /sys/block/loop0/loop/offset'; }
patched() { in_vm "cat /sys/kernel/livepatch/livepatch_generation_$1/loop/patched"; }

# generation N: kernel and, if it is there, module run the code of patch N; 0: the original
generation() {
	local kernel module expected=$'1\npatch '"$1: 512, lock 0"
	(($1)) || expected=512
	kernel=$(in_vm 'head -n 1 /proc/version')
	module=$(in_vm 'cat /sys/block/loop0/loop/offset 2> /dev/null || true')
	(($1)) && [[ $kernel == "patch $1" ]] || [[ $1 == 0 && $kernel == "Linux version"* ]] || { echo "not $1: $kernel"; return 1; }
	[[ ! $module || $module == "$expected" ]] || { echo "not $1: $module"; return 1; }
}

# a process that sleeps in pipe_read(), until the other one is killed
start_sleeper() {
	in_vm 'rm -f /tmp/fifo; mkfifo /tmp/fifo; sleep 3000 > /tmp/fifo 2> /dev/null & echo $! > /tmp/sleeper
		cat /tmp/fifo > /dev/null 2>&1 & echo $! >> /tmp/sleeper
		for i in 1 2 3 4 5 6 7 8 9 10; do grep -q pipe_read /proc/$!/stack && exit 0; sleep 0.2; done; exit 1'
}
end_sleeper() { in_vm 'kill -9 $(head -n 1 /tmp/sleeper); rm /tmp/sleeper'; }

# bats test_tags=nightly
@test "two stacked patches, the module loaded at every point between them; it goes and comes back under what is left" {
	local at n
	for at in 0 1 2; do
		((at)) || loop_up
		for n in 1 2; do
			generation_patch $n --no-replace
			generation $n
			((at != n)) || { loop_up; generation $n; [[ $(patched $n) == 1 ]]; }
		done
		for n in 2 1; do
			if ((at == 0)); then
				loop_down
				generation $n
				loop_up
				generation $n
			fi
			unload "livepatch-generation-$n"
			generation $((n - 1))
		done
		loop_down
	done
}

@test "a patched module goes under its patch, the patch goes without it: the module comes back as it was" {
	generation_patch 1 --no-replace
	loop_up
	generation 1
	loop_down
	[[ $(patched 1) == 0 ]]
	unload livepatch-generation-1
	refute_match "$(in_vm 'cat /proc/modules')" '^livepatch_generation'
	loop_up
	[[ $(loop_says) == 512 ]]
}

@test "one patch replaces another, of the same functions and of others" {
	generation_patch 1 --no-replace
	loop_up
	generation_patch 3
	[[ $(in_vm 'ls /sys/kernel/livepatch') == livepatch_generation_3 ]]
	refute_match "$(in_vm 'cat /proc/modules')" '^livepatch_generation_1'
	generation 3
	loop_down
	loop_up
	generation 3
	# of neither function: both are the kernel's own again. Under a name of its own: other tests load this patch, too,
	# and it stays in memory.
	cp "$TEST_TOP/examples/meminfo-string.patch" "$BATS_TEST_TMPDIR/another.patch"
	make_patch "$BATS_TEST_TMPDIR/another.patch"
	in_vm "kpatch load $name.ko"
	[[ $(in_vm 'ls /sys/kernel/livepatch') == livepatch_another ]]
	generation 0
	[[ $(in_vm 'grep -o "^Committed[A-Za-z_]*" /proc/meminfo') == CommittedLive ]]
}

@test "in transition: the module goes and comes back while a task holds the transition up" {
	generation_patch 1 --no-replace
	unload livepatch-generation-1
	loop_up
	start_sleeper
	in_vm 'insmod livepatch-generation-1.ko'
	for _ in 1 2; do
		[[ $(in_vm 'cat /sys/kernel/livepatch/livepatch_generation_1/transition') == 1 ]]
		loop_down
		loop_up
		[[ $(loop_says) == $'1\npatch 1: 512, lock 0' ]]
	done
	assert_match "$(log_of_test)" 'is sleeping on function pipe_read'
	end_sleeper
	in_vm 'for i in $(seq 60); do
		[ $(cat /sys/kernel/livepatch/livepatch_generation_1/transition) = 0 ] && exit 0; sleep 0.5; done; exit 1'
	generation 1
}

@test "one of two functions of a name, in the kernel and in a module that is there or comes" {
	[[ $(in_vm "grep -c ' c_start\$' /proc/kallsyms") -ge 2 ]]
	make_patch "$TEST_TOP/test/vm/patches/$PORT/same-name.patch" --no-replace
	[[ $(grep -A2 'name: \(c_start\|nfsd3_proc_null\)' "${module%.ko}.yaml" | grep -c 'position: [1-9]') == 2 ]]
	in_vm nfs-up
	[[ $(in_vm "grep -c ' nfsd3_proc_null.*\\[nfsd\\]' /proc/kallsyms") == 2 ]]
	mark_log
	in_vm "kpatch load $name.ko"
	for _ in 1 2; do
		assert_match "$(in_vm 'cat /proc/consoles')" '^live patched$'
		refute_match "$(in_vm 'cat /proc/cpuinfo')" 'live patched'
		in_vm 'nfs-up down; nfs-up'
		assert_match "$(log_of_test)" 'live patch: NULL of program 100003'
		refute_match "$(log_of_test)" 'live patch: NULL of program 100227'
		mark_log
	done
}
