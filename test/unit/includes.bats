#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Who includes what: the cases are in includes.c, one TAP line each.

@test "includes: everybody who may include a file is found, and nobody who cannot" {
	cd "$BATS_TEST_DIRNAME/../.."
	BUILD=${KPATCH_TEST_BUILD:-build}
	make -s "$BUILD/test/includes"
	run "$BUILD/test/includes" "$BATS_TEST_TMPDIR"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -eq 23 ]
}
