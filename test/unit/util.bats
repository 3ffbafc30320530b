#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# lib/util: the cases are in util.c, one TAP line each.

load ../lib/tests.bash

@test "util: command lines without memory, paths, which PATH a program is found in; directories that others could change, removal, new files" {
	make_programs /test/util
	run "$BUILD/test/util" "$BATS_TEST_TMPDIR"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 71 ]
}
