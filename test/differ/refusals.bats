#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# doc/refusals.md is complete: the identifiers of messages that create-diff-object and kpatch-build can
# end with are those that it explains, and each refusal has been seen by a test.

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
DOC=$TOP/doc/refusals.md

# The manifest's messages are the loader's and those of damaged files.
sources() { find "$TOP"/{create-diff-object,kpatch-build,lib} -name '*.c' ! -path '*/manifest/*'; }
in_code() { sources | xargs "$TOP/test/lib/message-ids" | cut -d ' ' -f 1 | sort -u; }
explained() { sed -n 's/^### `\(.*\)`$/\1/p' "$DOC"; }
listed() { sed -n '/^## Warnings/,$p' "$DOC" | grep -oE '`[a-z_]+(-[a-z]+)*`' | tr -d '\`'; }
section() { awk -v head="### \`$1\`" '$0 == head { on = 1; next } /^##/ { on = 0 } on' "$DOC"; }

@test "every message has its place in doc/refusals.md, and nothing else is there" {
	in_code > "$BATS_TEST_TMPDIR/code"
	{ explained; listed; } | sort -u > "$BATS_TEST_TMPDIR/doc"
	# more than a handful: the extraction works
	[[ $(wc -l < "$BATS_TEST_TMPDIR/code") -gt 100 ]]
	diff -u "$BATS_TEST_TMPDIR/doc" "$BATS_TEST_TMPDIR/code"
	[[ -z $(explained | sort | uniq -d) ]]
}

@test "every refusal has a reason and a way out, and an example unless it is a guard" {
	local id bad=()
	while read -r id; do
		section "$id" > "$BATS_TEST_TMPDIR/section"
		grep -qi 'reason' "$BATS_TEST_TMPDIR/section" && grep -qi 'way out' "$BATS_TEST_TMPDIR/section" ||
			bad+=("$id: no reason or no way out")
		grep -qE '^    |\*\*Example\.\*\*|A guard:' "$BATS_TEST_TMPDIR/section" || bad+=("$id: no example")
	done < <(explained)
	printf '%s\n' "${bad[@]}"
	[[ ${#bad[@]} -eq 0 ]]
}

@test "every refusal is provoked by a test, unless it is a guard" {
	local id bad=()
	while read -r id; do
		section "$id" | grep -q 'A guard:' && continue
		grep -rqE --include='*.bats' --include='*.c' -- "(^|[^a-z-])$id([^a-z-]|\$)" "$TOP/test" ||
			bad+=("$id")
	done < <(explained)
	printf '%s\n' "${bad[@]}"
	[[ ${#bad[@]} -eq 0 ]]
}
