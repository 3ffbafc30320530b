#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Symbols whose names are not unique: the position that kpatch-build finds is that of the running
# kernel, and it is the right function that changes.

load vm

teardown() {
	in_vm '[ ! -e /proc/fs/nfsd/threads ] || nfs-up down' || true
	[[ -z ${VM_NAME:-} ]] || own_vm_stop
	unload_all
	check_log
}

# sample COUNT: $sample is a patch of COUNT files that this kernel builds, which changes no code
sample() {
	local count=$1 seed=${KPATCH_TEST_SEED:-1} text status skip=()
	tree=$("$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
		--stop-after prepare -v "$TEST_TOP/examples/meminfo-string.patch" 2>&1 | sed -n 's/^tree  *//p')
	sample=$BATS_TEST_TMPDIR/sample.patch
	while "$TEST_TOP/test/lib/sample-patch" "$tree" "$count" "$seed" "${skip[@]}" > "$sample"; do
		status=0
		text=$("$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" \
			--cache "$KERNEL_CACHE" --stop-after plan "$sample" 2>&1) || status=$?
		mapfile -t unbuilt < <(sed -n 's/^\([^ ]*\.c\): .*\[patch-\(not-built\|part-left-out\)\]$/\1/p' <<< "$text")
		((status || ${#unbuilt[@]})) || return 0
		((${#unbuilt[@]})) || { echo "$text"; return 1; }
		skip+=("${unbuilt[@]}")
	done
}

# objects_of PATCH: makes the reference objects; a line "OWNER FILE" for each is in $objects
objects_of() {
	local text
	text=$("$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
		--output "$BATS_TEST_TMPDIR" --stop-after verify --keep --verbose "$1" 2>&1) ||
		{ echo "$text"; return 1; }
	work=$(sed -n 's/^kept //p' <<< "$text")
	mv "$work" "$BATS_TEST_TMPDIR/work"
	# everything is what the kernel runs
	refute_match "$text" '\[verify-'
	objects=$(sed -n 's/^plan  *\([^ ]*\)\.o in \([^ ]*\)$/\2/p' <<< "$text" |
		awk -v dir="$BATS_TEST_TMPDIR/work/objects" '{ print $1, dir "/" NR - 1 "/reference.o" }')
}

# positions_of: what prove says about $objects, object file by object file of the kernel
positions_of() {
	local owner file
	for owner in $(cut -d ' ' -f 1 <<< "$objects" | sort -u); do
		file=$(find "$KERNEL_ROOT"/boot/vmlinuz-* | head -n 1)
		[[ $owner == vmlinux ]] ||
			file=$(find "$KERNEL_ROOT/lib/modules" -name "*.ko*" | grep -E "/${owner//_/[-_]}\.ko(\..z)?\$")
		# shellcheck disable=SC2046
		"$BUILD/test/prove" --positions "$file" $(awk -v o="$owner" '$1 == o { print $2 }' <<< "$objects")
	done
}

# bats test_tags=any-kernel
@test "objects, chosen by a seed: proven, and positions are those of /proc/kallsyms" {
	local count=4
	[[ -z ${KPATCH_TEST_ALL:-} ]] || count=10
	sample "$count"
	objects_of "$sample"
	[[ $(wc -l <<< "$objects") -ge $count ]]
	positions_of > "$BATS_TEST_TMPDIR/positions"
	run ! grep '^!' "$BATS_TEST_TMPDIR/positions"
	own_vm positions --append nokaslr
	for owner in $(awk '$1 == "@" && $2 != "vmlinux" { print $2 }' "$BATS_TEST_TMPDIR/positions" | sort -u); do
		in_vm "modprobe $owner"
	done
	in_vm 'cat /proc/kallsyms > kallsyms; cd /sys/module
		for f in */sections/* */sections/.*; do [ ! -f $f ] || echo ${f%%/*} ${f##*/} $(cat $f); done > /root/sections'
	vm get /root/kallsyms /root/sections "$BATS_TEST_TMPDIR"
	run -0 "$TEST_TOP/test/lib/check-positions" "$BATS_TEST_TMPDIR"/{positions,kallsyms,sections}
	echo "$output" >&3
	assert_match "$output" ' 0 wrong; .* 0 in modules not loaded'
	# a comparison that could not fail would be none: all positions one higher
	awk '$1 == "@" && $4 ~ /^[0-9]/ { $4++ } { print }' "$BATS_TEST_TMPDIR/positions" > "$BATS_TEST_TMPDIR/off"
	run -1 "$TEST_TOP/test/lib/check-positions" "$BATS_TEST_TMPDIR"/{off,kallsyms,sections}
}

# bats test_tags=any-kernel
@test "one of several functions of a name in vmlinux" {
	[[ $(in_vm "grep -c ' c_start\$' /proc/kallsyms") -gt 1 ]]
	build_and_load same-name.patch
	assert_match "$(cat "$BATS_TEST_TMPDIR/$name.yaml")" 'position: [1-9]'
	assert_match "$(in_vm 'cat /proc/crypto')" '^live patched$'
	refute_match "$(in_vm 'cat /proc/cpuinfo /proc/consoles')" 'live patched'
}

# bats test_tags=any-kernel
@test "one of several functions of a name in a module" {
	in_vm 'modprobe nfsd'
	[[ $(in_vm "grep -c ' nfsd3_proc_null.*\\[nfsd\\]' /proc/kallsyms") == 2 ]]
	build_and_load same-name-module.patch
	assert_match "$(cat "$BATS_TEST_TMPDIR/$name.yaml")" 'position: [12]'
	in_vm nfs-up
	assert_match "$(log_of_test)" 'live patch: NULL of program 100003'
	refute_match "$(log_of_test)" 'live patch: NULL of program 100227'
	# the same when nfsd is loaded after the patch, while it has its init symbols
	in_vm 'nfs-up down'
	mark_log
	in_vm nfs-up
	assert_match "$(log_of_test)" 'live patch: NULL of program 100003'
}

# state_at ADDRESS: whether the function there begins with a call, instead of a no-operation
state_at() {
	case $(in_vm "peek 0x$1" | cut -d ' ' -f 2) in
	e8*) echo patched ;;
	0f1f440000*) echo original ;;
	*) echo unknown ;;
	esac
}

# Of 6.1's modules only amdgpu has ordinary functions of one name in several sections, and there is no
# such hardware here: the function does not run, but its first instruction shows which one is patched.
@test "several functions of a name in a module, in different sections" {
	local ko unlikely addresses base states=
	[[ $KERNEL_RELEASE == 6.1.* ]] || skip "no module of this kernel has such functions"
	ko=$(find "$KERNEL_ROOT/lib/modules" -name amdgpu.ko)
	unlikely=$(readelf -SW "$ko" | sed -n 's/^ *\[ *\([0-9]*\)\] \.text\.unlikely .*/\1/p')
	unlikely=$(readelf -sW "$ko" | awk -v s="$unlikely" '$8 == "wave_read_ind" && $7 == s { print $2 }')
	[[ $(wc -w <<< "$unlikely") == 1 ]]
	build_and_load same-name-section.patch
	in_vm 'modprobe amdgpu'
	mapfile -t addresses < <(in_vm 'grep " wave_read_ind.*\[amdgpu\]" /proc/kallsyms' | cut -d ' ' -f 1 | sort)
	[[ ${#addresses[@]} == 4 ]]
	base=$(in_vm 'cat /sys/module/amdgpu/sections/.text.unlikely')
	unlikely=$(printf '%x' $((base + 0x$unlikely)))
	for address in "${addresses[@]}"; do
		[[ $address == "$unlikely" ]] && states+=" unlikely:" || states+=' text:'
		states+=$(state_at "$address")
	done
	# those in .text are in the order of the link: gfx_v9_0, gfx_v10_0, gfx_v11_0
	[[ ${states/ unlikely:patched/} == ' text:original text:patched text:original' ]] ||
		{ echo "$states"; return 1; }
	[[ $states == *unlikely:patched* ]]
	unload_all
	in_vm 'rmmod amdgpu'
}
