#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Which objects a patch affects and whose they are; what is refused before anything is compiled.

load build

# owners FILE SED: the plan for an edit of FILE, as "object owner" lines
owners() {
	make_patch plan "$1" "$2"
	run -0 kpatch_build --verbose --stop-after plan "$patch"
	sed -n 's/^plan     \([^ ]*\) in \([^ ]*\).*/\1 \2/p' <<< "$output"
}

# is LINES EXPECTED
is() { [[ $1 == "$2" ]] || { printf 'expected:\n%s\nfound:\n%s\n' "$2" "$1"; return 1; }; }

@test "an object of vmlinux" {
	is "$(owners fs/proc/meminfo.c '$s/$/\n/')" "fs/proc/meminfo.o vmlinux"
}

@test "an object of lib.a" {
	is "$(owners lib/cmdline.c '$s/$/\n/')" "lib/cmdline.o vmlinux"
}

@test "a part of a module" {
	is "$(owners fs/nfsd/export.c '$s/$/\n/')" "fs/nfsd/export.o nfsd"
}

@test "a module of one object, with a dash in its name" {
	is "$(owners net/netfilter/nf_conntrack_core.c '$s/$/\n/')" \
		"net/netfilter/nf_conntrack_core.o nf_conntrack"
	is "$(owners drivers/hid/hid-logitech-dj.c '$s/$/\n/')" \
		"drivers/hid/hid-logitech-dj.o hid_logitech_dj"
}

@test "a part in a directory below its module's" {
	is "$(owners fs/xfs/libxfs/xfs_alloc.c '$s/$/\n/')" "fs/xfs/libxfs/xfs_alloc.o xfs"
}

@test "parts that a makefile elsewhere reaches by ../" {
	is "$(owners drivers/gpu/drm/amd/display/dc/core/dc.c '$s/$/\n/')" \
		"drivers/gpu/drm/amd/display/dc/core/dc.o amdgpu"
	is "$(owners virt/kvm/kvm_main.c '$s/$/\n/')" "virt/kvm/kvm_main.o kvm"
}

@test "a file that another one includes" {
	is "$(owners kernel/sched/rt.c '$s/$/\n/')" "kernel/sched/build_policy.o vmlinux"
	is "$(owners kernel/sched/cputime.c '$s/$/\n/')" "kernel/sched/build_policy.o vmlinux"
}

@test "an object of two modules is patched in both" {
	! grep -q liquidio-core "$KERNEL_TREE/drivers/net/ethernet/cavium/liquidio/Makefile" ||
		skip "in this kernel no two modules share the object"
	is "$(owners drivers/net/ethernet/cavium/liquidio/octeon_mailbox.c '$s/$/\n/')" \
		"drivers/net/ethernet/cavium/liquidio/octeon_mailbox.o liquidio
drivers/net/ethernet/cavium/liquidio/octeon_mailbox.o liquidio_vf"
}

@test "two patches and several files make one plan" {
	make_patch one fs/proc/meminfo.c '$s/$/\n/' fs/proc/version.c '$s/$/\n/'
	one=$patch
	make_patch two fs/nfsd/export.c '$s/$/\n/'
	run -0 kpatch_build --verbose --stop-after plan "$one" "$patch"
	is "$(sed -n 's/^plan     \(.*\) in \(.*\)/\1 \2/p' <<< "$output")" \
		"fs/proc/meminfo.o vmlinux
fs/proc/version.o vmlinux
fs/nfsd/export.o nfsd"
}

@test "a second patch applies to what the first has made" {
	make_patch one fs/proc/version.c 's/linux_proc_banner/first_change/'
	one=$patch
	sed 's/first_change/second_change/; s/linux_proc_banner/first_change/' "$one" > "$BATS_TEST_TMPDIR/two.patch"
	refuses 5 patch-does-not-apply "$BATS_TEST_TMPDIR/two.patch"
	run -0 kpatch_build --stop-after plan "$one" "$BATS_TEST_TMPDIR/two.patch"
}

@test "refused: a file this kernel is not built from" {
	make_patch unbuilt arch/x86/kernel/doublefault_32.c '$s/$/\n/'
	refuses 5 patch-not-built "$patch"
	says 'arch/x86/kernel/doublefault_32.c'
	# Kbuild would compile this one if it were asked to
	grep -q '^# CONFIG_NFSD_FLEXFILELAYOUT is not set' "$KERNEL_TREE/.config" ||
		skip "this kernel has CONFIG_NFSD_FLEXFILELAYOUT"
	make_patch off fs/nfsd/flexfilelayout.c '$s/$/\n/'
	refuses 5 patch-not-built "$patch"
}

@test "refused: code of the boot loader and the vDSO, which no kernel object holds" {
	make_patch boot arch/x86/boot/compressed/misc.c '$s/$/\n/'
	refuses 5 patch-not-built "$patch"
	make_patch vdso arch/x86/entry/vdso/vclock_gettime.c '$s/$/\n/'
	refuses 5 patch-not-built "$patch"
}

@test "refused: assembly, build files, what is no C" {
	make_patch assembly arch/x86/entry/entry_64.S '$s/$/\nnop/'
	refuses 5 patch-assembly "$patch"
	make_patch makefile fs/nfsd/Makefile '$s/$/\nobj-y += x.o/'
	refuses 5 patch-build-file "$patch"
	make_patch kconfig fs/nfsd/Kconfig '0,/select/s/select/imply/'
	refuses 5 patch-build-file "$patch"
	make_patch lds arch/x86/kernel/vmlinux.lds.S '$s/$/\nASSERT(1, "")/'
	refuses 5 patch-build-file "$patch"
	says 'vmlinux.lds.S says how the kernel is linked, and that is done'
	make_patch map drivers/tty/vt/defkeymap.map '$s/$/\n/'
	refuses 5 patch-not-c "$patch"
}

@test "comments, help texts and blanks of build files, assembly and linker scripts change nothing" {
	make_patch comments fs/nfsd/Makefile '1s/^/# more words\n\n/' \
		fs/nfsd/Kconfig '1s/^/# a remark\n/; s/^\t  [A-Z][a-z]* /&indeed /; s/^\tselect/        select/' \
		arch/x86/entry/entry_64.S '$s/$/\n\/* the end *\/\n/; 0,/^\t/s/^\t/\t  /' \
		arch/x86/kernel/vmlinux.lds.S '1s/^/\/* words *\/ /' fs/proc/meminfo.c 's/Committed_AS/Something/'
	run -0 kpatch_build --verbose --stop-after plan "$patch"
	for file in fs/nfsd/Makefile fs/nfsd/Kconfig arch/x86/entry/entry_64.S arch/x86/kernel/vmlinux.lds.S; do
		says "of $file, only comments, help texts or blanks change, which is ignored\. \[patch-part-ignored\]"
	done
	is "$(sed -n 's/^plan     \(.*\) in \(.*\)/\1 \2/p' <<< "$output")" 'fs/proc/meminfo.o vmlinux'
	# alone it is no patch
	make_patch comment fs/nfsd/Makefile '1s/^/# more words\n/'
	refuses 9 no-change "$patch"
}

@test "all that is wrong is said at once" {
	make_patch several arch/x86/entry/entry_64.S '$s/$/\nnop/' fs/nfsd/Makefile '$s/$/\nx := y/'
	refuses 5 patch-assembly "$patch"
	says '\[patch-build-file\]'
}

@test "documentation and tools in a patch are passed over" {
	make_patch doc Documentation/index.rst '$s/$/\n/' fs/proc/meminfo.c '$s/$/\n/'
	run -0 kpatch_build --stop-after plan "$patch"
	says '\[patch-part-ignored\]'
	make_patch only-doc Documentation/index.rst '$s/$/\n/'
	refuses 9 no-change "$patch"
}

@test "refused: an empty patch, text that is no patch" {
	write_patch empty < /dev/null
	refuses 5 patch-empty "$patch"
	echo "hello" | write_patch text
	patch=$BATS_TEST_TMPDIR/text.patch
	refuses 5 patch-empty "$patch"
}

@test "refused: a patch for other code" {
	make_patch other fs/proc/meminfo.c 's/Committed_AS/Something/'
	sed -i 's/VmallocTotal/VmallocOther/' "$patch"
	refuses 5 patch-does-not-apply "$patch"
	says 'fs/proc/meminfo.c'
}

@test "refused: a patch that was cut off, or edited" {
	make_patch cut fs/proc/meminfo.c 's/Committed_AS/Something/'
	head -n -3 "$patch" > "$BATS_TEST_TMPDIR/half.patch"
	refuses 5 patch-damaged "$BATS_TEST_TMPDIR/half.patch"
	sed '/^@@/s/,[0-9]* +/,3 +/' "$patch" > "$BATS_TEST_TMPDIR/counts.patch"
	refuses 5 patch-damaged "$BATS_TEST_TMPDIR/counts.patch"
}

@test "refused: paths that lead out of the tree" {
	for path in /etc/passwd.c a/../../../etc/passwd.c a/fs/../../../x.c; do
		write_patch path <<- END
			--- $path
			+++ $path
			@@ -1 +1 @@
			-a
			+b
		END
		refuses 5 patch-path "$BATS_TEST_TMPDIR/path.patch"
	done
}

@test "refused: a file behind a symbolic link" {
	# scripts/dtc/include-prefixes/x86 is a link of the kernel's own
	local link
	link=$(cd "$KERNEL_TREE" && find scripts arch/x86 -type l -xtype f -name '*.c' | head -1)
	if [[ -z $link ]]; then
		link=$(cd "$KERNEL_TREE" && find scripts/dtc/include-prefixes -type l | head -1)/none.c
	fi
	write_patch link <<- END
		--- a/$link
		+++ b/$link
		@@ -1 +1 @@
		-a
		+b
	END
	refuses 5 patch-file-missing "$BATS_TEST_TMPDIR/link.patch"
}

@test "refused: new, deleted, renamed and binary files" {
	write_patch new <<- 'END'
		diff --git a/fs/proc/new.c b/fs/proc/new.c
		new file mode 100644
		--- /dev/null
		+++ b/fs/proc/new.c
		@@ -0,0 +1 @@
		+int a;
	END
	refuses 5 patch-new-file "$BATS_TEST_TMPDIR/new.patch"
	write_patch renamed <<- 'END'
		diff --git a/fs/proc/version.c b/fs/proc/versions.c
		similarity index 100%
		rename from fs/proc/version.c
		rename to fs/proc/versions.c
	END
	refuses 5 patch-file-change "$BATS_TEST_TMPDIR/renamed.patch"
	write_patch binary <<- 'END'
		diff --git a/fs/proc/version.c b/fs/proc/version.c
		index 1111111..2222222 100644
		Binary files a/fs/proc/version.c and b/fs/proc/version.c differ
	END
	refuses 5 patch-file-change "$BATS_TEST_TMPDIR/binary.patch"
}

@test "a patch in a letter, with a signature, moved lines" {
	make_patch plain fs/proc/meminfo.c 's/Committed_AS/Something_A/'
	{
		printf 'From: A <a@example.org>\nSubject: [PATCH] a\n\n-- not a patch\n---\n fs | 2 +-\n\n'
		sed '/^@@/s/-[0-9]*,\([0-9]*\) +[0-9]*,/-3,\1 +3,/' "$patch"
		printf -- '-- \n2.39.5\n'
	} > "$BATS_TEST_TMPDIR/letter.patch"
	run -0 kpatch_build --stop-after plan "$BATS_TEST_TMPDIR/letter.patch"
	says '\[patch-offset\]'
}

@test "refused: a text that the build makes a table from" {
	make_patch opcodes arch/x86/lib/x86-opcode-map.txt '1s/^/# a remark\n/'
	refuses 5 patch-not-c "$patch"
	says 'arch/x86/lib/x86-opcode-map\.txt is not a C source'
}

@test "refused: moved lines that fit in two places" {
	write_patch twice <<- 'END'
		--- a/fs/proc/meminfo.c
		+++ b/fs/proc/meminfo.c
		@@ -1,1 +1,1 @@
		-#endif
		+#endif /* here */
	END
	refuses 5 patch-ambiguous "$BATS_TEST_TMPDIR/twice.patch"
}

# new_header: a/ and b/ below $BATS_TEST_TMPDIR/new, with a header that only b/ has and a change that needs it
new_header() {
	local new=$BATS_TEST_TMPDIR/new
	mkdir -p "$new"/{a,b}/fs/proc
	cp "$KERNEL_TREE/fs/proc/version.c" "$new/a/fs/proc/version.c"
	sed 's/#include "internal.h"/&\n#include "kpatch_test_new.h"/' "$new/a/fs/proc/version.c" > "$new/b/fs/proc/version.c"
	echo 'static const int kpatch_test_new = 4711;' > "$new/b/fs/proc/kpatch_test_new.h"
	cd "$new"
}

@test "a new header as diff -N has it, with its date and without" {
	new_header
	diff -rupN a b > "$BATS_TEST_TMPDIR/dated.patch" || true
	grep -q '1970-01-01' "$BATS_TEST_TMPDIR/dated.patch"
	run -0 kpatch_build --stop-after plan "$BATS_TEST_TMPDIR/dated.patch"
	sed 's/^\(--- .*\|+++ .*\)\t.*/\1/' "$BATS_TEST_TMPDIR/dated.patch" > "$BATS_TEST_TMPDIR/undated.patch"
	run -1 grep -q 1970 "$BATS_TEST_TMPDIR/undated.patch"
	run -0 kpatch_build --stop-after plan "$BATS_TEST_TMPDIR/undated.patch"
	# a header that is there already is not put together with another one
	sed 's,proc/kpatch_test_new.h,proc/internal.h,' "$BATS_TEST_TMPDIR/dated.patch" > "$BATS_TEST_TMPDIR/there.patch"
	refuses 5 patch-file-change "$BATS_TEST_TMPDIR/there.patch"
	# nor is a source made new
	sed 's,kpatch_test_new.h,kpatch_test_new.c,' "$BATS_TEST_TMPDIR/dated.patch" > "$BATS_TEST_TMPDIR/source.patch"
	refuses 5 patch-new-file "$BATS_TEST_TMPDIR/source.patch"
}

@test "refused: paths without a first component, and it says so" {
	new_header
	diff -rupN a b | sed 's,^\(---\|+++\) [ab]/,\1 ,' > "$BATS_TEST_TMPDIR/none.patch"
	refuses 5 patch-path "$BATS_TEST_TMPDIR/none.patch"
	says 'no first component to be taken off: of fs/proc/version.c, proc/version.c is left'
	says 'no first component to be taken off: of fs/proc/kpatch_test_new.h, proc/kpatch_test_new.h is left'
	# a file that no kernel has is another matter
	sed 's,fs/proc/version,a/fs/proc/verzion,' "$BATS_TEST_TMPDIR/none.patch" > "$BATS_TEST_TMPDIR/other.patch"
	refuses 5 patch-file-missing "$BATS_TEST_TMPDIR/other.patch"
}

@test "a patch whose lines end in CR LF is told so, and works without" {
	sed 's/$/\r/' "$TEST_TOP/examples/meminfo-string.patch" > "$BATS_TEST_TMPDIR/mailed.patch"
	refuses 5 patch-does-not-apply "$BATS_TEST_TMPDIR/mailed.patch"
	says 'mailed.patch:[0-9]*: error: the hunk for line [0-9]* of fs/proc/meminfo.c does not apply: lines of the patch end in CR LF, those of the source in LF[.] .*sed -i '
	sed -i 's/\r$//' "$BATS_TEST_TMPDIR/mailed.patch"
	run -0 kpatch_build --stop-after plan "$BATS_TEST_TMPDIR/mailed.patch"
}

@test "hunks for another machine, an unconfigured driver and for git are left out, and the manifest says so; alone they are an error" {
	local other=$BATS_TEST_TMPDIR/other
	write_patch arm64 <<- 'END'
		--- a/arch/arm64/kernel/process.c
		+++ b/arch/arm64/kernel/process.c
		@@ -1 +1 @@
		-a
		+b
		--- a/arch/x86/um/ptrace_64.c
		+++ b/arch/x86/um/ptrace_64.c
		@@ -1 +1 @@
		-a
		+b
		--- a/drivers/.gitignore
		+++ b/drivers/.gitignore
		@@ -1 +1 @@
		-a
		+b
	END
	cp "$patch" "$other"
	refuses 5 patch-not-built "$patch"
	says 'arch/arm64/kernel/process.c: no part of kernel .* is built from this file, with its machine'
	grep -q '^# CONFIG_NFSD_FLEXFILELAYOUT is not set' "$KERNEL_TREE/.config" || skip "this kernel has CONFIG_NFSD_FLEXFILELAYOUT"
	make_patch mixed fs/proc/version.c 's/utsname()->version)/utsname()->release)/' fs/nfsd/flexfilelayout.c '$s/$/\n/'
	cat "$other" >> "$patch"
	run -0 kpatch_build "$patch"
	for file in arch/arm64/kernel/process.c arch/x86/um/ptrace_64.c drivers/.gitignore fs/nfsd/flexfilelayout.c; do
		grep -q "$file is no part of kernel .*: its change is left out" "$OUT/livepatch-mixed.yaml"
	done
	# a program that takes part in the build is another matter, and so is what runs before the kernel
	rm "$OUT"/*
	make_patch generator fs/proc/version.c 's/utsname()->version)/utsname()->release)/' lib/gen_crc32table.c '$s/$/\n/'
	refuses 5 patch-not-built "$patch"
	says 'gen_crc32table.c: no makefile .* what a program of the build makes stays .*[.] Leave it out of the patch[.] '
	make_patch vdso fs/proc/version.c 's/utsname()->version)/utsname()->release)/' arch/x86/entry/vdso/vclock_gettime.c '$s/$/\n/'
	refuses 5 patch-not-built "$patch"
	says 'vclock_gettime.c: this is code of the vDSO'
}
