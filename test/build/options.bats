#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The command line and the choice of the kernel: what each mistake is answered with.

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

# on CODE ID ARGUMENT...: kpatch-build with nothing but these arguments
on() {
	local code=$1 id=$2
	shift 2
	run -"$code" "$BUILD/kpatch-build" "$@"
	grep -F "[$id]" <<< "$output" || { echo "no [$id] in:"; echo "$output"; return 1; }
	nothing_written
}

# copy_root: a root of links to the suite's kernel, at $ROOT, of which a test can change parts
copy_root() {
	ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$ROOT/boot" "$ROOT/lib/modules" "$ROOT/usr/src/linux-headers-$KERNEL_RELEASE" \
		"$ROOT/usr/share/doc"
	ln -s "$KERNEL_ROOT"/boot/* "$ROOT/boot"
	ln -s "$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE" "$ROOT/lib/modules"
	ln -s "$KERNEL_ROOT"/usr/src/linux-source-* "$ROOT/usr/src"
	# test/lib/fetch-kernel keeps no documentation; an installed kernel has it
	[[ ! -d $KERNEL_ROOT/usr/share/doc ]] || ln -s "$KERNEL_ROOT"/usr/share/doc/* "$ROOT/usr/share/doc"
	for file in .config Module.symvers; do
		ln -s "$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE/$file" \
			"$ROOT/usr/src/linux-headers-$KERNEL_RELEASE"
	done
}

in_root() { # CODE ID OPTION...
	on "$1" "$2" --root "$ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" --output "$OUT" \
		"${@:3}" "$MEMINFO"
}

@test "help and version" {
	run -0 "$BUILD/kpatch-build" --help
	says '^Usage: kpatch-build \[options\] PATCH'
	for option in kernel root source config image modules symvers cc name output cache jobs \
		no-replace no-verify keep stop-after verbose quiet; do
		says "--$option"
	done
	run -0 "$BUILD/kpatch-build" --version
	says '^kpatch-build [0-9.]+$'
}

@test "usage: nothing given, unknown option, missing argument" {
	on 2 usage
	on 2 usage --frobnicate "$MEMINFO"
	says "^unknown or abbreviated option '--frobnicate'\. kpatch-build --help lists the options\. \[usage\]$"
	on 2 usage --no-verfy "$MEMINFO"
	says "Did you mean --no-verify\? \[usage\]$"
	on 2 usage "$MEMINFO" --kernel
	on 2 usage --jobs 0 "$MEMINFO"
	on 2 usage --jobs many "$MEMINFO"
	on 2 usage --kernel ../../etc "$MEMINFO"
	on 2 usage --stop-after lunch "$MEMINFO"
	on 2 usage --quiet --verbose "$MEMINFO"
}

@test "usage: the options of kpatch's builder say what they are called here" {
	local option
	for option in --sourcedir=/usr/src '--sourcedir /usr/src' '-s /usr/src'; do
		# shellcheck disable=SC2086 # two words
		on 2 usage $option "$MEMINFO"
		says 'Say --source DIR here\. \[usage\]$'
	done
	for option in '-r:--source FILE' '--sourcerpm:--source FILE' '--archversion:--kernel RELEASE' '--vmlinux:--image FILE' \
		'--non-replace:--no-replace' '-R:--no-replace' '--skip-cleanup:--keep' '--debug:--verbose' '-d:--verbose' \
		'--skip-compiler-check:compiler with --cc' '--skip-gcc-check:compiler with --cc' '-t:Leave it out' '-e:--oot-module FILE'; do
		on 2 usage "${option%%:*}" x "$MEMINFO"
		says "option '${option%%:*}'\..*${option#*:}"
	done
	# only what it is, not what begins so
	on 2 usage --debugger "$MEMINFO"
	says '--help lists the options'
}

@test "usage: names that no module can have" {
	on 2 usage --name fix-6.1.2 "$MEMINFO"
	says 'Say --name fix-6-1-2\. \[usage\]$'
	on 2 usage --name 'a b' "$MEMINFO"
	on 2 usage --name '../x' "$MEMINFO"
	on 2 usage --name "$(printf 'x%.0s' {1..56})" "$MEMINFO"
}

@test "usage: a patch that is not there, an output directory that is not there" {
	on 2 patch-unreadable "$BATS_TEST_TMPDIR/none.patch"
	on 2 output --output "$BATS_TEST_TMPDIR/none" "$MEMINFO"
}

@test "a kernel that is not installed: what is missing, what there is" {
	on 3 kernel-file-missing --root "$KERNEL_ROOT" --kernel 5.4.0-1-amd64 "$MEMINFO"
	says 'boot/vmlinuz-5.4.0-1-amd64'
	says 'linux-headers-5.4.0-1-amd64'
	says 'linux-source-5.4'
	says "\[kernels-available\]"
	says "installed kernels below $KERNEL_ROOT: $KERNEL_RELEASE"
}

@test "each file that is missing is named with its remedy" {
	copy_root
	rm "$ROOT"/boot/vmlinuz-*
	in_root 3 kernel-file-missing
	says "vmlinuz-$KERNEL_RELEASE: the image .* Install linux-image-$KERNEL_RELEASE"
	rm "$ROOT/usr/src/linux-headers-$KERNEL_RELEASE/Module.symvers"
	in_root 3 kernel-file-missing
	says "Module.symvers: .* Install linux-headers-$KERNEL_RELEASE"
	says "vmlinuz-$KERNEL_RELEASE: "
	says "installed by: apt-get install linux-image-$KERNEL_RELEASE linux-headers-$KERNEL_RELEASE[.] What is not on offer any more is in Debian.s snapshot archive[.] With --fetch it need not be installed[.] .kernel-packages"
}

@test "an image among the modules, where 7.x packages it, is found" {
	copy_root
	# its directory of modules is a link to that of the test's kernel
	rm "$ROOT"/boot/vmlinuz-* "$ROOT/lib/modules/$KERNEL_RELEASE"
	mkdir "$ROOT/lib/modules/$KERNEL_RELEASE"
	ln -s "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE" "$ROOT/lib/modules/$KERNEL_RELEASE/vmlinuz"
	run -0 kpatch_build --root "$ROOT" --stop-after kernel "$MEMINFO"
}

@test "a distribution without a provider: what /lib/modules leads to; what is missing is to be named" {
	ROOT=$BATS_TEST_TMPDIR/generic modules=$BATS_TEST_TMPDIR/generic/lib/modules/$KERNEL_RELEASE
	mkdir -p "$modules" "$ROOT/objects-of-generic" "$ROOT/source-of-generic/init"
	ln -s "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE" "$modules/vmlinuz"
	ln -s "$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE"/{.config,Module.symvers} "$ROOT/objects-of-generic"
	# links as that system has them, from its own root
	ln -s /objects-of-generic "$modules/build"
	ln -s /source-of-generic "$modules/source"
	touch "$ROOT/source-of-generic/init/main.c"
	run -0 kpatch_build --root "$ROOT" --stop-after kernel "$MEMINFO"
	# the tree of makefiles that a package of headers has is no source
	rm "$ROOT/source-of-generic/init/main.c" "$ROOT/objects-of-generic/Module.symvers"
	in_root 3 kernel-file-missing
	says "$ROOT/source-of-generic: the source of .* Name it with --source"
	says "$ROOT/objects-of-generic/Module.symvers: the Module.symvers of .* Name it with --symvers"
	no says 'apt-get'
	no says 'the image of'
}

@test "an image that is damaged, foreign, or of another release" {
	copy_root
	rm "$ROOT"/boot/vmlinuz-*
	head -c 100000 "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE" > "$ROOT/boot/vmlinuz-$KERNEL_RELEASE"
	run -3 kpatch_build --root "$ROOT" "$MEMINFO"
	says "vmlinuz-$KERNEL_RELEASE: "
	nothing_written
	echo "no kernel" > "$ROOT/boot/vmlinuz-$KERNEL_RELEASE"
	run -3 kpatch_build --root "$ROOT" "$MEMINFO"
	says "vmlinuz-$KERNEL_RELEASE: "
	nothing_written
	head -c 40000 "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE" |
		LC_ALL=C sed "s/${KERNEL_RELEASE%%-*}/9.9.9/" > "$BATS_TEST_TMPDIR/other"
	on 3 kernel-image-mismatch --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" \
		--cache "$KERNEL_CACHE" --output "$OUT" --image "$BATS_TEST_TMPDIR/other" "$MEMINFO"
	says "9.9.9"
}

@test "source and image of different versions" {
	copy_root
	doc=$(basename "$(ls -d "$ROOT"/usr/src/linux-source-*)" .tar.xz)
	rm -rf "$ROOT/usr/share"
	mkdir -p "$ROOT/usr/share/doc/$doc"
	echo 'linux (6.1.1-1) unstable; urgency=low' | gzip > "$ROOT/usr/share/doc/$doc/changelog.Debian.gz"
	in_root 3 source-version
	says '6\.1\.1-1'
}

@test "a Module.symvers that is no such file" {
	printf 'garbage\n' > "$BATS_TEST_TMPDIR/symvers"
	run -3 kpatch_build --symvers "$BATS_TEST_TMPDIR/symvers" "$MEMINFO"
	says "$BATS_TEST_TMPDIR/symvers"
	nothing_written
}

@test "a configuration without livepatch, one without a compiler" {
	config=$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE/.config
	sed '/^CONFIG_LIVEPATCH=/d' "$config" > "$BATS_TEST_TMPDIR/config"
	refuses 3 no-livepatch --config "$BATS_TEST_TMPDIR/config" "$MEMINFO"
	sed '/CC_VERSION_TEXT/d' "$config" > "$BATS_TEST_TMPDIR/config"
	refuses 3 config-compiler --config "$BATS_TEST_TMPDIR/config" "$MEMINFO"
}

@test "another compiler is refused, both are named" {
	printf '#!/bin/sh\necho "gcc-12 (Debian 12.1.0-1) 12.1.0"\n' > "$BATS_TEST_TMPDIR/cc"
	chmod +x "$BATS_TEST_TMPDIR/cc"
	refuses 4 compiler-mismatch --cc "$BATS_TEST_TMPDIR/cc" "$MEMINFO"
	says '12\.1\.0-1'
	says "$(sed -n 's/^CONFIG_CC_VERSION_TEXT="[^ ]* \(.*\)"/\1/p' "$KERNEL_TREE/.config" |
		sed 's/[()+]/\\&/g')"
	refuses 4 compiler-mismatch --cc "$BATS_TEST_TMPDIR/none" "$MEMINFO"
}

# distcc and others call it by its full name, which is what it begins its version with
# bats test_tags=nightly
@test "the kernel's compiler by another name: the module is the same" {
	run -0 kpatch_build --quiet --output "$BATS_TEST_TMPDIR" "$MEMINFO"
	run -0 kpatch_build --quiet --output "$OUT" --cc x86_64-linux-gnu-gcc-12 "$MEMINFO"
	cmp "$OUT/livepatch-meminfo-string.ko" "$BATS_TEST_TMPDIR/livepatch-meminfo-string.ko"
}

@test "the environment reaches no compiler command" {
	KCFLAGS=-DBROKEN MAKEFLAGS=-n ARCH=arm CROSS_COMPILE=none- CPATH=/none GCC_EXEC_PREFIX= \
		run -0 kpatch_build --keep --stop-after compile "$MEMINFO"
	work=$(sed -n 's/^kept //p' <<< "$output")
	[[ -s $work/objects/0/reference.o ]]
	rm -rf "$work"
}
