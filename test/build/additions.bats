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
