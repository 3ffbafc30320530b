#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Patches that come at every point of a module's loading and unloading, and modules that fail at every
# point of their loading. kmods/waypoint.c stops dummy.ko at the point and makes it fail there; each
# patch changes version_proc_show() in vmlinux and dummy_get_stats64() in dummy.ko.

load vm

# The points at which a test holds the module: those it names, or with KPATCH_CYCLES (make soak) all of them.
points() {
	[[ -z ${KPATCH_CYCLES:-} ]] && echo "$1" || echo "$2"
}

setup_file() {
	generations windows
	test_module waypoint
	"$TEST_TOP/test/vm/run" --name "$SUITE_VM" exec 'insmod waypoint.ko target=dummy'
}
teardown_file() { "$TEST_TOP/test/vm/run" --name "$SUITE_VM" exec 'rmmod waypoint'; }

teardown() {
	in_vm 'cd /sys/module/waypoint/parameters && for p in hold fail; do echo none > $p; done; echo 0 > nap
		for i in $(seq 50); do [ -z "$(cat at)" ] && break; sleep 0.1; done
		rmmod dummy 2> /dev/null; true'
	unload_all
	check_log
	refute_match "$(log_of_test)" 'invalid relocation target|expected value|livepatch: failed'
}

set_waypoint() { in_vm "echo '$2' > /sys/module/waypoint/parameters/$1"; }

# start_and_hold POINT LINE: run LINE in the machine, until it is stopped at POINT
start_and_hold() {
	set_waypoint hold "$1"
	in_vm "($2; echo \$? > /tmp/held) > /tmp/held.out 2>&1 &
		for i in \$(seq 100); do
			grep -qx $1 /sys/module/waypoint/parameters/at && exit 0
			sleep 0.1
		done
		exit 1"
}

# hold_at POINT: the target is loaded or unloaded, until it is stopped there
hold_at() {
	case $1 in
	coming | ready | init | live) start_and_hold "$1" 'modprobe dummy' ;;
	*)
		in_vm 'modprobe dummy && ip link set dummy0 up'
		start_and_hold "$1" 'rmmod dummy'
		;;
	esac
}

# let_go: the held line goes on; its exit code must be 0
let_go() {
	set_waypoint hold none
	in_vm 'for i in $(seq 100); do [ -s /tmp/held ] && break; sleep 0.1; done; cat /tmp/held.out
		status=$(cat /tmp/held); rm /tmp/held; exit $status'
}

load_patch() { in_vm "kpatch load livepatch-windows-$1.ko"; }

# patched_in PATCH: 0 or 1, what sysfs says about its part in dummy.ko
patched_in() { in_vm "cat /sys/kernel/livepatch/livepatch_windows_$1/dummy/patched"; }

# kernel_answers N, module_answers N: they run the code of patch N (0: the original)
kernel_answers() {
	local line
	line=$(in_vm 'head -n 1 /proc/version')
	(($1)) && assert_match "$line" "^patch $1\$" || refute_match "$line" '^patch'
}
module_answers() {
	local wanted="1 1 $1"
	(($1)) || wanted='0 0 0'
	[[ $(in_vm "awk '/dummy0:/ { print \$2, \$3, \$4 }' /proc/net/dev") == "$wanted" ]]
}

# next_load N: the module goes and comes back as many times as it takes to see what was left behind
next_load() {
	local _
	for _ in 1 2; do
		in_vm 'rmmod dummy 2> /dev/null; modprobe dummy'
		kernel_answers "$1"
		module_answers "$1"
	done
}

@test "a patch is loaded while a module is coming" {
	local point
	for point in coming ready init live; do
		hold_at "$point"
		load_patch 1
		[[ $(patched_in 1) == 1 ]]
		let_go
		module_answers 1
		next_load 1
		in_vm 'rmmod dummy; kpatch unload livepatch-windows-1'
	done
}

# bats test_tags=any-kernel
@test "a module whose loading fails, by a notifier or its own init: the next load is patched" {
	local point applied
	load_patch 1
	load_patch 2
	for point in coming ready init; do
		set_waypoint fail "$point"
		applied=$(log_of_test | grep -c "applying patch 'livepatch_windows_2'" || true)
		for _ in 1 2; do
			run ! in_vm 'modprobe dummy'
			run ! in_vm 'grep "^dummy " /proc/modules'
			[[ $(patched_in 1) == 0 && $(patched_in 2) == 0 ]]
		done
		# each of them failed after the patches had been applied
		(($(log_of_test | grep -c "applying patch 'livepatch_windows_2'") >= applied + 2))
		set_waypoint fail none
		next_load 2
		in_vm 'rmmod dummy'
	done
	unload livepatch-windows-2
	next_load 1
}

# bats test_tags=any-kernel
@test "a patch is loaded while a module fails to load: the next load is patched" {
	local point
	for point in $(points 'coming init' 'coming ready init'); do
		set_waypoint fail "$point"
		# stopped where it will fail
		start_and_hold "$point" '! modprobe dummy'
		load_patch 1
		[[ $(patched_in 1) == 1 ]]
		let_go
		[[ $(patched_in 1) == 0 ]]
		set_waypoint fail none
		next_load 1
		in_vm 'rmmod dummy; kpatch unload livepatch-windows-1'
	done
}

# bats test_tags=nightly
@test "a patch is loaded while a module is going" {
	local point
	for point in exit going leaving; do
		hold_at "$point"
		load_patch 1
		kernel_answers 1
		# its exit waits: what can still be called is the patched code
		[[ $point != exit ]] || module_answers 1
		[[ $(patched_in 1) == 1 ]]
		let_go
		[[ $(patched_in 1) == 0 ]]
		next_load 1
		in_vm 'rmmod dummy; kpatch unload livepatch-windows-1'
	done
}

@test "a patch is loaded between a module's going and its end: it leaves the module alone" {
	hold_at gone
	in_vm 'grep -q "^dummy .* Unloading " /proc/modules'
	# The end of a module's loading waits for the same calls as the end of the unloading, but the patch is
	# enabled before.
	in_vm '(insmod livepatch-windows-1.ko; echo $? > /tmp/inserted) > /dev/null 2>&1 &
		for i in $(seq 100); do
			[ "$(cat /sys/kernel/livepatch/livepatch_windows_1/transition)" = 0 ] && exit 0; sleep 0.1
		done; exit 1'
	kernel_answers 1
	[[ $(patched_in 1) == 0 ]]
	let_go
	in_vm 'for i in $(seq 100); do [ -s /tmp/inserted ] && break; sleep 0.1; done
		status=$(cat /tmp/inserted); rm /tmp/inserted; exit $status'
	[[ $(patched_in 1) == 0 ]]
	next_load 1
}

# bats test_tags=nightly
@test "a patch is taken back while a module is coming or going" {
	local point
	for point in $(points 'init leaving' 'coming ready init exit going leaving'); do
		load_patch 1
		load_patch 2
		hold_at "$point"
		unload livepatch-windows-2
		kernel_answers 1
		[[ $point != exit ]] || module_answers 1
		[[ $(patched_in 1) == 1 ]]
		let_go
		next_load 1
		load_patch 2
		module_answers 2
		in_vm 'rmmod dummy; kpatch unload livepatch-windows-2; kpatch unload livepatch-windows-1'
	done
}

# bats test_tags=nightly
@test "the others are replaced while a module is coming or going" {
	local point
	for point in $(points 'init exit' 'coming ready init exit going leaving'); do
		load_patch 1
		load_patch 2
		hold_at "$point"
		load_patch all
		[[ $(in_vm 'ls /sys/kernel/livepatch') == livepatch_windows_all ]]
		[[ $point != exit ]] || module_answers 4
		let_go
		next_load 4
		unload livepatch-windows-all
		module_answers 0
		next_load 0
		in_vm 'rmmod dummy'
	done
}

@test "a patch below another one is taken back: the one above stays, for the next load too" {
	in_vm 'modprobe dummy'
	load_patch 1
	load_patch 2
	unload livepatch-windows-1
	kernel_answers 2
	next_load 2
	unload livepatch-windows-2
	module_answers 0
	next_load 0
}

# race CYCLES LINES: lines of shell, again and again, while a process watches that kernel and module agree.
# Every other time the module naps at each point of its way. load3, unload3 are the bare steps of the third
# patch; $delay is random, up to three times the time that its loading took.
race() {
	in_vm --timeout 7000 "set -e
		agree dummy0 > /tmp/agree & watcher=\$!
		trap 'kill \$watcher' EXIT
		third=/sys/kernel/livepatch/livepatch_windows_3
		wait_transition() { until [ \"\$(cat \$third/transition)\" = 0 ]; do sleep 0.1; done; }
		load3() { insmod livepatch-windows-3.ko && wait_transition; }
		unload3() {
			wait_transition
			echo 0 > \$third/enabled
			while [ -e \$third ]; do sleep 0.1; done
			until rmmod livepatch_windows_3 2> /dev/null; do sleep 0.1; done
		}
		answers() {
			[ \"\$(head -n 1 /proc/version)\" = \"patch \$1\" ] &&
				[ \"\$(awk '/dummy0:/ { print \$2, \$3, \$4 }' /proc/net/dev)\" = \"1 1 \$1\" ]
		}
		phase() {
			echo \"race \$1\" > /dev/kmsg
			random=\$((\$(od -An -N2 -tu2 /dev/urandom) % (3 * took + 1)))
			delay=\$((random / 100)).\$(printf %02d \$((random % 100)))
		}
		centiseconds() { cut -d ' ' -f 1 /proc/uptime | tr -d .; }
		took=\$(centiseconds)
		insmod livepatch-windows-3.ko
		took=\$((\$(centiseconds) - took))
		unload3
		for cycle in \$(seq $1); do
			echo \$((cycle % 2 * 20000)) > /sys/module/waypoint/parameters/nap
			$2
		done
		trap - EXIT
		kill \$watcher; wait \$watcher"
}

# in_phase PHASE WORD: how often the third patch was WORD ("applying", "reverting") by the module's steps
in_phase() {
	log_of_test | awk -v phase="$1" -v word="$2" '/ race / { now = $NF }
		now == phase && index($0, word " patch '\''livepatch_windows_3") { n++ } END { print n + 0 }'
}

@test "a third patch races with a module's loading and unloading: they always agree" {
	local cycles=${KPATCH_CYCLES:-2}
	load_patch 1
	load_patch 2
	race "$cycles" '
		phase comes
		load3 & other=$!; sleep $delay; modprobe dummy
		wait $other
		answers 3
		phase leaves
		rmmod dummy & other=$!; sleep $delay; unload3
		wait $other
		phase between
		modprobe dummy
		answers 2
		phase goes
		load3 & other=$!; sleep $delay; rmmod dummy
		wait $other
		phase between
		modprobe dummy
		answers 3
		unload3
		answers 2
		rmmod dummy'
	echo "# $cycles cycles: the patch came before the module in $(in_phase comes applying), before the module's" \
		"end in $(in_phase goes reverting), and left after it in $(in_phase leaves reverting);" \
		"$(in_vm 'cat /tmp/agree')" >&3
}
