#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Patches and the modules they patch, over time: stacked, replaced, forced, and in every order. Each
# patch changes version_proc_show() in vmlinux and disksize_show() in zram, which must always agree.

load vm

setup_file() {
	local n
	export MODULES=$BATS_FILE_TMPDIR
	for n in 1 2 3; do
		sed "s/@N@/$n/" "$(patch_form generation.patch.in)" > "$MODULES/generation-$n.patch"
		"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
			--no-replace --output "$MODULES" "$MODULES/generation-$n.patch"
	done
	"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
		--name livepatch-cumulative --output "$MODULES" "$MODULES/generation-3.patch"
	"$TEST_TOP/test/vm/run" --name "$SUITE_VM" put "$MODULES"/*.ko
}

teardown() {
	in_vm '[ ! -e /tmp/sleeper ] || kill -9 $(cat /tmp/sleeper); rm -f /tmp/fifo /tmp/sleeper' || true
	in_vm 'rmmod zram 2> /dev/null; true'
	unload_all
	check_log
	refute_match "$(log_of_test)" 'invalid relocation target|expected value|livepatch: failed'
}

load_patch() { in_vm "kpatch load livepatch-$1.ko"; }
unload_patch() { unload "livepatch-$1"; }
zram_up() { in_vm 'modprobe zram'; }
zram_down() { in_vm 'rmmod zram'; }

# generation N: kernel and, if it is there, module run the code of patch N; 0: the original
generation() {
	local text
	text=$(in_vm 'head -n 1 /proc/version; cat /sys/block/zram0/disksize 2> /dev/null || true')
	if (($1)); then
		assert_match "$(head -n 1 <<< "$text")" "^patch $1\$"
		[[ $(wc -l <<< "$text") == 1 ]] || assert_match "$(tail -n 1 <<< "$text")" "^patch $1: 0, lock 0, state 0\$"
	else
		refute_match "$text" 'patch'
	fi
}

# a process that sleeps in fifo_open(); prints its number
start_sleeper() {
	in_vm 'rm -f /tmp/fifo; mkfifo /tmp/fifo; cat /tmp/fifo > /dev/null 2>&1 & echo $! | tee /tmp/sleeper
		for i in 1 2 3 4 5 6 7 8 9 10; do grep -q fifo_open /proc/$!/stack && exit 0; sleep 0.2; done; exit 1'
}

# bats test_tags=any-kernel
@test "three stacked patches, the module loaded at every point between them" {
	local at n
	for at in 0 1 2 3; do
		((at)) || zram_up
		for n in 1 2 3; do
			load_patch "generation-$n"
			generation "$n"
			((at != n)) || { zram_up; generation "$n"; }
		done
		# the module stays as it was loaded; or it goes and comes under all three, and under what is left
		# when the top ones go
		for n in 3 2 1; do
			if ((at == 0)); then
				zram_down
				generation "$n"
				zram_up
				generation "$n"
			fi
			unload_patch "generation-$n"
			generation $((n - 1))
		done
		zram_down
	done
}

# KPATCH_CYCLES: more rounds
@test "the module comes while a patch is being loaded" {
	local n rounds=3
	[[ -z ${KPATCH_CYCLES:-} ]] || rounds=12
	for n in 1 2 3; do
		in_vm "modprobe zram & kpatch load livepatch-generation-$n.ko; wait"
		generation "$n"
		in_vm 'rmmod zram'
	done
	for n in $(seq "$rounds"); do
		in_vm "modprobe zram; rmmod zram & kpatch unload livepatch-generation-3; wait"
		in_vm "modprobe zram & kpatch load livepatch-generation-3.ko; wait"
		generation 3
		in_vm 'rmmod zram'
	done
}

@test "a cumulative patch replaces the others; their modules go, the module comes back" {
	zram_up
	load_patch generation-1
	load_patch generation-2
	load_patch cumulative
	generation 3
	[[ $(in_vm 'ls /sys/kernel/livepatch') == livepatch_cumulative ]]
	run ! in_vm 'grep livepatch_generation /proc/modules'
	for _ in 1 2 3; do
		zram_down
		zram_up
		generation 3
	done
	unload_patch cumulative
	generation 0
	zram_down
	zram_up
	generation 0
}

@test "in transition: the module goes and comes back while a task holds the transition up" {
	local n
	zram_up
	start_sleeper
	# the task sleeps in the original fifo_open(): the patch waits for it
	in_vm "insmod livepatch-generation-1.ko"
	[[ $(in_vm 'cat /sys/kernel/livepatch/livepatch_generation_1/transition') == 1 ]]
	for n in 1 2 3; do
		zram_down
		zram_up
		assert_match "$(in_vm 'cat /sys/block/zram0/disksize')" '^patch 1: 0, '
	done
	[[ $(in_vm 'cat /sys/kernel/livepatch/livepatch_generation_1/transition') == 1 ]]
	in_vm 'echo data > /tmp/fifo; rm /tmp/sleeper'
	in_vm 'for i in $(seq 60); do
		[ $(cat /sys/kernel/livepatch/livepatch_generation_1/transition) = 0 ] && exit 0; sleep 0.5; done; exit 1'
	generation 1
}

@test "a transition that is turned round: the module comes back with the original code" {
	zram_up
	start_sleeper
	in_vm "insmod livepatch-generation-1.ko"
	[[ $(in_vm 'cat /sys/kernel/livepatch/livepatch_generation_1/transition') == 1 ]]
	in_vm 'echo 0 > /sys/kernel/livepatch/livepatch_generation_1/enabled'
	in_vm 'for i in $(seq 60); do [ ! -e /sys/kernel/livepatch/livepatch_generation_1 ] && exit 0; sleep 0.5; done; exit 1'
	in_vm 'rmmod livepatch_generation_1'
	zram_down
	zram_up
	generation 0
	in_vm 'echo data > /tmp/fifo; rm /tmp/sleeper'
}

# memory: kB in use of what patches are made of, free memory that only a processor keeps at hand put aside:
# the caches behind kmalloc() and kernfs, then vmalloc()
memory() {
	in_vm 'echo 3 > /proc/sys/vm/drop_caches
		for cache in /sys/kernel/slab/kmalloc-* /sys/kernel/slab/kernfs_node_cache; do echo 1 > $cache/shrink; done
		awk "/^kmalloc-[0-9]|^kernfs_node_cache/ { bytes += \$2 * \$4 } END { printf \"%d \", bytes / 1024 }" /proc/slabinfo
		awk "/^VmallocUsed/ { print \$2 }" /proc/meminfo'
}

# slope COLUMN: of lines "CYCLE SLAB VMALLOC", by least squares, in bytes a cycle
slope() {
	awk -v column="$1" '{ x = $1; y = $column * 1024; n++; sx += x; sy += y; sxx += x * x; sxy += x * y }
		END { printf "%d\n", (n * sxy - sx * sy) / (n * sxx - sx * sx) }'
}

# KPATCH_CYCLES: how often; make soak asks for more. A cycle that leaves the runtime's tables behind costs some
# kilobytes. The readings vary by 5 kB (16 kB for vmalloc), so ten cycles tell 2 kB a cycle from noise, 200 cycles
# tell 128 bytes.
# bats test_tags=nightly
@test "loaded and unloaded again and again: nothing is left behind" {
	local before after cycles=${KPATCH_CYCLES:-10} samples=$BATS_TEST_TMPDIR/samples slab vmalloc
	zram_up
	state() {
		in_vm 'cut -d " " -f 1,3 /proc/modules | sort; ls /sys/kernel/livepatch /sys/module | sort | md5sum'
	}
	for cycle in $(seq 0 "$cycles"); do
		load_patch generation-1
		generation 1
		unload_patch generation-1
		# the first one sets the kernel up for it
		if ((cycle == 0)); then
			before=$(state)
		elif ((cycle % ((cycles + 19) / 20) == 0)); then
			echo "$cycle $(memory)" >> "$samples"
		fi
	done
	after=$(state)
	[[ $before == "$after" ]]
	slab=$(slope 2 < "$samples") vmalloc=$(slope 3 < "$samples")
	echo "# $cycles cycles: slab $slab bytes a cycle, vmalloc $vmalloc ($(head -n 1 "$samples"); $(tail -n 1 "$samples"))" >&3
	((slab < (cycles < 100 ? 2048 : 128) && vmalloc < (cycles < 100 ? 8192 : 1024)))
	generation 0
}
