#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A real nfsd that is stopped, unloaded, loaded and started again under patches in every state; a client's
# answer tells which code serves it (patches/nfsd.patch.in).

load vm

setup_file() { generations nfsd; }

teardown() {
	in_vm '[ ! -e /tmp/sleeper ] || kill -9 $(cat /tmp/sleeper); rm -f /tmp/sleeper
		[ ! -e /proc/fs/nfsd/threads ] || nfs-up down' || true
	unload_all
	check_log
	refute_match "$(log_of_test)" 'invalid relocation target|expected value|livepatch: failed'
}

load_patch() { in_vm "kpatch load livepatch-nfsd-$1.ko"; }

# served N: the kernel runs the code of patch N, and nfsd does, as a client sees it (0: the original)
served() {
	local files kernel
	kernel=$(in_vm 'head -n 1 /proc/version')
	files=$(in_vm 'stat -f -c %c /mnt/v3')
	if (($1)); then
		assert_match "$kernel" "^patch $1\$"
		[[ $files == "$((100 * $1 + 1))" ]] || { echo "a client sees $files files"; return 1; }
	else
		refute_match "$kernel" '^patch'
		((files > 1000))
	fi
}

# reload N: nfsd goes and comes back, and serves with patch N; as often as make soak asks for
reload() {
	for _ in $(seq $((${KPATCH_RELOADS:-10} / 10))); do
		in_vm 'nfs-up down'
		run ! in_vm 'grep "^nfsd " /proc/modules'
		in_vm 'nfs-up'
		served "$1"
	done
}

@test "nfsd is reloaded under three patches, after the top one left, and after all were replaced" {
	local n
	in_vm 'nfs-up'
	for n in 1 2 3; do load_patch "$n"; done
	served 3
	reload 3
	unload livepatch-nfsd-3
	served 2
	reload 2
	load_patch all
	served 4
	reload 4
	unload livepatch-nfsd-all
	served 0
	reload 0
}

# hold FUNCTION: a process that sleeps in it; its number is in /tmp/sleeper
hold() {
	in_vm "(hold & echo \$! > /tmp/sleeper)
		for i in \$(seq 50); do
			grep -qF '$1' /proc/\$(cat /tmp/sleeper)/stack && exit 0; sleep 0.2
		done; cat /proc/\$(cat /tmp/sleeper)/stack; exit 1"
}

# force PATCH CONDITION: true as soon as the kernel has looked again
force() {
	local state=/sys/kernel/livepatch/$1
	[[ $(in_vm "cat $state/transition") == 1 ]]
	in_vm 'kpatch force --yes'
	in_vm "for i in \$(seq 50); do $2 && exit 0; sleep 0.1; done; exit 1"
}

@test "nfsd is reloaded in a transition, and after that was forced" {
	in_vm 'nfs-up'
	hold kernel_clone
	in_vm 'insmod livepatch-nfsd-1.ko'
	reload 1
	force livepatch_nfsd_1 '[ $(cat /sys/kernel/livepatch/livepatch_nfsd_1/transition) = 0 ]'
	served 1
	reload 1
}

# The last of this file: the module of a patch that was taken back by force is never removed.
@test "nfsd is reloaded while a patch is taken back, and after that was forced" {
	in_vm 'nfs-up'
	load_patch 3
	hold 'kernel_clone+'
	in_vm 'grep -q "kernel_clone.*livepatch_nfsd_3" /proc/$(cat /tmp/sleeper)/stack'
	in_vm 'echo 0 > /sys/kernel/livepatch/livepatch_nfsd_3/enabled'
	reload 0
	force livepatch_nfsd_3 '[ ! -e /sys/kernel/livepatch/livepatch_nfsd_3 ]'
	served 0
	reload 0
	# the sleeper is still inside
	run ! in_vm 'rmmod livepatch_nfsd_3'
	in_vm 'grep livepatch_nfsd_3 /proc/$(cat /tmp/sleeper)/stack'
	# and another patch has nfsd as if nothing had been
	load_patch 2
	served 2
	reload 2
}
