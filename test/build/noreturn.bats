#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Calls of functions that do not return and that objtool does not know. Without help it says "falls through to
# next function", and leaves the rest of the function without unwinding tables.

load build

# last_call FILE FUNCTION: where the call leads that is the last thing in FUNCTION, or in its cold part
last_call() {
	local value size
	read -r value size _ < <(nm -S "$1" | awk -v f="$2" '$4 == f ".cold" || $4 == f { print $1, $2, $4 }' | sort -k3 | tail -1)
	{ meant "$1"; readelf -rW "$1"; } | grep -i "^$(printf %016x $((0x$value + 0x$size - 4))) " | head -n 1 |
		grep -oE '[^ ]+( - 4)?$'
}

@test "a call of a static function of a module that does not return, beside calls of panic() itself" {
	make_patch extent fs/btrfs/extent-io-tree.c '/__set_extent_bit(struct extent_io_tree/,/^}/s/^\tint \(err\|ret\) = 0;/&\n\n\tif (bits == 0x4711)\n\t\tpanic("bits");/'
	run -0 kpatch_build "$patch"
	nm "$OUT/livepatch-extent.ko" | grep -qx ' *U panic'
	readelf -rW "$OUT/livepatch-extent.ko" > "$BATS_TEST_TMPDIR/relocs"
	grep -qE 'R_X86_64_PLT32 .* panic - 4$' "$BATS_TEST_TMPDIR/relocs"
	grep -qE '\.klp\.sym\.btrfs\.extent_io_tree_panic(\.isra\.0)?,1 - 4$' "$BATS_TEST_TMPDIR/relocs"
}

@test "a static function of vmlinux, in the last call of another" {
	make_patch put net/core/skbuff.c 's/^\tskb->tail += len;/\tif (len == 4711)\n\t\tpr_info_once("put\\n");\n&/'
	run -0 kpatch_build "$patch"
	# it goes where it went, and nothing is left of what objtool was shown
	[[ $(last_call "$OUT/livepatch-put.ko" skb_put) =~ ^skb_(over_)?panic$ ]]
	run -1 grep -w panic <(nm "$OUT/livepatch-put.ko")
}

@test "the same place in the code of new functions, which is a section of its own, of the same name" {
	make_patch netpoll net/core/netpoll.c 's/queue_process/queue_process_all/
		$a KPATCH_ALLOW_DATA_CHANGE(queue_process_all);
		s/while ((skb = skb_dequeue(&npinfo->txq))) {/&\n\t\tbarrier();/; /^#include <linux\/moduleparam.h>/a #include "kpatch-macros.h"'
	run -0 kpatch_build "$patch"
	readelf -rW "$OUT/livepatch-netpoll.ko" | grep -E 'R_X86_64_PLT32 .* fortify_panic - 4$'
}
