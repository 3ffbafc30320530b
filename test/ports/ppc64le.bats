#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The whole way for ppc64le: patches are built, proven against the installed kernel, and loaded by kpatch into a booted one.

load ports.bash

teardown() {
	[[ -n $KERNEL_ROOT ]] || return 0
	in_vm '[ ! -e /proc/fs/nfsd/threads ] || nfs-up down' || true
	unload_all
	check_log
}

# nfsd_patch N [OPTION...]: generation N of a fix that spans the kernel and nfsd
nfsd_patch() {
	local patch=$BATS_TEST_TMPDIR/nfsd-$1.patch
	sed "s/@N@/${1/all/4}/" "$TEST_TOP/test/vm/patches/$PORT/nfsd.patch.in" > "$patch"
	make_patch "$patch" "${@:2}"
}

# served N: as test/vm/nfsd.bats has it
served() {
	local kernel files
	read -r kernel < <(in_vm 'head -n 1 /proc/version')
	files=$(in_vm 'stat -f -c %c /mnt/v3')
	if (($1)); then
		[[ $kernel == "patch $1" && $files == "$((100 * $1 + 1))" ]] || { echo "'$kernel', $files files"; return 1; }
	else
		[[ $kernel == "Linux version"* ]] && ((files > 1000))
	fi
}

# pads: modules that take room while nfsd is away, so that it comes back elsewhere
pads() {
	local tree n dir=$BATS_FILE_TMPDIR/pads
	tree=$(echo "$KERNEL_CACHE"/tree-*/tree/arch/"$PORT_ARCH"/include/generated/asm | head -n 1)
	tree=${tree%/arch/*}
	mkdir -p "$dir"
	for n in 1 2 3 4 5 6 7 8; do
		# as large as what is to be kept out, and more each time
		printf '#include <linux/module.h>\nchar pad%d[%d];\nMODULE_LICENSE("GPL");\n' "$n" $((600000 + 70000 * n)) > "$dir/pad$n.c"
		echo "obj-m += pad$n.o"
	done > "$dir/Kbuild"
	make -s -C "$tree" ARCH="$PORT_ARCH" CROSS_COMPILE="$PORT_CROSS" M="$dir" modules > "$dir/log" 2>&1 || { cat "$dir/log"; return 1; }
	vm put "$dir"/pad*.ko
}

@test "meminfo: what /proc says changes, and changes back" {
	local format
	make_patch "$TEST_TOP/examples/meminfo-string.patch"
	powerpc64le-linux-gnu-readelf -h "$module" | grep -q 'Machine: *PowerPC64'
	grep -qx '  machine: ppc64le' "${module%.ko}.yaml"
	grep -qx 'verified: true' "${module%.ko}.yaml"
	[[ $(grep -A3 '^- name: vmlinux' "${module%.ko}.yaml" | grep -E 'compared|matched' | xargs) == "compared: 3 matched: 3" ]]
	for format in deb rpm; do
		"$BUILD/kpatch-package" --format "$format" --cache "$BATS_TEST_TMPDIR" --output "$BATS_TEST_TMPDIR" "$module"
	done
	[[ $(dpkg-deb -f "$BATS_TEST_TMPDIR"/*.deb Architecture) == ppc64el ]]
	[[ $(rpm -qp --qf '%{ARCH}' "$BATS_TEST_TMPDIR"/*.rpm) == ppc64le ]]
	in_vm "kpatch load $name.ko"
	[[ $(in_vm 'grep -o "^Committed[A-Za-z_]*" /proc/meminfo') == CommittedLive ]]
	[[ $(in_vm 'kpatch list') == *meminfo_string* ]]
	unload "$name"
	[[ $(in_vm 'grep -o "^Committed[A-Za-z_]*" /proc/meminfo') == Committed_AS ]]
}

@test "nfsd comes back to its patch, at eight addresses; what a client sees is the patch's" {
	local n addresses
	nfsd_patch 5 --no-replace
	pads
	in_vm 'nfs-up'
	served 0
	in_vm "kpatch load $name.ko"
	served 5
	# nothing of the loader's is used up: no field of code is its, but words of writable data
	powerpc64le-linux-gnu-readelf -rW "$module" > "$BATS_TEST_TMPDIR/relocs"
	[[ $(sed -n '/klp.rela.nfsd/,/^$/p' "$BATS_TEST_TMPDIR/relocs" | grep -o 'R_PPC64_[A-Z0-9]*' | sort -u | xargs) == "R_PPC64_ADDR64 R_PPC64_TOCSAVE" ]]
	for n in 1 2 3 4 5 6 7 8; do
		in_vm "grep '^nfsd ' /proc/modules | cut -d ' ' -f 6" >> "$BATS_TEST_TMPDIR/addresses"
		in_vm "nfs-up down; insmod pad$n.ko; nfs-up"
		served 5
	done
	for n in 1 2; do
		in_vm 'nfs-up down; nfs-up'
		served 5
	done
	cat "$BATS_TEST_TMPDIR/addresses"
	addresses=$(sort -u "$BATS_TEST_TMPDIR/addresses" | wc -l)
	((addresses >= 6))
	in_vm 'for n in 1 2 3 4 5 6 7 8; do rmmod pad$n; done'
	unload "$name"
	served 0
	refute_match "$(log_of_test)" 'Expected nop|invalid relocation target|livepatch: failed|stub'
}

@test "a module that comes after its patch, patches that stack and one that replaces them" {
	local n
	for n in 1 2; do
		nfsd_patch $n --no-replace
		in_vm "kpatch load $name.ko"
	done
	in_vm 'nfs-up'
	served 2
	nfsd_patch all
	in_vm "kpatch load $name.ko"
	served 4
	[[ $(in_vm 'ls /sys/kernel/livepatch') == livepatch_nfsd_all ]]
	in_vm 'nfs-up down; nfs-up'
	served 4
	unload "$name"
	served 0
}

@test "nfsd comes back a hundred times" {
	nfsd_patch 6 --no-replace
	in_vm "kpatch load $name.ko"
	# the module alone: its code is patched anew each time, and every word of the patch is written
	in_vm --timeout 600 'set -e; for i in $(seq 100); do
			modprobe nfsd; [ "$(cat /sys/kernel/livepatch/livepatch_nfsd_6/nfsd/patched)" = 1 ]; rmmod nfsd
		done'
	in_vm 'nfs-up'
	served 6
	refute_match "$(log_of_test)" 'Expected nop|stub|livepatch: failed'
}

# damaged NAME PATTERN NUMBER: a copy of the image in which that is added to the lowest byte of the first instruction like that of
# meminfo_proc_show()
damaged() {
	local image=$BATS_TEST_TMPDIR/vmlinux-$1 at text offset byte
	cp "$KERNEL_ROOT/boot/vmlinux-$KERNEL_RELEASE" "$image"
	at=$(in_vm "grep -w 'meminfo_proc_show' /proc/kallsyms" | awk '$3 == "meminfo_proc_show" && !$4 { print $1 }')
	at=$("${PORT_CROSS}objdump" -d --no-show-raw-insn --start-address="0x$at" --stop-address=$((0x$at + 0x900)) "$image" |
		grep -E ":[[:space:]]+($2)" | head -n 1 | cut -d : -f 1)
	read -r text offset < <("${PORT_CROSS}readelf" -SW "$image" | sed -nE 's/.* \.text +PROGBITS +([0-9a-f]+) ([0-9a-f]+) .*/\1 \2/p')
	at=$((0x$at - 0x$text + 0x$offset))
	byte=$(od -An -tu1 -j "$at" -N 1 "$image")
	byte=$(printf %02x $(((byte + $3) & 255)))
	unhex <<< "$byte" | dd of="$image" bs=1 seek="$at" conv=notrunc status=none
}

@test "a kernel whose code leads elsewhere by half of a distance, or by a branch, is not the one that was built" {
	local what
	in_vm true
	damaged upper 'addis +r4,r2,' 255
	damaged lower 'addi +r4,r4,' 1
	damaged read 'ld +r[0-9]+,-?[0-9]+\(r2\)|addi +r9,r9,' 8
	damaged branch 'bl +' 8
	for what in upper lower read branch; do
		run make_patch "$TEST_TOP/examples/meminfo-string.patch" --image "$BATS_TEST_TMPDIR/vmlinux-$what"
		[[ $status != 0 ]] || { echo "$what"; false; }
		grep -q 'meminfo_proc_show.* is not what vmlinux runs: at .*the code in vmlinux to .*\[code-not-verified\]' "$BATS_TEST_TMPDIR/said" || { cat "$BATS_TEST_TMPDIR/said"; false; }
		rm "$BATS_TEST_TMPDIR/said"
	done
}
