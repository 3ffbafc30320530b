#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# contrib/auto, with package managers that note their calls. The system of which it is a part: test/system.

bats_require_minimum_version 1.7.0
load machine

setup_file() { machine_build; }

setup() {
	machine
	umask 022
	mkdir -p "$M/boot" "$M/lib/modules/6.1.0-57-amd64" bin offer
	: > "$M/boot/vmlinuz-$RELEASE"
	printf '#!/bin/sh\nexec %q %q "$@"\n' "$FAKE" "$M" > bin/kpatch
	printf '#!/bin/sh\necho "apt-get $*" >> calls\nfor last; do :; done\ncase "$*" in *update) [ ! -e late ] || mv late/* offer ;; *) [ ! -e broken ] ;; esac\n' > bin/apt-get
	printf '#!/bin/sh\n[ ! -e "offer/$2" ] || echo "$2 | 1 | here"\n' > bin/apt-cache
	printf '#!/bin/sh\nfor last; do :; done\n[ ! -e "installed/$last" ] || printf installed\n' > bin/dpkg-query
	chmod +x bin/*
	PATH=$PWD/bin:$PATH
}

auto() {
	rm -f calls
	run -"${1:-0}" "$TEST_TOP/contrib/auto"
	calls=$(cat calls 2> /dev/null || true)
}
INSTALL='apt-get -qq -y -o DPkg::Lock::Timeout=1200 install kpatch-patch-'

@test "auto: the running kernel and the next one get their hotfixes, those that are on offer" {
	auto
	[[ $calls == 'apt-get -qq update' && $output == "kpatch-patch-$RELEASE is not on offer; tried again later" ]]
	: > "offer/kpatch-patch-$RELEASE"
	auto
	[[ $calls == "$INSTALL$RELEASE" && $output == "kpatch-patch-$RELEASE was installed" ]]
	# it runs with one, and one for a kernel that is not there does not come
	patch_module livepatch-fix fix.ko
	"$FAKE" "$M" install fix.ko
	: > offer/kpatch-patch-6.1.0-57-amd64
	auto
	[[ -z $calls && -z $output ]]
	: > "$M/boot/vmlinuz-6.1.0-57-amd64"
	auto
	[[ $calls == "${INSTALL}6.1.0-57-amd64" ]]
	# what came to the repository since
	mkdir late
	mv offer/kpatch-patch-6.1.0-57-amd64 late
	auto
	[[ $calls == "apt-get -qq update
${INSTALL}6.1.0-57-amd64" ]]
	touch broken
	auto 1
	[[ $output == 'kpatch-patch-6.1.0-57-amd64 could not be installed; tried again later' ]]
	# the package is there, and what it brought was disabled or taken away: that is somebody's decision
	mkdir installed
	: > installed/kpatch-patch-6.1.0-57-amd64
	auto
	[[ -z $calls && -z $output ]]
}

@test "auto: a kernel's name that is none of a package" {
	rm "$M/boot/"*
	echo 5.14.0-70.EL9.x86_64 > "$M/release"
	: > offer/kpatch-patch-5.14.0-70.el9.x86-64
	auto
	[[ $calls == "${INSTALL}5.14.0-70.el9.x86-64" ]]
}
