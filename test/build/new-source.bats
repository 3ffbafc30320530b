#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# New sources, and the makefile hunks that add them to what the kernel is linked from.

load build

# make_new NAME FILE TEXT [FILE SED]...: a patch with the new source FILE, and files of the kernel's source edited as make_patch does
make_new() {
	local name=$1 file=$2 text=$3
	shift 3
	make_patch "$name" "$@"
	{
		cat "$patch"
		printf -- '--- /dev/null\n+++ b/%s\n@@ -0,0 +1,%d @@\n' "$file" "$(wc -l <<< "$text")"
		sed 's/^/+/' <<< "$text"
	} > "$patch.new"
	mv "$patch.new" "$patch"
}

added='void kpatch_test_added(void);
void kpatch_test_added(void)
{
}'
call='1i void kpatch_test_added(void);
	s/^\tseq_printf(m, linux_proc_banner/\tkpatch_test_added();\n&/'

plan_is() { [[ $(sed -n 's/^plan     \(.*\) in \(.*\)/\1 \2/p' <<< "$output" | sort | paste -sd ,) == "$1" ]] || { echo "$output"; return 1; }; }

@test "an object in a line of its own, at the end of a list, on a line that goes on; vmlinux's and a module's" {
	local script makefile
	for script in 's/^proc-y\t+= util.o/&\nproc-y += kpatch_test.o/' 's/^proc-y\t+= util.o/& kpatch_test.o/' \
		's/^proc-y       += inode.o/& kpatch_test.o/' 's/^\t\tfd.o/\t\tfd.o \\\n\t\tkpatch_test.o/' \
		's/^proc-y\t+= util.o/&\nproc-$(CONFIG_PROC_FS) += kpatch_test.o/' '$a obj-y += kpatch_test.o'; do
		make_new own fs/proc/kpatch_test.c "$added" fs/proc/Makefile "$script" fs/proc/version.c "$call"
		run -0 kpatch_build --verbose --stop-after plan "$patch"
		plan_is 'fs/proc/kpatch_test.o vmlinux,fs/proc/version.o vmlinux'
	done
	for makefile in 's/nfsctl.o/& kpatch_test.o/' '$a nfsd-y += kpatch_test.o' \
		'$a nfsd-$(CONFIG_NFSD_V4) += kpatch_test.o # of version 4'; do
		make_new module fs/nfsd/kpatch_test.c "$added" fs/nfsd/Makefile "$makefile" fs/nfsd/export.c '$s/$/\n/'
		run -0 kpatch_build --verbose --stop-after plan "$patch"
		plan_is 'fs/nfsd/export.o nfsd,fs/nfsd/kpatch_test.o nfsd'
	done
	# a directory that is new, and the makefile of one above
	make_new directory fs/proc/kpatch_new/kpatch_test.c "$added" fs/proc/Makefile '$a proc-y += kpatch_new/kpatch_test.o' \
		fs/proc/version.c "$call"
	run -0 kpatch_build "$patch"
	grep -qx '    source: fs/proc/kpatch_new/kpatch_test.c' "$OUT/livepatch-directory.yaml"
	make_new above fs/xfs/libxfs/kpatch_test.c "$added" fs/xfs/Makefile \
		's|^xfs-y\t*+= $(addprefix libxfs/, \\|xfs-y += libxfs/kpatch_test.o\n&|'
	run -0 kpatch_build --verbose --stop-after plan "$patch"
	plan_is 'fs/xfs/libxfs/kpatch_test.o xfs'
}

@test "refused: a makefile hunk that does more than add objects of new sources" {
	local script
	for script in 's/^proc-y\t+= util.o/proc-y += kpatch_test.o/' \
		's/^proc-y\t+= util.o/& kpatch_test.o -lm/' \
		's/^proc-y\t+= util.o/& kpatch_test.o $(wildcard *.o)/' \
		's/^proc-y\t+= util.o/& kpatch_test.o \\# x.o/' \
		'$a proc-y += kpatch_test.o\nCFLAGS_kpatch_test.o := -O1' \
		'$a ccflags-y += -DX\nproc-y += kpatch_test.o' \
		'$a proc-y += kpatch_test.o\nCFLAGS_inode.o += kpatch_test.o' \
		'$a ifdef CONFIG_NET\nproc-y += kpatch_test.o\nendif' \
		'$a proc-y += kpatch_test.o\nproc-y += kpatch/' \
		'$a proc-y += kpatch_test.o ../pipe.o' \
		'/^proc-y\t+= util.o/a proc-y += kpatch_test.o
		$d' \
		'$a proc-y += kpatch_test.o\nall: ; id' \
		's/^proc-y\t+= util.o/proc-y := util.o kpatch_test.o/' \
		's/^proc-$(CONFIG_TTY) /proc-$(CONFIG_TTY) += kpatch_test.o\nproc-$(CONFIG_NET) /'; do
		make_new more fs/proc/kpatch_test.c "$added" fs/proc/Makefile "$script" fs/proc/version.c "$call"
		refuses 5 patch-build-file "$patch"
		says 'fs/proc/Makefile does more than add objects to lists'
	done
	make_new existing fs/proc/kpatch_test.c "$added" fs/proc/Makefile '$a proc-y += kpatch_test.o nommu.o'
	refuses 5 patch-build-file "$patch"
	says 'fs/proc/Makefile adds fs/proc/nommu.o, of which the patch does not bring the source'
	# what looks like such a list and means something else to make
	make_new module fs/proc/kpatch_test.c "$added" fs/proc/Makefile '$a obj-m += kpatch_test.o'
	refuses 5 patch-build-file "$patch"
	says 'makes a module that this kernel does not have'
	make_new emptied fs/proc/kpatch_test.c "$added" fs/proc/Makefile '$a obj-y := kpatch_test.o'
	refuses 5 patch-build-file "$patch"
	says 'of what vmlinux is linked from, more changes than new objects'
	make_new lost fs/nfsd/kpatch_test.c "$added" fs/nfsd/Makefile '$a nfsd-y := kpatch_test.o'
	refuses 5 patch-build-file "$patch"
	says 'of what a module is linked from, more changes than new objects'
	make_new gone fs/nfsd/kpatch_test.c "$added" fs/nfsd/Makefile '$a obj-$(CONFIG_NFSD) := kpatch_test.o'
	refuses 5 patch-build-file "$patch"
	# other files of the build have no such lists
	make_new kconfig fs/nfsd/kpatch_test.c "$added" fs/nfsd/Kconfig '$a nfsd-y += kpatch_test.o'
	refuses 5 patch-build-file "$patch"
}

@test "refused before make sees it: commands in a makefile hunk, however they are hidden" {
	local script canary=$BATS_TEST_TMPDIR/canary
	for script in '$a proc-y += kpatch_test.o $(shell touch CANARY)' \
		'$a proc-y += kpatch_test.o\n$(shell touch CANARY)' \
		'$a proc-y += kpatch_test.o # a note \\\\\n$(shell touch CANARY)' \
		'$a # a note \\\\\nproc-y += kpatch_test.o # more \\\\\n$(shell touch CANARY)' \
		'$a proc-y += kpatch_test.o \\# \\\n$(shell touch CANARY)' \
		'$a proc-y += kpatch_test.o\r\n$(shell touch CANARY)' \
		'$a proc-y += kpatch_test.o\n@NUL@\n$(shell touch CANARY)' \
		'$a proc-$(shell touch CANARY) += kpatch_test.o' \
		'$a proc-$(CONFIG_X$(shell touch CANARY)) += kpatch_test.o' \
		'$a proc-y != touch CANARY; echo kpatch_test.o' \
		'$a proc-y ::= `touch CANARY` kpatch_test.o'; do
		make_new hidden fs/proc/kpatch_test.c "$added" fs/proc/Makefile "${script//CANARY/${canary//\//\\/}}" \
			fs/proc/version.c "$call"
		sed -i 's/@NUL@/\x00/' "$patch"
		grep -aq "touch $canary" "$patch"
		refuses 5 patch-build-file "$patch"
		[[ ! -e $canary ]]
	done
	# a comment is none
	make_new comment fs/proc/kpatch_test.c "$added" fs/proc/Makefile "\$a proc-y += kpatch_test.o # \$(shell touch ${canary//\//\\/}) \\\\\n more" \
		fs/proc/version.c "$call"
	run -0 kpatch_build --verbose --stop-after plan "$patch"
	plan_is 'fs/proc/kpatch_test.o vmlinux,fs/proc/version.o vmlinux'
	[[ ! -e $canary ]]
}

@test "a new source that the configuration leaves out stays away, and who uses it is told" {
	make_new out fs/proc/kpatch_test.c "$added" fs/proc/Makefile '$a proc-$(CONFIG_NO_SUCH) += kpatch_test.o' \
		fs/proc/version.c 's/utsname()->version)/utsname()->release)/'
	run -0 kpatch_build "$patch"
	says 'fs/proc/kpatch_test\.c is no part of kernel .*\[patch-part-left-out\]'
	rm "$OUT"/*
	make_new used fs/proc/kpatch_test.c "$added" fs/proc/Makefile '$a proc-$(CONFIG_NO_SUCH) += kpatch_test.o' \
		fs/proc/version.c "$call"
	refuses 8 symbol-undefined "$patch"
	says kpatch_test_added
	make_new alone fs/proc/kpatch_test.c "$added" fs/proc/Makefile '$a proc-$(CONFIG_NO_SUCH) += kpatch_test.o'
	refuses 5 patch-not-built "$patch"
}

@test "new code is held to the same as all code of a patch" {
	local makefile='$a proc-y += kpatch_test.o'
	make_new unused fs/proc/kpatch_test.c "$added" fs/proc/Makefile "$makefile"
	refuses 9 no-change "$patch"
	says 'only adds to the code .*kpatch_test_added'
	make_new broken fs/proc/kpatch_test.c 'no such type' fs/proc/Makefile "$makefile" fs/proc/version.c "$call"
	refuses 6 compile-failed "$patch"
	says 'fs/proc/kpatch_test\.c'
	make_new exports fs/proc/kpatch_test.c "#include <linux/export.h>
$added
EXPORT_SYMBOL(kpatch_test_added);" fs/proc/Makefile "$makefile" fs/proc/version.c "$call"
	refuses 8 registration-changed "$patch"
	make_new initcall fs/proc/kpatch_test.c "#include <linux/module.h>
$added
static int __init kpatch_test_init(void) { return 0; }
late_initcall(kpatch_test_init);" fs/proc/Makefile "$makefile" fs/proc/version.c "$call"
	refuses 8 init-changed "$patch"
	# a function of the kernel that is defined once more would be called by nobody
	make_new twice fs/proc/kpatch_test.c "#include <linux/mm.h>
$added
void drop_slab(void) { }" fs/proc/Makefile "$makefile" fs/proc/version.c "$call"
	refuses 8 name-in-kernel "$patch"
	# a static function of another file cannot be reached
	make_new static fs/proc/kpatch_test.c 'int version_proc_show(void *, void *);
void kpatch_test_added(void);
void kpatch_test_added(void)
{
	version_proc_show(0, 0);
}' fs/proc/Makefile "$makefile" fs/proc/version.c "$call"
	refuses 8 symbol-undefined "$patch"
}

@test "a new source with callbacks is a patch; the manifest does not call it verified, since nothing was compared" {
	make_new callback fs/proc/kpatch_test.c '#include "kpatch-macros.h"
#include <linux/printk.h>
static int comes(patch_object *obj) { pr_info("here\n"); return 0; }
KPATCH_PRE_PATCH_CALLBACK(comes)' fs/proc/Makefile '$a proc-y += kpatch_test.o'
	run -0 kpatch_build "$patch"
	grep -A1 'kind: pre_patch' "$OUT/livepatch-callback.yaml" | grep -q 'function: comes'
	grep -qx 'verified: false' "$OUT/livepatch-callback.yaml"
}

@test "in a series: another patch changes the new source; with --leave-out a makefile that does too much stays away alone" {
	local first second
	make_new one fs/proc/kpatch_test.c "$added" fs/proc/Makefile '$a proc-y += kpatch_test.o' fs/proc/version.c "$call"
	first=$patch
	write_patch two <<- 'END'
		--- a/fs/proc/kpatch_test.c
		+++ b/fs/proc/kpatch_test.c
		@@ -1,4 +1,6 @@
		 void kpatch_test_added(void);
		+int kpatch_test_count;
		 void kpatch_test_added(void)
		 {
		+	kpatch_test_count++;
		 }
	END
	second=$patch
	make_new three fs/nfsd/kpatch_test.c "$added" fs/nfsd/Makefile '$a nfsd-y += kpatch_test.o\nccflags-y += -DX'
	run -0 kpatch_build --name series --leave-out "$first" "$second" "$patch"
	grep -qx '  - kpatch_test_count' "$OUT/series.yaml"
	# nothing is replaced without proof
	grep -qx 'verified: true' "$OUT/series.yaml"
	grep -A2 '^  three' "$OUT/series.report" | grep -q patch-build-file || { cat "$OUT/series.report"; return 1; }
}
