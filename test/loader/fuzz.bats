#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Damaged modules, by the hundred, in kpatch info and check: test/fuzz/patch_fuzz.c. KPATCH_FUZZ_ROUNDS for
# more of them; a build with DEV=1 has sanitizers.

bats_require_minimum_version 1.7.0
load machine

@test "mutations of a module: a result or an error with a message, and nothing but text on the terminal" {
	make_programs /test/patch-fuzz
	machine
	note notes "$KERNEL_ID"
	patch_module aaa aaa.ko
	NFSD=1 STATES=7:1 patch_module bbb signed.ko
	sign_module signed.ko
	xz -k aaa.ko
	cp aaa.ko signed.ko aaa.ko.xz "$M"
	cd "$M"
	seed=${KPATCH_FUZZ_SEED:-1}
	echo "seed $seed"
	run -0 "$BUILD/test/patch-fuzz" --mutate "${KPATCH_FUZZ_ROUNDS:-100}" "$seed" aaa.ko signed.ko aaa.ko.xz
	[[ ${lines[-1]} == "$((3 * (${KPATCH_FUZZ_ROUNDS:-100} + 1))) inputs" ]]
}
