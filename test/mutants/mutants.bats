#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Two of the breakages in test/mutants/list, chosen by KPATCH_TEST_SEED: all must be noticed. `make mutants` tries
# every one.

@test "the tests notice a broken program: two mutants" {
	run "$BATS_TEST_DIRNAME/run" --sample 2 "${KPATCH_TEST_SEED:-1}"
	echo "$output"
	[[ $status -eq 0 && $(grep -c '^killed ' <<< "$output") -eq 2 ]]
}

@test "every mutant still applies" {
	run "$BATS_TEST_DIRNAME/run" --apply-only
	echo "$output"
	[[ $status -eq 0 ]]
	[[ $output =~ ([0-9]+)" mutants apply" && ${BASH_REMATCH[1]} -ge 40 ]]
}

@test "who killed a mutant last is a test that is there, and of a mutant that is there" {
	local name suite test n=0
	while read -r name suite test; do
		grep -q "^mutant $name " "$BATS_TEST_DIRNAME/list" || { echo "$name"; return 1; }
		grep -qF "@test \"$test\"" "$BATS_TEST_DIRNAME/../../${suite%:}" || { echo "$name: $suite $test"; return 1; }
		((++n))
	done < "$BATS_TEST_DIRNAME/killers"
	((n))
}
