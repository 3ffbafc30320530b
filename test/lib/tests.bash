# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# What all suites share: where the checkout and the programs under test are, and assertions. Sourced.

TEST_TOP=${BASH_SOURCE[0]%/*}/../..
TEST_TOP=$(cd "$TEST_TOP" && pwd)
# build/, or another directory that the Makefile fills: build-dev/
BUILD=${KPATCH_BUILD_DIR:-$TEST_TOP/build}
[[ $BUILD == /* ]] || BUILD=$TEST_TOP/$BUILD

# who makes the packages of tests, whatever git knows of the machine
export DEBFULLNAME='Test Suite' DEBEMAIL=test@example.org

# make_programs TARGET...: brings up to date what a test needs; a target without a slash is one of the Makefile's
# own, any other is a file below $BUILD. The Makefile's dependencies are relative to the checkout, so is BUILD.
make_programs() {
	local relative=${BUILD#"$TEST_TOP/"} dev=()
	[[ $BUILD != *-dev ]] || dev=(DEV=1)
	make -C "$TEST_TOP" --no-print-directory -s "${dev[@]}" BUILD="$relative" "${@/#\//$relative/}"
}

# link_prepared FROM TO: what kpatch-build has prepared in the cache FROM, and no lock, in the cache TO
link_prepared() {
	local entry
	for entry in "$1"/{tree-*,link-*,images}; do
		[[ ! -d $entry ]] || ln -s "$entry" "$2"
	done
}

# kernel_headers DIR: the headers of the suite's kernel in the new directory DIR, as if they were installed. Where they are used:
# CONFIG_DEBUG_INFO_BTF_MODULES=, because pahole, which makes type information for BPF, is not needed for anything else here
kernel_headers() {
	local headers=$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE
	mkdir -p "$1"
	# the headers' Makefile names its other half by where a package is installed
	ln -sf "$headers"/* "$headers/.config" "$headers/.kernelvariables" "$1"
	rm "$1/Makefile"
	sed "s|/usr/src/|$KERNEL_ROOT/usr/src/|" "$headers/Makefile" > "$1/Makefile"
}

# unhex: the bytes whose hexadecimal digits come in
unhex() { perl -e 'local $/; print pack "H*", <STDIN>'; }

# Fails if the command succeeds. For a command line that must fail, wherever it stands in a test: "! command"
# counts only as the last one (bash's errexit takes no notice of a negated status).
no() { if "$@"; then return 1; fi; }
