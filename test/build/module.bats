#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The finished module of real builds, read with other tools: what the kernel will find in it.

load build

setup() {
	OUT=$BATS_TEST_TMPDIR/out
	CACHED=$BATS_FILE_TMPDIR/cached
}

# A build that several tests look at: vmlinux and two modules in one patch.
setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	OUT=$BATS_FILE_TMPDIR/cached
	kpatch_build --quiet examples/vmlinux-and-modules.patch
	kpatch_build --quiet examples/nfsd-noexec.patch
}

# section NAME FILE: its bytes, in hexadecimal
section() {
	objcopy -O binary --set-section-flags "$1=alloc,contents" -j "$1" "$2" "$BATS_TEST_TMPDIR/bytes"
	od -An -v -tx1 "$BATS_TEST_TMPDIR/bytes" | tr -d ' \n'
}

# headers FILE: "name type size flags" of each section
headers() {
	readelf -SW "$1" | sed -n 's/^ *\[ *[0-9]*\] //p' | awk '{ print $1, $2, $5, $7 }'
}

@test "modinfo: livepatch, name, GPL, and the vermagic of the kernel's own modules" {
	ko=$CACHED/livepatch-nfsd-noexec.ko
	own=$(find "$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE" -name 'nfsd.ko*' | head -n 1)
	[ "$(modinfo -F livepatch "$ko")" = Y ]
	[ "$(modinfo -F license "$ko")" = GPL ]
	[ "$(modinfo -F name "$ko")" = livepatch_nfsd_noexec ]
	[ -n "$(modinfo -F vermagic "$own")" ]
	[ "$(modinfo -F vermagic "$ko")" = "$(modinfo -F vermagic "$own")" ]
}

@test "loading the patch loads no module: it depends on none, nfsd's symbols come with nfsd" {
	ko=$CACHED/livepatch-nfsd-noexec.ko
	[ -z "$(modinfo -F depends "$ko")" ]
	run readelf -rW "$ko"
	grep -q '\.klp\.rela\.nfsd\.\.text' <<< "$output"
	# whoever is undefined is exported by vmlinux
	while read -r symbol; do
		grep -qP "^0x[0-9a-f]+\t$symbol\tvmlinux\t" "$KERNEL_TREE/Module.symvers" ||
			{ echo "$symbol"; false; }
	done < <(nm -u "$ko" | awk '$1 == "U" && $2 !~ /^\.klp/ { print $2 }')
}

@test "imports have the checksums of the kernel" {
	versions=$(section __versions "$CACHED/livepatch-nfsd-noexec.ko")
	crc=$(awk '$2 == "klp_enable_patch" { print $1 }' "$KERNEL_TREE/Module.symvers")
	crc=${crc#0x}
	name=$(printf klp_enable_patch | od -An -v -tx1 | tr -d ' \n')
	[[ $versions == *"${crc:6:2}${crc:4:2}${crc:2:2}${crc:0:2}00000000$name"00* ]]
}

@test "klp symbols and sections: one guard, fields zero, no reference left over" {
	ko=$CACHED/livepatch-nfsd-noexec.ko
	mapfile -t klp < <(headers "$ko" | awk '/^\.klp/ { print $1 }')
	[ "${klp[0]}" = .klp.rela.nfsd..kpatch.funcs ]
	# the last one is the runtime's, which looks for the kernel's build ID while it is initialized; what else is
	# vmlinux's is reached by its distance
	[ "${klp[*]: -2}" = ".klp.rela.nfsd..text .klp.rela.vmlinux..init.text" ]
	[ "$(readelf -rW "$ko" | awk '/vmlinux..init.text/ { on = 1 } on && /klp.sym/ { print $5 }' | sort)" = \
".klp.sym.vmlinux.__start_notes,1
.klp.sym.vmlinux.__stop_notes,1" ]
	readelf -rW "$ko" | grep -q ' klp_enable_patch + [1-9a-f]'
	run readelf -sW "$ko"
	[[ $output != *.klp.ref.* ]]
	grep -q '\[0xff20\] \.klp\.sym\.nfsd\.' <<< "$output"
	# the four bytes at each call of nfsd
	text=$(section .text "$ko")
	count=0
	while read -r offset; do
		at=$((16#$offset * 2))
		[ "${text:at:8}" = 00000000 ]
		count=$((count + 1))
	done < <(readelf -rW "$ko" | awk '/^Relocation section/ { on = /klp\.rela\.nfsd\.\.text/ }
		on && /R_X86_64_P/ { print $1 }')
	[ "$count" -gt 0 ]
}

@test "sections are merged, nothing that only the tools need is left" {
	for ko in "$CACHED"/*.ko; do
		headers=$(headers "$ko")
		[[ $headers != *discard* ]]
		[[ $headers != *.debug* ]]
		[[ $headers != *.klp.ref* ]]
		# no section of a single function or object; a second dot is part of a known name
		run ! grep -E '^\.(text|data|rodata|bss)\.[A-Za-z0-9_]' <<< "$headers"
		grep -q '^\.kpatch\.manifest PROGBITS [0-9a-f]* 0$' <<< "$headers"
		grep -q '^\.orc_unwind ' <<< "$headers"
		grep -q '^__mcount_loc ' <<< "$headers"
	done
}

@test "the table of functions: one a replaced function, each with its object" {
	ko=$CACHED/livepatch-vmlinux-and-modules.ko
	functions=$(grep -c '^    old_size:' "$CACHED/livepatch-vmlinux-and-modules.yaml")
	[ "$functions" -ge 3 ]
	[ "$((16#$(headers "$ko" | awk '$1 == ".kpatch.funcs" { print $3 }')))" -eq $((functions * 32)) ]
	strings=$(section .kpatch.strings "$ko" | unhex | tr '\0' '\n')
	for word in vmlinux loop zram version_proc_show; do
		grep -qx "$word" <<< "$strings"
	done
}

@test "the table of builds: the kernel's, and that of each module, as the installed files have them" {
	# what readelf -n says of a file
	id() { readelf -n "$1" | sed -n 's/.*Build ID: //p'; }
	ko=$CACHED/livepatch-vmlinux-and-modules.ko
	objcopy -O binary -j .kpatch.targets "$ko" "$BATS_TEST_TMPDIR/targets"
	kernel=$(sed -n 's/^  build_id: "\(.*\)"/\1/p' "${ko%.ko}.yaml" | head -n 1)
	want="vmlinux 20 $kernel"
	for module in $(sed -n 's/^- name: \(.*\)/\1/p' "${ko%.ko}.yaml" | grep -v '\.patch$\|vmlinux'); do
		xz -dcf "$(find "$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE" -name "$module.ko*")" > "$BATS_TEST_TMPDIR/$module.ko"
		want+=$'\n'"$module 20 $(id "$BATS_TEST_TMPDIR/$module.ko")"
	done
	[ "$(wc -l <<< "$want")" -eq 3 ]
	[ "$(python3 - "$BATS_TEST_TMPDIR/targets" <<-'END'
		import struct, sys
		data = open(sys.argv[1], "rb").read()
		for version, size, name, build, refused, found_size, found in struct.iter_unpack("II56s32sII32s", data):
		    assert version == 1 and not refused and not found_size and not any(found)
		    print(name.rstrip(b"\0").decode(), size, build[:size].hex())
	END
	)" = "$want" ]
}

@test "the manifest in the module is the file beside it" {
	for ko in "$CACHED"/*.ko; do
		objcopy -O binary --set-section-flags .kpatch.manifest=alloc,contents \
			-j .kpatch.manifest "$ko" "$BATS_TEST_TMPDIR/manifest"
		cmp "$BATS_TEST_TMPDIR/manifest" "${ko%.ko}.yaml"
	done
}

@test "no path of the build machine is in a module" {
	for ko in "$CACHED"/*.ko; do
		run ! grep -aF -e "$KERNEL_CACHE" -e "$KERNEL_TREE" -e "$KERNEL_ROOT" -e "$TEST_TOP" -e /tmp/ "$ko"
	done
}

@test "--no-replace reaches the runtime, and the manifest" {
	[ "$(section .kpatch.patch "$CACHED/livepatch-nfsd-noexec.ko")" = 0100000001000000 ]
	kpatch_build --quiet --no-replace --name stacked examples/meminfo-string.patch
	[ "$(section .kpatch.patch "$OUT"/*stacked.ko)" = 0100000000000000 ]
	grep -qx 'replace: false' "$OUT"/*.yaml
}

callbacks='1i #include "kpatch-macros.h"
$a static int pre(struct klp_object *obj) { return 0; }\nKPATCH_PRE_PATCH_CALLBACK(pre);
$a static void post(struct klp_object *obj) { }\nKPATCH_POST_UNPATCH_CALLBACK(post);'

@test "callbacks: in the table with their kinds, in the manifest" {
	make_patch callbacks fs/proc/version.c "$callbacks
		s/seq_printf(m, linux_proc_banner/seq_puts(m, \"patched\"); &/"
	kpatch_build --quiet "$patch"
	table=$(section .kpatch.callbacks "$OUT/livepatch-callbacks.ko")
	kinds=$({ echo "${table:8:8}"; echo "${table:56:8}"; } | sort | tr '\n' ' ')
	[ "${#table}" -eq 96 ]
	[ "$kinds" = "00000000 03000000 " ]
	grep -A1 'kind: pre_patch' "$OUT/livepatch-callbacks.yaml" | grep -q 'function: pre'
	grep -A1 'kind: post_unpatch' "$OUT/livepatch-callbacks.yaml" | grep -q 'function: post'
	[[ $(headers "$OUT/livepatch-callbacks.ko") != *discard* ]]
}

@test "callbacks: two of a kind for one object are refused" {
	make_patch twice fs/proc/version.c "$callbacks
		s/seq_printf(m, linux_proc_banner/seq_puts(m, \"patched\"); &/" \
		fs/proc/uptime.c "$callbacks
		s/seq_printf(m, \"%lu.%02lu/seq_puts(m, \"patched\"); &/"
	refuses 8 callback-twice "$patch"
}

# build_id FILE: of a module
build_id() { readelf -n "$1" | sed -n 's/.*Build ID: //p'; }

@test "the build ID is that of all that is in the module, symbols and manifest too" {
	local ids=() function
	for function in drop_slab same lru_add_drain; do
		# the same file again, and not one of another time
		[[ $function == same ]] || make_patch called fs/proc/version.c "1i extern void $function(void);
			s/seq_printf(m, linux_proc_banner/$function(); &/"
		kpatch_build --quiet "$patch"
		[[ $function == same || $(< "$OUT/livepatch-called.yaml") == *"name: $function"* ]]
		ids+=("$(build_id "$OUT/livepatch-called.ko")")
	done
	[[ ${ids[0]} =~ ^[0-9a-f]{40}$ && ${ids[0]} == "${ids[1]}" && ${ids[0]} != "${ids[2]}" ]]
	kpatch_build --quiet --patch-version 2 "$patch"
	[[ $(build_id "$OUT/livepatch-called-2.ko") != "${ids[2]}" ]]
}

@test "states: in the manifest, each with a number of its own" {
	local states='1i #include "kpatch-macros.h"
		$a KPATCH_STATE(one, 7, 2);\nKPATCH_STATE(two, NUMBER, 4294967295u);
		s/seq_printf(m, linux_proc_banner/seq_puts(m, \"patched\"); &/'
	make_patch states fs/proc/version.c "${states/NUMBER/0xfffffffffful}"
	kpatch_build --quiet "$patch"
	# in the order in which the module has them, which is the compiler's
	[[ $(sed -n '/^- id:/{N; s/\n */ /; p}' "$OUT/livepatch-states.yaml" | sort) == "\
- id: 1099511627775 version: 4294967295
- id: 7 version: 2" ]]
	rm "$OUT"/*
	for number in 0 7; do
		make_patch states fs/proc/version.c "${states/NUMBER/$number}"
		refuses 8 state-number "$patch"
	done
}

@test "code that objtool objects to does not become a module" {
	make_patch unbalanced fs/proc/version.c \
		's/seq_printf(m, linux_proc_banner/asm volatile("push %rax; cld"); &/'
	refuses 10 objtool "$patch"
	says 'version_proc_show'
}

@test "what the author wants to be left alone: on real files, with the kernel's own headers" {
	make_patch left kernel/sys.c '/^#include <linux\/export.h>/i\
#include "kpatch-macros.h"
		s/^int fs_overflowuid = DEFAULT_FS_OVERFLOWUID;/int fs_overflowuid = 77; KPATCH_ALLOW_DATA_CHANGE(fs_overflowuid);/
		s/^SYSCALL_DEFINE3(getcpu, unsigned __user/KPATCH_SYSCALL_DEFINE3(getcpu, int __user/
		/^SYSCALL_DEFINE0(getppid)/,/^}/s/^\tint pid;/\tint pid = KPATCH_STATIC_CALL(might_resched)() * 0;/
		$a KPATCH_IGNORE_FUNCTION(__x64_sys_gettid); KPATCH_IGNORE_SECTION("no such section");
		/^SYSCALL_DEFINE0(gettid)/,/^}/s/return/return 1 +/'
	run -0 kpatch_build "$patch"
	yaml=$(< "$OUT/livepatch-left.yaml")
	grep -qE 'name: __[a-z0-9]*_sys_getppid$' <<< "$yaml"
	[[ $(grep -cE 'name: __[a-z0-9]*_sys_gettid$' <<< "$yaml") -eq 0 && $(grep -c difference-ignored <<< "$output") -ge 3 ]]
	says 'KPATCH_ALLOW_DATA_CHANGE\(fs_overflowuid\) asks: its initial value differs'
	says '__p_syscall_meta__getcpu: .*KPATCH_SYSCALL_DEFINE\(getcpu\) asks: the patch removes it'
	says 'KPATCH_IGNORE_FUNCTION\(__x64_sys_gettid\) asks'
	says 'KPATCH_IGNORE_SECTION\(no such section\) met no difference'
	[[ $(meant "$OUT/livepatch-left.ko") == *' __SCK__might_resched'* ]]
	no_trace=$(readelf -SW "$OUT/livepatch-left.ko"; readelf -sW "$OUT/livepatch-left.ko")
	[[ $no_trace != *kpatch_request* && $no_trace != *discard* ]]
}
