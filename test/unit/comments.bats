#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Comments of Kconfig, makefiles and assembly: the cases are in comments.c, one TAP line each.

load ../lib/tests.bash

@test "comments: what is one, and what only looks like one" {
	make_programs /test/comments
	run "$BUILD/test/comments"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 24 ]
}
