#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Who includes what: the cases are in includes.c, one TAP line each.

load ../lib/tests.bash

@test "includes: everybody who may include a file is found, and nobody who cannot" {
	make_programs /test/includes
	run "$BUILD/test/includes" "$BATS_TEST_TMPDIR"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -eq 23 ]
}
