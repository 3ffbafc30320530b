#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Patches to headers: what they lead to, what is dropped because nothing changes in it, and what
# cannot follow. Only headers with few includers: each is two compilations.

load build

# planned PATCH: the objects that the header leads to, as "object owner header" lines in $planned; and
# what is watched in $watched
planned() {
	run -0 kpatch_build --verbose --stop-after plan "$1"
	planned=$(sed -n 's/^plan     \([^ ]*\) in \([^ ]*\) (includes \(.*\))$/\1 \2 \3/p' <<< "$output")
	watched=$(sed -n 's/^watched  \([^ ]*\) (includes .*)$/\1/p' <<< "$output")
}

has() { grep -qxF -- "$2" <<< "$1" || { printf 'no "%s" in:\n%s\n' "$2" "$1"; return 1; }; }
lacks() { ! grep -F -- "$2" <<< "$1" || { printf '"%s" should not be there\n' "$2"; return 1; }; }

@test "a header leads to every object that includes it" {
	make_patch fd fs/proc/fd.h '$s/$/\n/'
	planned "$patch"
	[[ $(sort <<< "$planned") == "fs/proc/base.o vmlinux fs/proc/fd.h
fs/proc/fd.o vmlinux fs/proc/fd.h" ]]
	[[ -z $watched ]]
}

# bats test_tags=nightly
@test "the sources that the compiler read for asm-offsets.c lead to it" {
	# make modules_prepare has compiled it, and noted what it read: the compiler's word against ours
	local deps header missing=()
	deps=$(grep -oE '\binclude/[a-z0-9_/-]+\.h|\barch/x86/include/asm/[a-z0-9_/-]+\.h' \
		"$KERNEL_TREE/arch/x86/kernel/.asm-offsets.s.cmd" | sort -u)
	[[ $(wc -l <<< "$deps") -gt 300 ]]
	for header in $(shuf -n 6 --random-source=<(yes) <<< "$deps"); do
		make_patch deps "$header" '$s/$/\n/'
		planned "$patch"
		grep -qx arch/x86/kernel/asm-offsets.c <<< "$watched" || missing+=("$header")
	done
	printf 'missing: %s\n' "${missing[@]}"
	[[ ${#missing[@]} -eq 0 ]]
}

@test "vmlinux and modules, assembly and what else cannot be replaced" {
	make_patch wide arch/x86/include/asm/percpu.h '$s/$/\n/'
	planned "$patch"
	has "$planned" "fs/proc/fd.o vmlinux arch/x86/include/asm/percpu.h"
	has "$planned" "fs/nfsd/export.o nfsd arch/x86/include/asm/percpu.h"
	has "$watched" arch/x86/entry/entry_64.S
	has "$watched" arch/x86/kernel/asm-offsets.c
	has "$watched" arch/x86/kernel/vmlinux.lds.S
	has "$watched" arch/x86/entry/vdso/vclock_gettime.c
	lacks "$planned" scripts/
}

@test "a source that is changed itself is not there for its header's sake" {
	make_patch both fs/proc/fd.h '$s/$/\n/' fs/proc/fd.c '$s/$/\n/'
	run -0 kpatch_build --verbose --stop-after plan "$patch"
	[[ $(grep -E '^plan  *fs' <<< "$output") == "plan     fs/proc/fd.o in vmlinux
plan     fs/proc/base.o in vmlinux (includes fs/proc/fd.h)" ]]
}

@test "an inline function: only the objects in which it changes are patched, and the manifest says why" {
	make_patch inline fs/proc/fd.h 's/return PROC_I(inode)->fd;/return PROC_I(inode)->fd ^ 4;/'
	run -0 kpatch_build --verbose "$patch"
	says '^2 objects include what the patch changes$'
	says '^1 object changes, in vmlinux and 0 modules$'
	grep -q 'source: fs/proc/fd.c' "$OUT/livepatch-inline.yaml"
	no grep -q 'source: fs/proc/base.c' "$OUT/livepatch-inline.yaml"
	grep -q 'reason: .* (through fs/proc/fd.h)"' "$OUT/livepatch-inline.yaml"
}

@test "nothing changes: an unused macro, and lines that move the numbers of others" {
	make_patch macro fs/proc/fd.h '/include <linux.fs.h>/a #define PROC_FD_UNUSED 42\n\nextern int proc_fd_unused;'
	refuses 9 no-change "$patch"
	says 'is the same with and without the patch'
}

@test "a new header, and a source that includes it" {
	make_patch source fs/proc/version.c 's/#include <linux.init.h>/#include "version-text.h"\n&/; s/linux_proc_banner/VERSION_TEXT/'
	cat >> "$patch" <<- 'END'
		--- /dev/null
		+++ b/fs/proc/version-text.h
		@@ -0,0 +1 @@
		+#define VERSION_TEXT "live patched %s %s %s\n"
	END
	run -0 kpatch_build --stop-after diff "$patch"
	sed -i 's|fs/proc/version-text.h|fs/proc/fd.h|' "$patch"
	refuses 5 patch-file-change "$patch"
	says 'is there already'
}

@test "what does not compile with the header is named, with the header" {
	make_patch broken fs/proc/fd.h 's/return PROC_I(inode)->fd;/return PROC_I(inode)->no_such_member;/'
	refuses 6 compile-failed "$patch"
	says '^fs/proc/fd.c: with the patch this, which includes fs/proc/fd.h, does not compile'
	says 'no_such_member'
}

@test "what the differ refuses in an object that includes the header" {
	make_patch refused fs/proc/fd.h 's/^extern const struct inode_operations proc_fd_inode/static int proc_fd_count __section(".strange") __attribute__((used)) = 1;\n&/'
	refuses 8 unknown-section-changed "$patch"
	says 'fs/proc/fd.o: note: this is in the patch because it includes fs/proc/fd.h'
}

@test "assembly: refused if it changes, passed over if not" {
	make_patch assembly arch/x86/entry/calling.h '0,/pushq	%rbp/s/pushq	%rbp/nop; &/'
	refuses 8 assembly-changed "$patch"
	says 'arch/x86/entry/entry_64.S: it includes arch/x86/entry/calling.h and changes with it'
	make_patch comment arch/x86/entry/calling.h '$s/$/\n\/* a remark *\/\n/'
	refuses 9 no-change "$patch"
}

@test "constants of structures for assembly: refused if they change" {
	make_patch constant arch/x86/include/asm/suspend_64.h 's/^	u16 ds, es, fs, gs;/&\n	u64 added;/'
	refuses 8 build-constant-changed "$patch"
	says 'arch/x86/kernel/asm-offsets.c'
}

@test "the vDSO: refused if it changes" {
	make_patch vdso lib/vdso/gettimeofday.c 's/ns += vdso_ts->nsec;/ns += vdso_ts->nsec + 1;/; s/ns = vdso_calc_ns(vd, cycles, vdso_ts->nsec);/ns = vdso_calc_ns(vd, cycles, vdso_ts->nsec) + 1;/; s/ns = vdso_ts->nsec;/ns = vdso_ts->nsec + 1;/'
	refuses 8 vdso-changed "$patch"
}

@test "a header that makefiles give to scripts is pointed at" {
	make_patch features include/linux/oid_registry.h '$s/$/\n/'
	run -0 kpatch_build --stop-after plan "$patch"
	says 'lib/Makefile names this header.*\[header-read-by-build\]'
}

@test "refused: a header that no part of this kernel includes" {
	make_patch arm include/linux/platform_data/pm33xx.h '$s/$/\n/'
	refuses 5 patch-not-built "$patch"
}

@test "a source that the boot loader includes, too: patched in the kernel, and the boot loader stays" {
	make_patch lz4 lib/lz4/lz4_decompress.c 's/^\tif ((endOnInput) && (unlikely(outputSize == 0)))/\tif ((endOnInput) \&\& (unlikely(outputSize == 0 || srcSize == 3)))/'
	run -0 kpatch_build "$patch"
	says 'arch/x86/boot/compressed/misc.c: warning: .*\[header-not-followed\]'
	grep -q 'name: LZ4_decompress_safe$' "$OUT/livepatch-lz4.yaml"
}
