#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What make itself says: its help, what is missing, and how much of what it does.

bats_require_minimum_version 1.7.0
. "$BATS_TEST_DIRNAME/../lib/tests.bash"

# Compiles one file into a directory of its own.
make_one() {
	make -C "$TEST_TOP" --no-print-directory BUILD="$BATS_TEST_TMPDIR" "$@" "$BATS_TEST_TMPDIR/obj/lib/util/text.o"
}

@test "make help names every target that people are told to use" {
	run -0 make -C "$TEST_TOP" --no-print-directory help
	for target in demo check check-all lint bench sweep mutants corpus soak system install; do
		grep -q "^make $target " <<< "$output"
		make -C "$TEST_TOP" -n "$target" > /dev/null
	done
	# as code: between back quotes, or indented
	for target in $(grep -hoE '(`|^    )make [a-z]+' "$TEST_TOP/README.md" "$TEST_TOP/CONTRIBUTING.md" | sed 's/.*make //' | sort -u); do
		make -C "$TEST_TOP" -n "$target" > /dev/null
	done
}

@test "without a library make names its package and the remedy, and compiles nothing" {
	mkdir "$BATS_TEST_TMPDIR/hidden"
	# a header that cannot be found is one that its directory does not give
	echo '#error "not installed"' > "$BATS_TEST_TMPDIR/hidden/yaml.h"
	run -2 make_one CFLAGS="-O0 -I$BATS_TEST_TMPDIR/hidden"
	[[ $output == *"finds no headers of: libyaml-dev (Debian's names). Run test/install-deps"* ]]
	[[ ! -e $BATS_TEST_TMPDIR/obj/lib/util/text.o ]]
	run -0 make_one CFLAGS=-O0
	[[ -s $BATS_TEST_TMPDIR/obj/lib/util/text.o ]]
}

@test "a line for each file, its whole command with V=1, nothing with -s" {
	run -0 make_one
	[[ $output == "  CC   $BATS_TEST_TMPDIR/obj/lib/util/text.o" ]]
	rm "$BATS_TEST_TMPDIR/obj/lib/util/text.o"
	run -0 make_one V=1
	[[ $output == gcc\ *' -c -o '*/text.o\ lib/util/text.c ]]
	rm "$BATS_TEST_TMPDIR/obj/lib/util/text.o"
	run -0 make_one -s
	[[ -z $output ]]
}

@test "CC, CFLAGS and LDFLAGS are whose they were given by" {
	printf '#!/bin/sh\necho "$0 $*" >> "%s/calls"\nexec gcc "$@"\n' "$BATS_TEST_TMPDIR" > "$BATS_TEST_TMPDIR/my-cc"
	chmod +x "$BATS_TEST_TMPDIR/my-cc"
	make_one -s CC="$BATS_TEST_TMPDIR/my-cc" CFLAGS=-Og
	grep -q -- "^$BATS_TEST_TMPDIR/my-cc .* -Og .*-o $BATS_TEST_TMPDIR/obj/lib/util/text.o lib/util/text.c" "$BATS_TEST_TMPDIR/calls"
	rm "$BATS_TEST_TMPDIR/obj/lib/util/text.o"
	CC=$BATS_TEST_TMPDIR/my-cc run -0 make_one V=1
	[[ $output == "$BATS_TEST_TMPDIR/my-cc "* ]]
	# nothing is linked or compiled by another one
	run -0 make -C "$TEST_TOP" -n V=1 BUILD="$BATS_TEST_TMPDIR/new" CC=my-cc LDFLAGS=-Wl,--my-flag
	no grep -E '(^|[ ;])(gcc|cc) ' <<< "$output"
	(($(grep -c '^my-cc .*-Wl,--my-flag .*-o ' <<< "$output") == 4))
}
