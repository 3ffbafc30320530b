#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# lib/kernel: the cases are in kernel_image.c and kernel_files.c, one TAP line each.

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	export BUILD=$PWD/${KPATCH_TEST_BUILD:-build}
	make -s "${BUILD##*/}/test/kernel_image" "${BUILD##*/}/test/kernel_files"
}

@test "images and kallsyms: contents, damage, bombs, the cache" {
	run "$BUILD/test/kernel_image"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 200 ]
}

@test "modules, Module.symvers, configurations, build IDs, symbols by name" {
	for part in a b c; do
		${CC:-cc} -c -o "$BATS_TEST_TMPDIR/$part.o" "$BATS_TEST_DIRNAME/fake_module.$part.S"
	done
	ld -r -o "$BATS_TEST_TMPDIR/fake.ko" "$BATS_TEST_TMPDIR"/{a,b,c}.o
	run "$BUILD/test/kernel_files" "$BATS_TEST_TMPDIR/fake.ko"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 110 ]
}
