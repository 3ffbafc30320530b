#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Hotfix packages on a whole Debian 12 with systemd, apt and rpm, in the machine of test/vm: installed
# from a repository, upgraded under a running service, loaded at boot, removed. One system for all
# tests of this file, each of which goes on where the one before left it.

load ../package/package

setup_file() {
	export KERNEL_ROOT KERNEL_RELEASE SYSTEM=$BATS_FILE_TMPDIR/system MACHINE=debian-$$ MADE=$BATS_FILE_TMPDIR/made
	local from
	KERNEL_ROOT=${KPATCH_TEST_ROOT:-$("$TEST_TOP/test/lib/fetch-kernel" "${KPATCH_TEST_SERIES:-6.1}")}
	KERNEL_RELEASE=$(basename "$KERNEL_ROOT")
	from=$("$TEST_TOP/test/lib/fetch-debian" "$KERNEL_RELEASE")
	mkdir "$SYSTEM" "$MADE"
	cp --sparse=always "$from"/* "$SYSTEM"
	cp "$PACKAGES"/kpatch-loader* "$MADE"
	hotfix 1 "$TEST_TOP/examples/meminfo-string.patch"
	hotfix 2 "$TEST_TOP/examples/meminfo-string.patch" "$TEST_TOP/examples/vmlinux-and-modules.patch"
	# one that this kernel will refuse: a function that it does not have
	LC_ALL=C sed 's/meminfo_proc_show/meminfo_proc_shoo/g; s/livepatch\([-_]\)meminfo\([-_]\)string\([-_]\)1/livepatch\1meminfo\2string\33/g' \
		"$MADE/livepatch-meminfo-string-1.ko" | LC_ALL=C sed 's/^version: "1"$/version: "3"/; s/^version: 1$/version: 3/' > "$MADE/3.ko"
	"$BUILD/kpatch-package" --format deb --output "$MADE" "$MADE/3.ko"
	# what the RPMs ask for and this system has as debs
	dummy_rpm > "$BATS_FILE_TMPDIR/dummy.log" 2>&1
	machine_start
	in_vm 'mkdir -p /srv/repo && echo "deb [trusted=yes] file:/srv/repo ./" > /etc/apt/sources.list.d/local.list'
}

teardown_file() { "$TEST_TOP/test/vm/run" --name "$MACHINE" stop; }

# hotfix VERSION PATCH...: deb and RPM
hotfix() {
	local version=$1
	shift
	"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --output "$MADE" \
		--cache "${KPATCH_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpatch-test}/build" \
		--patch-version "$version" --package deb --package rpm "$@"
}

dummy_rpm() {
	# a version with two hyphens is none for RPM: a package for such a kernel asks for the file
	local kernel="/boot/vmlinuz-$KERNEL_RELEASE"
	[[ $KERNEL_RELEASE == *-*-* ]] || kernel="kernel-uname-r = $KERNEL_RELEASE"
	printf '%s\n' 'Name: dummy' 'Version: 1' 'Release: 1' 'Summary: empty' 'License: none' \
		'Provides: /bin/sh' "Provides: $kernel" '%description' '%files' > "$MADE/dummy.spec"
	rpmbuild -bb --define "_topdir $BATS_FILE_TMPDIR/top" --define "_rpmdir $MADE" \
		--define '_rpmfilename dummy.rpm' "$MADE/dummy.spec"
}

machine_start() {
	"$TEST_TOP/test/vm/run" --name "$MACHINE" start --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --no-kpatch \
		--system "$SYSTEM" --memory 1024 3>&-
}
vm() { "$TEST_TOP/test/vm/run" --name "$MACHINE" "$@"; }
in_vm() { vm exec "$1"; }

# offer FILE...: these, and no other packages, are in the repository, and apt knows
offer() {
	local file
	rm -rf repo
	mkdir repo
	for file; do
		cp "$MADE/"$file repo/
	done
	(cd repo && dpkg-scanpackages -m . > Packages 2> /dev/null)
	in_vm 'rm -f /srv/repo/*'
	vm put --to /srv/repo repo/*
	in_vm 'apt-get -qq update'
}
apt() { run vm exec --timeout 600 "DEBIAN_FRONTEND=noninteractive apt-get -qq -y $1"; echo "$output"; [[ $status == 0 ]]; }

loaded() { in_vm 'ls /sys/kernel/livepatch' | paste -sd ' '; }
stored() { in_vm "ls /var/lib/kpatch/$KERNEL_RELEASE 2> /dev/null || true" | paste -sd ' '; }
meminfo_is_fixed() { in_vm 'grep -q ^CommittedLive: /proc/meminfo'; }
version_is_fixed() { in_vm 'grep -q "^live patched: vmlinux" /proc/version'; }

PACKAGE() { echo "kpatch-patch-$KERNEL_RELEASE"; }

@test "apt install: the loader comes with it, the fix is in effect and kept for the next boot" {
	in_vm 'grep -q ^Committed_AS: /proc/meminfo'
	offer 'kpatch-loader_*.deb' '*_1-1_amd64.deb'
	apt "install $(PACKAGE)"
	meminfo_is_fixed
	[[ $(loaded) == livepatch_meminfo_string_1 ]]
	[[ $(stored) == livepatch_meminfo_string_1.ko ]]
	[[ $(in_vm 'systemctl is-enabled kpatch.service') == enabled ]]
	in_vm 'kpatch status'
	in_vm "dpkg --verify $(PACKAGE) kpatch-loader"
}

@test "apt upgrade: a newer, cumulative hotfix, while a service runs and never sees the old kernel" {
	in_vm 'systemd-run --quiet --unit=reader sh -c "while sleep 0.05; do grep -q ^CommittedLive: /proc/meminfo || echo GAP; done"'
	before=$(in_vm 'systemctl show -P MainPID reader')
	offer 'kpatch-loader_*.deb' '*_1-1_amd64.deb' '*_2-1_amd64.deb'
	apt upgrade
	[[ $(in_vm "dpkg-query -W -f '\${Version}' $(PACKAGE)") == 2-1 ]]
	version_is_fixed
	meminfo_is_fixed
	[[ $(loaded) == livepatch_meminfo_string_2 ]]
	[[ $(stored) == livepatch_meminfo_string_2.ko ]]
	[[ $(in_vm 'grep -c ^livepatch /proc/modules') == 1 ]]
	# a module that the patch waits for
	in_vm 'modprobe loop && losetup /dev/loop0 /etc/hostname && grep -q "live patched" /sys/block/loop0/loop/offset && losetup -d /dev/loop0'
	[[ $(in_vm 'systemctl show -P MainPID reader') == "$before" ]]
	[[ $(in_vm 'systemctl is-active reader') == active ]]
	gaps=$(in_vm 'journalctl -u reader -o cat')
	no grep GAP <<< "$gaps"
	in_vm 'systemctl stop reader; kpatch status'
}

@test "reboot: loaded again, early, by systemd" {
	in_vm 'systemd-run --quiet --on-active=1 systemctl reboot'
	for ((i = 0; i < 300; i++)); do
		vm status > /dev/null || break
		sleep 1
	done
	run ! vm status
	vm stop
	machine_start
	meminfo_is_fixed
	version_is_fixed
	[[ $(loaded) == livepatch_meminfo_string_2 ]]
	[[ $(in_vm 'systemctl show -P ActiveState kpatch.service') == active ]]
	# before any ordinary service
	started() { in_vm "systemctl show -P ActiveEnterTimestampMonotonic $1"; }
	(($(started kpatch.service) < $(started basic.target)))
	in_vm 'kpatch status'
	# the boot is confirmed, so that a crash later is not taken for this patch's
	in_vm 'timeout 120 sh -c "until systemctl show -P Result -P ExecMainExitTimestampMonotonic kpatch-confirm | paste -sd , | grep -q "^success,[1-9]"; do sleep 1; done"'
	in_vm 'sort -k3,3n /var/lib/kpatch/*/.livepatch_meminfo_string_2.boot | tail -1 | grep -q " enabled idle 0 "'
}

@test "apt upgrade to a hotfix that the kernel refuses: installed, said, and the older one stays in effect" {
	offer 'kpatch-loader_*.deb' '*_2-1_amd64.deb' '*_3-1_amd64.deb'
	apt upgrade
	[[ $output == *'NOT IN EFFECT'* && $output == *meminfo_proc_shoo* && $output == *'[kernel-refused-module]'* ]]
	[[ $(in_vm "dpkg-query -W -f '\${db:Status-Abbrev}\${Version}' $(PACKAGE)") == 'ii 3-1' ]]
	in_vm 'journalctl -t kpatch -o cat' | grep -q 'NOT IN EFFECT'
	[[ $(loaded) == livepatch_meminfo_string_2 ]]
	run -11 vm exec 'kpatch status'
	[[ $output == *livepatch_meminfo_string_3* ]]
	# the package that has brought the older one takes it away, too
	apt "remove $(PACKAGE)"
	[[ -z $(loaded) && -z $(stored) ]]
	# and apt goes on working
	in_vm 'dpkg --audit | wc -l' | grep -qx 0
	apt "install $(PACKAGE)=2-1"
	[[ $(stored) == livepatch_meminfo_string_2.ko ]]
	in_vm 'kpatch status'
}

@test "apt remove: unloaded, no more at boot; the loader can go, too" {
	apt "remove $(PACKAGE)"
	[[ -z $(loaded) ]]
	[[ -z $(stored) ]]
	in_vm 'grep -q ^Committed_AS: /proc/meminfo && ! grep -q livepatch /proc/modules'
	apt 'purge kpatch-loader'
	in_vm '[ ! -e /usr/bin/kpatch ] && [ ! -e /usr/lib/kpatch ] && [ -z "$(ls -A /var/lib/kpatch 2> /dev/null)" ]'
}

@test "rpm: install, upgrade, erase" {
	vm put --to /srv/rpm "$MADE"/*.rpm
	rpm_in_vm() { run vm exec --timeout 600 "cd /srv/rpm && rpm --dbpath /var/lib/rpm $1 2>&1"; echo "$output"; [[ $status == 0 ]]; }
	rpm_in_vm '-i dummy.rpm'
	run ! rpm_in_vm "-i $(PACKAGE)-1-1.x86_64.rpm"
	[[ $output == *"kpatch-loader"*"is needed by"* ]]
	rpm_in_vm '-i --nodeps kpatch-loader-*.rpm'
	[[ $(in_vm 'systemctl is-enabled kpatch.service') == enabled ]]
	rpm_in_vm "-i $(PACKAGE)-1-1.x86_64.rpm"
	meminfo_is_fixed
	[[ $(loaded) == livepatch_meminfo_string_1 ]]
	rpm_in_vm "-U $(PACKAGE)-2-1.x86_64.rpm"
	version_is_fixed
	[[ $(loaded) == livepatch_meminfo_string_2 ]]
	[[ $(stored) == livepatch_meminfo_string_2.ko ]]
	rpm_in_vm "-V $(PACKAGE)"
	rpm_in_vm "-e $(PACKAGE)"
	[[ -z $(loaded) && -z $(stored) ]]
	in_vm 'grep -q ^Committed_AS: /proc/meminfo'
	rpm_in_vm '-e kpatch-loader'
	in_vm '[ ! -e /usr/bin/kpatch ]'
}
