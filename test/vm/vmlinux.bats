#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Functions of vmlinux: the main job, and one function for each kind of thing a function can have.

load vm

@test "a string in /proc/meminfo changes, and changes back" {
	build_and_load "$TEST_TOP/examples/meminfo-string.patch"
	text=$(in_vm "cat /proc/meminfo")
	assert_match "$text" '^CommittedLive: +[0-9]+ kB$'
	refute_match "$text" '^Committed_AS'
	# what was not patched is as before: labels, their order, their number
	[[ $(wc -l <<< "$text") == "$(in_vm 'wc -l < /proc/meminfo')" ]]
	assert_match "$text" '^MemTotal: +[0-9]+ kB$'
	assert_match "$(in_vm 'kpatch list')" 'livepatch.meminfo.string'
	[[ $(in_vm 'cat /sys/kernel/livepatch/livepatch_meminfo_string/enabled') == 1 ]]
	unload "$name"
	assert_match "$(in_vm 'cat /proc/meminfo')" '^Committed_AS: +[0-9]+ kB$'
	run ! in_vm 'test -e /sys/kernel/livepatch/livepatch_meminfo_string'
	run ! in_vm 'grep livepatch_meminfo_string /proc/modules'
}

# bats test_tags=any-kernel
@test "the same module can be loaded again after unloading" {
	build "$TEST_TOP/examples/meminfo-string.patch"
	vm put "$module"
	for _ in 1 2; do
		in_vm "kpatch load $name.ko"
		in_vm "grep -q ^CommittedLive: /proc/meminfo"
		unload "$name"
		in_vm "grep -q ^Committed_AS: /proc/meminfo"
	done
}

@test "printk: its text, its level" {
	build_and_load printk.patch
	in_vm "cat /proc/version > /dev/null"
	assert_match "$(log_of_test)" 'live patch: /proc/version is read by cat$'
	[[ $(in_vm 'dmesg -r | grep -c "^<5>.*live patch: /proc/version is read by cat"') == 1 ]]
}

@test "bug table: a WARN fires and names its file and line" {
	build_and_load warn.patch
	EXPECTED_WARNINGS='WARNING: (CPU: [0-9]+ PID: [0-9]+ at )?fs/proc/version.c|Call Trace'
	in_vm "cat /proc/version"
	# the line is where the patch puts it: count from the hunk's header
	patch=$(patch_form warn.patch)
	line=$(awk '/^@@/ { split($3, a, "[+,]"); n = a[2] - 1; next }
		n && !/^-/ { n++; if (/^\+.*WARN/) print n }' "$patch")
	log=$(log_of_test)
	assert_match "$log" 'live patch warns'
	assert_match "$log" "WARNING: (CPU: [0-9]+ PID: [0-9]+ at )?fs/proc/version.c:$line (at )?version_proc_show\+0x[0-9a-f]+/0x[0-9a-f]+ \[livepatch_warn\]"
	# and the trace goes on below the replaced function: the stack can be unwound through it
	assert_match "$log" 'seq_read_iter\+0x'
	# user space got its answer
	assert_match "$(in_vm 'cat /proc/version')" '^Linux version '
}

# bats test_tags=any-kernel
@test "static local: new, zero at first, kept between calls" {
	build_and_load static-local.patch
	assert_match "$(in_vm 'cat /proc/version')" '^read 1 times$'
	assert_match "$(in_vm 'cat /proc/version')" '^read 2 times$'
	assert_match "$(in_vm 'cat /proc/version')" '^read 3 times$'
}

# bats test_tags=any-kernel
@test "tables: new .rodata of numbers and of pointers" {
	build_and_load table.patch
	weights=(1000003 17 4242 9 31337 271828 65537 5 88 999331)
	words=(zero one two three four five six seven eight nine)
	# processes with consecutive numbers: every entry is used
	text=$(in_vm 'for i in 0 1 2 3 4 5 6 7 8 9 10 11; do cat /proc/version; done' | grep ^pid)
	digits=
	while read -r _ pid word _ weight; do
		digit=$((${pid%:} % 10))
		[[ $word == "${words[digit]}," ]]
		[[ $weight == "${weights[digit]}" ]]
		digits+=$digit
	done <<< "$text"
	for digit in 0 1 2 3 4 5 6 7 8 9; do
		[[ $digits == *$digit* ]]
	done
}

@test "table of labels: each leads into the new code" {
	build_and_load labels.patch
	text=$(in_vm 'for i in 0 1 2 3; do sh -c "echo \$\$; exec cat /proc/version"; done')
	pids=0
	while read -r pid; do
		read -r _
		read -r parity
		[[ $parity == $( ((pid % 2)) && echo odd || echo even) ]]
		pids=$((pids + 1))
	done <<< "$text"
	[[ $pids == 4 ]]
}

@test "exception table and alternatives: a user access faults and is fixed up" {
	in_vm 'mkdir -p /tmp/dir && touch /tmp/dir/kpatch-invisible /tmp/dir/other'
	assert_match "$(in_vm 'faults /tmp/dir')" 'good buffer:.* kpatch-invisible'
	build_and_load user-access.patch
	text=$(in_vm 'faults /tmp/dir')
	assert_match "$text" '^bad buffer: EFAULT$'
	assert_match "$text" '^good buffer: other$'
	# the machine's processor has SMAP: both alternatives must have been put in
	in_vm 'grep -qw smap /proc/cpuinfo'
	code=$(code_of filldir64 livepatch_user_access)
	assert_match "$code" '\bstac'
	assert_match "$code" '\bclac'
}

# bats test_tags=any-kernel
@test "static branch on a key of vmlinux, in a file that another one includes" {
	in_vm 'echo 0 > /proc/sys/kernel/sched_schedstats'
	build_and_load static-branch.patch
	assert_match "$(in_vm 'cat /proc/self/sched')" '^live patched, schedstats off$'
	refute_match "$(in_vm 'cat /proc/self/sched')" '^sum_sleep_runtime|wait_start'
	in_vm 'echo 1 > /proc/sys/kernel/sched_schedstats'
	assert_match "$(in_vm 'cat /proc/self/sched')" '^live patched, schedstats on$'
	assert_match "$(in_vm 'cat /proc/self/sched')" 'wait_start'
	in_vm 'echo 0 > /proc/sys/kernel/sched_schedstats'
	assert_match "$(in_vm 'cat /proc/self/sched')" '^live patched, schedstats off$'
}

@test "static branch: loaded while the key is on" {
	in_vm 'echo 1 > /proc/sys/kernel/sched_schedstats'
	build_and_load static-branch.patch
	assert_match "$(in_vm 'cat /proc/self/sched')" '^live patched, schedstats on$'
	in_vm 'echo 0 > /proc/sys/kernel/sched_schedstats'
	assert_match "$(in_vm 'cat /proc/self/sched')" '^live patched, schedstats off$'
	# what the kernel executes at the branch is a no-operation or a jump, nothing in between
	refute_match "$(code_of proc_sched_show_task livepatch_static_branch)" '\(bad\)'
}

# From 7.x on x86_64 has no other modes than full and lazy, neither of which switches this call.
has_voluntary() { in_vm 'grep -q voluntary /sys/kernel/debug/sched/preempt'; }

@test "static call with a key of vmlinux: follows the preemption mode" {
	has_voluntary || skip "this kernel has no mode with voluntary preemption"
	target=$(address_of __cond_resched)
	in_vm 'echo voluntary > /sys/kernel/debug/sched/preempt'
	in_vm 'ls -d /proc/2; ls /proc | grep -qx 2'
	build_and_load static-call.patch
	run ! in_vm 'ls /proc | grep -x 2'
	in_vm 'ls /proc | grep -qx 1'
	assert_match "$(code_of proc_pid_readdir livepatch_static_call)" "call +0x$target"
	in_vm 'echo full > /sys/kernel/debug/sched/preempt'
	run ! in_vm 'ls /proc | grep -x 2'
	refute_match "$(code_of proc_pid_readdir livepatch_static_call)" "call +0x$target"
	in_vm 'echo voluntary > /sys/kernel/debug/sched/preempt'
	assert_match "$(code_of proc_pid_readdir livepatch_static_call)" "call +0x$target"
}

@test "static call: loaded in another preemption mode" {
	has_voluntary || skip "this kernel has no mode with voluntary preemption"
	target=$(address_of __cond_resched)
	in_vm 'echo full > /sys/kernel/debug/sched/preempt'
	build_and_load static-call.patch
	run ! in_vm 'ls /proc | grep -x 2'
	refute_match "$(code_of proc_pid_readdir livepatch_static_call)" "call +0x$target"
	in_vm 'echo voluntary > /sys/kernel/debug/sched/preempt'
	run ! in_vm 'ls /proc | grep -x 2'
	assert_match "$(code_of proc_pid_readdir livepatch_static_call)" "call +0x$target"
}

@test "paravirt site: becomes the processor's own instruction" {
	build_and_load paravirt.patch
	assert_match "$(in_vm 'cat /sys/kernel/debug/sched/debug || cat /proc/sched_debug')" \
		"^Sched Debug Version: v0.11 \(live patched\), ${KERNEL_RELEASE//+/\\+} "
	code=$(code_of sched_debug_header livepatch_paravirt ||
		code_of sched_debug_show livepatch_paravirt)
	assert_match "$code" '\bpushf'
	assert_match "$code" '\bcli'
	refute_match "$code" 'call +\*0x'
}

@test "tracepoint: its event comes from the new code" {
	build_and_load tracepoint.patch
	in_vm '
		cd /sys/kernel/tracing; echo > trace
		echo 900 > /proc/self/oom_score_adj
		grep -c oom_score_adj_update trace | grep -qx 0
		echo 1 > events/oom/oom_score_adj_update/enable
		sh -c "echo 901 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj" > /tmp/adj
		echo 0 > events/oom/oom_score_adj_update/enable
		echo 902 > /proc/self/oom_score_adj
		grep oom_score_adj_update trace | grep -v ^# > /tmp/trace'
	[[ $(in_vm 'cat /tmp/adj') == 500 ]]
	[[ $(in_vm 'grep -c . /tmp/trace') == 1 ]]
	assert_match "$(in_vm 'cat /tmp/trace')" 'oom_score_adj_update: pid=[0-9]+ comm=sh oom_score_adj=500$'
}

@test "indirect call and return: treated as in the kernel itself" {
	build_and_load retpoline.patch
	text=$(in_vm 'cat /proc/self/status /proc/self/stat')
	[[ $(grep -c '^LivePatched:.yes$' <<< "$text") == 2 ]]
	assert_match "$text" '^Name:.cat$'
	# whatever this processor's mitigations made of the original is made of the replacement
	call=$(code_of proc_single_show | grep -oE "call +(\\*%r|0x($(thunks)))" | head -n 1)
	[[ -n $call ]]
	assert_match "$(code_of proc_single_show livepatch_retpoline)" "${call//\*/\\*}"
}

@test "locked instruction, on several processors" {
	build_and_load lock-prefix.patch
	[[ $(in_vm 'cat /proc/self/comm') == 'cat (live patched)' ]]
	assert_match "$(code_of comm_show livepatch_lock_prefix)" 'lock (xadd|dec|sub|cmpxchg)'
}

# bats test_tags=any-kernel
@test "initial value that a callback sets: nothing but callbacks" {
	[[ $(in_vm 'cat /proc/sys/fs/pipe-max-size') == 1048576 ]]
	build_and_load "$TEST_TOP/examples/pipe-limit.patch"
	assert_match "$(cat "$BATS_TEST_TMPDIR/$name.yaml")" 'KPATCH_ALLOW_DATA_CHANGE\(pipe_max_size\)'
	[[ $(in_vm 'cat /proc/sys/fs/pipe-max-size') == 2097152 ]]
	unload_all
	[[ $(in_vm 'cat /proc/sys/fs/pipe-max-size') == 1048576 ]]
}

# two readers of one terminal: the second waits for the first in the slow path, of which the patch has a copy
@test "branch of one byte in .sched.text: leads to a copy, and back by a signal" {
	build_and_load short-branch.patch
	in_vm "setsid cat /dev/tty7 > /dev/null 2>&1 & setsid cat /dev/tty7 > /dev/null 2>&1 &
		for i in 1 2 3 4 5 6 7 8 9 10; do dmesg | grep -q 'live patch: cat waits' && break; sleep 1; done"
	assert_match "$(log_of_test)" 'live patch: cat waits'
	# both are in the same function, at different places: one waits for input, one for the lock
	[[ $(in_vm 'for p in $(pidof cat); do cat /proc/$p/stack; done' | grep -oE 'n_tty_read\+0x[0-9a-f]+' | sort -u | wc -l) == 2 ]]
	in_vm "killall cat; for i in 1 2 3 4 5 6 7 8 9 10; do pidof cat || exit 0; sleep 1; done; exit 1"
	unload "$name"
}

# The kernel looks for replaced functions on the stacks, and there is none: without the runtime's help the patch
# would be unloaded below the sleeping task.
@test "a task in code of the patch that is no replaced function keeps the patch loaded" {
	build "$TEST_TOP/test/vm/patches/rest.patch"
	# compilers for kernels with call padding split no cold parts off
	readers=cat
	nm "$module" | grep -q ' version_proc_show.cold$' && readers+=" head"
	[[ $KERNEL_RELEASE == 6.1.* && $readers == cat ]] && return 1
	vm put "$module"
	for reader in $readers; do
		in_vm "kpatch load $name.ko"
		in_vm "setsid $reader /proc/version > /tmp/read 2>&1 &
			for i in 1 2 3 4 5 6 7 8 9 10; do
				grep -qE 'sleep_|\\.cold' /proc/\$(pidof $reader)/stack && exit 0
				sleep 0.2
			done
			exit 1"
		refute_match "$(in_vm "cat /proc/\$(pidof $reader)/stack")" 'version_proc_show\+'
		in_vm 'echo 0 > /sys/kernel/livepatch/livepatch_rest/enabled; sleep 2'
		[[ $(in_vm 'cat /sys/kernel/livepatch/livepatch_rest/transition') == 1 ]]
		in_vm "killall $reader
			for i in \$(seq 60); do [ ! -e /sys/kernel/livepatch/livepatch_rest ] && exit 0; sleep 0.5; done; exit 1"
		in_vm 'for i in $(seq 20); do rmmod livepatch_rest && exit 0; sleep 0.5; done; exit 1'
	done
}

@test "a function that ends in a call which does not return: it works, and stacks are unwound through it" {
	build_and_load last-call.patch
	EXPECTED_WARNINGS='Call Trace'
	in_vm 'ping -c 1 -W 5 -s 1000 127.0.0.1'
	[[ $(log_of_test | grep -c 'Call Trace') == 0 ]]
	in_vm 'ping -c 1 -W 5 -s 4711 127.0.0.1'
	# the next line is that of its caller, and sure (no question mark)
	assert_match "$(log_of_test | tr '\n' '|')" ' skb_put(\.cold)?\+0x[0-9a-f]+/0x[0-9a-f]+ \[livepatch_last_call\][^|]*\|[^|?]* __ip_append_data'
	unload "$name"
}
