#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Whole builds: results, determinism, and what is left after a build that fails, is stopped or killed.

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

# works: the work directories in the cache
works() { find "$KERNEL_CACHE" -maxdepth 1 -name 'work-*' | sort; }

# wait_until COMMAND...: a minute at most
wait_until() {
	local end=$((SECONDS + 60))
	until "$@"; do
		((SECONDS < end)) || { echo "in vain: $*"; return 1; }
		sleep 0.02
	done
}
has_children() { [[ -n $(< "/proc/$1/task/$1/children") ]]; }
are_gone() { local pid; for pid; do [[ ! -e /proc/$pid ]] || return 1; done; }
works_differ_from() { [[ $(works) != "$1" ]]; }
# takes_sigterm PID: it is past its first steps, and has SIGTERM blocked, to read it when it likes
takes_sigterm() { (((0x$(awk '$1 == "SigBlk:" { print $2 }' "/proc/$1/status") >> 14) & 1)); }

# fingerprint DIR: names, sizes and times of all files
fingerprint() { (cd "$1" && find . -type f -printf '%p %s %T@ %m\n' | sort | sha256sum); }

@test "module and manifest, named after the patch" {
	before=$(works)
	run -0 --separate-stderr kpatch_build "$MEMINFO"
	is=$(ls -A "$OUT")
	[[ $is == $'livepatch-meminfo-string.ko\nlivepatch-meminfo-string.yaml' ]]
	[[ $output == "$OUT/livepatch-meminfo-string.ko"$'\n'"$OUT/livepatch-meminfo-string.yaml" ]]
	grep -qx 'module: livepatch_meminfo_string' "$OUT/livepatch-meminfo-string.yaml"
	[[ $(modinfo -F vermagic "$OUT/livepatch-meminfo-string.ko") == \
		$(modinfo -F vermagic "$(find "$KERNEL_ROOT/lib/modules" -name 'nfsd.ko*')") ]]
	[[ $(works) == "$before" ]]
}

@test "--quiet prints the results and nothing else" {
	run -0 kpatch_build --quiet --name quiet_one "$MEMINFO"
	[[ $output == "$OUT/quiet_one.ko"$'\n'"$OUT/quiet_one.yaml" ]]
	[[ $(modinfo -F name "$OUT/quiet_one.ko") == quiet_one ]]
}

@test "the same input gives the same bytes" {
	OUT=$BATS_TEST_TMPDIR/first kpatch_build --jobs 1 "$MEMINFO"
	OUT=$BATS_TEST_TMPDIR/second kpatch_build --jobs 3 "$MEMINFO"
	cmp "$BATS_TEST_TMPDIR"/{first,second}/livepatch-meminfo-string.ko
	cmp "$BATS_TEST_TMPDIR"/{first,second}/livepatch-meminfo-string.yaml
	# nothing of the places where it was built is in it
	run -1 grep -rlE "$KERNEL_CACHE|$KERNEL_TREE|$KERNEL_ROOT|$BATS_TEST_TMPDIR|$TEST_TOP" "$BATS_TEST_TMPDIR/first"
}

@test "two builds at once" {
	make_patch version fs/proc/version.c 's/utsname()->version)/utsname()->release)/'
	OUT=$BATS_TEST_TMPDIR/one kpatch_build "$MEMINFO" &
	first=$!
	OUT=$BATS_TEST_TMPDIR/two kpatch_build "$patch"
	wait $first
	[[ -s $BATS_TEST_TMPDIR/one/livepatch-meminfo-string.ko ]]
	[[ -s $BATS_TEST_TMPDIR/two/livepatch-version.ko ]]
}

@test "the prepared tree is not written to" {
	# lib/crc32.o needs a header that Kbuild generates on the way
	make_patch crc lib/crc32.c 's/^MODULE_LICENSE.*/&\nint kpatch_test_unused_here;/' fs/proc/version.c \
		's/utsname()->version)/utsname()->release)/'
	before=$(fingerprint "$KERNEL_TREE")
	run -0 kpatch_build --stop-after compile "$patch"
	run -0 kpatch_build "$MEMINFO"
	[[ $(fingerprint "$KERNEL_TREE") == "$before" ]]
}

@test "a patch that does not compile: the compiler's message" {
	make_patch broken fs/proc/version.c 's/utsname()->version)/no_such_thing)/'
	refuses 6 compile-failed "$patch"
	says "fs/proc/version.c:[0-9]+:[0-9]+: error: .no_such_thing. undeclared"
	# once: not as a warning as well
	[[ $(grep -c 'error: .* undeclared' <<< "$output") == 1 ]]
}

@test "what the patch does not touch keeps its line numbers, also below the patch" {
	# md-cluster.c passes __LINE__ on without any name beside it
	make_patch moved drivers/md/md-cluster.c '1s,^,/* one\n * two\n */\n,'
	refuses 9 no-change "$patch"
	# nor in a header, which is a conditional group
	make_patch header fs/proc/fd.h '/include <linux.fs.h>/a #ifdef PROC_FD_UNUSED\n#undef PROC_FD_UNUSED\n#endif\n' \
		fs/proc/version.c '/include "internal.h"/a static const int fs_proc_unused[3] __attribute__((unused));\n'
	refuses 9 no-change "$patch"
}

@test "a constant that a function is called with is no line number" {
	make_patch flags fs/ext4/xattr.c '1s,^,/* one */\n,; s/^\(\t*  EXT4_EA_INODE_FL\));/\1 | EXT4_NOATIME_FL);/'
	# it would be no change
	run -0 kpatch_build --stop-after diff "$patch"
}

@test "a warning of the patch that means wrong code is an error, another one is not, of whatever length" {
	make_patch wrong fs/proc/version.c 's/^\tseq_printf(m, linux/\tint *x = m->count;\n\n\t(void)x;\n&/'
	refuses 6 compiler-warning-wrong-code "$patch"
	says 'version\.c:[0-9]+:[0-9]+: warning: .*\[-Wint-conversion\]'
	make_patch cast fs/proc/version.c 's/^\tseq_printf(m, linux/\tif (*(int *)(int)m->count)\n\t\treturn 1;\n&/'
	refuses 6 compiler-warning-wrong-code "$patch"
	says '\[-Wint-to-pointer-cast\]'
	make_patch unset fs/proc/version.c 's/^\tseq_printf(m, linux/\tint x;\n\n\tif (x)\n\t\treturn x;\n&/'
	refuses 6 compiler-warning-wrong-code "$patch"
	says '\[-Wuninitialized\]'
	make_patch idle fs/proc/version.c "s/^\\tseq_printf(m, linux/$(printf '\\tint idle%d;\\n' {1..120})&/
		s/utsname()->version)/utsname()->release)/"
	run -0 kpatch_build "$patch"
	grep -q 'unused variable .*\[and [0-9]* characters more\]' "$OUT/livepatch-idle.yaml"
}

@test "messages have the lines of the patched file" {
	make_patch lines fs/proc/version.c '1s,^,/* one\n * two\n */\n,
		s/utsname()->version)/no_such_thing)/'
	line=$(($(grep -n 'utsname()->version)' "$KERNEL_TREE/fs/proc/version.c" | cut -d: -f1) + 3))
	refuses 6 compile-failed "$patch"
	says "fs/proc/version.c:$line:[0-9]+: error: .no_such_thing. undeclared"
	says "^ *$line \|.*no_such_thing"
	# of the differ
	make_patch lines fs/proc/version.c '1s,^,/* one\n * two\n */\n,
		s/proc_create_single("version"/proc_create_single("verzion"/'
	line=$(($(grep -n 'proc_create_single("version"' "$KERNEL_TREE/fs/proc/version.c" | cut -d: -f1) + 3))
	refuses 8 init-changed "$patch"
	says "^fs/proc/version.c:$line: error: fs/proc/version.o: proc_version_init"
	# and a warning, with a patch that is built
	make_patch lines fs/proc/version.c '1s,^,/* one\n * two\n */\n,
		s/^\tseq_printf(m, linux/\tint idle = 3;\n&/; s/utsname()->version)/utsname()->release)/'
	line=$(($(grep -n 'seq_printf(m, linux' "$KERNEL_TREE/fs/proc/version.c" | cut -d: -f1) + 3))
	run -0 kpatch_build --stop-after compile "$patch"
	says "fs/proc/version.c:$line:[0-9]+: warning: unused variable .idle."
}

@test "no runtime where --data points: said at once, by its directory" {
	refuses 2 runtime-missing --data "$BATS_TEST_TMPDIR" "$MEMINFO"
	says "$BATS_TEST_TMPDIR"
}

@test "a patch that changes no code" {
	make_patch comment fs/proc/version.c '1s/^/\/* a comment that keeps the lines *\/ /'
	refuses 9 no-change "$patch"
}

@test "problems of the change itself: exit code 8, with a source line" {
	make_patch data fs/proc/version.c 's/proc_create_single("version"/proc_create_single("verzion"/'
	run -8 kpatch_build "$patch"
	says 'version\.c:[0-9]+'
	nothing_written
}

@test "a structure that the kernel has objects of: refused, unless the author vouches" {
	make_patch layout fs/eventfd.c '/^struct eventfd_ctx {/,/^}/s/^\tint id;/&\n\tint last;/
		s/^\tcurrent->in_eventfd = 1;/&\n\tctx->last = 1;/'
	refuses 8 layout-changed "$patch"
	says 'fs/eventfd\.c:[0-9]+: error: .*struct eventfd_ctx: member last is new at offset [0-9]+, and its size changes from [0-9]+ to [0-9]+: '
	make_patch layout fs/eventfd.c '/^#include <linux\/idr.h>/a\
#include "kpatch-macros.h"
		/^struct eventfd_ctx {/,/^}/{ s/^\tint id;/&\n\tint last;/; s/^};/&\nKPATCH_ALLOW_LAYOUT(struct eventfd_ctx);/ }
		s/^\tcurrent->in_eventfd = 1;/&\n\tctx->last = 1;/'
	run -0 kpatch_build "$patch"
	says 'struct eventfd_ctx: .*KPATCH_ALLOW_LAYOUT\(struct eventfd_ctx\) vouches\. \[layout-allowed\]'
	grep -q 'member last is new .*KPATCH_ALLOW_LAYOUT(struct eventfd_ctx) vouches' "$OUT/livepatch-layout.yaml"
}

@test "--keep leaves the work directory and says where" {
	run -0 kpatch_build --keep "$MEMINFO"
	work=$(sed -n 's/^kept //p' <<< "$output")
	[[ -s $work/objects/0/original.o && -s $work/objects/0/patched.o && -s $work/objects/0/reference.o ]]
	# later runs do not take it for a leftover
	run -0 kpatch_build --stop-after plan "$MEMINFO"
	[[ -d $work ]]
	rm -rf "$work"
}

@test "stopped at any time: nothing is left, and the exit code says so" {
	before=$(works)
	for delay in 0 0.3 0.8 1.5; do
		"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" \
			--cache "$KERNEL_CACHE" --output "$OUT" "$BATS_TEST_DIRNAME/../../examples/nfsd-noexec.patch" \
			> "$BATS_TEST_TMPDIR/log" 2>&1 &
		pid=$!
		wait_until takes_sigterm $pid
		sleep $delay
		kill -TERM $pid
		status=0
		wait $pid || status=$?
		cat "$BATS_TEST_TMPDIR/log"
		((status == 143))
		grep -F '[stopped]' "$BATS_TEST_TMPDIR/log"
		nothing_written
		[[ $(works) == "$before" ]]
	done
}

@test "Ctrl-C stops the compilers too" {
	before=$(works)
	# as a terminal does it: the signal goes to the foreground process group
	python3 - "$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" \
		--cache "$KERNEL_CACHE" --output "$OUT" "$BATS_TEST_DIRNAME/../../examples/nfsd-noexec.patch" <<- 'END'
		import os, signal, subprocess, sys, time
		p = subprocess.Popen(sys.argv[1:], start_new_session=True)
		children = lambda: open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()
		deadline = time.time() + 60
		compilers = []
		while not compilers and time.time() < deadline:
		    time.sleep(0.01)
		    compilers = [c for c in children() if b"-ffunction-sections" in open(f"/proc/{c}/cmdline", "rb").read()]
		assert compilers, "no compiler was seen"
		os.killpg(p.pid, signal.SIGINT)
		assert p.wait(10) == 130, p.returncode
		left = [c for c in compilers if os.path.exists(f"/proc/{c}")]
		assert not left, f"still running: {left}"
	END
	nothing_written
	[[ $(works) == "$before" ]]
}

@test "killed: the children end, the next run clears up" {
	before=$(works)
	"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
		--output "$OUT" "$BATS_TEST_DIRNAME/../../examples/nfsd-noexec.patch" > /dev/null 2>&1 &
	pid=$!
	wait_until works_differ_from "$before"
	wait_until has_children $pid
	read -r -a children < "/proc/$pid/task/$pid/children" || true # no newline
	kill -KILL $pid
	wait $pid || true
	wait_until are_gone "${children[@]}"
	[[ $(works) != "$before" ]]
	nothing_written
	run -0 kpatch_build --stop-after plan "$MEMINFO"
	[[ $(works) == "$before" ]]
}

@test "a full disk at the end: no module, no half of one" {
	((EUID == 0)) || skip "needs root, to mount a small file system"
	OUT=$BATS_TEST_TMPDIR/small
	mkdir "$OUT"
	mount -t tmpfs -o size=16k none "$OUT"
	run kpatch_build "$MEMINFO"
	left=$(ls -A "$OUT")
	umount "$OUT"
	[[ $status == 1 && -z $left ]]
	says '\[disk-full\]'
}

@test "a full disk while the kernel is being prepared: the cache stays usable" {
	((EUID == 0)) || skip "needs root, to mount a small file system"
	cache=$BATS_TEST_TMPDIR/small
	mkdir "$cache"
	mount -t tmpfs -o size=24m none "$cache"
	run kpatch_build --cache "$cache" "$MEMINFO"
	left=$(find "$cache" -mindepth 1 ! -name '*.lock' ! -path "$cache/images*")
	umount "$cache"
	[[ $status == 1 ]]
	[[ -z $left ]] || { echo "left: $left"; false; }
	says '\[disk-full\]'
	nothing_written
}

# bats test_tags=nightly
@test "everything by option, the source a directory that is never written to" {
	source=$BATS_TEST_TMPDIR/source
	# hard links to a prepared tree, with what that leaves out and make mrproper asks for: a source with the
	# products of another build in it
	cp -al "$KERNEL_TREE" "$source"
	tar -C "$source" --strip-components=1 --wildcards -xf "$KERNEL_ROOT"/usr/src/linux-source-*.tar.xz '*/arch/um/*' '*/Documentation/*Makefile'
	for file in include/generated/autoconf.h include/config/auto.conf .config; do
		rm "$source/$file"
		echo '#error not this' > "$source/$file"
	done
	before=$(fingerprint "$source")
	headers=$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE
	cache=$BATS_TEST_TMPDIR/cache OUT=$BATS_TEST_TMPDIR/out
	mkdir -p "$OUT"
	run -0 "$BUILD/kpatch-build" --source "$source" --config "$headers/.config" \
		--image "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE" --symvers "$headers/Module.symvers" \
		--modules "$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE" --cache "$cache" --output "$OUT" "$MEMINFO"
	[[ $(fingerprint "$source") == "$before" ]]
	kpatch_build --output "$BATS_TEST_TMPDIR" "$MEMINFO"
	cmp "$OUT/livepatch-meminfo-string.ko" "$BATS_TEST_TMPDIR/livepatch-meminfo-string.ko"
}

@test "two builds that prepare the same kernel: one does, the other waits" {
	# an empty cache, and a source that is quickly found to be wrong
	cache=$BATS_TEST_TMPDIR/cache
	mkdir -p "$BATS_TEST_TMPDIR/source" "$cache"
	mkdir "$BATS_TEST_TMPDIR/bin"
	# the first tar keeps the lock for a while
	printf '#!/bin/sh\n[ -e %s ] || { touch %s; sleep 5; }\nexit 1\n' "$BATS_TEST_TMPDIR/tar"{,} > "$BATS_TEST_TMPDIR/bin/tar"
	chmod +x "$BATS_TEST_TMPDIR/bin/tar"
	export PATH=$BATS_TEST_TMPDIR/bin:$PATH
	kpatch_build --cache "$cache" "$MEMINFO" > "$BATS_TEST_TMPDIR/one.log" 2>&1 &
	first=$!
	wait_until test -e "$BATS_TEST_TMPDIR/tar"
	run -3 kpatch_build --cache "$cache" "$MEMINFO"
	status=0
	wait $first || status=$?
	[[ $status == 3 ]]
	says 'waiting for another kpatch-build'
	says '\[source-unpack\]'
	# the first failed and left nothing; so the second tried itself
	[[ -z $(find "$cache" -mindepth 1 ! -name '*.lock' ! -path "$cache/images*") ]]
}

@test "a function shared with a module that need not be loaded: refused; between vmlinux and a module: built" {
	write_patch shared <<'END'
--- a/drivers/block/loop.c
+++ b/drivers/block/loop.c
@@ -684,5 +684,10 @@
 
+int kpatch_test_shared(struct loop_device *lo);
+int kpatch_test_shared(struct loop_device *lo) { return lo->lo_number + part_shift; }
+
 static ssize_t loop_attr_offset_show(struct loop_device *lo, char *buf)
 {
+	if (kpatch_test_shared(lo) == 77)
+		return 0;
 	return sysfs_emit(buf, "%llu\n", (unsigned long long)lo->lo_offset);
 }
--- a/drivers/block/zram/zram_drv.c
+++ b/drivers/block/zram/zram_drv.c
@@ -244,8 +244,11 @@
 
+int kpatch_test_shared(void *lo);
 static ssize_t disksize_show(struct device *dev,
 		struct device_attribute *attr, char *buf)
 {
 	struct zram *zram = dev_to_zram(dev);
 
+	if (!zram)
+		return kpatch_test_shared(dev);
 	return scnprintf(buf, PAGE_SIZE, "%llu\n", zram->disksize);
 }
END
	refuses 8 shared-with-module "$patch"
	says 'zram_drv\.o: it uses the patch.s kpatch_test_shared from drivers/block/loop\.o, which refers to part_shift of module loop'
	# without loop's data it may be shared
	sed 's/lo_number + part_shift/lo_number/' "$patch" > "$BATS_TEST_TMPDIR/own.patch"
	run -0 kpatch_build "$BATS_TEST_TMPDIR/own.patch"
}

@test "a function that the patch makes global and uses in another file: the kernel's own" {
	make_patch static fs/stat.c 's/^static int cp_new_stat/int cp_new_stat/' fs/readdir.c '/^int iterate_dir(/i\
int cp_new_stat(struct kstat *stat, struct stat __user *statbuf);
		s/^\tres = security_file_permission/\tif (!file->f_op)\n\t\treturn cp_new_stat(NULL, NULL);\n&/'
	run -0 kpatch_build "$patch"
	[[ $(meant "$OUT/livepatch-static.ko") == *"R_X86_64_PLT32 cp_new_stat"* ]]
	# changed as well, it is still the kernel's, which ftrace redirects
	make_patch both fs/stat.c 's/^static int cp_new_stat/int cp_new_stat/; /^int cp_new_stat/,/^}/s/^\tstruct stat tmp;/&\n\tif (!statbuf)\n\t\treturn -EINVAL;/' \
		fs/readdir.c '/^int iterate_dir(/i\
int cp_new_stat(struct kstat *stat, struct stat __user *statbuf);
		s/^\tres = security_file_permission/\tif (!file->f_op)\n\t\treturn cp_new_stat(NULL, NULL);\n&/'
	run -0 kpatch_build "$patch"
	[[ $(meant "$OUT/livepatch-both.ko") == *"R_X86_64_PLT32 cp_new_stat"* ]]
	grep -q 'name: cp_new_stat' "$OUT/livepatch-both.yaml"
}

@test "a function that nobody has: refused with the line that uses it" {
	make_patch nobody fs/readdir.c '/^int iterate_dir(/i\
int no_such_function(struct file *file);
		s/^\tres = security_file_permission/\tif (!file->f_op)\n\t\treturn no_such_function(file);\n&/'
	refuses 8 symbol-undefined "$patch"
	says '^fs/readdir\.c:[0-9]*: error: fs/readdir\.o: iterate_dir\+0x[0-9a-f]*: it uses no_such_function, which neither'
}
