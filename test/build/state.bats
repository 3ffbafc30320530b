# SPDX-License-Identifier: GPL-2.0-only
# State of the running kernel, with its real sources: not lost, not misread, not inherited by another.

load build

@test "net_get_random_once() of a new variable runs again; of a new one beside the old one is refused" {
	make_patch syncookies net/ipv4/syncookies.c '/^static siphash_aligned_key_t/a static siphash_key_t new_keys[4];
		s/\([^_c]\)syncookie_secret\([),[]\)\([^2]\)/\1new_keys\2\3/g'
	kpatch_build "$patch"
	run nm "$OUT/livepatch-syncookies.ko"
	for name in ___done ___once_key new_keys; do
		grep -qE "^[0-9a-f]+ [bdBD] $name" <<< "$output" || { echo "$name"; false; }
	done
	run readelf -rW "$OUT/livepatch-syncookies.ko"
	[[ $output != *klp*___done* && $output != *klp*___once_key* ]]
	rm "$OUT"/*
	make_patch both net/ipv4/syncookies.c '/^static siphash_aligned_key_t/a static siphash_key_t new_keys[4];
		/^static void fill/d
		/^static u32 cookie_hash/i static void fill(void) { get_random_bytes(syncookie_secret, 32); get_random_bytes(new_keys, 64); }
		s/net_get_random_once(syncookie_secret, .*/DO_ONCE(fill);/; s/&syncookie_secret\[c\]/\&new_keys[c + (saddr \& 1)]/'
	refuses 8 initialised-once "$patch"
	says 'initialises new_keys where ___done'
}
