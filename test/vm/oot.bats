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

UPDATES=/lib/modules/$KERNEL_RELEASE/updates/dkms

setup() { mark_log; }

teardown() {
	in_vm '! grep -q "^kpatch_oot " /proc/modules || rmmod kpatch_oot' || true
	unload_all
	check_log
}

build_module() { make -s -C "$1" KDIR="$HEADERS" PWD="$1" CONFIG_DEBUG_INFO_BTF_MODULES= "${@:2}" all; }

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
	# nor does the patch come over it
	run ! in_vm 'kpatch load livepatch-oot.ko'
	assert_match "$output" 'made for another build of module kpatch_oot.*loaded is.*\[other-module-build\]'
	in_vm 'rmmod kpatch_oot'
	# what is installed where DKMS installs is looked at before it is loaded
	in_vm 'kpatch check livepatch-oot.ko'
	vm put --to "$UPDATES" "$other/kpatch-oot.ko"
	run ! in_vm 'kpatch check livepatch-oot.ko'
	assert_match "$output" 'made for another build of module kpatch_oot.*installed is.*\[other-module-build\]'
	vm put --to "$UPDATES" "$MODULE"
}

# dkms_module PACKAGE MODULE FILE SED VARIABLE...: the module of a package, built as DKMS does it and stripped, is in the machine,
# and so is a patch of FILE, built from the source that nobody has built
dkms_module() {
	local source copy=$BATS_TEST_TMPDIR/var dir=$BATS_TEST_TMPDIR/edit file=$3 script=$4 ko depends
	source=$("$TEST_TOP/test/lib/fetch-dkms" "$1")
	cp -r "$source" "$copy"
	(cd "$copy" && make -s CONFIG_DEBUG_INFO_BTF_MODULES= "${@:5}")
	ko=$BATS_TEST_TMPDIR/$2.ko
	strip -g -o "$ko" "$(find "$copy" -name "$2.ko")"
	mkdir -p "$dir"/{a,b}/"$(dirname "$file")"
	cp "$source/$file" "$dir/a/$file"
	sed "$script" "$source/$file" > "$dir/b/$file"
	(cd "$dir" && diff -rup a b) > "$BATS_TEST_TMPDIR/dkms.patch" || true
	build "$BATS_TEST_TMPDIR/dkms.patch" --oot-module "$ko" --oot-module-src "$source"
	vm put "$module"
	vm put --to "$UPDATES" "$ko"
	depends=$(modinfo -F depends "$ko")
	in_vm "for m in ${depends//,/ }; do modprobe \$m; done"
	# every function of the patched object was found in the module
	sed -n '/^objects:/,$s/^  \(compared\|matched\): //p' "$BATS_TEST_TMPDIR/livepatch-dkms.yaml" | paste -sd ' ' > "$dir/proof"
	read -r compared matched < "$dir/proof"
	echo "$2: $matched of $compared functions are proven" >&3
	((compared == matched && matched > 0))
}

# bats test_tags=nightly
@test "v4l2loopback of the distribution's DKMS package: patched, reloaded, as it was" {
	local attribute=/sys/devices/virtual/video4linux/video0/max_openers
	dkms_module v4l2loopback-dkms v4l2loopback v4l2loopback.c \
		'/^static ssize_t attr_show_maxopeners/,/^}/s/"%d\\n"/"%d at most\\n"/' KERNEL_DIR="$HEADERS" all
	for _ in 1 2; do
		in_vm "insmod $UPDATES/v4l2loopback.ko video_nr=0 max_openers=7"
		[[ $(in_vm "cat $attribute") == 7 ]]
		in_vm 'kpatch load livepatch-dkms.ko'
		for _ in 1 2; do
			[[ $(in_vm "cat $attribute") == '7 at most' ]]
			in_vm "rmmod v4l2loopback; insmod $UPDATES/v4l2loopback.ko video_nr=0 max_openers=7"
		done
		[[ $(in_vm "cat $attribute") == '7 at most' ]]
		unload livepatch-dkms
		[[ $(in_vm "cat $attribute") == 7 ]]
		in_vm 'rmmod v4l2loopback'
	done
}

# bats test_tags=nightly
@test "ovpn-dco of the distribution's DKMS package, whose makefile generates a header: patched, reloaded, as it was" {
	local mtu
	dkms_module openvpn-dco-dkms ovpn-dco-v2 drivers/net/ovpn-dco/main.c 's/dev->mtu = ETH_DATA_LEN - overhead;/dev->mtu = ETH_DATA_LEN - overhead - 100;/' \
		VER="$KERNEL_RELEASE" KERNEL_SRC="$HEADERS" REVISION=0.0+git20231103
	load_ovpn() { in_vm "insmod $UPDATES/ovpn-dco-v2.ko"; }
	new_mtu() { in_vm 'ip link add ov0 type ovpn-dco && cat /sys/class/net/ov0/mtu && ip link del ov0'; }
	load_ovpn
	mtu=$(new_mtu)
	in_vm 'kpatch load livepatch-dkms.ko'
	[[ $(new_mtu) == "$((mtu - 100))" ]]
	for _ in 1 2; do
		in_vm 'rmmod ovpn_dco_v2'
		load_ovpn
		[[ $(new_mtu) == "$((mtu - 100))" ]]
	done
	unload livepatch-dkms
	[[ $(new_mtu) == "$mtu" ]]
	in_vm 'rmmod ovpn_dco_v2'
}
