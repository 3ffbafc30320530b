#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The manifest's reader and writer: the cases are in manifest.c, one TAP line each.

load ../lib/tests.bash
MANIFEST=$BUILD/test/manifest
setup_file() { make_programs /test/manifest; }

@test "manifest: round trip, every error with its line, truncation, mutation" {
	run "$MANIFEST"
	echo "$output" | grep -v '^ok' || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 87 ]
}

@test "manifest: other readers of YAML see the same values" {
	python3 -c 'import yaml' 2> /dev/null || skip "no PyYAML"
	"$MANIFEST" --print > "$BATS_TEST_TMPDIR/m.yaml"
	python3 - "$BATS_TEST_TMPDIR/m.yaml" <<-'END'
		import sys, yaml
		m = yaml.safe_load(open(sys.argv[1]))
		assert m["format"] == 1 and m["version"] == "1" and m["replace"] is True
		assert m["fixes"][0]["cves"] == ["CVE-2024-12345", "CVE-1999-0001"]
		assert m["fixes"][0]["subject"] == 'net: "ü": %s'
		assert m["fixes"][1] == {"patch": "1e3", "subject": "yes"}
		assert m["patches"][1]["name"] == "1e3"
		assert m["kernel"]["build_id"].startswith("0123456789abcdef")
		assert m["objects"][0]["new_data"] == ["__already_done.4", "yes"]
		assert m["objects"][0]["functions"][1]["new_size"] == 2**64 - 1
		assert m["objects"][0]["functions"][1]["reason"] == 'says "ü": {yes, no} # \\ %'
		assert m["objects"][1]["callbacks"] == [] and m["warnings"][1] == "- second: 'x'"
	END
}
