#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Functions of modules, loaded before the patch and after it.

load vm

teardown() {
	in_vm 'umount -f /mnt/v3 /mnt/v4 2> /dev/null; [ ! -e /proc/fs/nfsd/threads ] || nfs-up down' || true
	in_vm 'losetup -d /dev/loop0 2> /dev/null; rmmod loop zram 2> /dev/null; true'
	unload_all
	check_log
}

loop_up() { in_vm 'modprobe loop && truncate -s 64k /tmp/img && losetup -o 512 /dev/loop0 /tmp/img'; }
loop_offset() { in_vm 'cat /sys/block/loop0/loop/offset'; }
zram_size() { in_vm 'cat /sys/block/zram0/disksize'; }

@test "nfsd: a client sees the change of the server's logic, in NFS 3 and 4" {
	in_vm 'nfs-up && mount -o remount,noexec /srv && cp /bin/busybox /srv/busybox-one && cp /bin/busybox /srv/busybox-two'
	# the defect that the patch corrects: clients may execute what the server may not
	run in_vm '/srv/busybox-one true'
	[[ $status == 126 ]]
	in_vm '/mnt/v3/busybox-one true && /mnt/v4/busybox-one true'

	build_and_load "$TEST_TOP/examples/nfsd-noexec.patch"
	# files that no client has asked about yet: answers are cached there
	in_vm 'cp /bin/busybox /srv/busybox-three && echo 3 > /proc/sys/vm/drop_caches'
	for file in busybox-three busybox-two; do
		for version in v3 v4; do
			run in_vm "/mnt/$version/$file true"
			echo "$version/$file: $output"
			[[ $status == 126 ]]
		done
	done
	# everything else about the files is as it was
	in_vm 'cmp /mnt/v3/busybox-three /bin/busybox && echo more >> /mnt/v4/busybox-three && ls /mnt/v3 | grep -qx busybox-two'

	unload "$name"
	in_vm 'cp /bin/busybox /srv/busybox-four && /mnt/v3/busybox-four true && /mnt/v4/busybox-four true'
}

@test "nfsd: unloaded and loaded again under the patch, it is patched again" {
	build_and_load "$TEST_TOP/examples/nfsd-noexec.patch"
	for _ in $(seq "${KPATCH_RELOADS:-3}"); do
		in_vm 'nfs-up && mount -o remount,noexec /srv && cp /bin/busybox /srv/busybox-one'
		run in_vm '/mnt/v3/busybox-one true'
		[[ $status == 126 ]]
		in_vm 'nfs-up down'
		run ! in_vm 'grep ^nfsd /proc/modules'
	done
}

# bats test_tags=any-kernel
@test "a header: its inline function changes in vmlinux and in modules, loaded before and after" {
	local before after
	in_vm 'modprobe tun'
	before=$(in_vm vnet)
	[[ $before == $'tun 0\npacket 0' ]]
	[[ ${KPATCH_TEST_SERIES:-} != 7* ]] || skip "7.x refuses this patch (test/series/refused)"
	build_and_load virtio-header.patch
	after=$(in_vm vnet)
	[[ $after == $'tun 4242\npacket 4242' ]]
	in_vm 'modprobe tap'
	[[ $(in_vm "cat /sys/kernel/livepatch/${name//-/_}/tap/patched") == 1 ]]
	unload "$name"
	[[ $(in_vm vnet) == "$before" ]]
	in_vm 'rmmod tap; modprobe -r tun'
}

# bats test_tags=any-kernel
@test "vmlinux and two modules in one patch, one of them loaded after it" {
	in_vm 'modprobe zram'
	[[ $(zram_size) == 0 ]]
	build_and_load "$TEST_TOP/examples/vmlinux-and-modules.patch"
	assert_match "$(in_vm 'cat /proc/version')" '^live patched: vmlinux$'
	[[ $(zram_size) == '0 bytes, live patched' ]]
	loop_up
	[[ $(loop_offset) == '512 bytes, live patched' ]]
	[[ $(in_vm 'cat /sys/kernel/livepatch/livepatch_vmlinux_and_modules/loop/patched') == 1 ]]
	unload "$name"
	[[ $(loop_offset) == 512 ]]
	[[ $(zram_size) == 0 ]]
	refute_match "$(in_vm 'cat /proc/version')" '^live patched'
}

@test "a patched module goes and comes back, many times" {
	build_and_load "$TEST_TOP/examples/vmlinux-and-modules.patch"
	for _ in $(seq "${KPATCH_CYCLES:-5}"); do
		in_vm 'modprobe zram'
		[[ $(zram_size) == '0 bytes, live patched' ]]
		in_vm 'rmmod zram'
	done
	unload "$name"
	in_vm 'modprobe zram'
	[[ $(zram_size) == 0 ]]
}

# events_of_9p: what the file system by which the machine shares a directory with its host reports
events_of_9p() {
	in_vm 'cd /sys/kernel/tracing || exit; echo > trace; echo 1 > events/9p/enable; ls /share > /dev/null
		echo 0 > events/9p/enable; cat trace > /tmp/trace; cat /tmp/trace'
}

@test "a function with a tracepoint of its own module works, its event stays off" {
	in_vm 'grep -q " /sys/kernel/tracing tracefs" /proc/mounts || mount -t tracefs none /sys/kernel/tracing'
	build_and_load own-tracepoint.patch
	in_vm 'dmesg' | grep -q 'a patched request'
	trace=$(events_of_9p)
	assert_match "$trace" '9p_client_res:'
	refute_match "$trace" '9p_client_req:'
	unload "$name"
	assert_match "$(events_of_9p)" '9p_client_req:'
}

# bats test_tags=any-kernel
@test "vmlinux gets a function and a variable that only a module uses, loaded before and after" {
	in_vm 'modprobe zram'
	build_and_load adds-to-vmlinux.patch
	[[ $(zram_size) == '0, then 7001' ]]
	[[ $(zram_size) == '1, then 7002' ]]
	in_vm 'rmmod zram && modprobe zram'
	[[ $(zram_size) == '2, then 7003' ]]
	[[ $(in_vm 'cd /sys/kernel/livepatch/livepatch_adds_to_vmlinux && ls -d */') == zram/ ]]
	unload "$name"
	[[ $(zram_size) == 0 ]]
}

# bats test_tags=any-kernel
@test "a module gets a function that only vmlinux uses, and need not be there" {
	in_vm 'rmmod zram 2> /dev/null; ! grep ^zram /proc/modules'
	build_and_load adds-to-module.patch
	assert_match "$(in_vm 'cat /proc/version')" '^read by a name of 3 letters'
	in_vm 'modprobe zram'
	assert_match "$(in_vm 'cat /proc/version')" '^read by a name of 3 letters'
	[[ $(zram_size) == 0 ]]
	unload "$name"
	assert_match "$(in_vm 'cat /proc/version')" '^Linux version '
}

# bats test_tags=any-kernel
@test "new sources in vmlinux and in a module: their code and data live in the patch, and use what is there" {
	in_vm 'rmmod zram 2> /dev/null; ! grep ^zram /proc/modules'
	build_and_load new-sources.patch
	assert_match "$(in_vm 'cat /proc/version')" "^read 1 times, root's mode is 40555"
	# the module comes under the patch, and goes, and comes again; what is new in it has kept its state
	in_vm 'modprobe zram'
	assert_match "$(zram_size)" '^0, read 1 times, of .*lzo-rle'
	assert_match "$(zram_size)" '^0, read 2 times, of .*lzo-rle'
	in_vm 'rmmod zram; modprobe zram'
	assert_match "$(zram_size)" '^0, read 3 times, of .*lzo-rle'
	assert_match "$(in_vm 'cat /proc/version')" '^read 2 times, '
	unload "$name"
	[[ $(zram_size) == 0 ]]
	refute_match "$(in_vm 'cat /proc/version')" '^read'
	# and with the module there
	in_vm "kpatch load $name.ko"
	assert_match "$(zram_size)" '^0, read 1 times, of .*lzo-rle'
}
