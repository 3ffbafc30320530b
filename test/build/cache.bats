#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# kpatch-build cache list and clean: whose the things in the cache are, and how they go.

load build

A=0123456789abcdef0123456789abcdef B=ffffffffffffffffffffffffffffffff

# A cache with all of one kernel, a tree that was not completed, a decoded image and a run's leftovers.
setup() {
	C=$BATS_TEST_TMPDIR/cache OUT=$BATS_TEST_TMPDIR/out
	mkdir -p "$C"/{tree-$A,link-$A,objects-$A,tree-$B,images,work-x}
	echo "6.1.0-1-amd64 6.1.1-1" | tee "$C/tree-$A/complete" > "$C/link-$A/complete"
	head -c 3M /dev/urandom > "$C/tree-$A/big"
	head -c 2M /dev/urandom > "$C/objects-$A/object"
	head -c 1M /dev/urandom > "$C/images/image-1"
	touch -d '2026-01-02 03:04' "$C/tree-$A.lock" "$C/tree-$B.lock"
	touch "$C/something" "$C/work-x/.lock"
}

cache() { "$BUILD/kpatch-build" --cache "$C" cache "$@"; }

# line WORD...: the list has a line of these words
line() { tr -s ' ' <<< "$output" | grep -qxF "$*" || { echo "no line: $*"; echo "$output"; return 1; }; }

@test "cache: the list has each kernel, how much it takes, and when it was used" {
	run -0 cache list
	line "KERNEL PACKAGE MiB LAST USED "
	line "6.1.0-1-amd64 6.1.1-1 5 2026-01-02 03:04 "
	line "? ? 0 2026-01-02 03:04 incomplete"
	line "decoded images 1 "
	line "all 6 "
	[ "${#lines[@]}" -eq 5 ]
	exec 8< "$C/tree-$A.lock"
	flock -s 8
	run -0 cache list
	line "6.1.0-1-amd64 6.1.1-1 5 2026-01-02 03:04 in use"
}

@test "cache: what a kernel has is removed, and nothing else; not while somebody uses it" {
	exec 8< "$C/tree-$A.lock"
	flock -s 8
	run -1 cache clean 6.1.0-1-amd64
	says '^6.1.0-1-amd64: another kpatch-build builds for this kernel\. Try again when that has ended\. \[cache-in-use\]$'
	[[ -s $C/tree-$A/big && -s $C/objects-$A/object ]]
	exec 8>&-
	run -0 cache clean 6.1.0-1-amd64
	says '^removed what was kept for 6.1.0-1-amd64$'
	[ "$(cd "$C" && echo *)" = "images something tree-$A.lock tree-$B tree-$B.lock work-x" ]
	run -2 cache clean 6.1.0-1-amd64
	says 'nothing is kept for a kernel 6.1.0-1-amd64\. kpatch-build cache list shows what there is\. \[cache-without-kernel\]$'
	run -0 cache clean all
	[ "$(cd "$C" && echo *)" = "something tree-$A.lock tree-$B.lock" ]
}

@test "cache: other words are no command" {
	for words in '' list\ extra clean frobnicate; do
		# shellcheck disable=SC2086 # words
		run -2 cache $words
		says '\[usage\]$'
	done
	[[ -s $C/tree-$A/big ]]
}

@test "cache: what is prepared says for which kernel" {
	rm -r "$C"
	mkdir "$C"
	link_prepared "$KERNEL_CACHE" "$C"
	rm "$C"/link-*
	kpatch_build --cache "$C" --stop-after prepare "$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"
	run -0 cache list
	line="$(grep -F "$KERNEL_RELEASE " <<< "$output")"
	[[ $line == *" $(date +%Y-%m-%d) "* && $line =~ ^"$KERNEL_RELEASE "\ *[0-9]+\.[0-9.]+-[0-9] ]]
}
