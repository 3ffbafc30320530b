# SPDX-License-Identifier: GPL-2.0-only
# State of the running kernel, with its real sources: not lost, not misread, not inherited by another.

load build

@test "net_get_random_once() of a new variable runs again; of a new one beside the old one is refused" {
	make_patch syncookies net/ipv4/syncookies.c 's/^static siphash_aligned_key_t .*/static siphash_key_t new_keys[4];/
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

@test "get_random_sleepable_once(): as much" {
	make_patch perturb net/ipv4/inet_hashtables.c 's/^static u32 \*table_perturb;/&\nstatic u32 new_perturb[INET_TABLE_PERTURB_SIZE];/
		s/get_random_sleepable_once(table_perturb,/get_random_sleepable_once(new_perturb,/
		s/READ_ONCE(table_perturb\[/READ_ONCE(new_perturb[/'
	kpatch_build "$patch"
	run nm "$OUT/livepatch-perturb.ko"
	for name in ___done ___once_key new_perturb; do
		grep -qE "^[0-9a-f]+ [bdBD] $name" <<< "$output" || { echo "$name"; false; }
	done
	rm "$OUT"/*
	make_patch both net/ipv4/inet_hashtables.c 's/^static u32 \*table_perturb;/&\nstatic u32 new_perturb[4];\
		static void fill(void) { get_random_bytes(new_perturb, 16); get_random_bytes(table_perturb, INET_TABLE_PERTURB_SIZE * 4); }/
		/get_random_sleepable_once(table_perturb,/,/;$/cDO_ONCE_SLEEPABLE(fill);
		s/READ_ONCE(table_perturb\[index\]) +/& READ_ONCE(new_perturb[index \& 3]) +/'
	refuses 8 initialised-once "$patch"
	says 'initialises new_perturb where ___done'
}

@test "a static that moves to another file of its module is refused" {
	make_patch sessionid fs/nfsd/nfs4state.c '/^static u64 current_sessionid = 1;/d
		s/sid->sequence = current_sessionid++/sid->sequence = nfsd4_next_sessionid()/
		/^#include "vfs.h"/a u64 nfsd4_next_sessionid(void);' \
		fs/nfsd/nfs4proc.c '/^#include "vfs.h"/a static u64 current_sessionid = 1;\
			u64 nfsd4_next_sessionid(void);\
			u64 nfsd4_next_sessionid(void) { return current_sessionid++; }'
	refuses 8 variable-moved "$patch"
	says 'fs/nfsd/nfs4proc.o: .*current_sessionid is new here, and fs/nfsd/nfs4state.o has one of that name no longer'
	# under another name, for code of the file that had it
	sed -i '/^+/s/current_sessionid/next_id/' "$patch"
	refuses 8 variable-moved "$patch"
	says 'fs/nfsd/nfs4proc.o: .*next_id is new here, and fs/nfsd/nfs4state.o has current_sessionid no longer and begins'
}

@test "an exported function takes another argument: refused, although all callers of the tree are in the patch" {
	make_patch weight drivers/vhost/vhost.h '/bool vhost_exceeds_weight/s/int total_len/int total_len, bool last/' \
		drivers/vhost/vhost.c '/^bool vhost_exceeds_weight/,/^}/{ s/int total_len/int total_len, bool last/; s/pkts >= /last || pkts >= /; }' \
		drivers/vhost/net.c 's/\(vhost_exceeds_weight(vq, ++[a-z_]*, [a-z_0]*\))/\1, false)/' \
		drivers/vhost/scsi.c 's/\(vhost_exceeds_weight(vq, ++[a-z_]*, [a-z_0]*\))/\1, false)/' \
		drivers/vhost/test.c 's/\(vhost_exceeds_weight(vq, [0-9]*, [a-z_0]*\))/\1, false)/' \
		drivers/vhost/vsock.c 's/\(vhost_exceeds_weight(vq, ++[a-z_]*, [a-z_0]*\))/\1, false)/'
	# the hunk for test.c, which is not configured, is no part of this
	filterdiff -x '*/test.c' "$patch" > "$patch.less" 2> /dev/null ||
		awk '/^diff /{ on = !/vhost\/test.c/ } on' "$patch" > "$patch.less"
	mv "$patch.less" "$patch"
	refuses 8 prototype-changed "$patch"
	says 'vhost_exceeds_weight.*it has another parameter: it is exported'
}

@test "a global function takes another argument in its own file alone: refused" {
	# the declaration is hidden from the compiler: callers elsewhere go on with the old one
	make_patch alone fs/nfsd/export.c '/^struct svc_export \*rqst_find_fsidzero_export(/,/^}/{ s/struct svc_rqst \*rqstp/&, int flags/; s/FSID_NUM, /FSID_NUM + flags, /; }
		s/rqst_find_fsidzero_export(rqstp)/rqst_find_fsidzero_export(rqstp, 0)/
		/^#include <linux.slab.h>/i #define rqst_find_fsidzero_export hidden
		/^#define NFSDDBG_FACILITY/i #undef rqst_find_fsidzero_export'
	refuses 8 prototype-changed "$patch"
	says 'rqst_find_fsidzero_export.*it is global, and the patch changes no other file that calls it'
}

@test "a cache that a function makes which only __init code of another file calls: refused" {
	make_patch slab fs/nfsd/nfscache.c 's/^static struct kmem_cache.*drc_slab;/&\nstatic struct kmem_cache *more_slab;/
		s/^\tdrc_slab = kmem_cache_create/\tmore_slab = kmem_cache_create("more", 64, 0, 0, NULL);\n&/
		s/^\trp = kmem_cache_alloc(drc_slab, GFP_KERNEL);/\tkmem_cache_free(more_slab, kmem_cache_alloc(more_slab, GFP_KERNEL));\n&/'
	refuses 8 initialised-once "$patch"
	no grep -F "initialises drc_slab" <<< "$output"
	[[ $(grep -c initialised-once <<< "$output") -eq 1 ]]
	says 'nfsd_drc_slab_create.0x.*it initialises more_slab, and nothing but __init code calls nfsd_drc_slab_create'
	# one that others call
	make_patch cache fs/nfsd/nfscache.c 's/^static struct kmem_cache.*drc_slab;/&\nstatic unsigned int more;/
		s/^\tnn->max_drc_entries = nfsd_cache_size_limit/\tmore = 7;\n&/
		s/^\trp = kmem_cache_alloc(drc_slab, GFP_KERNEL);/\tif (more == 3)\n\t\treturn NULL;\n&/'
	run -0 kpatch_build "$patch"
}

@test "a changed function that only __init code of another file calls has run; one whose address that takes has not" {
	make_patch slab fs/nfsd/nfscache.c 's/^\tdrc_slab = kmem_cache_create/\tpr_info("made\\n");\n&/'
	run -0 kpatch_build "$patch"
	says 'nfsd_drc_slab_create: nothing but __init code calls it.*\[loaded-already\]'
	# __init code hands it to proc_create_single()
	make_patch stats fs/fscache/stats.c 's/^\tseq_puts(m, "FS-Cache statistics/\tseq_puts(m, "patched\\n");\n&/'
	run -0 kpatch_build "$patch"
	no grep -F '[loaded-already]' <<< "$output"
}
