#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What prepare makes of a tree: the cases are in prepared.c, one TAP line each.

load ../lib/tests.bash

@test "prepare: what make changed of the configuration is put back or refused; commands of a module" {
	make_programs /test/prepared
	run "$BUILD/test/prepared" "$BATS_TEST_TMPDIR"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -eq 65 ]
}
