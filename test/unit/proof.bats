#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The proof and the comparison of compilations: the cases are in proof.c; variant.bats has the other link.

load ../lib/tests.bash
setup_file() { make_programs /test/proof; }

# compile SOURCE OUTPUT [FLAG...]: as the kernel does, as far as it matters here
compile() {
	local source=$1 output=$2
	shift 2
	${CC:-gcc} -O2 -fno-PIE -mcmodel=kernel -fno-asynchronous-unwind-tables -fcf-protection=none \
		-fno-strict-aliasing -fno-common "$@" -c -o "$output" "$BATS_TEST_DIRNAME/proof/$source"
}

@test "proof: everything is found in a linked file and in a module, every changed byte is noticed" {
	cd "$BATS_TEST_TMPDIR"
	compile a.c a.o
	compile b.c b.o
	ld -static -e work --build-id=none -Ttext=0xffffffff81000000 -o linked a.o b.o
	nm -n linked | grep -v ' [wU] ' > symbols
	ld -r -o module.ko a.o b.o
	local counter
	counter=$(awk '$3 == "shared_counter" { print $1 }' symbols)
	{ cat symbols; printf '%x d shared_counter\n' $((16#$counter + 4)); } | sort -s -k 1,1 > symbols.twice
	run "$BUILD/test/proof" a.o linked symbols module.ko symbols.twice
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 60 ]
}
