#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What a patch changes beside the bodies of functions: the cases are in declarations.c, one TAP line each.

@test "declarations: a change of a body is none, whatever is uncertain is one" {
	cd "$BATS_TEST_DIRNAME/../.."
	BUILD=${KPATCH_TEST_BUILD:-build}
	make -s "$BUILD/test/declarations"
	run "$BUILD/test/declarations"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 60 ]
}
