#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Functions and variables that a patch adds to one kernel object, for others to use.

load build

# at_the_end TEXT: the sed script that puts TEXT at the end of a source
at_the_end() { printf '$a\\\n%s' "$1"; }

@test "a function or a variable that is added, and nothing uses: no change" {
	make_patch function fs/proc/version.c "$(at_the_end 'int kpatch_test_added(void); int kpatch_test_added(void) { return 1; }')"
	refuses 9 no-change "$patch"
	says 'only adds to the code .*kpatch_test_added'
	make_patch data fs/nfsd/export.c "$(at_the_end 'int kpatch_test_added = 5;')"
	refuses 9 no-change "$patch"
	says 'only adds to the code .*kpatch_test_added'
}

@test "a function that a module gets, and vmlinux uses" {
	local add use
	add=$(at_the_end 'int kpatch_test_added(void); int kpatch_test_added(void) { return nr_cpu_ids; }')
	use='/^static int version_proc_show/i\
int kpatch_test_added(void);
		s/^\tseq_printf(m, linux_proc_banner/\tif (kpatch_test_added() == 7777)\n\t\treturn -EIO;\n&/'
	make_patch module fs/nfsd/lockd.c "$add" fs/proc/version.c "$use"
	run -0 kpatch_build "$patch"
	# nfsd is named, with what is new in it, and its build ID; nothing of it is replaced
	sed -n '/^- name: nfsd/,/^- name: kp\|^warnings/p' "$OUT/livepatch-module.yaml" > "$BATS_TEST_TMPDIR/nfsd"
	grep -qx '  functions: \[\]' "$BATS_TEST_TMPDIR/nfsd"
	grep -qx '  - name: kpatch_test_added' "$BATS_TEST_TMPDIR/nfsd"
	grep -qx '    source: fs/nfsd/lockd.c' "$BATS_TEST_TMPDIR/nfsd"
	# version_proc_show calls it by an ordinary relocation: it is there whether nfsd is or not
	run -0 objdump -dr "$OUT/livepatch-module.ko"
	says 'R_X86_64_(PLT32|PC32)[[:space:]]+kpatch_test_added'
	run -1 grep -q nfsd <(readelf -sW "$OUT/livepatch-module.ko")
}

@test "a variable that vmlinux gets, and a module uses" {
	local use
	use='/^static int expkey_parse/i\
extern int kpatch_test_added;
		/^static int expkey_parse/,/^}/s/^\tdprintk/\tif (kpatch_test_added++ == 7777)\n\t\treturn -EIO;\n&/'
	make_patch data fs/proc/version.c "$(at_the_end 'int kpatch_test_added = 5;')" fs/nfsd/export.c "$use"
	run -0 kpatch_build "$patch"
	sed -n '/^- name: vmlinux/,/^- name: nfsd/p' "$OUT/livepatch-data.yaml" > "$BATS_TEST_TMPDIR/vmlinux"
	grep -qx '  functions: \[\]' "$BATS_TEST_TMPDIR/vmlinux"
	grep -qx '  - kpatch_test_added' "$BATS_TEST_TMPDIR/vmlinux"
	# a file without any function, of which no function can be compared
	make_patch table lib/ctype.c "$(at_the_end 'int kpatch_test_added = 5;')" fs/nfsd/export.c "$use"
	run -0 kpatch_build "$patch"
	grep -qx '  compared: 0' "$OUT/livepatch-table.yaml"
	grep -qx 'verified: true' "$OUT/livepatch-table.yaml"
}

@test "a function and a variable that two modules get, which are linked from one object: each has its own" {
	local dir=drivers/net/ethernet/cavium/liquidio define use
	! grep -q liquidio-core "$KERNEL_TREE/$dir/Makefile" || skip "in this kernel no two modules share the object"
	define='/^int octeon_mbox_cancel/i\
int kpatch_test_state = 7;\
int kpatch_test_shared(struct octeon_mbox *mbox);\
int kpatch_test_shared(struct octeon_mbox *mbox)\
{\
	return kpatch_test_state++ == 4711 ? octeon_mbox_read(mbox) : 0;\
}
		/^int octeon_mbox_cancel/,/^}/s/^\tunsigned long flags = 0;/&\n\n\tkpatch_test_shared(mbox);/'
	use='/^static void cn23xx_enable_vf_interrupt/i\
extern int kpatch_test_state;
		/^static void cn23xx_enable_vf_interrupt/,/^}/s/^\tif (intr_flag & OCTEON_OUTPUT_INTR) {/\tif (kpatch_test_state == 4712)\n\t\treturn;\n&/'
	make_patch shared $dir/octeon_mailbox.c "$define" $dir/cn23xx_vf_device.c "$use"
	run -0 kpatch_build "$patch"
	readelf -sW "$OUT/livepatch-shared.ko" > "$BATS_TEST_TMPDIR/symbols"
	for name in kpatch_test_shared kpatch_test_state; do
		for owner in liquidio liquidio_vf; do
			grep -q " GLOBAL DEFAULT .* $name.$owner\$" "$BATS_TEST_TMPDIR/symbols"
		done
	done
	# each copy calls its module's octeon_mbox_read()
	objdump -dr "$OUT/livepatch-shared.ko" --disassemble=kpatch_test_shared.liquidio_vf > "$BATS_TEST_TMPDIR/code"
	grep -q kpatch_test_state.liquidio_vf "$BATS_TEST_TMPDIR/code"
	run -1 grep -E 'kpatch_test_state.liquidio$' "$BATS_TEST_TMPDIR/code"
	# vmlinux has no copy of its own
	make_patch foreign $dir/octeon_mailbox.c "$define" fs/proc/version.c '/^static int version_proc_show/i\
extern int kpatch_test_state;
		s/^\tseq_printf(m, linux_proc_banner/\tif (kpatch_test_state == 4711)\n\t\treturn -EIO;\n&/'
	rm "$OUT"/*
	refuses 8 shared-between-modules "$patch"
	says 'version\.o: it uses the patch.s kpatch_test_state, of which several modules'
}
