#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The patch reader and applier: the cases are in patchfile.c, one TAP line each.

@test "patches: applied exactly, refused by id, hostile ones harmless" {
	cd "$BATS_TEST_DIRNAME/../.."
	BUILD=${KPATCH_TEST_BUILD:-build}
	make -s "$BUILD/test/patchfile"
	run "$BUILD/test/patchfile"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 40 ]
}
