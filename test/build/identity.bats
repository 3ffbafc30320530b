#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A sample of test/sweep-identity: objects of the kernel against themselves, with their lines shifted, and with
# another -O. KPATCH_SWEEP_SEED is for other ones.

load build.bash

@test "objects of the kernel against themselves" {
	run "$BATS_TEST_DIRNAME/../sweep-identity" --sample 3 --seed "${KPATCH_SWEEP_SEED:-1}" \
		"${KPATCH_TEST_SERIES:-6.1}"
	echo "$output"
	[[ $status -eq 0 ]]
	[[ $output == *"itself: 3 objects, 3 same,"* && $output == *"shifted: 3 objects, 3 same,"* ]]
	[[ $output == *"other: 3 objects,"* ]]
}
