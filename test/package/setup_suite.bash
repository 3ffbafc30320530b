# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Once for all tests of this directory: the packages of this toolchain, as contrib/make-package makes
# them, in $PACKAGES. The debs are made of the checkout, the RPMs of a copy that git knows nothing of.

setup_suite() {
	local here copy=$BATS_SUITE_TMPDIR/copy
	here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../contrib" && pwd)
	export PACKAGES=$BATS_SUITE_TMPDIR/packages
	mkdir "$PACKAGES"
	# without the check for the packages that a build needs: what is missing shows
	DEB_BUILD_OPTIONS="noautodbgsym parallel=$(nproc)" "$here/make-package" deb \
		"$PACKAGES" -d > "$BATS_SUITE_TMPDIR/deb.log" 2>&1 || { cat "$BATS_SUITE_TMPDIR/deb.log"; return 1; }
	mkdir -p "$copy/build"
	touch "$copy/build/of-the-checkout"
	(cd "$here/.." && { git ls-files -z -co --exclude-standard 2> /dev/null || find . -path ./build -prune -o -type f -print0; } |
		xargs -0 cp -a --parents -t "$copy")
	"$copy/contrib/make-package" rpm "$PACKAGES" --nodeps --define 'debug_package %{nil}' \
		--define "_smp_mflags -j$(nproc)" > "$BATS_SUITE_TMPDIR/rpm.log" 2>&1 ||
		{ cat "$BATS_SUITE_TMPDIR/rpm.log"; return 1; }
}
