#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Fixes keep what they are called, whose they are and which CVE numbers they have (the mails: test/unit/identity_mail.c).

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

@test "fixes: from the mail into manifest, module and packages" {
	patch=$BATS_TEST_TMPDIR/mail.patch
	{
		printf 'From %040d Mon Sep 17 00:00:00 2001\n' 7
		printf 'From: =?UTF-8?q?J=C3=B6rg?= <j@example.org>\nSubject: [PATCH] proc: another\n name %%(id) \e[31m\n\n'
		printf 'commit %040d upstream.\n\nCVE-2024-12345\nFixes: 123456789abc ("proc: x")\n' 8
		sed -n '/^---/,$p' "$MEMINFO"
	} > "$patch"
	run -0 kpatch_build --package rpm --package deb --name livepatch-mail "$patch"
	sed -n '/^fixes:/,/^objects:/{/^objects:/!p}' "$OUT/livepatch-mail.yaml" > "$BATS_TEST_TMPDIR/fixes"
	diff "$BATS_TEST_TMPDIR/fixes" - <<-END
		fixes:
		- patch: mail.patch
		  subject: "proc: another name %(id) ?[31m"
		  author: "Jörg <j@example.org>"
		  commit: "$(printf '%040d' 8)"
		  fixes:
		  - "123456789abc (\"proc: x\")"
		  cves:
		  - CVE-2024-12345
	END
	"$BUILD/kpatch" info "$OUT/livepatch-mail.ko" > "$BATS_TEST_TMPDIR/info"
	grep -F 'proc: another name %(id) ?[31m (commit 000000000000): CVE-2024-12345' "$BATS_TEST_TMPDIR/info"
	rpm -qp --changelog "$OUT"/*.rpm > "$BATS_TEST_TMPDIR/changes"
	grep -F 'Fixes: proc: another name ?(id) ?[31m (CVE-2024-12345).' "$BATS_TEST_TMPDIR/changes"
	rm -rf "$OUT"
	# without a mail's header there is nothing to say
	run -0 kpatch_build --name livepatch-mail "$MEMINFO"
	no grep -q '^fixes' "$OUT/livepatch-mail.yaml"
}

@test "a compressed patch is its text; a damaged one is refused" {
	local p=$BATS_TEST_TMPDIR/meminfo-string.patch
	cp "$MEMINFO" "$p"
	run -0 kpatch_build "$p"
	cp "$OUT/livepatch-meminfo-string.yaml" "$BATS_TEST_TMPDIR/plain.yaml"
	for tool in gzip xz; do
		rm -rf "$OUT" "$p".*
		"$tool" -k "$p"
		run -0 kpatch_build "$p".*
		# of the text, whatever compressed it: the file's name is all that differs
		diff "$BATS_TEST_TMPDIR/plain.yaml" "$OUT/livepatch-meminfo-string.yaml" > "$BATS_TEST_TMPDIR/diff" || true
		[[ $(grep -c '^[<>]' "$BATS_TEST_TMPDIR/diff") == 2 ]]
		grep -q '^> *- name: meminfo-string.patch.[gx]z$' "$BATS_TEST_TMPDIR/diff"
		rm -rf "$OUT"
		mkdir "$OUT"
		for file in "$p".*; do truncate -s -12 "$file"; done
		refuses 5 text-damaged "$p".*
	done
	truncate -s 300M "$BATS_TEST_TMPDIR/zeros"
	gzip "$BATS_TEST_TMPDIR/zeros"
	refuses 5 text-damaged "$BATS_TEST_TMPDIR/zeros.gz"
	says 'zeros.gz: .*File too large'
	refuses 5 file-unreadable "$BATS_TEST_TMPDIR"
}
