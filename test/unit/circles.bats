#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Source files that call each other in a circle: the programs have none, and test/check-circles sees one.

bats_require_minimum_version 1.7.0
. "$BATS_TEST_DIRNAME/../lib/tests.bash"

setup_file() { make_programs programs; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }

# object NAME: NAME.o in obj, of the C on standard input
object() {
	mkdir -p "obj/$(dirname "$1")"
	"${CC:-cc}" -x c -c -o "obj/$1.o" -
}
circles() { run "$TEST_TOP/test/check-circles" obj; }

@test "the programs: no circle" {
	run -0 "$TEST_TOP/test/check-circles"
	[[ -z $output ]]
}

@test "two files that need each other, and what is beside them is not named" {
	object util/a <<< 'int b(void); int a(void) { return b(); } int low(void) { return 1; }'
	object kernel/b <<< 'extern int table[2]; int low(void); int b(void) { return table[0] + low(); }'
	object c <<< 'int a(void), b(void); int table[2]; int c(void) { return a() + b(); }'
	object d <<< 'int c(void); int d(void) { return c(); }'
	circles
	[[ $status -eq 1 ]]
	grep -qxF $'\tutil/a.c needs b of kernel/b.c' <<< "$output"
	grep -qxF $'\tkernel/b.c needs low of util/a.c' <<< "$output"
	grep -qxF $'\tkernel/b.c needs table of c.c' <<< "$output"
	no grep -F 'd.c' <<< "$output"
}

@test "only two of them: the circle is found as well" {
	object a <<< 'int b(void); int a(void) { return b(); }'
	object b <<< 'int a(void); int b(void) { return a(); }'
	circles
	[[ $status -eq 1 && ${#lines[@]} -eq 3 ]]
}

@test "no circle: one direction, statics of the same name, tests, the main of several programs" {
	object a <<< 'int b(void); static int f(int x) { return x; } int a(void) { return b() + f(1); } int main(void) { return 0; }'
	object b <<< 'int c(void); static int f(int x) { return x; } int b(void) { return c() + f(2); } int main(void) { return 0; }'
	object c <<< 'int printf(const char *, ...); int c(void) { return printf("x"); }'
	object test/t <<< 'int a(void); int printf(const char *s, ...) { return a(); }'
	circles
	[[ $status -eq 0 && -z $output ]]
}

@test "nothing has been built: that is no answer" {
	mkdir obj
	circles
	[[ $status -eq 2 && $output == *"no objects"* ]]
}
