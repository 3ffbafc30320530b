#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# On one processor without mitigations the kernel takes lock prefixes and thunks out of its code,
# and must do so in patch modules.

load vm

setup_file() { own_vm up --smp 1 --append mitigations=off; }
teardown_file() { own_vm_stop; }

# bats test_tags=any-kernel
@test "lock prefix: taken out on one processor" {
	build_and_load lock-prefix.patch
	[[ $(in_vm 'cat /proc/self/comm') == 'cat (live patched)' ]]
	code=$(code_of comm_show livepatch_lock_prefix)
	refute_match "$code" '\block '
	# a data segment prefix stands where the lock prefix stood, as in the original
	assert_match "$(code_of comm_show)" '\bds (xadd|dec|sub|cmpxchg)'
	assert_match "$code" '\bds (xadd|dec|sub|cmpxchg)'
}

@test "indirect call and return: plain instructions without mitigations" {
	build_and_load retpoline.patch
	assert_match "$(in_vm 'cat /proc/self/status')" '^LivePatched:.yes$'
	code=$(code_of proc_single_show livepatch_retpoline)
	assert_match "$code" 'call +\*%r'
	refute_match "$code" "call +0x($(thunks))"
	assert_match "$code" '\bret'
	refute_match "$code" "jmp +0x$(address_of __x86_return_thunk)"
}
