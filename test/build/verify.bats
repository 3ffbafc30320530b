#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The proof in whole builds: what is not the kernel's code is caught, and blamed on the right thing.

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

setup_file() {
	make -s -C "$BATS_TEST_DIRNAME/../.." build/test/image_flip
}

setup() {
	IMAGE=$(echo "$KERNEL_ROOT"/boot/vmlinuz-*)
	OUT=$BATS_TEST_TMPDIR/out
}

# flipped SYMBOL OFFSET [MASK]: an image with that byte changed, in $flipped
flipped() {
	flipped=$BATS_TEST_TMPDIR/vmlinux
	"$BUILD/test/image_flip" "$IMAGE" "$flipped" "$@"
}

# position MODULE.yaml FUNCTION: as the manifest has it
position() { grep -A 2 -- "- name: $2\$" "$1" | sed -n 's/^ *position: //p' | head -n 1; }

@test "the stock kernel is proven, and the manifest says with which build ID" {
	run -0 kpatch_build "$MEMINFO"
	yaml=$OUT/livepatch-meminfo-string.yaml
	grep -qx 'verified: true' "$yaml"
	compared=$(sed -n 's/^  compared: //p' "$yaml")
	((compared >= 3))
	grep -qx "  matched: $compared" "$yaml"
	"$BUILD/test/image_flip" "$IMAGE" "$BATS_TEST_TMPDIR/vmlinux"
	id=$(readelf -nW "$BATS_TEST_TMPDIR/vmlinux" | sed -n 's/.*Build ID: //p')
	[[ -n $id ]]
	grep -qx "  build_id: \"$id\"" "$yaml"
}

@test "one changed byte in the function to be replaced: refused, with both instructions" {
	flipped meminfo_proc_show 0x100
	refuses 7 code-not-verified --image "$flipped" "$MEMINFO"
	says "'meminfo_proc_show' is not what vmlinux runs: the code differs at \+0x(ff|fe|100): '.*' in vmlinux, '.*' as compiled"
	says 'warning: 1 of 3 functions .*source'
}

@test "one changed byte in a string that it uses: refused, with the string" {
	flipped strings "=CommitLimit:    "
	refuses 7 code-not-verified --image "$flipped" "$MEMINFO"
	says 'refers to the string "CommitLimit:    "'
}

@test "a call that leads elsewhere: refused, with both functions" {
	# the displacement of the first call, that of __fentry__
	flipped meminfo_proc_show 1 0x40
	refuses 7 code-not-verified --image "$flipped" "$MEMINFO"
	says 'the compiled code refers to __fentry__, the code in vmlinux to '
}

@test "a changed byte in another function of the object: a warning and a count" {
	flipped arch_report_meminfo 0
	make_patch other fs/proc/meminfo.c 's/Committed_AS:/Committed_ID:/'
	run -0 kpatch_build --image "$flipped" "$patch"
	flipped proc_meminfo_init 9
	run -0 kpatch_build --image "$flipped" "$patch"
	says 'proc_meminfo_init: warning: 1 of 3 functions are not those of vmlinux; here the code differs at \+0x'
	grep -qx '  matched: 2' "$OUT/livepatch-other.yaml"
}

# bats test_tags=nightly
@test "a compiler with another flag: refused, and blamed on flags" {
	cc=$BATS_TEST_TMPDIR/cc
	# it sees the user's home in all stages, as ccache wants
	printf '#!/bin/sh\n[ "$HOME" = "%s" ] || exit 9\nexec %s "$@" -fno-stack-protector -Os\n' "$HOME" gcc-12 > "$cc"
	chmod +x "$cc"
	refuses 7 code-not-verified --cache "$BATS_TEST_TMPDIR/cache" --cc "$cc" "$MEMINFO"
	says "'meminfo_proc_show' is not what vmlinux runs: the code differs at"
	says '[3-9] of [4-9] functions are not those of vmlinux; .* Compiler, flags, configuration'
}

@test "--no-verify: built, and the manifest says that nothing was proven" {
	flipped meminfo_proc_show 0x100
	run -0 kpatch_build --no-verify --image "$flipped" "$MEMINFO"
	grep -qx 'verified: false' "$OUT/livepatch-meminfo-string.yaml"
	# and the runtime says so of the loaded patch, which replaces others
	[[ $(objcopy -O binary --only-section=.kpatch.patch "$OUT/livepatch-meminfo-string.ko" /dev/stdout | od -An -tx4) == ' 00000001 00000005' ]]
}

@test "the image of another kernel: refused by its release" {
	other=$(find "$(dirname "$KERNEL_ROOT")" -maxdepth 3 -name 'vmlinuz-*' ! -path "$KERNEL_ROOT/*" |
		head -n 1)
	[[ $other ]] || skip 'there is no other kernel'
	refuses 3 kernel-image-mismatch --image "$other" "$MEMINFO"
}

@test "a vmlinux of another kernel, which has no header to say so: refused by its release" {
	flipped meminfo_proc_show 0x100
	release=${IMAGE##*/vmlinuz-}
	perl -pi -e 's/Linux version \Q'"$release"'\E/Linux version 9'"${release:1}"'/' "$flipped"
	refuses 3 kernel-image-mismatch --image "$flipped" "$MEMINFO"
	says "this is the image of kernel 9${release:1}, not of $release"
}

@test "a module: proven against its file, and a changed byte is caught" {
	ko=$(find "$KERNEL_ROOT/lib/modules" -name 'nfsd.ko')
	[[ $ko ]] || skip 'its modules are compressed'
	make_patch export fs/nfsd/export.c 's/"#path domain(flags)/"#where domain(flags)/'
	run -0 kpatch_build "$patch"
	yaml=$OUT/livepatch-export.yaml
	grep -qx 'verified: true' "$yaml"
	grep -qx "  build_id: \"$(readelf -nW "$ko" | sed -n 's/.*Build ID: //p')\"" "$yaml"
	function=$(sed -n '/functions:/,$ s/^  - name: //p' "$yaml" | head -n 1)

	mkdir "$BATS_TEST_TMPDIR/modules"
	cp -rs "$(dirname "$(dirname "$(dirname "$(dirname "$ko")")")")/." "$BATS_TEST_TMPDIR/modules"
	copy=$BATS_TEST_TMPDIR/modules/kernel/fs/nfsd/nfsd.ko
	rm "$copy"
	cp "$ko" "$copy"
	# past the call of __fentry__, whose field is not in the file's bytes
	read -r value text < <(readelf -sW "$ko" | awk -v f="$function" '$8 == f { print $2, $7 }')
	offset=$(readelf -SW "$ko" | sed 's/^ *\[ *//' | awk -v s="$text]" '$1 == s { print $5 }')
	printf '\xcc' | dd of="$copy" bs=1 seek=$((0x$offset + 0x$value + 6)) conv=notrunc status=none
	rm -r "$OUT"
	refuses 7 code-not-verified --modules "$BATS_TEST_TMPDIR/modules" "$patch"
	says "'$function' is not what nfsd runs: the code differs at \+0x[0-9a-f]+: '.*' in nfsd"
}

# place KO FUNCTION NEIGHBOUR: which of the functions of that name, in the table's order, is next to the other function
place() {
	readelf -sW "$1" | awk '$4 == "FUNC" { print $2, $8 }' | while read -r value name; do
		[[ $name != "$2" && $name != "$3" ]] || echo "$((16#$value)) $name"
	done | awk -v f="$2" '$2 == f { at[++n] = $1 } $2 != f { near = $1 }
		END { best = 1
			for (i = 2; i <= n; i++)
				if ((at[i] - near) ^ 2 < (at[best] - near) ^ 2) best = i
			print best }'
}

@test "of two functions with one name, the one of the patched file is replaced" {
	local file met='' ko meant
	local -A neighbour=([nfs3acl]=nfsd3_proc_getacl [nfs3proc]=nfsd3_proc_getattr)
	ko=$(find "$KERNEL_ROOT/lib/modules" -name 'nfsd.ko')
	[[ $ko ]] || skip 'its modules are compressed'
	for file in nfs3acl nfs3proc; do
		make_patch "$file" fs/nfsd/$file.c \
			'/^nfsd3_proc_null(/,/^}/s/return rpc_success/return rqstp->rq_vers ? rpc_success : rpc_system_err/'
		run -0 kpatch_build "$patch"
		meant=$(place "$ko" nfsd3_proc_null "${neighbour[$file]}")
		[[ $(position "$OUT/livepatch-$file.yaml" nfsd3_proc_null) == "$meant" ]]
		met+=$meant
	done
	[[ $met == 12 || $met == 21 ]]
}

@test "a constant of a function whose address it stores is the kernel's own" {
	# every inode gets it, for as long as it lives
	make_patch inode fs/inode.c 's/^\tinode->i_private = NULL;/&\n\tinode->i_opflags = 0;/'
	run -0 kpatch_build "$patch"
	meant "$OUT/livepatch-inode.ko" > "$BATS_TEST_TMPDIR/relocs"
	grep -E 'R_X86_64_(32S|64) empty_iops\.[0-9]+$' "$BATS_TEST_TMPDIR/relocs"
	run -1 grep -q empty_iops <(readelf -sW "$OUT/livepatch-inode.ko" | awk '$7 ~ /^[0-9]/')
}

# at SYMBOL OFFSET: the text that the image has there, up to its end
at() {
	local patched=$BATS_TEST_TMPDIR/vmlinux.at where
	[[ -e $BATS_TEST_TMPDIR/vmlinux.plain ]] || "$BUILD/test/image_flip" "$IMAGE" "$BATS_TEST_TMPDIR/vmlinux.plain"
	"$BUILD/test/image_flip" "$IMAGE" "$patched" "$1" "$2"
	where=$(cmp -l "$BATS_TEST_TMPDIR/vmlinux.plain" "$patched" | awk '{ print $1 }')
	tail -c "+$where" "$BATS_TEST_TMPDIR/vmlinux.plain" | head -c 100 | tr '\0' '\n' | head -n 1
}

@test "a string whose address is stored is the kernel's own, one that is only printed a copy" {
	local file=kernel/kexec_core.c # from 6.6 on kernel/crash_core.c
	grep -q ram_res- "$KERNEL_TREE/$file" || file=kernel/crash_core.c
	make_patch shrink "$file" 's/^\tram_res->name *= "System RAM";/&\n\tpr_info("shrunk\\n");/'
	run -0 kpatch_build "$patch"
	ko=$OUT/livepatch-shrink.ko
	# of the exports that are used, one is at a distance, in its own section: of both signs, and in hex
	read -r symbol sign distance < <(readelf -rW "$ko" | grep -v klp_enable_patch |
		sed -n 's/.* R_X86_64_32S  *0* \([a-z_]*\) \([-+]\) \([0-9a-f]\{4,\}\)$/\1 \2 \3/p')
	[[ $(at "$symbol" "$sign$((16#$distance))") == "System RAM" ]]
	grep -qw "$symbol" "$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE/Module.symvers"
	objcopy -O binary -j .rodata --set-section-flags .rodata=alloc,contents "$ko" "$BATS_TEST_TMPDIR/rodata"
	grep -aq 'shrunk' "$BATS_TEST_TMPDIR/rodata"
	run -1 grep -a "System RAM" "$ko"
}

@test "strings that are only printed cost nothing" {
	run -0 kpatch_build "$MEMINFO"
	run -1 grep -E 'R_X86_64_32S +0+ [a-z_]+ [-+] [0-9a-f]{4,}$' \
		<(readelf -rW "$OUT/livepatch-meminfo-string.ko" | grep -v klp_enable_patch)
	grep -a "CommitLimit:" "$OUT/livepatch-meminfo-string.ko"
}

# Its loops over strings end behind them. (It has no __fentry__ call, as all of lib/, so that it cannot be patched.)
@test "resource_string() is what the kernel runs, and its strings are no reason to refuse it" {
	make_patch resource lib/vsprintf.c "/^char \\*resource_string/,/^}/s/\\*p++ = '\\[';/*p++ = '<';/"
	refuses 8 function-not-traceable "$patch"
	[[ $(grep -oE '\[[a-z]+(-[a-z]+)+\]' <<< "$output" | sort -u) == "[function-not-traceable]" ]]
}
