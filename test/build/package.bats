#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# kpatch-build --patch-version, --package: the packages belong to the module (what is in them: test/package).

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"
export SOURCE_DATE_EPOCH=1700000000

@test "package: both kinds, of the signed module, and the ones that kpatch-package makes of it" {
	openssl req -new -x509 -newkey rsa:2048 -nodes -subj /CN=test -keyout "$BATS_TEST_TMPDIR/key" \
		-out "$BATS_TEST_TMPDIR/crt" 2> /dev/null
	run -0 kpatch_build --package deb --package rpm --package-release 4 --patch-version 2.1 \
		--sign-key "$BATS_TEST_TMPDIR/key" --sign-cert "$BATS_TEST_TMPDIR/crt" "$MEMINFO"
	name=livepatch-meminfo-string-2-1
	package=kpatch-patch-$KERNEL_RELEASE
	[[ $(ls "$OUT") == "$package-2.1-4.x86_64.rpm
${package}_2.1-4_amd64.deb
$name.ko
$name.yaml" ]]
	for file in "$OUT"/*; do
		grep -qxF "$file" <<< "$output"
	done
	grep -qx 'version: "\?2.1"\?' "$OUT/$name.yaml"
	dpkg-deb --fsys-tarfile "$OUT/${package}_2.1-4_amd64.deb" | tar x -C "$BATS_TEST_TMPDIR"
	cmp "$OUT/$name.ko" "$BATS_TEST_TMPDIR/usr/lib/kpatch/$KERNEL_RELEASE/$name.ko"
	mkdir "$BATS_TEST_TMPDIR/again"
	for format in deb rpm; do
		"$BUILD/kpatch-package" --format $format --release 4 --output "$BATS_TEST_TMPDIR/again" "$OUT/$name.ko"
	done
	for file in "$BATS_TEST_TMPDIR"/again/*; do
		cmp "$file" "$OUT/$(basename "$file")"
	done
}

@test "package: the name of a module with a version, short enough" {
	run -0 kpatch_build --patch-version 12345678901234567890123456789012 "$MEMINFO"
	[[ -s $OUT/livepatch-meminfo-stri-12345678901234567890123456789012.ko ]]
	run -0 kpatch_build --patch-version 7 --name fix "$MEMINFO"
	[[ -s $OUT/fix.ko ]]
}

@test "package: mistakes are said before anything is built" {
	refuses 2 usage --package tgz "$MEMINFO"
	refuses 2 usage --package deb "$MEMINFO"
	says 'needs --patch-version'
	DEBFULLNAME='' DEBEMAIL='' HOME=/none XDG_CONFIG_HOME=/none GIT_CONFIG_NOSYSTEM=1 refuses 2 usage --patch-version 1 --package deb "$MEMINFO"
	says 'who makes the package is not known'
	refuses 2 usage --patch-version v2 "$MEMINFO"
	refuses 2 usage --patch-version 2-1 "$MEMINFO"
	refuses 2 usage --package-release '' "$MEMINFO"
	refuses 2 usage --package-release x "$MEMINFO"
	refuses 2 usage --maintainer me "$MEMINFO"
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$(command -v gcc)" "$BATS_TEST_TMPDIR/bin"
	program=$BUILD/kpatch-build
	PATH=$BATS_TEST_TMPDIR/bin run -2 "$program" --patch-version 1 --package rpm "$MEMINFO"
	[[ $output == *rpmbuild*'[package-tool]'* ]]
}
