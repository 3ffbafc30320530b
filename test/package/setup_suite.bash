# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Once for all tests of this directory: the packages of this toolchain, as contrib/make-package makes
# them, in $PACKAGES.

setup_suite() {
	local here
	here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../contrib" && pwd)
	export PACKAGES=$BATS_SUITE_TMPDIR/packages
	mkdir "$PACKAGES"
	# without the check for the packages that a build needs: what is missing shows
	DEB_BUILD_OPTIONS="noautodbgsym parallel=$(nproc)" "$here/make-package" deb \
		"$PACKAGES" -d > "$BATS_SUITE_TMPDIR/deb.log" 2>&1 || { cat "$BATS_SUITE_TMPDIR/deb.log"; return 1; }
	"$here/make-package" rpm "$PACKAGES" --nodeps --define 'debug_package %{nil}' \
		--define "_smp_mflags -j$(nproc)" > "$BATS_SUITE_TMPDIR/rpm.log" 2>&1 ||
		{ cat "$BATS_SUITE_TMPDIR/rpm.log"; return 1; }
}
