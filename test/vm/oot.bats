#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Modules that are not part of the kernel's source, under their patches: test/lib/oot, built with the kernel's headers as DKMS
# does it.

load vm

setup_file() {
	export HEADERS=$BATS_FILE_TMPDIR/headers
	kernel_headers "$HEADERS"
	export MODULE=$BATS_FILE_TMPDIR/build/kpatch-oot.ko
	cp -r "$TEST_TOP/test/lib/oot" "$BATS_FILE_TMPDIR/build"
	build_module "$BATS_FILE_TMPDIR/build"
	in_vm "mkdir -p $UPDATES"
	vm put --to "$UPDATES" "$MODULE"
}

UPDATES=/lib/modules/updates-dkms

setup() { mark_log; }

teardown() {
	in_vm '! grep -q "^kpatch_oot " /proc/modules || rmmod kpatch_oot' || true
	unload_all
	check_log
}

build_module() { make -s -C "$1" KDIR="$HEADERS" PWD="$1" "${@:2}" all; }

# oot_patch NAME FILE SED...: a patch of the module, built; its file is in the machine
oot_patch() {
	local dir=$BATS_TEST_TMPDIR/edit name=$1
	shift
	mkdir "$dir"
	cp -r "$TEST_TOP/test/lib/oot" "$dir/a"
	cp -r "$dir/a" "$dir/b"
	while (($#)); do
		sed -i "$2" "$dir/b/$1"
		shift 2
	done
	(cd "$dir" && diff -rup a b) > "$BATS_TEST_TMPDIR/$name.patch" || true
	build "$BATS_TEST_TMPDIR/$name.patch" --oot-module "$MODULE" --oot-module-src "$TEST_TOP/test/lib/oot"
	vm put "$module"
}

shows() { [[ $(in_vm 'cat /proc/kpatch_oot') == "$1" ]] || { in_vm 'cat /proc/kpatch_oot'; return 1; }; }
load_module() { in_vm "insmod $UPDATES/kpatch-oot.ko"; }

@test "it is patched while it is loaded, reloaded under the patch, and comes after it" {
	oot_patch oot first.c 's/original/patched/' part/second.c 's/counted += OOT_STEP/counted += 2 * OOT_STEP/'
	load_module
	shows 'original 11 of 10'
	in_vm 'kpatch load livepatch-oot.ko'
	# its variables are those that it has had
	shows 'patched 32 of 10'
	in_vm 'rmmod kpatch_oot'
	load_module
	shows 'patched 21 of 10'
	shows 'patched 42 of 10'
	unload livepatch-oot
	shows 'original 53 of 10'
	in_vm 'rmmod kpatch_oot'
	in_vm 'kpatch load livepatch-oot.ko'
	for _ in 1 2 3; do
		load_module
		shows 'patched 21 of 10'
		in_vm 'rmmod kpatch_oot'
	done
}

@test "another build of it does not come under the patch" {
	local other=$BATS_TEST_TMPDIR/other
	oot_patch oot first.c 's/original/patched/'
	cp -r "$TEST_TOP/test/lib/oot" "$other"
	build_module "$other" OOT_FLAGS=-DOOT_STEP=20
	vm put "$other/kpatch-oot.ko"
	in_vm 'kpatch load livepatch-oot.ko'
	no in_vm 'insmod kpatch-oot.ko'
	in_vm 'no_such() { ! grep -q "^kpatch_oot " /proc/modules; }; no_such'
	load_module
	shows 'patched 11 of 10'
	in_vm 'rmmod kpatch_oot'
	unload livepatch-oot
	in_vm 'insmod kpatch-oot.ko'
	shows 'original 21 of 20'
	# and the patch is refused for it, or leaves it alone
	in_vm 'kpatch load livepatch-oot.ko' || true
	shows 'original 42 of 20'
}
