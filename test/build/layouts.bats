#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Where distributions, and people who build kernels themselves, put what a build needs. The kernel is Debian's, laid out anew
# as the others' spec files and packages have it; in the head of the image, which names who built it, their
# name stands in Debian's place.

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

setup_file() {
	export RELEASE_BARE=${KERNEL_RELEASE%.*} RELEASE_BASE=${KERNEL_RELEASE%-*} RELEASE_FLAVOUR=${KERNEL_RELEASE##*-}
	export HEADERS=$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE
	export IMAGE=$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE
}

# system ID: an empty system below $ROOT whose os-release has this ID; $MODULES is where its kernel's modules are
system() {
	ROOT=$BATS_TEST_TMPDIR/$1 MODULES=$ROOT/lib/modules/$KERNEL_RELEASE
	mkdir -p "$ROOT/etc" "$MODULES" "$ROOT/boot" "$ROOT/usr/src"
	printf 'NAME="A name"\nID=%s\nVERSION_ID="1"\n' "$1" > "$ROOT/etc/os-release"
	cp -rs "$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE"/[km]* "$MODULES"
}

# image_of FILE TEXT: the image, whose version string has TEXT behind the release
image_of() {
	python3 - "$IMAGE" "$1" "$2" <<-'END'
		import sys
		data = bytearray(open(sys.argv[1], "rb").read())
		at = int.from_bytes(data[0x20e:0x210], "little") + 0x200
		end = data.index(0, at)
		text = data[at:end].split(b" ")[0] + b" " + sys.argv[3].encode()
		assert len(text) <= end - at
		data[at:end] = text.ljust(end - at, b"\0")
		open(sys.argv[2], "wb").write(data)
	END
}

# on CODE OPTION...: kpatch-build for the only kernel below $ROOT, as far as the kernel's files
on() {
	code=$1
	run "$BUILD/kpatch-build" --root "$ROOT" --cache "$KERNEL_CACHE" --output "$OUT" --stop-after kernel "${@:2}" \
		"$MEMINFO"
	[ "$status" = "$code" ] || { echo "exit code $status instead of $code:"; echo "$output"; return 1; }
	nothing_written
}

installed_by() { says "what is missing is installed by: $1([.] What is not on offer any more is in .*)?[.]? \[kernel-packages\]"; }

@test "Fedora and its family: everything in /lib/modules and /usr/src/kernels, the source package" {
	system fedora
	image_of "$MODULES/vmlinuz" "(mockbuild@host) #1 SMP PREEMPT_DYNAMIC Wed Nov 15"
	cp "$HEADERS/.config" "$MODULES/config"
	mkdir -p "$ROOT/usr/src/kernels/$KERNEL_RELEASE"
	cp "$HEADERS/Module.symvers" "$ROOT/usr/src/kernels/$KERNEL_RELEASE"
	touch "$ROOT/usr/src/kernel-$RELEASE_BARE.src.rpm"
	on 0 --verbose
	says "kernel   $KERNEL_RELEASE, "
	rm -r "$ROOT/usr/src/kernels" "$ROOT/usr/src/kernel-$RELEASE_BARE.src.rpm"
	on 3
	installed_by "dnf install kernel-devel-$KERNEL_RELEASE && dnf download --source --destdir=/usr/src kernel-$RELEASE_BARE"
	no says 'apt-get'
	rm "$MODULES/vmlinuz" "$MODULES/config"
	on 3 --kernel "$KERNEL_RELEASE" --source "$KERNEL_TREE"
	installed_by "dnf install kernel-core-$KERNEL_RELEASE kernel-devel-$KERNEL_RELEASE"
}

@test "Fedora without the headers package: the compressed Module.symvers beside the modules" {
	system rhel
	image_of "$MODULES/vmlinuz" "(mockbuild@host) #1 SMP"
	cp "$HEADERS/.config" "$MODULES/config"
	touch "$ROOT/usr/src/kernel-$RELEASE_BARE.src.rpm"
	xz -0 < "$HEADERS/Module.symvers" > "$MODULES/symvers.xz"
	on 0
	head -c 20000 "$MODULES/symvers.xz" > "$MODULES/short" && mv "$MODULES/short" "$MODULES/symvers.xz"
	on 3
	says "symvers.xz: .*cannot decompress this Module.symvers \(xz\): it is damaged[.] \[text-damaged\]"
	gzip -1 < "$HEADERS/Module.symvers" > "$ROOT/symvers.gz"
	gzip -1 < "$HEADERS/.config" > "$ROOT/config.gz"
	on 0 --symvers "$ROOT/symvers.gz" --config "$ROOT/config.gz"
}

@test "SUSE: packages named without the flavour, a whole source in /usr/src" {
	system opensuse
	image_of "$MODULES/vmlinuz" "(geeko@buildhost) #1 SMP PREEMPT_DYNAMIC"
	cp "$HEADERS/.config" "$MODULES/config"
	mkdir -p "$ROOT/usr/src/linux-$RELEASE_BASE/init" "$ROOT/usr/src/linux-$RELEASE_BASE-obj"
	ln -s "/usr/src/linux-$RELEASE_BASE-obj" "$MODULES/build"
	cp "$HEADERS/Module.symvers" "$ROOT/usr/src/linux-$RELEASE_BASE-obj"
	touch "$ROOT/usr/src/linux-$RELEASE_BASE/init/main.c"
	on 0
	rm -r "$ROOT/usr/src"/*
	on 3
	installed_by "zypper install kernel-$RELEASE_FLAVOUR-devel=$RELEASE_BASE kernel-source=$RELEASE_BASE"
}

@test "Ubuntu: the package's version out of the image, one command with it; an image that root alone may read" {
	system ubuntu
	image_of "$ROOT/boot/vmlinuz-$KERNEL_RELEASE" "(buildd@host) #101~20.04.1-Ubuntu SMP Tue Nov 14"
	cp "$HEADERS/.config" "$ROOT/boot/config-$KERNEL_RELEASE"
	mkdir -p "$ROOT/usr/src/linux-headers-$KERNEL_RELEASE" "$ROOT/usr/src/linux-source-${KERNEL_RELEASE%%-*}"
	cp "$HEADERS/Module.symvers" "$ROOT/usr/src/linux-headers-$KERNEL_RELEASE"
	touch "$ROOT/usr/src/linux-source-${KERNEL_RELEASE%%-*}/linux-source-${KERNEL_RELEASE%%-*}.tar.bz2"
	on 0 --verbose
	says "package ${KERNEL_RELEASE%-*}[.]101~20.04.1, "
	rm -r "$ROOT/usr/src"/*
	on 3
	installed_by "apt-get install linux-headers-$KERNEL_RELEASE linux-source-${KERNEL_RELEASE%%-*}=${KERNEL_RELEASE%-*}[.]101~20.04.1"
}

@test "an image that root alone may read: how to make a copy" {
	system ubuntu
	image_of "$ROOT/boot/vmlinuz-$KERNEL_RELEASE" "(buildd@host) #101-Ubuntu SMP Tue Nov 14"
	chmod 600 "$ROOT/boot"/vmlinuz-*
	cp "$HEADERS/.config" "$ROOT/boot/config-$KERNEL_RELEASE"
	mkdir -p "$ROOT/usr/src/linux-headers-$KERNEL_RELEASE" "$ROOT/out" "$ROOT/home"
	cp "$HEADERS/Module.symvers" "$ROOT/usr/src/linux-headers-$KERNEL_RELEASE"
	touch "$ROOT/usr/src/linux-source-${KERNEL_RELEASE%%-*}.tar.bz2"
	cp "$BUILD/kpatch-build" "$MEMINFO" "$ROOT"
	chown 12345 "$ROOT/out" "$ROOT/home"
	# bats' directories are root's alone
	place=$(mktemp -d)
	chmod 755 "$place"
	mv "$ROOT" "$place/root"
	run -3 setpriv --reuid 12345 --regid 12345 --clear-groups env HOME="$place/root/home" "$place/root/kpatch-build" \
		--root "$place/root" --data "$BATS_TEST_DIRNAME/../../kmod" --output "$place/root/out" \
		"$place/root/meminfo-string.patch"
	rm -rf "$place"
	says "only root may read this image"
	says "sudo install -m 600 -o \"[$]USER\" .*/boot/vmlinuz-$KERNEL_RELEASE vmlinuz-$KERNEL_RELEASE.*--image vmlinuz-.*\[image-unreadable\]"
}

@test "Debian: a kernel of one's own is found by /lib/modules, and no package is named for it" {
	system debian
	image_of "$ROOT/boot/vmlinuz-$KERNEL_RELEASE" "(me@home) #1 SMP PREEMPT_DYNAMIC Sun Nov 29"
	mkdir -p "$ROOT/home/me/linux/init"
	ln -s /home/me/linux "$MODULES/build"
	cp "$HEADERS/.config" "$ROOT/boot/config-$KERNEL_RELEASE"
	cp "$HEADERS/Module.symvers" "$ROOT/home/me/linux"
	touch "$ROOT/home/me/linux/init/main.c"
	on 0 --verbose
	no says 'package'
	rm "$ROOT/home/me/linux/init/main.c"
	on 3
	says "the source of kernel $KERNEL_RELEASE is not there[.] Name it with --source"
	no says 'kernel-packages'
}

@test "Debian: what is missing is one command, with the version of the image" {
	system debian
	cp "$IMAGE" "$ROOT/boot"
	on 3
	version=$(strings -n 20 "$IMAGE" | sed -n 's/.* Debian \([^ ]*\) .*/\1/p' | head -n 1)
	[[ -n $version ]]
	installed_by "apt-get install linux-headers-$KERNEL_RELEASE linux-source-6[.]1=$version"
	says "What is not on offer any more is in Debian's snapshot archive"
	# what an image says of itself is in no command that somebody may copy
	image_of "$ROOT/boot/vmlinuz-$KERNEL_RELEASE" '(x@y) #1 SMP Debian 6.1`id` ('
	on 3
	installed_by "apt-get install linux-headers-$KERNEL_RELEASE linux-source-6[.]1"
	no says '`'
}

@test "a tree in which a kernel was built and never installed: --build" {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/init" "$tree/include/config" "$tree/fs/nfsd"
	"$BUILD/test/image_flip" "$IMAGE" "$tree/vmlinux"
	cp "$HEADERS"/{.config,Module.symvers} "$tree"
	cp "$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE/kernel/fs/nfsd/nfsd.ko" "$tree/fs/nfsd"
	echo fs/nfsd/nfsd.o > "$tree/modules.order"
	touch "$tree/init/main.c"
	ROOT=/
	on 3 --build "$tree"
	says "include/config/kernel.release: no kernel was built in this tree: .*\[kernel-file-missing\]"
	echo "$KERNEL_RELEASE" > "$tree/include/config/kernel.release"
	on 0 --build "$tree" --verbose
	says "kernel   $KERNEL_RELEASE, "
	rm "$tree/vmlinux"
	on 3 --build "$tree"
	says "$tree/vmlinux: the image of kernel $KERNEL_RELEASE is not there"
	no says 'kernel-packages|kernels-available'
}

@test "several kernels below a root: the running one is meant, and the others are named" {
	system debian
	cp "$IMAGE" "$ROOT/boot"
	mkdir "$ROOT/lib/modules/9.9.9-other"
	touch "$ROOT/boot/vmlinuz-9.9.9-other"
	on 3
	says "kernel $(uname -r) is not there"
	says "installed kernels below $ROOT: (9.9.9-other, $KERNEL_RELEASE|$KERNEL_RELEASE, 9.9.9-other)[.]"
}

@test "modules of another kernel: one line, before anything is compiled" {
	other=$BATS_TEST_TMPDIR/modules
	mkdir "$other"
	LC_ALL=C sed "s/vermagic=${KERNEL_RELEASE%%-*}/vermagic=9.9.9/" \
		"$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE/kernel/fs/nfsd/nfsd.ko" > "$other/nfsd.ko"
	echo kernel/fs/nfsd/nfsd.ko > "$other/modules.order"
	refuses 3 kernel-modules-mismatch --modules "$other" "$MEMINFO"
	says "$other: .*these are modules of kernel 9[.]9[.]9-[^ ]*, not of $KERNEL_RELEASE"
	[ "$(grep -c '\]$' <<< "$output")" = 1 ]
}

@test "instrumented kernels, and clang's, are refused in one sentence" {
	for option in KASAN KCSAN KMSAN GCOV_PROFILE_ALL PROFILE_ALL_BRANCHES LTO_CLANG; do
		{ cat "$HEADERS/.config" && echo "CONFIG_$option=y"; } > "$BATS_TEST_TMPDIR/config"
		refuses 3 config-instrumented --config "$BATS_TEST_TMPDIR/config" "$MEMINFO"
		says "config: .*this kernel .*: CONFIG_$option is set"
		[ "$(grep -c '\]$' <<< "$output")" = 1 ]
	done
	sed 's/CONFIG_CC_IS_GCC=y/CONFIG_CC_IS_CLANG=y/' "$HEADERS/.config" > "$BATS_TEST_TMPDIR/config"
	refuses 3 config-compiler --config "$BATS_TEST_TMPDIR/config" "$MEMINFO"
	says "built by clang"
}

# source_rpm VERSION-RELEASE PATCH...: a source package of a kernel that has little but a top Makefile, with these
# patches under the numbers 20, 10, ..., so that the last one comes first
source_rpm() {
	local top=$BATS_TEST_TMPDIR/rpm version=${1%%-*} release=${1#*-} number
	shift
	rm -rf "$top" && mkdir -p "$top/SOURCES" "$top/linux-$version"
	cat > "$top/linux-$version/Makefile" <<-'END'
		# SPDX-License-Identifier: GPL-2.0
		VERSION = 6
		PATCHLEVEL = 1
		SUBLEVEL = 0
		olddefconfig: ; @cat steps; false
	END
	echo first > "$top/linux-$version/steps"
	tar -C "$top" -cJf "$top/SOURCES/linux-$version.tar.xz" "linux-$version"
	{
		printf 'Name: kernel\nSummary: none\nLicense: GPL\nVersion: %s\nRelease: %s\n' "$version" "$release"
		printf 'Source0: https://example.org/linux-%%{version}.tar.xz\nSource1: a.config\nPatch99: empty.patch\n'
		number=$(($# * 10))
		for patch; do
			cp "$patch" "$top/SOURCES"
			printf 'Patch%d: %s\n' "$number" "${patch##*/}"
			number=$((number - 10))
		done
		printf '%%description\nnone\n%%prep\nexit 1\n'
	} > "$top/kernel.spec"
	touch "$top/SOURCES/"{a.config,empty.patch}
	rpmbuild -bs --quiet --define "_topdir $top" "$top/kernel.spec"
	rpm=$(echo "$top"/SRPMS/*.src.rpm)
}

@test "a source package: its patches in the order of their numbers; another version's, a damaged one, a patch that fails" {
	printf -- '--- a/steps\n+++ b/steps\n@@ -1 +1,2 @@\n first\n+second\n' > "$BATS_TEST_TMPDIR/one.patch"
	printf -- '--- a/steps\n+++ b/steps\n@@ -1,2 +1,3 @@\n first\n second\n+third\n' > "$BATS_TEST_TMPDIR/two.patch"
	source_rpm "${KERNEL_RELEASE%-*}" "$BATS_TEST_TMPDIR/two.patch" "$BATS_TEST_TMPDIR/one.patch"
	refuses 3 olddefconfig --cache "$BATS_TEST_TMPDIR/cache" --source "$rpm" "$MEMINFO"
	says 'make olddefconfig failed .exit code 2.: first$'
	[[ $output == *'exit code 2): first'*second*third*make:* ]]
	[ -z "$(find "$BATS_TEST_TMPDIR/cache" -name complete -o -name steps)" ]

	source_rpm "${KERNEL_RELEASE%-*}" "$BATS_TEST_TMPDIR/one.patch" "$BATS_TEST_TMPDIR/two.patch"
	refuses 3 source-unpack --cache "$BATS_TEST_TMPDIR/cache" --source "$rpm" "$MEMINFO"
	says 'kernel-.*[.]src[.]rpm: applying its two.patch failed '
	says 'Unpack it with rpmbuild -bp, '

	head -c 3000 "$rpm" > "$BATS_TEST_TMPDIR/short.src.rpm"
	refuses 3 source-unpack --cache "$BATS_TEST_TMPDIR/cache" --source "$BATS_TEST_TMPDIR/short.src.rpm" "$MEMINFO"

	source_rpm 5.4.0-1
	refuses 3 source-version --cache "$BATS_TEST_TMPDIR/cache" --source "$rpm" "$MEMINFO"
	says "this is the source of kernel 5[.]4[.]0-1, not of $KERNEL_RELEASE"
}

# build_whole OPTION...: as on Debian's own files, byte for byte
build_whole() {
	run -0 kpatch_build "$MEMINFO"
	mkdir "$BATS_TEST_TMPDIR/whole"
	run "$BUILD/kpatch-build" "$@" --output "$BATS_TEST_TMPDIR/whole" --cache "$BATS_TEST_TMPDIR/cache" "$MEMINFO"
	echo "$output"
	[ "$status" -eq 0 ]
	cmp "$OUT/livepatch-meminfo-string.ko" "$BATS_TEST_TMPDIR/whole/livepatch-meminfo-string.ko"
}

# bats test_tags=nightly
@test "a source package, the whole way" {
	top=$BATS_TEST_TMPDIR/rpm
	mkdir -p "$top/SOURCES"
	ln -s "$KERNEL_ROOT/usr/src/linux-source-6.1.tar.xz" "$top/SOURCES/linux-6.1.0.tar.xz"
	sed '1a /* patched by the packager */' "$KERNEL_TREE/fs/proc/meminfo.c" |
		diff -u --label a/fs/proc/meminfo.c --label b/fs/proc/meminfo.c "$KERNEL_TREE/fs/proc/meminfo.c" - \
			> "$top/SOURCES/one.patch" || true
	printf 'Name: kernel\nSummary: none\nLicense: GPL\nVersion: %s\nRelease: %s\n%s\n%s\n%%description\nnone\n' \
		"${KERNEL_RELEASE%%-*}" "$(cut -d- -f2 <<< "$KERNEL_RELEASE")" 'Source: linux-6.1.0.tar.xz' \
		'Patch: one.patch' > "$top/kernel.spec"
	rpmbuild -bs --quiet --define "_topdir $top" "$top/kernel.spec"
	build_whole --root "$KERNEL_ROOT" --source "$(echo "$top"/SRPMS/*.src.rpm)"
	grep -x '/\* patched by the packager \*/' "$BATS_TEST_TMPDIR"/cache/tree-*/tree/fs/proc/meminfo.c
}

# bats test_tags=nightly
@test "a tree in which a kernel was built, the whole way: it is not written to, and its objects are not copied" {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir "$tree"
	tar -xf "$KERNEL_ROOT/usr/src/linux-source-6.1.tar.xz" -C "$tree" --strip-components=1
	"$BUILD/test/image_flip" "$IMAGE" "$tree/vmlinux"
	cp -r "$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE/kernel" "$tree/installed"
	(cd "$tree" && find installed -name '*.ko' > modules.order)
	mkdir -p "$tree/include/config"
	echo "$KERNEL_RELEASE" > "$tree/include/config/kernel.release"
	cp "$HEADERS"/{.config,Module.symvers} "$tree"
	touch "$tree/fs/proc/"{meminfo.o,.meminfo.o.cmd}
	(cd "$tree" && find . -printf '%p %s %T@\n') > "$BATS_TEST_TMPDIR/before"
	run -0 "$BUILD/kpatch-build" --build "$tree" --output "$OUT" --cache "$BATS_TEST_TMPDIR/cache" "$MEMINFO"
	(cd "$tree" && find . -printf '%p %s %T@\n') | diff "$BATS_TEST_TMPDIR/before" -
	[ -z "$(find "$BATS_TEST_TMPDIR"/cache/tree-*/tree -name '*.ko')" ]
	"$BUILD/kpatch" info "$OUT/livepatch-meminfo-string.ko" | grep "$KERNEL_RELEASE"
}
