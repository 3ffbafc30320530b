#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What people see of a build while it runs, and what programs get of its problems.

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

# A cache of the test's own: what the suite has compiled already would not be compiled and counted again.
setup() {
	OUT=$BATS_TEST_TMPDIR/out
	mkdir -p "$OUT" "$BATS_TEST_TMPDIR/cache"
	link_prepared "$KERNEL_CACHE" "$BATS_TEST_TMPDIR/cache"
	KERNEL_CACHE=$BATS_TEST_TMPDIR/cache
}

# on_terminal OPTION...: what kpatch_build writes there, each new beginning of a line as a line of its own, in the file "seen"
on_terminal() {
	declare -f kpatch_build > "$BATS_TEST_TMPDIR/call"
	printf 'kpatch_build' >> "$BATS_TEST_TMPDIR/call"
	printf ' %q' "$@" >> "$BATS_TEST_TMPDIR/call"
	stty_columns=${COLUMNS_SEEN:-80}
	printf '#!/bin/bash\nstty cols %s\n. %q\n' "$stty_columns" "$BATS_TEST_TMPDIR/call" > "$BATS_TEST_TMPDIR/run"
	export BUILD KERNEL_ROOT KERNEL_RELEASE KERNEL_CACHE OUT
	script -qec "bash $BATS_TEST_TMPDIR/run" /dev/null > "$BATS_TEST_TMPDIR/raw" < /dev/null
	tr '\r' '\n' < "$BATS_TEST_TMPDIR/raw" > "$BATS_TEST_TMPDIR/seen"
}

@test "on a terminal one line has the stage, how many of how many, the object and the time" {
	cd "$BATS_TEST_TMPDIR"
	make_patch two fs/proc/meminfo.c 's/"Committed_AS:   "/"CommittedAS:    "/' fs/proc/loadavg.c 's/avnrun, FIXED/avnrun, 2 * FIXED/'
	on_terminal --jobs 1 "$patch"
	grep -qE $'^\033\\[Kcompile 1/8  fs/proc/[a-z]*\\.o  [0-9]+ s' seen
	grep -qE $'^\033\\[Kcompile 7/8  fs/proc/[a-z]*\\.o  [0-9]+ s' seen
	grep -qE $'^\033\\[Kdiff [01]/2  fs/proc/loadavg\\.o  [0-9]+ s' seen
	# in the order of the stages, each once
	stages=$(sed -nE 's/^\x1b\[K([a-z]+)( [0-9]+\/[0-9]+)?(  [^ ]+)?  [0-9]+ s.*/\1/p' seen | uniq | paste -sd ' ')
	[[ $stages == 'kernel prepare plan compile verify diff link finish install' ]]
	# nothing but results, the last of which overwrites it, stands there in the end
	[[ $(tr -d '\r' < raw | sed 's/.*\x1b\[K//' | grep -v '^$') == "$OUT/livepatch-two.ko
$OUT/livepatch-two.yaml
built livepatch-two for $KERNEL_RELEASE in "*' s' ]]
}

@test "on a terminal: objects that include a changed header are counted to their end, with and without the patch" {
	cd "$BATS_TEST_TMPDIR"
	make_patch header fs/proc/fd.h '/^#endif/i /* nothing that changes code */\n'
	on_terminal --jobs 1 "$patch" || true
	grep -q '\[no-change\]' raw
	sed -nE 's/^\x1b\[Kcompile ([0-9]+)\/([0-9]+)  .*/\1 \2/p' seen > counted
	total=$(cut -d ' ' -f 2 counted | sort -u)
	# one total all the time, never back, to the end
	[[ $total =~ ^[1-9][0-9]*$ && $((total % 2)) == 0 && $total -ge 4 ]]
	cut -d ' ' -f 1 counted | sort -nc
	[[ $(tail -n 1 counted) == "$total $total" ]]
}

@test "a terminal that is too narrow: the line is cut, not wrapped, and the time stays" {
	cd "$BATS_TEST_TMPDIR"
	COLUMNS_SEEN=20 on_terminal "$MEMINFO"
	lines=$(sed -nE 's/^\x1b\[K([a-z]+ .*  [0-9]+ s).*/\1/p' seen)
	grep -xE '.{19}' <<< "$lines"
	[[ -z $(grep -E '^.{20}' <<< "$lines") ]]
}

@test "without a terminal a line a stage; --quiet has none; stages that have nothing to do are not named" {
	run -0 --separate-stderr kpatch_build "$MEMINFO"
	[[ $(sed -nE 's/^ *[0-9]+ s  //p' <<< "$stderr" | paste -sd ' ') == 'kernel prepare plan compile verify diff link finish install' ]]
	no grep -q $'\033' <<< "$stderr"
	[[ $output == "$OUT/livepatch-meminfo-string.ko
$OUT/livepatch-meminfo-string.yaml" ]]
	run -0 --separate-stderr kpatch_build --patch-version 1 --package deb --stop-after package "$MEMINFO"
	grep -qE '^ *[0-9]+ s  package$' <<< "$stderr"
	run -0 --separate-stderr kpatch_build --quiet "$MEMINFO"
	[[ -z $stderr ]]
}

# json KEY...: of each line of the problems, these members
json() {
	perl -MJSON::PP -e 'for (<STDIN>) { my $d = decode_json($_); print join("|", map { $d->{$_} // "-" } @ARGV), "\n" }' "$@" <<< "$stderr"
}

@test "--diagnostics json: each problem an object in a line, and nothing else" {
	write_patch wrong <<-'END'
		--- a/fs/proc/meminfo.c
		+++ b/fs/proc/meminfo.c
		@@ -1,3 +1,3 @@
		 no such line
		-nor such a one
		+but "this"
		 nor that
	END
	run -5 --separate-stderr kpatch_build --diagnostics json "$patch"
	[[ -z $output ]]
	[[ $(json severity id file line) == "error|patch-does-not-apply|$patch|3" ]]
	# of the differ: the object, the function and the line of the source
	make_patch init fs/proc/devices.c 's/"devices", 0, NULL/"devices", 0400, NULL/'
	run -8 --separate-stderr kpatch_build --diagnostics json "$patch"
	output=$(json severity id file source line function)
	says '^error\|init-changed\|fs/proc/devices.o\|fs/proc/devices.c\|[1-9][0-9]*\|proc_devices_init$'
	# for people the same has the form that editors know
	run -8 kpatch_build "$patch"
	says '^fs/proc/devices\.c:[1-9][0-9]*: error: fs/proc/devices\.o: proc_devices_init\+0x[0-9a-f]+: .*\[init-changed\]$'
	# names are foreign
	mv "$patch" "$BATS_TEST_TMPDIR/"$'odd\xff"\n.patch'
	run -2 --separate-stderr "$BUILD/kpatch-build" --diagnostics json "$BATS_TEST_TMPDIR/"$'odd\xff"\n.patch.none'
	[[ $(json id) == patch-unreadable && $(json file) == *$'odd\xef\xbf\xbd"\n.patch.none' ]] || { json file | od -c; false; }
	run -0 --separate-stderr kpatch_build --diagnostics json "$MEMINFO"
	[[ -z $stderr ]]
	run -2 "$BUILD/kpatch-build" --diagnostics xml "$MEMINFO"
	says 'takes text or json'
}

@test "the programs agree: -V, exit codes in --help, the nearest option for a mistyped one" {
	local program
	for program in kpatch kpatch-build kpatch-package create-diff-object; do
		run -0 "$BUILD/$program" -V
		says "^$program [0-9.]+$"
		[[ $output == "$("$BUILD/$program" --version)" ]]
		run -0 "$BUILD/$program" --help
		says '^Exit (codes|status): 0 '
		run "$BUILD/$program" --verson
		[[ $status -ne 0 ]]
		says '[Dd]id you mean --version\?'
	done
	# -o names where results go, -f a format, or they are not taken
	for program in kpatch kpatch-build kpatch-package create-diff-object; do
		run "$BUILD/$program" --help
		[[ -z $(grep -E -- ' -o[, ]' <<< "$output" | grep -v -- '-o, --output DIR') ]]
		[[ -z $(grep -E -- ' -f[, ]' <<< "$output" | grep -v -- '-f, --format FORMAT') ]]
	done
}
