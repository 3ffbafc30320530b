#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What runs as root, or on files of others, is built as distributions build such programs.

bats_require_minimum_version 1.7.0
. "$BATS_TEST_DIRNAME/../lib/tests.bash"

setup_file() { make_programs programs; }

setup() { [[ $BUILD != *-dev ]] || skip "the build of developers has sanitizers instead"; }

@test "every program: position-independent, nothing writable after it is linked, no executable stack, checks" {
	for program in kpatch kpatch-build kpatch-package create-diff-object; do
		file=$BUILD/$program
		echo "$program"
		readelf -hW "$file" | grep -q 'Type: *DYN'
		readelf -dW "$file" | grep -q 'FLAGS_1.* PIE'
		readelf -dW "$file" | grep -Eq 'BIND_NOW|FLAGS_1.* NOW'
		readelf -lW "$file" | grep -q ' GNU_RELRO '
		readelf -lW "$file" | grep -q ' GNU_STACK .* RW '
		no grep -q ' RWE ' <(readelf -lW "$file")
		no grep -q TEXTREL <(readelf -dW "$file")
		readelf --dyn-syms -W "$file" | grep -q ' UND __stack_chk_fail'
		readelf --dyn-syms -W "$file" | grep -q ' UND __snprintf_chk'
		[[ $(uname -m) != x86_64 || $program != kpatch ]] || readelf -nW "$BUILD/obj/kpatch/cli.o" | grep -q 'IBT, SHSTK'
	done
}

@test "kpatch starts without libcrypto, which takes longer to load than kpatch to run" {
	no grep -q libcrypto <(readelf -dW "$BUILD/kpatch")
	grep -q libcrypto <(readelf -dW "$BUILD/kpatch-build")
}

@test "whoever packages it has the last word on flags" {
	run -0 make -C "$TEST_TOP" -nB --no-print-directory programs BUILD="$BATS_TEST_TMPDIR" CFLAGS=-O1 LDFLAGS=-Wl,-O1
	[[ $output == *' -O1 '* && $output == *' -Wl,-O1 '* ]]
	[[ $output != *FORTIFY* && $output != *stack-protector* && $output != *relro* ]]
}
