#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The patch reader and applier: the cases are in patchfile.c, one TAP line each.

load ../lib/tests.bash

@test "patches: applied exactly, refused by id, hostile ones harmless" {
	make_programs /test/patchfile
	run "$BUILD/test/patchfile"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 50 ]
}
