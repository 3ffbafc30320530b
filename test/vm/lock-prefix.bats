#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# On one processor the kernel takes lock prefixes out, of patch modules too.

load vm

setup_file() { own_vm up --smp 1; }
teardown_file() { own_vm_stop; }

@test "lock prefix: taken out on one processor" {
	assert_match "$(in_vm 'dmesg')" 'SMP alternatives: switching to UP code|Freeing SMP alternatives'
	build_and_load lock-prefix.patch
	[[ $(in_vm 'cat /proc/self/comm') == 'cat (live patched)' ]]
	code=$(code_of comm_show livepatch_lock_prefix)
	refute_match "$code" '\block '
	# a data segment prefix stands where the lock prefix stood
	assert_match "$code" '\bds (xadd|dec|sub|cmpxchg)|3e (f0|0f|ff|83)'
}
