#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The names of klp references; the cases are in klp_names.c.

. "$BATS_TEST_DIRNAME/../lib/tests.bash"

setup_file() { make_programs /test/klp_names; }

@test "names of klp references, symbols and sections: made, read again, and refused as the core would" {
	run "$BUILD/test/klp_names"
	echo "$output"
	[[ $status -eq 0 && $(grep -c '^ok' <<< "$output") -gt 30 ]]
}
