#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A few real fixes, the whole way; all of them: make corpus.

bats_require_minimum_version 1.7.0

@test "what is defended as a refusal is a documented refusal" {
	while IFS=$'\t' read -r id reason; do
		echo "$id: $reason"
		[[ $reason == *. ]]
		grep -qx "### \`$id\`" "$BATS_TEST_DIRNAME/../../doc/refusals.md"
	done < "$BATS_TEST_DIRNAME/refusals"
}

# bats test_tags=nightly
@test "real fixes of a point release are built for the one before it, loaded and unloaded" {
	# always from the beginning: only the sources and the patches made of them are kept
	run -0 "$BATS_TEST_DIRNAME/run" --results "$BATS_TEST_TMPDIR" --seed sample --count 7 "${KPATCH_TEST_SERIES:-6.1}"
	echo "$output"
	loaded=$(grep -c '^loaded ' "$BATS_TEST_TMPDIR"/*/results)
	[[ $(wc -l < "$(echo "$BATS_TEST_TMPDIR"/*/taken)") -ge 7 && $loaded -ge 3 ]]
	# what was loaded is what kpatch-build made, for the kernel that ran, of code that was proven
	for manifest in "$BATS_TEST_TMPDIR"/*/out/*/*.yaml; do
		grep -qx 'verified: true' "$manifest"
		grep -q '^  - name: ' "$manifest"
	done
}
