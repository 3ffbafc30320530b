# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of packages share: modules to pack, and the packers.

bats_require_minimum_version 1.7.0

# shellcheck source=../lib/tests.bash
. "${BASH_SOURCE[0]%/*}/../lib/tests.bash"
# shellcheck source=../loader/machine.bash
. "$TEST_TOP/test/loader/machine.bash"
export SOURCE_DATE_EPOCH=1700000000

# versioned NAME VERSION FILE: a patch module of that version; other variables as for patch_module
versioned() {
	local yaml=$BATS_TEST_TMPDIR/$1.versioned
	REPLACE=${REPLACE:-true} manifest "$1" | sed "s|^version: .*|version: \"$2\"|" > "$yaml"
	REPLACE=${REPLACE:-true} MANIFEST=$yaml patch_module "$1" "$3"
}

# pack FORMAT MODULE OPTION...: the package's path in $package
pack() {
	local format=$1 module=$2
	shift 2
	run -0 "$BUILD/kpatch-package" --cache "$BATS_TEST_TMPDIR/cache" --format "$format" "$@" "$module"
	# shellcheck disable=SC2154 # run sets it
	package=$(tail -n 1 <<< "$output")
	[[ -s $package ]]
}

# pack_fails CODE ID ARGUMENT...: nothing may be written
pack_fails() {
	local code=$1 id=$2
	shift 2
	mkdir -p "$BATS_TEST_TMPDIR/nothing"
	run -"$code" "$BUILD/kpatch-package" --cache "$BATS_TEST_TMPDIR/cache" --output "$BATS_TEST_TMPDIR/nothing" "$@"
	grep -F "[$id]" <<< "$output" || { echo "no [$id] in: $output"; return 1; }
	[[ -z $(ls -A "$BATS_TEST_TMPDIR/nothing") ]]
	[[ ! -d $BATS_TEST_TMPDIR/cache || -z $(ls "$BATS_TEST_TMPDIR/cache") ]]
}

# unpack_rpm FILE DIRECTORY
unpack_rpm() {
	mkdir -p "$2"
	rpm2cpio "$1" | (cd "$2" && cpio -idm --quiet)
}

assert_match() {
	grep -qE -- "$2" <<< "$1" || { echo "expected /$2/ in:"; echo "$1"; return 1; }
}

setup() { cd "$BATS_TEST_TMPDIR" || return; }
