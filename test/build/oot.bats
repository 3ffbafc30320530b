#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Modules that are not part of the kernel's source. The one that is patched here is test/lib/oot, built with the kernel's
# headers as DKMS does it.

load build

setup_file() {
	export HEADERS=$BATS_FILE_TMPDIR/headers MODULE=$BATS_FILE_TMPDIR/updates/kpatch-oot.ko
	kernel_headers "$HEADERS"
	mkdir -p "$BATS_FILE_TMPDIR/updates"
	cp -r "$TEST_TOP/test/lib/oot" "$BATS_FILE_TMPDIR/build"
	build_module "$BATS_FILE_TMPDIR/build"
	strip -g -o "$MODULE" "$BATS_FILE_TMPDIR/build/kpatch-oot.ko"
}

setup() {
	OUT=$BATS_TEST_TMPDIR/out
	SOURCE=$BATS_TEST_TMPDIR/source
	mkdir -p "$OUT"
	cp -r "$TEST_TOP/test/lib/oot" "$SOURCE"
}

# build_module DIR [VARIABLE=VALUE]: Makefile and sources in DIR
build_module() { make -s -C "$1" KDIR="$HEADERS" PWD="$1" CONFIG_DEBUG_INFO_BTF_MODULES= "${@:2}" all; }

# oot_patch NAME FILE SED [FILE SED]...: a patch of the module's source, with paths from its directory
oot_patch() { KERNEL_TREE=$TEST_TOP/test/lib/oot make_patch "$@"; }

# proven OBJECT...: the manifest says that all functions of the module's patched objects were compared and found
proven() {
	local yaml=$OUT/livepatch-$1.yaml
	grep -qx 'verified: true' "$yaml"
	grep -A 3 '^- name: kpatch_oot$' "$yaml" | sed -n 's/^  \(compared\|matched\): //p' | paste -sd ' ' |
		grep -qx "$2 $2" || { cat "$yaml"; return 1; }
}

# checksums DIR: of all files in it, with times
checksums() { (cd "$1" && find . -type f -printf '%p %T@\n' | sort && find . -type f -exec sha256sum {} + | sort); }

say='s/original/patched/'

@test "a module of two objects in two directories, from a source that nobody has built; nothing is written there" {
	checksums "$SOURCE" > "$BATS_TEST_TMPDIR/before"
	oot_patch both first.c "$say" part/second.c 's/counted += OOT_STEP/counted += 2 * OOT_STEP/'
	run -0 kpatch_build --verbose --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	says '^plan +oot/first.o in kpatch_oot$'
	says '^plan +oot/part/second.o in kpatch_oot$'
	proven both 4
	[[ $(sed -n 's/^    source: //p' "$OUT/livepatch-both.yaml" | paste -sd ' ') == 'oot/first.c oot/part/second.c' ]]
	# its static variable is found in the module, and its own export is not imported from it
	grep -A 1 'object: kpatch_oot' "$OUT/livepatch-both.yaml" | grep -q 'name: shows'
	checksums "$SOURCE" | cmp - "$BATS_TEST_TMPDIR/before"
	# the second time nothing is built or compiled
	run -0 kpatch_build --verbose --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	says '4 of the kernel.s own and 2 of the patch.s were in the cache'
	no grep -q '^building' <<< "$output"
	# another source is another module
	echo '/* */' >> "$SOURCE/first.c"
	run -0 kpatch_build --stop-after prepare --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	says '^building '
}

@test "a header of the module: the objects that include it, with its own __FILE__" {
	oot_patch header include/shared.h 's/n > 1000000/n > 1000001/'
	run -0 kpatch_build --verbose --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	says '2 objects include what the patch changes'
	says '1 object changes, in 1 module'
	proven header 1
	grep -qx '    source: oot/part/second.c' "$OUT/livepatch-header.yaml"
}

@test "the file may be compressed; the source's own makefile may be all that there is" {
	local xz=$BATS_TEST_TMPDIR/kpatch-oot.ko.xz
	xz --check=crc32 -c "$MODULE" > "$xz"
	rm "$SOURCE/dkms.conf"
	oot_patch xz first.c "$say"
	run -0 kpatch_build --oot-module "$xz" --oot-module-src "$SOURCE" "$patch"
	proven xz 3
}

@test "a source with its build: the commands are those that it was built with" {
	local other=$BATS_TEST_TMPDIR/updates
	build_module "$SOURCE" OOT_FLAGS=-DOOT_STEP=77
	mkdir "$other"
	cp "$SOURCE/kpatch-oot.ko" "$other"
	checksums "$SOURCE" > "$BATS_TEST_TMPDIR/before"
	oot_patch built part/second.c 's/return counted + n;/return counted + 2 * n;/'
	run -0 kpatch_build --oot-module "$other/kpatch-oot.ko" --oot-module-src "$SOURCE" "$patch"
	no grep -q '^building' <<< "$output"
	proven built 1
	checksums "$SOURCE" | cmp - "$BATS_TEST_TMPDIR/before"
	# by itself it is built without that flag, and that is another function
	rm "$OUT"/*
	refuses 7 verify-nothing-matches --oot-module "$other/kpatch-oot.ko" --oot-module-src "$TEST_TOP/test/lib/oot" "$patch"
}

# dkms_root: a root in which DKMS has version 1.0 of the module, and it is installed; in $root
dkms_root() {
	local name
	root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root/usr/src" "$root/lib/modules/$KERNEL_RELEASE/updates/dkms" "$root/var/lib/dkms/kpatch-test/1.0"
	ln -s "$KERNEL_ROOT/boot" "$root/boot"
	for name in "$KERNEL_ROOT"/usr/src/*; do ln -s "$name" "$root/usr/src"; done
	for name in "$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE"/*; do
		ln -s "$name" "$root/lib/modules/$KERNEL_RELEASE"
	done
	xz --check=crc32 -c "$MODULE" > "$root/lib/modules/$KERNEL_RELEASE/updates/dkms/kpatch-oot.ko.xz"
	cp -r "$SOURCE" "$root/usr/src/kpatch-test-1.0"
	ln -s "1.0/$KERNEL_RELEASE/x86_64" "$root/var/lib/dkms/kpatch-test/kernel-$KERNEL_RELEASE-x86_64"
}

@test "what DKMS has is found by the module's name, and the version that is installed of several" {
	dkms_root
	oot_patch dkms first.c "$say"
	run -0 kpatch_build --root "$root" --oot-module kpatch_oot "$patch"
	proven dkms 3
	cp -r "$SOURCE" "$root/usr/src/kpatch-test-2.0"
	sed -i 's/1\.0/2.0/' "$root/usr/src/kpatch-test-2.0/dkms.conf"
	run -0 kpatch_build --verbose --stop-after prepare --root "$root" --oot-module kpatch-oot "$patch"
	says '^module +kpatch_oot, source .*/kpatch-test-1.0$'
	rm "$root/var/lib/dkms/kpatch-test/kernel-"*
	rm "$OUT"/*
	refuses 3 oot-source --root "$root" --oot-module kpatch-oot "$patch"
	says 'several versions'
	refuses 3 oot-source --root "$root" --oot-module nfsd "$patch"
	says 'no dkms.conf below'
	refuses 2 usage --oot-module-src "$SOURCE" "$patch"
	refuses 2 usage --oot-module-symvers "$SOURCE" "$patch"
	refuses 3 oot-module-missing --root "$root" --oot-module kpatch-other "$patch"
}

@test "dkms.conf is read and not run, and patches of its own are not passed over" {
	dkms_root
	local conf=$root/usr/src/kpatch-test-1.0/dkms.conf
	oot_patch conf first.c "$say"
	printf 'touch %s\nPACKAGE_NAME="$(touch %s)"\nMAKE[0]="touch %s; make"\n' "$BATS_TEST_TMPDIR"/{a,b,c} >> "$conf"
	# without words of its own it is built as Kbuild takes it
	run -0 kpatch_build --root "$root" --oot-module kpatch_oot "$patch"
	proven conf 3
	no compgen -G "$BATS_TEST_TMPDIR/[abc]"
	echo 'PATCH[0]="fix.patch"' >> "$conf"
	rm "$OUT"/*
	refuses 3 oot-source --root "$root" --oot-module kpatch_oot "$patch"
	says 'has patches'
}

@test "a new source file, with the makefile hunk that adds its object" {
	oot_patch new Makefile 's|^kpatch-oot-y := first.o|& third.o|' first.c \
		's/^static unsigned long shows/int oot_third(int n);\n&/; s/original %lu of %d/%lu of %d/; s/OOT_STEP)/oot_third(OOT_STEP))/'
	printf -- '--- /dev/null\n+++ b/third.c\n@@ -0,0 +1,5 @@\n+int oot_third(int n);\n+int oot_third(int n)\n+{\n+\treturn 3 * n;\n+}\n' >> "$patch"
	run -0 kpatch_build --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	proven new 3
	grep -qx '    source: oot/third.c' "$OUT/livepatch-new.yaml"
	oot_patch more Makefile 's|^ccflags-y := |&-DOOT_STEP=3 |' first.c "$say"
	rm "$OUT"/*
	refuses 5 patch-build-file --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
}

@test "refused: a module that is not of the source" {
	oot_patch foreign first.c "$say"
	# of another one
	refuses 3 oot-source --oot-module "$(find "$KERNEL_ROOT/lib/modules" -name nfsd.ko)" --oot-module-src "$SOURCE" "$patch"
	says 'makes kpatch_oot, not nfsd'
	# of another version: the function that is patched is another
	sed -i 's/shows++/shows += 2/' "$SOURCE/first.c"
	sed -i 's/shows++/shows += 2/' "$patch"
	refuses 7 code-not-verified --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	# for another kernel
	sed "s/vermagic=$KERNEL_RELEASE/vermagic=${KERNEL_RELEASE/6./9.}/" "$MODULE" > "$BATS_TEST_TMPDIR/kpatch-oot.ko"
	refuses 3 oot-module-kernel --oot-module "$BATS_TEST_TMPDIR/kpatch-oot.ko" --oot-module-src "$SOURCE" "$patch"
	says "is for kernel ${KERNEL_RELEASE/6./9.}, not for $KERNEL_RELEASE"
}

@test "refused: a source without a makefile, that does not build, or that builds the kernel" {
	oot_patch source first.c "$say"
	mv "$SOURCE/Makefile" "$SOURCE/makefile.old"
	refuses 3 oot-source --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	refuses 3 oot-source --oot-module "$MODULE" --oot-module-src "$SOURCE/nowhere" "$patch"
	mv "$SOURCE/makefile.old" "$SOURCE/Makefile"
	sed -i 's/M=\$(PWD)/M=/' "$SOURCE/Makefile"
	refuses 6 oot-build --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	says 'not the directory of the module'
	[[ -z $(find "$KERNEL_TREE/init" -name '*.o') ]]
	sed -i 's/M= /M=$(PWD) /' "$SOURCE/Makefile"
	echo '#error nobody builds this' >> "$SOURCE/first.c"
	refuses 6 oot-build --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	says 'nobody builds this'
}

@test "refused: commands of another compiler, or that are none" {
	local cmd=$SOURCE/.first.o.cmd
	oot_patch commands first.c "$say"
	build_module "$SOURCE"
	cp "$cmd" "$BATS_TEST_TMPDIR/cmd"
	for compiler in clang gcc-11 /usr/bin/touch; do
		sed "1s|:= *[^ ]*gcc[^ ]*|:= $compiler|" "$BATS_TEST_TMPDIR/cmd" > "$cmd"
		refuses 4 oot-compiler --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
		says "built with $compiler, the kernel with gcc-"
	done
	# the same by other names
	for compiler in gcc x86_64-linux-gnu-gcc-12 'ccache /usr/bin/gcc-12'; do
		sed "1s|:= *[^ ]*gcc[^ ]*|:= $compiler|" "$BATS_TEST_TMPDIR/cmd" > "$cmd"
		run -0 kpatch_build --stop-after compile --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	done
	for line in 's/ -D__KERNEL__/ $(shell touch x)&/' 's/ -D__KERNEL__/ `touch x`&/' 's/^cmd_/dmc_/' 's/first.o :=/other.o :=/' \
		's/ -nostdinc.*-D__KERNEL__/&/; s/-I[^ ]*//g'; do
		sed "1{$line}" "$BATS_TEST_TMPDIR/cmd" > "$cmd"
		refuses 3 oot-commands --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	done
}

@test "a module that uses another one's exports: Module.symvers of that is named" {
	local user=$BATS_TEST_TMPDIR/user symvers=$BATS_FILE_TMPDIR/build/Module.symvers
	mkdir "$user"
	cat > "$user/user.c" <<-'END'
		#include <linux/module.h>
		unsigned long oot_count(unsigned long n);
		static noinline int user_set(const char *value, const struct kernel_param *kp)
		{
			return oot_count(1) ? 0 : -EINVAL;
		}
		static const struct kernel_param_ops user_ops = { .set = user_set };
		module_param_cb(count, &user_ops, NULL, 0200);
		MODULE_LICENSE("GPL");
	END
	echo 'obj-m := oot-user.o' > "$user/Kbuild"
	echo 'oot-user-y := user.o' >> "$user/Kbuild"
	cp -r "$user" "$user.built"
	make -s -C "$HEADERS" M="$user.built" CONFIG_DEBUG_INFO_BTF_MODULES= KBUILD_EXTRA_SYMBOLS="$symvers" modules
	KERNEL_TREE=$user make_patch user user.c 's/return oot_count(1)/return oot_count(1) + oot_count(2)/'
	dkms_root # that other module is installed
	local this=(--root "$root" --oot-module "$user.built/oot-user.ko")
	refuses 6 oot-build "${this[@]}" --oot-module-src "$user" "$patch"
	says 'oot_count.* undefined'
	refuses 3 oot-source "${this[@]}" --oot-module-src "$user" --oot-module-symvers nowhere "$patch"
	echo 'no line of a Module.symvers' > "$BATS_TEST_TMPDIR/symvers"
	refuses 6 oot-build "${this[@]}" --oot-module-src "$user" --oot-module-symvers "$BATS_TEST_TMPDIR/symvers" "$patch"
	run -0 kpatch_build "${this[@]}" --oot-module-src "$user" --oot-module-symvers "$symvers" "$patch"
	grep -A 1 'object: kpatch_oot' "$OUT/livepatch-user.yaml" | grep -q 'name: oot_count'
	# the built tree needs nothing to be built, but whose export it is has to be known
	run -0 kpatch_build "${this[@]}" --oot-module-src "$user.built" --oot-module-symvers "$symvers" "$patch"
	rm "$OUT"/*
	refuses 8 symbol-undefined "${this[@]}" --oot-module-src "$user.built" "$patch"
	refuses 3 symvers-damaged "${this[@]}" --oot-module-src "$user.built" --oot-module-symvers "$BATS_TEST_TMPDIR/symvers" "$patch"
}

@test "commands as Kbuild writes them since 6.13, which runs in the module's directory" {
	build_module "$SOURCE"
	sed -i "s|^cmd_|savedcmd_|; s|\./arch/|$HEADERS/arch/|g; s|\./include|$HEADERS/include|g; s|\./tools/|$HEADERS/tools/|g; s|$SOURCE/||g" \
		"$SOURCE"/.*.o.cmd "$SOURCE"/part/.*.o.cmd
	sed -i "s|$SOURCE/||g" "$SOURCE/kpatch-oot.mod"
	grep -q '^savedcmd_first.o := .* -Iinclude .* -c -o first.o first.c' "$SOURCE/.first.o.cmd"
	oot_patch relative first.c "$say" part/second.c 's/counted += OOT_STEP/counted += 2 * OOT_STEP/'
	run -0 kpatch_build --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
	no grep -q '^building' <<< "$output"
	proven relative 4
	# a list that leads out of the directory
	sed -i 's|^first.o|../first.o|' "$SOURCE/kpatch-oot.mod"
	rm "$OUT"/*
	refuses 3 oot-commands --oot-module "$MODULE" --oot-module-src "$SOURCE" "$patch"
}
