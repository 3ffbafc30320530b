#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A disk that is full, read-only or broken, at each call that reaches it: what is done and how it is judged is
# in faults.c.

bats_require_minimum_version 1.7.0
load machine

@test "install, boot, load, enable and the rest: each call fails" {
	make_programs /test/faults
	machine
	note notes "$KERNEL_ID"
	note build-id 1111111111111111111111111111111111111111
	patch_module aaa aaa.ko
	cp aaa.ko aaa2.ko
	BUILD_ID=2222222222222222222222222222222222222222 patch_module aaa aaa2.ko
	patch_module killer killer.ko
	run -0 "$BUILD/test/faults" "$PWD/faulty" "$PWD/aaa.ko" "$PWD/aaa2.ko" "$PWD/killer.ko"
	[[ $(grep -c '^ok ' <<< "$output") == 45 ]]
}
