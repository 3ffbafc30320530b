#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The packages of this toolchain, and hotfix packages installed by dpkg and rpm into a root of their own,
# where nothing is running: kept, upgraded, removed. What happens where the kernel runs: test/system.

load package

DEB=kpatch-patch-6.1.0-56-amd64

# as_root COMMAND...: dpkg and rpm change the root directory and owners
as_root() {
	if (($(id -u) == 0)); then
		"$@"
	else
		unshare --map-root-user "$@"
	fi
}
in_root() { as_root chroot "$ROOT" "$@"; }

# a root with a shell and what kpatch is linked with
make_root() {
	local library
	ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$ROOT"/{bin,usr/bin,usr/sbin,dev,etc,var/lib/dpkg/{info,updates},var/lib/rpm,tmp,boot,lib,lib64}
	cp "$(command -v busybox)" "$ROOT/bin/"
	for program in sh cat ls mv rm stat grep tr uname echo sed; do
		ln -s busybox "$ROOT/bin/$program"
	done
	: > "$ROOT/var/lib/dpkg/status"
	: > "$ROOT/var/lib/dpkg/available"
	. "$TEST_TOP/test/lib/common.sh"
	needed_libraries "$BUILD/kpatch" | while read -r library; do
		mkdir -p "$ROOT/$(dirname "$library")"
		cp -L "$library" "$ROOT/$library"
	done
	chmod -R go-w "$ROOT"
}

install_deb() { as_root dpkg --root="$ROOT" "$@" 2>&1; }
# a package with nothing in it, only its name
empty_deb() {
	mkdir -p "empty/DEBIAN"
	printf 'Package: %s\nVersion: 1\nArchitecture: amd64\nMaintainer: a <b@c>\nDescription: empty\n' "$1" \
		> empty/DEBIAN/control
	dpkg-deb -b empty "$1.deb"
}
empty_rpm() {
	cat > "$1.spec" <<-END
		Name: $1
		Version: 1
		Release: 1
		Summary: empty
		License: none
		$2
		%description
		%files
	END
	rpmbuild -bb --define "_topdir $PWD/top" --define "_rpmdir $PWD" --define "_rpmfilename $1.rpm" "$1.spec"
}
rpm_root() { as_root rpm --root "$ROOT" --dbpath /var/lib/rpm "$@" 2>&1; }

stored() { (cd "$ROOT/var/lib/kpatch" 2> /dev/null && find . -name '*.ko' -printf '%P\n' | LC_ALL=C sort); }

@test "the debs and RPMs of this toolchain: every installed file is in one of three packages" {
	version=$(sed -n 's/^VERSION := //p' "$TEST_TOP/Makefile")
	make -C "$TEST_TOP" -s --no-print-directory install DESTDIR="$PWD/stage" > log 2>&1 || { cat log; return 1; }
	(cd stage && find usr -type f -not -path '*/share/doc/*' | sed 's|^usr/local|usr|' | sort) > expected
	for file in "$PACKAGES"/*.deb; do
		[[ $(dpkg-deb -f "$file" Version) == "$version" ]]
		dpkg-deb -x "$file" debs
	done
	(cd debs && find . -type f -not -path '*/share/doc/*' | sed 's|^\./||; s|^lib/|usr/lib/|; s|\.gz$||; s|zsh/vendor-completions|zsh/site-functions|' | sort) > got
	grep -v share/lintian got | diff expected -
	for file in "$PACKAGES"/*.rpm; do
		[[ $(rpm -qp --qf '%{VERSION}' "$file") == "$version" ]]
		unpack_rpm "$file" rpms
	done
	(cd rpms && find . -type f -not -path '*/share/doc/*' -not -path '*/licenses/*' | sed 's|^\./||; s|\.gz$||' | sort) > got
	sed '/80-kpatch.preset/d' got | diff expected -
	for tree in debs rpms; do
		grep -rqx 'ExecStart=/usr/bin/kpatch boot' $tree
		strings $tree/usr/bin/kpatch-build | grep -qx /usr/share/kpatch
		"$tree/usr/bin/kpatch" version
	done
	# a kernel's installation calls the hook
	[[ $(readlink debs/etc/kernel/postinst.d/zz-kpatch) == /usr/libexec/kpatch/kernel-hook ]]
	[[ $(realpath --relative-to=rpms rpms/usr/lib/kernel/install.d/95-kpatch.install) == usr/libexec/kpatch/kernel-hook ]]
	run dpkg-deb -f "$PACKAGES"/kpatch-loader_*.deb Depends
	[[ $output != *gcc* && $output != *zydis* && $output == *libyaml* ]]
}

@test "lintian and rpmlint find no error in the packages of this toolchain" {
	# who distributes them puts in a name of their own
	run lintian --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog "$PACKAGES"/*.deb
	[[ -z $(grep '^E:' <<< "$output") ]] || { echo "$output"; return 1; }
	run rpmlint "$PACKAGES"/*.rpm
	# it compiles, so it needs headers; "kpatch.yaml.5" is not a page in the language "yaml"
	errors=$(grep ': E: ' <<< "$output" |
		grep -vE 'no-signature|no-packager-tag|devel-dependency|bad-manual-page-folder .*kpatch.yaml' || true)
	[[ $output == *'3 packages'* && -z $errors ]] || { echo "$output"; return 1; }
}

@test "dpkg: install, upgrade, a second kernel, remove" {
	make_root
	install_deb --force-depends -i "$PACKAGES"/kpatch-loader_*.deb
	versioned livepatch-fix-1 1 fix1.ko
	versioned livepatch-fix-2 2 fix2.ko
	KERNEL=6.12.117+deb12-amd64 versioned livepatch-fix-1 1 other.ko
	pack deb fix1.ko
	# its kernel may come later, or be none of a package
	install_deb -i "$package"
	[[ $(stored) == "$RELEASE/livepatch_fix_1.ko" ]]
	cmp fix1.ko "$ROOT/var/lib/kpatch/$RELEASE/livepatch_fix_1.ko"
	pack deb other.ko
	install_deb -i "$package"
	pack deb fix2.ko
	install_deb -i "$package"
	[[ $(stored) == "$RELEASE/livepatch_fix_2.ko
6.12.117+deb12-amd64/livepatch_fix_1.ko" ]]
	# again, and configured again after a failure, is no harm
	install_deb -i "$package"
	[[ $(stored | wc -l) == 2 ]]
	# what the administrator has added is left alone
	versioned livepatch-own 1 own.ko
	cp own.ko "$ROOT/tmp/"
	in_root kpatch install /tmp/own.ko
	install_deb -r "$DEB"
	[[ $(stored) == "$RELEASE/livepatch_own.ko
6.12.117+deb12-amd64/livepatch_fix_1.ko" ]]
	install_deb -r kpatch-patch-6.12.117+deb12-amd64
	in_root kpatch uninstall --kernel "$RELEASE" livepatch-own
	[[ -z $(find "$ROOT/var/lib/kpatch" -mindepth 1) ]] # no notes are left either
	[[ -z $(find "$ROOT/usr/lib/kpatch" -mindepth 1) ]]
}

@test "dpkg: purged, the loader leaves nothing, whatever was kept and set" {
	make_root
	install_deb --force-depends -i "$PACKAGES"/kpatch-loader_*.deb
	versioned livepatch-own 1 own.ko
	cp own.ko "$ROOT/tmp/"
	in_root kpatch install /tmp/own.ko
	echo 'timeout: 30' > "$ROOT/etc/kpatch.yaml"
	install_deb -r kpatch-loader
	[[ -n $(stored) && -e $ROOT/etc/kpatch.yaml ]] # removed, it can come back
	install_deb --purge kpatch-loader
	rm "$ROOT/tmp/own.ko"
	run find "$ROOT" -path "$ROOT/var/lib/dpkg" -prune -o -name '*kpatch*' -print
	[[ -z $output ]] || { echo "left: $output"; return 1; }
}

@test "dpkg: a patch that cannot be kept is a failure that can be mended" {
	make_root
	install_deb --force-depends -i "$PACKAGES"/kpatch-loader_*.deb
	mkdir -p "$ROOT/var/lib/kpatch"
	chmod 777 "$ROOT/var/lib/kpatch"
	versioned livepatch-fix 1 fix.ko
	pack deb fix.ko
	run ! install_deb -i "$package"
	[[ $output == *'[store-not-trusted]'* ]]
	chmod 755 "$ROOT/var/lib/kpatch"
	install_deb --configure -a
	[[ $(stored) == "$RELEASE/livepatch_fix.ko" ]]
	# a loader that is gone already does not keep the package from being removed
	install_deb --force-depends -r kpatch-loader
	run install_deb -r "$DEB"
	[[ $status == 0 ]] || { echo "$output"; return 1; }
}

@test "rpm: install, upgrade, a second kernel, erase" {
	make_root
	empty_rpm base 'Provides: /bin/sh'
	rpm_root --initdb
	rpm_root -i base.rpm
	rpm_root -i --nodeps "$PACKAGES"/kpatch-loader-*.rpm
	versioned livepatch-fix-1 1 fix1.ko
	versioned livepatch-fix-2 2 fix2.ko
	KERNEL=5.14.0-70.el9.x86_64 versioned livepatch-fix-1 1 other.ko
	pack rpm fix1.ko
	rpm_root -i "$package"
	[[ $(stored) == "$RELEASE/livepatch_fix_1.ko" ]]
	cmp fix1.ko "$ROOT/var/lib/kpatch/$RELEASE/livepatch_fix_1.ko"
	pack rpm other.ko
	rpm_root -i "$package"
	pack rpm fix2.ko
	rpm_root -U "$package"
	[[ $(stored) == "5.14.0-70.el9.x86_64/livepatch_fix_1.ko
$RELEASE/livepatch_fix_2.ko" ]]
	[[ $(rpm_root -qa 'kpatch-patch-*' | wc -l) == 2 ]]
	rpm_root -V "$DEB"
	rpm_root -e "$DEB" kpatch-patch-5.14.0-70.el9.x86-64
	[[ -z $(stored) ]]
	[[ -z $(find "$ROOT/usr/lib/kpatch" -mindepth 1) ]]
}

# machine_root: a root in which hotfix finds the kernel running that runs here, and a kpatch that notes
# its calls and ends with the codes in /codes/COMMAND
machine_root() {
	make_root
	HERE=$(uname -r)
	mkdir -p "$ROOT"/{codes,proc/1,sys/kernel/livepatch,usr/libexec/kpatch,"var/lib/kpatch/$HERE"}
	cp "$TEST_TOP/contrib/hotfix" "$ROOT/usr/libexec/kpatch/"
	ln -s / "$ROOT/proc/1/root"
	echo quiet > "$ROOT/proc/cmdline"
	printf '#!/bin/sh\necho "$*" >> /calls\n[ "$1" != list ] || cat /listed\n[ ! -e "/codes/$1" ] || exit "$(cat "/codes/$1")"\n' > "$ROOT/usr/bin/kpatch"
	chmod +x "$ROOT/usr/bin/kpatch"
}
# hotfix CODE VERB [NAME]: its calls of kpatch are in $calls, what it says in $output
hotfix() {
	local code=$1
	rm -f "$ROOT/calls"
	run "-$code" in_root /usr/libexec/kpatch/hotfix "$2" package "$HERE" "${3:-livepatch-fix}"
	calls=$(cat "$ROOT/calls" 2> /dev/null || true)
}

@test "hotfix: where its kernel runs the patch is loaded, and a failure is said, not passed on" {
	machine_root
	keep="install --quiet /usr/lib/kpatch/$HERE/livepatch-fix.ko"
	hotfix 0 install
	[[ $calls == "$keep
load livepatch-fix" && -z $output ]]
	[[ $(< "$ROOT/var/lib/kpatch/$HERE/.package.hotfix") == livepatch-fix ]]
	echo 8 > "$ROOT/codes/load"
	hotfix 0 install
	[[ $output == *'NOT IN EFFECT'* && $output == *'kpatch load livepatch-fix'* ]]
	echo 11 > "$ROOT/codes/load"
	hotfix 0 install
	[[ $output != *'NOT IN EFFECT'* && $output == *'kpatch status'* ]]
	echo 3 > "$ROOT/codes/install"
	hotfix 3 install
	[[ $calls == "$keep" ]]
	hotfix 2 frobnicate
	run -2 in_root /usr/libexec/kpatch/hotfix install package
}

@test "hotfix: nothing is loaded in a chroot, a container, another kernel, or a boot without patches" {
	machine_root
	keep="install --quiet /usr/lib/kpatch/$HERE/livepatch-fix.ko"
	echo 'quiet kpatch.enable=0' > "$ROOT/proc/cmdline"
	hotfix 0 install
	[[ $calls == "$keep" && $output == *'kpatch.enable=0'* ]]
	echo quiet > "$ROOT/proc/cmdline"
	printf '#!/bin/sh\nexit 0\n' > "$ROOT/usr/bin/systemd-detect-virt"
	chmod +x "$ROOT/usr/bin/systemd-detect-virt"
	hotfix 0 install
	[[ $calls == "$keep" ]]
	rm "$ROOT/usr/bin/systemd-detect-virt"
	hotfix 0 install
	[[ $calls == *load* ]]
	rm "$ROOT/proc/1/root"
	hotfix 0 install
	[[ $calls == "$keep" ]]
	ln -s /usr "$ROOT/proc/1/root"
	hotfix 0 install
	[[ $calls == "$keep" ]]
	rm "$ROOT/proc/1/root"
	ln -s / "$ROOT/proc/1/root"
	rmdir "$ROOT/sys/kernel/livepatch"
	hotfix 0 install
	[[ $calls == "$keep" ]]
}

@test "hotfix: an upgrade drops what the older version had kept; a removal drops and unloads" {
	machine_root
	hotfix 0 install livepatch-one
	hotfix 0 install livepatch-two
	[[ $calls == "install --quiet /usr/lib/kpatch/$HERE/livepatch-two.ko
load livepatch-two
uninstall --quiet --kernel $HERE livepatch-one" ]]
	[[ $(< "$ROOT/var/lib/kpatch/$HERE/.package.hotfix") == livepatch-two ]]
	echo 5 > "$ROOT/codes/uninstall" # somebody has uninstalled it already
	hotfix 0 install livepatch-three
	[[ $calls == *load* && -z $output ]]
	rm "$ROOT/codes/uninstall"
	hotfix 0 remove livepatch-three
	[[ $calls == "uninstall --quiet --kernel $HERE livepatch-three" ]] # it is not loaded
	[[ ! -e $ROOT/var/lib/kpatch/$HERE/.package.hotfix ]]
	mkdir "$ROOT/sys/kernel/livepatch/livepatch_three"
	hotfix 0 remove livepatch-three
	[[ $calls == *"unload livepatch-three" && -z $output ]]
	echo 8 > "$ROOT/codes/unload"
	hotfix 0 remove livepatch-three
	[[ $output == *'STAYS IN EFFECT'* ]]
}

@test "hotfix: an older version that is still loaded, because the newer could not be, goes with the package" {
	machine_root
	hotfix 0 install livepatch-one
	mkdir "$ROOT/sys/kernel/livepatch/livepatch_one"
	echo 7 > "$ROOT/codes/load"
	printf '%s\n' 'livepatch_one enabled 1 vmlinux' 'installed for 1:' '  livepatch_two' '  livepatch_one; x' > "$ROOT/listed"
	hotfix 0 install livepatch-two
	# boots would load the older one after it, and over it
	[[ $calls == *"uninstall --quiet --kernel $HERE livepatch-one" && $output == *'livepatch-one'*'NOT KEPT for boot'* ]]
	[[ $(< "$ROOT/var/lib/kpatch/$HERE/.package.hotfix") == 'livepatch-two livepatch-one' ]]
	hotfix 0 remove livepatch-two
	[[ $calls == "uninstall --quiet --kernel $HERE livepatch-two
uninstall --quiet --kernel $HERE livepatch-one
unload livepatch-one" ]]
}

@test "hotfix: the newer one cannot be loaded: the older one stays in effect, and is kept for boot before it" {
	machine_root
	hotfix 0 install livepatch-one
	mkdir "$ROOT/sys/kernel/livepatch/livepatch_one"
	echo 7 > "$ROOT/codes/load"
	printf '%s\n' 'livepatch_two enabled 1 vmlinux' 'installed for 1:' '  livepatch_one (disabled)' '  livepatch_two' > "$ROOT/listed"
	hotfix 0 install livepatch-two
	[[ $calls != *uninstall* && $output == *'NOT IN EFFECT'*'livepatch-one stays in effect, and is kept for boot as well'* ]]
	[[ $(< "$ROOT/var/lib/kpatch/$HERE/.package.hotfix") == 'livepatch-two livepatch-one' ]]
	# the next one can: it takes the place of both
	rm "$ROOT/codes/load"
	rmdir "$ROOT/sys/kernel/livepatch/livepatch_one"
	hotfix 0 install livepatch-three
	[[ $calls == "install --quiet /usr/lib/kpatch/$HERE/livepatch-three.ko
load livepatch-three
uninstall --quiet --kernel $HERE livepatch-two
uninstall --quiet --kernel $HERE livepatch-one" && -z $output ]]
	[[ $(< "$ROOT/var/lib/kpatch/$HERE/.package.hotfix") == livepatch-three ]]
}

@test "hotfix: a store that is read-only keeps nothing from being unloaded, nor from being loaded" {
	machine_root
	hotfix 0 install livepatch-one
	mkdir "$ROOT/sys/kernel/livepatch/livepatch_one" "$ROOT/sys/kernel/livepatch/livepatch_two"
	echo 7 > "$ROOT/codes/load"
	hotfix 0 install livepatch-two
	echo 1 > "$ROOT/codes/uninstall"
	rm "$ROOT/codes/load"
	# shellcheck disable=SC2016
	in_root() {
		as_root unshare --mount sh -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" &&
			exec chroot "$@"' "$ROOT/var/lib/kpatch" "$ROOT" "$@"
	}
	hotfix 0 remove livepatch-two
	[[ $calls == *"
unload livepatch-two
unload livepatch-one" ]]
	[[ $output == *'livepatch-two could not be uninstalled'* && $output == *'.package.hotfix could not be removed'* ]]
	hotfix 0 install livepatch-two
	[[ $calls == *"load livepatch-two"* && $output == *'.package.hotfix cannot be written'* ]]
	[[ $(< "$ROOT/var/lib/kpatch/$HERE/.package.hotfix") == 'livepatch-two livepatch-one' ]]
}

@test "kernel-hook: what the next boot would be without is said, whoever calls it, and else nothing" {
	machine_root
	cp "$TEST_TOP/contrib/kernel-hook" "$ROOT/usr/libexec/kpatch/"
	hook() { run -0 --separate-stderr in_root /usr/libexec/kpatch/kernel-hook "$@"; [[ -z $output ]]; }
	printf '#!/bin/sh\necho "$*" >> /systemctl.calls\n[ "$2" != is-enabled ] || [ -e /enabled ]\n' > "$ROOT/usr/bin/systemctl"
	printf '#!/bin/sh\n[ "$*" = status ] || exit 2\necho patches\ncat /said >&2\nexit 11\n' > "$ROOT/usr/bin/kpatch"
	chmod +x "$ROOT/usr/bin/systemctl" "$ROOT/usr/bin/kpatch"
	echo 'fix: warning: other. [held-back]' > "$ROOT/said"
	hook "$HERE" "/boot/vmlinuz-$HERE"
	[[ -z $stderr ]]
	echo 'new: warning: none. [newer-kernel-without-hotfix]' >> "$ROOT/said"
	hook "$HERE" "/boot/vmlinuz-$HERE"
	[[ $stderr == 'kpatch: new: warning: none. [newer-kernel-without-hotfix]' ]]
	hook add "$HERE" /boot/efi "/boot/vmlinuz-$HERE"
	[[ $stderr == *'[newer-kernel-without-hotfix]' && ! -e $ROOT/systemctl.calls ]]
	hook remove "$HERE"
	[[ -z $stderr ]]
	# kpatch-auto is started where it is enabled, and not waited for: the package manager is at work
	mkdir -p "$ROOT/run/systemd/system"
	hook "$HERE" "/boot/vmlinuz-$HERE"
	[[ $stderr != *kpatch-auto* && $(< "$ROOT/systemctl.calls") == '--quiet is-enabled kpatch-auto.timer' ]]
	touch "$ROOT/enabled"
	hook "$HERE" "/boot/vmlinuz-$HERE"
	[[ $stderr == *'kpatch-auto looks for one'* && $(tail -n 1 "$ROOT/systemctl.calls") == 'start --no-block kpatch-auto.service' ]]
	# an image that is made in a directory; a system without kpatch
	rm "$ROOT/proc/1/root"
	hook "$HERE" "/boot/vmlinuz-$HERE"
	[[ -z $stderr ]]
	ln -s / "$ROOT/proc/1/root"
	rm "$ROOT/usr/bin/kpatch"
	hook "$HERE" "/boot/vmlinuz-$HERE"
	[[ $stderr != *newer* ]]
}
