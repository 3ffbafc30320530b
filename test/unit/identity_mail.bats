#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What the mails in a patch say of its fixes: the cases are in identity_mail.c, one TAP line each.

load ../lib/tests.bash

@test "identities: subjects, authors, commits and CVE numbers of mails, whatever is in them" {
	make_programs /test/identity_mail
	run "$BUILD/test/identity_mail"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 30 ]
}
