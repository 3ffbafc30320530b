#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Objects of the unpatched source are compiled once for a kernel (kpatch-build/compile/object_store.h).

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

# A cache with the suite's prepared tree and a store of its own, $STORE.
setup() {
	OUT=$BATS_TEST_TMPDIR/out CACHE=$BATS_TEST_TMPDIR/cache
	mkdir -p "$OUT" "$CACHE"
	link_prepared "$KERNEL_CACHE" "$CACHE"
	STORE=$CACHE/objects-$(basename "$(dirname "$KERNEL_TREE")" | sed 's/^tree-//')
}

# build_of N PATCH OPTION...: it takes N objects from the store
build_of() {
	local n=$1 found
	shift
	run -0 kpatch_build --cache "$CACHE" --verbose "$@"
	found=$(sed -n 's/^objects *\([0-9]*\) of the kernel.s own were in the cache$/\1/p' <<< "$output")
	[[ ${found:-0} == "$n" ]] || { echo "${found:-0} objects from the store, not $n"; return 1; }
}

# Modules and manifest are those of the first build.
is_the_same() {
	if [[ ! -d $BATS_TEST_TMPDIR/first ]]; then
		mv "$OUT" "$BATS_TEST_TMPDIR/first"
	else
		diff -r "$OUT" "$BATS_TEST_TMPDIR/first"
	fi
}

entries() { ls "$STORE"; }

@test "store: the second build compiles nothing of the kernel's own, and makes the same" {
	build_of 0 "$MEMINFO"
	is_the_same
	[[ $(entries | wc -l) == 2 && -z $(entries | grep -vE '^[0-9a-f]{64}$') ]]
	build_of 2 "$MEMINFO"
	is_the_same
	# another patch of the same file: what the first one left there is not in its original
	make_patch other fs/proc/meminfo.c 's/"MemTotal:  /"MemTotol:  /'
	build_of 2 "$patch"
	strings "$OUT/livepatch-other.ko" | grep -q '^MemTotol:'
	no grep -qa CommittedLive "$OUT/livepatch-other.ko"
	[[ $(entries | wc -l) == 2 ]]
}

@test "store: a damaged file is none: compiled again, and replaced" {
	build_of 0 "$MEMINFO"
	is_the_same
	for file in "$STORE"/*; do cp "$file" "$BATS_TEST_TMPDIR"; done
	for how in 'truncate -s -1' 'truncate -s 40' 'truncate -s 0' flip; do
		for file in "$STORE"/*; do
			if [[ $how == flip ]]; then
				printf '\x7f' | dd of="$file" bs=1 seek=20000 conv=notrunc status=none
			else
				$how "$file"
			fi
		done
		build_of 0 --stop-after compile "$MEMINFO"
		[[ $(entries | wc -l) == 2 ]]
		build_of 2 "$MEMINFO"
		is_the_same
	done
}

@test "store: what another user could have written, and what is no file, is not used" {
	((EUID == 0)) || skip "needs root"
	build_of 0 "$MEMINFO"
	is_the_same
	chown 4321 "$STORE"/*
	build_of 0 --stop-after compile "$MEMINFO"
	chmod 666 "$STORE"/*
	build_of 0 --stop-after compile "$MEMINFO"
	for file in "$STORE"/*; do
		mv "$file" "$BATS_TEST_TMPDIR" && ln -s "$BATS_TEST_TMPDIR/$(basename "$file")" "$file"
	done
	build_of 0 "$MEMINFO"
	is_the_same
	# a directory that others may write to is no store, and nothing of it is touched
	chmod 777 "$STORE"
	before=$(ls -lA --time-style=full-iso "$STORE")
	build_of 0 "$MEMINFO"
	is_the_same
	[[ $(ls -lA --time-style=full-iso "$STORE") == "$before" ]]
}

@test "store: an object made from what Kbuild generates for the build is not kept" {
	make_patch crc lib/crc32.c 's/^u32 __pure crc32_le_base(.*/&/; s/crc ^ __cpu_to_le32/crc + 1 ^ __cpu_to_le32/; s/if (bits == 64)/if (bits == 32)/; $a\
void kpatch_test_unused(void);'
	run kpatch_build --cache "$CACHE" --stop-after compile --keep "$patch"
	work=$(echo "$CACHE"/work-*)
	# as it is without the patch, by what the compiler lists
	grep -q 'lib/crc32table.h' "$work"/objects/0/original.o.d
	[[ ! -d $STORE || -z $(entries) ]]
}

@test "store: when it is too large, what was not used for longest goes" {
	build_of 0 "$MEMINFO"
	own=$(entries)
	for n in 1 2 3; do
		truncate -s 900M "$STORE/old$n" # without blocks on the disk
		touch -d "$n days ago" "$STORE/old$n"
	done
	# nothing new, nothing to do
	build_of 2 "$MEMINFO"
	[[ $(entries | grep -c old) == 3 ]]
	make_patch other fs/proc/uptime.c 's/%lu/%lu/; s/"%lu.%02lu %lu.%02lu\\n"/"%lu.%02lu  %lu.%02lu\\n"/'
	build_of 0 "$patch"
	[[ $(entries | grep old) == old1 ]]
	for name in $own; do [[ -s $STORE/$name ]]; done
	[[ $(entries | wc -l) == 5 ]]
}

@test "store: where it cannot be written the build goes on without" {
	((EUID == 0)) || skip "needs root, to mount a small file system"
	mkdir "$STORE"
	mount -t tmpfs -o size=16k,mode=755 none "$STORE"
	run kpatch_build --cache "$CACHE" "$MEMINFO"
	left=$(ls -A "$STORE")
	umount "$STORE"
	[[ $status == 0 && -z $left ]]
}
