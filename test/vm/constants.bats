#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What a patch left in the kernel's memory when a newer one has replaced it and its module is gone: constants
# and strings whose addresses replaced code has stored are the kernel's own.

load vm

setup_file() {
	export TREE
	own_vm crash --append crashkernel=128M
	TREE=$("$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
		--verbose --stop-after prepare "$TEST_TOP/examples/meminfo-string.patch" 2>&1 | sed -n 's/^tree  *//p')
}
teardown_file() { own_vm_stop; }

# edited NAME FILE SED: builds and loads a patch that edits a file of the kernel's source
edited() {
	local dir=$BATS_TEST_TMPDIR/edited
	mkdir -p "$dir"/{a,b}/"$(dirname "$2")"
	cp "$TREE/$2" "$dir/a/$2"
	sed "$3" "$TREE/$2" > "$dir/b/$2"
	(cd "$dir" && diff -up "a/$2" "b/$2") > "$BATS_TEST_TMPDIR/$1.patch" && return 1
	build_and_load "$BATS_TEST_TMPDIR/$1.patch"
}

# replaced NAME: another patch takes its place, and its module goes
replaced() {
	build_and_load "$TEST_TOP/examples/meminfo-string.patch"
	run ! in_vm "grep $1 /proc/modules"
}

@test "an inode that a patched inode_init_always() made has the kernel's operations" {
	edited inode fs/inode.c 's/^\tinode->i_private = NULL;/&\n\tinode->i_opflags = 0;/'
	in_vm 'mkfifo /tmp/keep; (sleep 1000 | sleep 1000) > /dev/null 2>&1 & echo $! > /tmp/pids'
	[[ $(in_vm 'ls -l /proc/[0-9]*/fd | grep -c pipe:') -ge 2 ]]
	replaced livepatch_inode
	in_vm 'for f in /proc/[0-9]*/fd/*; do stat -L "$f"; done > /tmp/stats 2>&1; grep -c fifo /tmp/stats'
	in_vm 'killall sleep || true; rm /tmp/keep'
}

# bats test_tags=any-kernel
@test "memory that a patched crash_shrink_memory() gave back has a name that can be read" {
	local file=kernel/kexec_core.c # from 6.6 on kernel/crash_core.c
	grep -q ram_res- "$TREE/$file" || file=kernel/crash_core.c
	edited shrink "$file" 's/^\tram_res->name *= "System RAM";/&\n\tpr_info("live patch shrinks\\n");/'
	size=$(in_vm 'cat /sys/kernel/kexec_crash_size')
	((size > 0))
	in_vm "echo $((size / 2)) > /sys/kernel/kexec_crash_size"
	assert_match "$(log_of_test)" 'live patch shrinks'
	replaced livepatch_shrink
	assert_match "$(in_vm 'grep -A 1 "Crash kernel" /proc/iomem | tail -n 1')" '^ *[0-9a-f]+-[0-9a-f]+ : System RAM$'
}
