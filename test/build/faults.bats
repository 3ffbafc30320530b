#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A disk that is full, read-only or broken at one of the calls by which kpatch-build writes: to the image cache, the object store,
# an entry, the work directory, --output. What fails is faulty_disk.c's. Whatever failed: a result is whole or there
# is none, who is told why is told what to do, and the next build makes the very same.

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

# A cache with the suite's prepared tree; images and objects are its own.
setup_file() {
	[[ $BUILD != *-dev ]] || return 0
	make_programs /test/faulty-disk.so
	export OUT=$BATS_FILE_TMPDIR/out CACHE=$BATS_FILE_TMPDIR/cache LOG=$BATS_FILE_TMPDIR/log GOOD=$BATS_FILE_TMPDIR/good
	mkdir -p "$CACHE" "$GOOD"
	link_prepared "$KERNEL_CACHE" "$CACHE"
	rm -f "$CACHE/images"
	OUT=$GOOD build_here
}

setup() { [[ $BUILD != *-dev ]] || skip "the sanitizers want to be loaded first"; }

build_here() { "$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$CACHE" --output "$OUT" "$@" "$MEMINFO"; }

# on_disk FAULT OPTION...: where this fails ("0 0": nothing)
on_disk() {
	rm -rf "$LOG" "$OUT" && mkdir "$OUT"
	KPATCH_FAULT=$1 KPATCH_FAULT_LOG=$LOG LD_PRELOAD=$BUILD/test/faulty-disk.so run build_here "${@:2}"
}

# Calls of the log that reach a place, "NUMBER CALL PATH", what is made up in the paths taken out; of equals the first.
calls() { # PLACE
	sed -nE "s:$CACHE/work-[^/ ]*:WORK:; s:$CACHE/::; s:$OUT/?:OUT/:; s:/\.([^/]*)\.[0-9a-f]{32}:/\1:; \:^[0-9]+ [a-z]+ ($1):p" "$LOG" |
		awk '!seen[$2 " " $3]++'
}

# One of each kind: trees have hundreds of links, which are made and removed alike.
kinds() { awk '{ n = split($3, part, "/"); at = $3 ~ /tree\./ ? part[1] "/" part[2] "/" : $2 == "unlink" ? part[1] : $3 } !seen[$2 " " at]++'; }

# judged NUMBER ERROR OPTION...: what a build came to in which the call of that number failed
judged() {
	grep -q "^$1 .* fails$" "$LOG" || { echo "call $1 was not made"; return 1; }
	if ((status)); then
		[[ $status == 1 && -z $(ls -A "$OUT") ]] || return 1
		local id='disk-full|work-directory|cache|output'
		(($2 != 28)) || id=disk-full
		says "^/.*: .*: $(perl -e '$! = shift; print "$!"' "$2")\. (Make room|.*[Cc]hoose another|.*[Nn]ame a directory).*\[($id)\]"
	elif [[ "${*:3}" != *--stop-after* ]]; then
		diff -r "$OUT" "$GOOD"
	fi
}

# each_fails ERRORS FORGET PLACE FILTER OPTION...: each of the calls that reach a place and FILTER lets through fails, in a build that
# starts without FORGET in its cache. ERRORS: "all", or "one" of them in turn. A full disk stays so.
each_fails() {
	local how=$1 forget=$2 place=$3 filter=$4 n=0 call what error list
	shift 4
	rm -rf "${CACHE:?}"/$forget
	on_disk "0 0" "$@"
	((status == 0))
	list=$(calls "$place" | $filter)
	[[ $list ]]
	while read -r call what; do
		for error in $EIO $ENOSPC $EROFS; do
			[[ $how == all ]] || ((n++ % 4 == 0)) || continue
			rm -rf "${CACHE:?}"/$forget
			on_disk "$call$([[ $error != "$ENOSPC" ]] || echo +) $error" "$@"
			judged "$call" "$error" "$@" || { echo "error $error at call $call ($what), exit code $status: $output"; return 1; }
		done
	done <<< "$list"
	makes_the_same
}

# Nothing was left that the next build takes for its own.
makes_the_same() {
	on_disk "0 0"
	((status == 0))
	diff -r "$OUT" "$GOOD"
	[[ -z $(find "$CACHE" -maxdepth 1 -name 'work-*') ]]
}

EIO=5 ENOSPC=28 EROFS=30

@test "faults: one call of each kind at the image cache fails" {
	each_fails one images images kinds --stop-after kernel
}

# bats test_tags=nightly
@test "faults: one call of each kind at the object store fails" {
	each_fails one 'objects-*' objects- kinds --stop-after compile
}

@test "faults: each call at the output fails" {
	each_fails one none OUT cat
}

# bats test_tags=nightly
@test "faults: one call of each kind in the work directory fails" {
	each_fails one none 'WORK|[^ ]*lock' kinds
}

# bats test_tags=nightly
@test "faults: every call that writes fails, with each error" {
	sample() { awk '$2 !~ /^(symlink|unlink)$/ || n++ % 40 == 0'; }
	each_fails all images images cat --stop-after kernel
	each_fails all 'objects-*' objects- cat --stop-after compile
	each_fails all 'link-*' 'link-|WORK/(probe|prepare)' sample --stop-after prepare
	each_fails all none 'OUT|WORK|[^ ]*lock' sample
}
