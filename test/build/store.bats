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

# build_of N+P PATCH OPTION...: it takes N objects of the kernel's own from the store, and P of the patch's
build_of() {
	local wanted=$1 found
	shift
	run -0 kpatch_build --cache "$CACHE" --verbose "$@"
	found=$(sed -n "s/^objects *\([0-9]*\) of the kernel's own and \([0-9]*\) of the patch's were in the cache\$/\1+\2/p" \
		<<< "$output")
	[[ ${found:-0+0} == "$wanted" ]] || { echo "${found:-0+0} objects from the store, not $wanted"; return 1; }
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

@test "store: the second build compiles nothing, and makes the same" {
	build_of 0+0 "$MEMINFO"
	is_the_same
	# two of the kernel's own, and a patched one with what it was made from
	[[ $(entries | wc -l) == 4 && -z $(entries | grep -vE '^[0-9a-f]{64}$') ]]
	build_of 2+1 "$MEMINFO"
	is_the_same
	# another patch of the same file: what the first one left there is not in its objects
	make_patch other fs/proc/meminfo.c 's/"MemTotal:  /"MemTotol:  /'
	build_of 2+0 "$patch"
	strings "$OUT/livepatch-other.ko" | grep -q '^MemTotol:'
	no grep -qa CommittedLive "$OUT/livepatch-other.ko"
	[[ $(entries | wc -l) == 5 ]]
	# the list is that of the last build, and leads to the first one's object as well
	rm -r "$OUT"
	build_of 2+1 "$MEMINFO"
	is_the_same
}

@test "store: a series with one more patch compiles what that one changes" {
	make_patch uptime fs/proc/uptime.c 's/"%lu.%02lu %lu.%02lu\\n"/"%lu.%02lu  %lu.%02lu\\n"/'
	build_of 0+0 "$MEMINFO"
	build_of 2+1 --name both "$MEMINFO" "$patch"
	build_of 4+2 --name both "$MEMINFO" "$patch"
	strings "$OUT/both.ko" | grep -q '^%lu.%02lu  %lu.%02lu$'
	strings "$OUT/both.ko" | grep -q "^CommittedLive"
}

# fs/ramfs/inode.c is the same each time; what it reads is another text, or a file that was found elsewhere before
@test "store: a patched object is made from headers, too: their texts decide, and new ones count" {
	change='s/",mode=%o"/",mode=0%o"/'
	add='s/^extern const struct inode_operations .*/&\nextern int kpatch_test_unused;/'
	make_patch header fs/ramfs/inode.c "$change" fs/ramfs/internal.h "$add"
	make_patch changed fs/ramfs/inode.c "$change" fs/ramfs/internal.h \
		"${add/unused/unused, kpatch_test_other}"
	make_patch plain fs/ramfs/inode.c "$change"
	compiled() { build_of "$1" --stop-after compile "$BATS_TEST_TMPDIR/$2.patch"; }
	patched_of() {
		run kpatch_build --cache "$CACHE" --verbose --stop-after compile "$BATS_TEST_TMPDIR/$1.patch"
		echo "$output"
		echo "$output" | sed -n "s/.* and \([0-9]*\) of the patch's were in the cache\$/\1/p" > taken
	}
	cd "$BATS_TEST_TMPDIR"
	compiled 0+0 plain
	compiled 2+1 plain
	for patch in header changed; do
		patched_of $patch
		[[ $status == 0 && $(cat taken) == 0 ]]
		patched_of $patch
		[[ $status == 0 && $(cat taken) -ge 1 ]]
	done
	patched_of plain
	[[ $status == 0 && $(cat taken) == 1 ]]
	# a header of the same name, nearer: <linux/mm.h> stays, but nobody has looked
	{ cat plain.patch; printf -- '--- /dev/null\n+++ b/fs/ramfs/kpatch-test.h\n@@ -0,0 +1 @@\n+/* */\n'; } > new.patch
	patched_of new
	[[ $status == 0 && $(cat taken) == 0 ]]
}

# The list of the last build lacks a header that the kept object was made from, and the patch changes that header now.
@test "store: a patched object that was made from a header when the patch left that alone is not taken afterwards" {
	change='s/",mode=%o"/",mode=0%o"/'
	make_patch plain fs/ramfs/inode.c "$change"
	make_patch with fs/ramfs/inode.c "$change; s|^#include \"internal.h\"|&\\n#include <linux/crc7.h>|"
	make_patch both fs/ramfs/inode.c "$change; s|^#include \"internal.h\"|&\\n#include <linux/crc7.h>|" \
		include/linux/crc7.h 's|^#define _LINUX_CRC7_H|&\nextern int kpatch_test_unused;|'
	compiled() { build_of "$1" --stop-after compile "$BATS_TEST_TMPDIR/$2.patch"; }
	compiled 0+0 with
	compiled 2+1 with
	compiled 2+0 plain
	compiled 2+0 both
	grep -q kpatch_test_unused "$BATS_TEST_TMPDIR/both.patch"
	compiled 2+1 with
}

@test "store: what the compiler says of a patched object is said when it comes from the store, too" {
	make_patch warned fs/proc/uptime.c \
		's/^static int uptime_proc_show.*/static int kpatch_test_unused_function(void) { return 1; }\n&/; s/"%lu.%02lu %lu/"%lu.%02lu  %lu/'
	build_of 0+0 "$patch"
	grep -q "kpatch_test_unused_function.*defined but not used" <<< "$output"
	is_the_same
	build_of 2+1 "$patch"
	grep -q "kpatch_test_unused_function.*defined but not used" <<< "$output"
	is_the_same
}

@test "store: a patched object that reads a file from outside is refused, and not kept" {
	echo secret > "$BATS_TEST_TMPDIR/outside"
	make_patch outside fs/proc/uptime.c \
		"s|^static int uptime_proc_show.*|asm(\".pushsection .rodata; .incbin \\\\\"$BATS_TEST_TMPDIR/outside\\\\\"; .popsection\");\\n&|"
	for time in 1 2; do
		refuses 8 file-from-outside --cache "$CACHE" "$patch"
	done
	# the original and the reference
	[[ $(entries | wc -l) == 2 ]]
}

@test "store: a damaged file is none: compiled again, and replaced" {
	build_of 0+0 "$MEMINFO"
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
		build_of 0+0 --stop-after compile "$MEMINFO"
		[[ $(entries | wc -l) == 4 ]]
		build_of 2+1 "$MEMINFO"
		is_the_same
	done
}

@test "store: what another user could have written, and what is no file, is not used" {
	((EUID == 0)) || skip "needs root"
	build_of 0+0 "$MEMINFO"
	is_the_same
	chown 4321 "$STORE"/*
	build_of 0+0 --stop-after compile "$MEMINFO"
	chmod 666 "$STORE"/*
	build_of 0+0 --stop-after compile "$MEMINFO"
	for file in "$STORE"/*; do
		mv "$file" "$BATS_TEST_TMPDIR" && ln -s "$BATS_TEST_TMPDIR/$(basename "$file")" "$file"
	done
	build_of 0+0 "$MEMINFO"
	is_the_same
	# a directory that others may write to is no store, and nothing of it is touched
	chmod 777 "$STORE"
	before=$(ls -lA --time-style=full-iso "$STORE")
	build_of 0+0 "$MEMINFO"
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
	build_of 0+0 "$MEMINFO"
	own=$(entries)
	for n in 1 2 3; do
		truncate -s 900M "$STORE/old$n" # without blocks on the disk
		touch -d "$n days ago" "$STORE/old$n"
	done
	# nothing new, nothing to do
	build_of 2+1 "$MEMINFO"
	[[ $(entries | grep -c old) == 3 ]]
	make_patch other fs/proc/uptime.c 's/%lu/%lu/; s/"%lu.%02lu %lu.%02lu\\n"/"%lu.%02lu  %lu.%02lu\\n"/'
	build_of 0+0 "$patch"
	[[ $(entries | grep old) == old1 ]]
	for name in $own; do [[ -s $STORE/$name ]]; done
	[[ $(entries | wc -l) == 9 ]]
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
