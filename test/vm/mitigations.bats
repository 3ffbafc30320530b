#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# With the mitigations for retbleed and Spectre v2 forced on, on a processor model that has them.

load vm

setup_file() { own_vm mitigated --cpu EPYC --append 'spectre_v2=retpoline,generic retbleed=unret'; }
teardown_file() { own_vm_stop; }

@test "retpoline and return thunk, with mitigations on" {
	assert_match "$(in_vm 'cat /sys/devices/system/cpu/vulnerabilities/spectre_v2')" 'Retpolines'
	assert_match "$(in_vm 'cat /sys/devices/system/cpu/vulnerabilities/retbleed')" 'untrained return thunk'
	build_and_load retpoline.patch
	text=$(in_vm 'cat /proc/self/status')
	assert_match "$text" '^LivePatched:.yes$'
	assert_match "$text" '^Name:.cat$'
	code=$(code_of proc_single_show livepatch_retpoline)
	# the indirect call goes through a thunk, the return through the return thunk of this boot
	assert_match "$code" "call +0x($(thunks))"
	refute_match "$code" 'call +\*'
	refute_match "$code" '\bret'
	return=$(in_vm "grep -E ' [tT] (__x86|retbleed|srso|srso_alias)_return_thunk' /proc/kallsyms" |
		cut -d ' ' -f 1 | paste -sd '|')
	# the very thunk that the original of the function returns through
	jump=$(code_of proc_single_show | grep -oE "jmp +0x($return)" | sort -u)
	[[ -n $jump ]]
	assert_match "$code" "$jump\$"
	unload "$name"
	refute_match "$(in_vm 'cat /proc/self/status')" '^LivePatched'
}
